"""What every command shares: the global options, and how results and errors reach the terminal."""

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import click

from graph.coverage import UNKNOWN
from graph.library import Library


@dataclasses.dataclass
class Options:
    """The global options; they may stand before or after the command's name."""

    library: str | None = None
    as_json: bool = False
    debug: bool = False

    def open(self) -> Library:
        """The library that the options name."""
        return Library.open(self.library)


def global_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Accept --library, --json and --debug on a command, too."""
    for name, attribute, settings in (
        ("--debug", "debug", {"is_flag": True, "help": "Show the traceback of an error."}),
        ("--json", "as_json", {"is_flag": True, "help": "Print one JSON document and nothing else."}),
        ("--library", "library", {"metavar": "PATH-or-URL", "help": "The library to use."}),
    ):
        command = click.option(
            name, f"global_{attribute}", expose_value=False, callback=_remember(attribute), **settings
        )(command)
    return click.pass_obj(command)


def _remember(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def remember(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        options = context.ensure_object(Options)
        if value:
            setattr(options, attribute, value)

    return remember


def emit_json(value: object) -> None:
    """Print one JSON document; dataclasses become objects."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def say(text: str = "") -> None:
    """Print a line; control characters from papers or services never reach the terminal."""
    click.echo(clean(text))


def clean(text: str) -> str:
    """A text without control and direction-changing characters, line breaks excepted."""
    return "".join(
        char for char in text if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs")
    )


def progress(text: str) -> None:
    """Tell what is being done, on stderr."""
    print(clean(text), file=sys.stderr, flush=True)  # noqa: T201


def known(value: object) -> str:
    """A fact as text; None is said, not left blank."""
    return UNKNOWN if value is None or value in ("", []) else str(value)


def table(rows: Sequence[Sequence[object]], *, header: Sequence[str] = ()) -> None:
    """Print rows in aligned columns; the last column is not padded."""
    cells = [[clean(str(cell)) for cell in row] for row in ([header, *rows] if header else rows)]
    if not cells:
        return
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        click.echo("  ".join([*padded, row[-1]]).rstrip())
