"""`vfm-atlas`: the command line. Every error is one line on stderr; exit 2 for usage, 1 for failure."""

import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from app.commands import collections, explore, export, library, papers
from app.console import Options, clean, global_options
from graph.errors import AtlasError

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vfm-atlas", prog_name="vfm-atlas")
@global_options
def cli(_options: Options) -> None:
    """From a survey to a runnable checkpoint: explore visual foundation models, offline."""


for module in (library, papers, export, collections, explore):
    for command in module.COMMANDS:
        cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process."""
    options = Options()
    try:
        # Without standalone mode click returns the exit code of --help and --version.
        sys.exit(cli.main(args=arguments, prog_name="vfm-atlas", standalone_mode=False, obj=options) or 0)
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
    except BrokenPipeError:
        # The reader of our output has gone (for instance `| head`): not an error.
        sys.stderr.close()
        sys.exit(0)


def _fail(options: Options, message: str, code: int) -> None:
    if options.debug:
        raise  # noqa: PLE0704  (called from an except block only)
    click.echo(f"vfm-atlas: {clean(message)}", err=True)
    sys.exit(code)


def _usage_line(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
        return f"{message[:1].lower()}{message[1:]} (see '{path} --help')"
    return message


if __name__ == "__main__":
    main()
