"""What every command shares: the global options, and how results and errors reach the terminal."""

import dataclasses
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import click

from graph.coverage import UNKNOWN
from graph.errors import LibraryMissing
from graph.library import Library
from graph.snapshot import current_snapshot_id

# Control, format (direction, width), private-use and half characters: a terminal may act on them.
_HAZARDS = ("Cc", "Cf", "Co", "Cs")


@dataclasses.dataclass
class Options:
    """The global options; they may stand before or after the command's name."""

    library: str | None = None
    as_json: bool = False
    debug: bool = False

    def open(self) -> Library:
        """The library that the options name; LibraryMissing also for one that no build has finished."""
        library = Library.open(self.library)
        try:
            with library.reading() as session:
                if current_snapshot_id(session) is None:
                    advice = "fill it with 'vfm-atlas build'"
                    raise LibraryMissing(f"the library at {library.path} is empty: {advice}")
        except Exception:
            library.close()
            raise
        return library


def global_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Accept --library, --json and --debug on a command, too."""
    for option in (
        _option("--debug", "debug", is_flag=True, help="Show the traceback of an error."),
        _option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
        _option(
            "--library", "library", metavar="PATH-or-URL", help="Library to use; wins over VFM_ATLAS_LIBRARY."
        ),
    ):
        command = option(command)
    return click.pass_obj(command)


def _option(name: str, attribute: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def remember(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value == "":
            # As from an unset variable; the default library in its place would be a guess.
            raise click.BadParameter("it is empty")
        if value:
            setattr(context.ensure_object(Options), attribute, value)

    return click.option(name, f"global_{attribute}", expose_value=False, callback=remember, **settings)


def emit_json(value: object) -> None:
    """Print one JSON document; dataclasses become objects, hazardous characters escapes of the same value."""
    speaks_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, ensure_ascii=not speaks_unicode, indent=2, default=_plain)
    _write(re.sub(r"[^\n -~]", _escaped, text))


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    return json.dumps(char)[1:-1] if unicodedata.category(char) in _HAZARDS else char


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def say(text: str = "") -> None:
    """Print a line; control characters from papers or services never reach the terminal."""
    _write(clean(text))


def say_marked(start: str, text: str, spans: Sequence[tuple[int, int]]) -> None:
    """Print a line that holds a text with some of its parts bold, where it goes to a terminal."""
    parts, at = [clean(start)], 0
    for first, last in spans:
        parts += [clean(text[at:first]), click.style(clean(text[first:last]), bold=True)]
        at = last
    _write("".join([*parts, clean(text[at:])]).replace("\n", " "))


def clean(text: str) -> str:
    """A text without control and direction-changing characters, line breaks excepted."""
    return "".join(
        char for char in text.replace("\t", " ") if char == "\n" or unicodedata.category(char) not in _HAZARDS
    )


def _write(text: str) -> None:
    try:
        click.echo(text)
    except OSError as reason:
        # Python flushes stdout once more at its end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(reason, BrokenPipeError):
            raise SystemExit(0) from None  # the reader has what it wants, for instance `| head`
        raise click.ClickException(f"cannot write the output ({reason.strerror})") from reason


def progress(text: str) -> None:
    """Tell what is being done, on stderr."""
    print(clean(text), file=sys.stderr, flush=True)  # noqa: T201


def known(value: object) -> str:
    """A fact as text; None is said, not left blank."""
    return UNKNOWN if value is None or value in ("", []) else str(value)


def table(rows: Sequence[Sequence[object]], *, header: Sequence[str] = ()) -> None:
    """Print rows in aligned columns; the last column is not padded."""
    cells = [[_one_line(str(cell)) for cell in row] for row in ([header, *rows] if header else rows)]
    if not cells:
        return
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        _write("  ".join([*padded, row[-1]]).rstrip())


def _one_line(text: str) -> str:
    return clean(text).replace("\n", " ")
