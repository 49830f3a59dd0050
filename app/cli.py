"""`vfm-atlas`: the command line. Every error is one line on stderr; exit 2 for usage, 1 for failure."""

import io
import logging
import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from app.commands import (
    analysis,
    collections,
    evaluate,
    evaluate_search,
    explore,
    export,
    history,
    ingest,
    library,
    links,
    papers,
    search,
    zoo,
)
from app.console import Options, clean, global_options
from graph.errors import AtlasError

_INTERRUPTED = 130
_FIRST_STEPS = """\b
First steps:
  vfm-atlas build                             make the library
  vfm-atlas search "promptable segmentation"  find papers
  vfm-atlas explore                           look around in a browser
  vfm-atlas ingest survey arXiv:2312.10163    bring in all that a survey cites
"""


# Without a handler, logging prints the traceback of a Ctrl-C that meets SQLAlchemy closing its connections.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=_FIRST_STEPS
)
@click.version_option(package_name="vfm-atlas", prog_name="vfm-atlas")
@global_options
def cli(_options: Options) -> None:
    """From a survey to a runnable checkpoint: explore visual foundation models, offline."""


for module in (
    library,
    search,
    papers,
    links,
    analysis,
    ingest,
    history,
    export,
    collections,
    evaluate,
    evaluate_search,
    explore,
    zoo,
):
    for command in module.COMMANDS:
        cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process."""
    options = Options()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal can spell every title
    try:
        # Without standalone mode click returns the exit code of --help and --version.
        sys.exit(cli.main(args=arguments, prog_name="vfm-atlas", standalone_mode=False, obj=options) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(options, _usage_line(error), error.exit_code)
    except AtlasError as error:
        _fail(options, str(error), error.exit_code)
    except SQLAlchemyError as error:
        # What the library could not put into better words (see Library): still one line, not a traceback.
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        _fail(options, f"the library could not be used ({cause}): 'vfm-atlas doctor' tells more", 1)
    except (KeyboardInterrupt, click.Abort):
        _fail(options, "interrupted", _INTERRUPTED)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(options, f"a fault of vfm-atlas ({what}): --debug shows more, please report it", 1)


def _fail(options: Options, message: str, code: int) -> None:
    if options.debug:
        raise  # noqa: PLE0704  (called from an except block only)
    click.echo(f"vfm-atlas: {clean(message)}", err=True)
    sys.exit(code)


def _usage_line(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    if not isinstance(error, click.UsageError):
        return message
    path = error.ctx.command_path if error.ctx is not None else "vfm-atlas"
    return f"{message[:1].lower()}{message[1:]} (see '{path} --help')"


if __name__ == "__main__":
    main()
