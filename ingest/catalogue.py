"""Reading the catalogue in data/: checked files in, typed rows out; a broken entry fails with its place."""

import csv
import io
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ingest.checks import check
from ingest.errors import CatalogueError, Problem
from ingest.rows import (
    AliasRow,
    Catalogue,
    CheckpointRow,
    CitationRow,
    LaterCitationRow,
    Manifest,
    PaperRow,
    ReferenceListRow,
    RelationRow,
    Row,
    SummaryRow,
    TaxonomyRow,
    ZooRow,
)

MANIFEST = "catalogue.toml"
ZOO = "zoo/zoo.toml"
RowType = TypeVar("RowType", bound=Row)


def shipped_folder() -> Traversable:
    """The catalogue that is installed with the project."""
    return files("data")


def read_catalogue(folder: Traversable | Path | None = None) -> Catalogue:
    """Read and check a catalogue; without a folder, the one that ships.

    Raises CatalogueError with every broken entry's file, line and field.
    """
    folder = folder or shipped_folder()
    problems: list[Problem] = []
    manifest = _read_manifest(folder)
    catalogue = Catalogue(
        manifest,
        papers=_read(folder, "papers.csv", PaperRow, problems),
        taxonomy=_read(folder, "taxonomy.csv", TaxonomyRow, problems),
        citations=_read(folder, "citations.csv", CitationRow, problems),
        reference_lists=_read(folder, "reference_lists.csv", ReferenceListRow, problems),
        relations=_read(folder, "relations.csv", RelationRow, problems),
        checkpoints=_read(folder, "checkpoints.csv", CheckpointRow, problems),
        aliases=_read(folder, "aliases.csv", AliasRow, problems),
        summaries=_read(folder, "summaries.csv", SummaryRow, problems),
        later_citations=_read(folder, "later_citations.csv", LaterCitationRow, problems),
        zoo=_read_zoo(folder, problems),
    )
    problems.extend(check(catalogue))
    if problems:
        raise CatalogueError(problems)
    bundled = tuple(row.as_checkpoint() for row in catalogue.zoo)
    return replace(catalogue, checkpoints=catalogue.checkpoints + bundled)


def _read_manifest(folder: Traversable | Path) -> Manifest:
    try:
        values = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Manifest.model_validate(values)
    except (OSError, UnicodeDecodeError) as reason:
        raise CatalogueError([Problem(MANIFEST, 1, "-", f"cannot be read ({reason})")]) from reason
    except tomllib.TOMLDecodeError as reason:
        raise CatalogueError([Problem(MANIFEST, 1, "-", str(reason))]) from reason
    except ValidationError as reason:
        raise CatalogueError(list(_problems_of(reason, MANIFEST, 1))) from reason


def _read_zoo(folder: Traversable | Path, problems: list[Problem]) -> tuple[ZooRow, ...]:
    """The bundled checkpoints; a catalogue may do without."""
    listing = folder / "zoo" / "zoo.toml"
    if not listing.is_file():
        return ()
    rows: list[ZooRow] = []
    try:
        entries = tomllib.loads(listing.read_text(encoding="utf-8")).get("model", [])
    except (OSError, ValueError) as reason:
        problems.append(Problem(ZOO, 1, "-", f"cannot be read ({reason})"))
        return ()
    for number, entry in enumerate(entries, start=1):
        try:
            rows.append(ZooRow.model_validate({**entry, "line": number}))
        except (ValidationError, TypeError) as reason:
            if not isinstance(reason, ValidationError):
                problems.append(Problem(ZOO, number, "-", "is no table"))
                continue
            problems.extend(_problems_of(reason, ZOO, number))
    return tuple(rows)


def _read(
    folder: Traversable | Path, name: str, row_type: type[RowType], problems: list[Problem]
) -> tuple[RowType, ...]:
    rows: list[RowType] = []
    try:
        # Spreadsheet programs begin the UTF-8 they write with a mark.
        text = (folder / name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as reason:
        problems.append(Problem(name, 1, "-", f"cannot be read ({reason})"))
        return ()
    reader = csv.DictReader(io.StringIO(text), strict=True)
    last_line = 0
    try:
        wrong = list(_wrong_columns(reader.fieldnames or (), row_type))
        if wrong:
            problems.extend(Problem(name, 1, column, message) for column, message in wrong)
            return ()
        last_line = reader.line_num
        for values in reader:
            line = reader.line_num - sum(str(value).count("\n") for value in values.values())
            last_line = reader.line_num
            surplus: Any = values.pop(None, None)
            if surplus or None in values.values():
                problems.append(Problem(name, line, "-", "has not as many fields as the header"))
                continue
            try:
                rows.append(row_type.model_validate({**values, "line": line}))
            except ValidationError as reason:
                problems.extend(_problems_of(reason, name, line))
    except csv.Error as reason:
        # A quote that is never closed swallows the rest of the file: the row that begins it is the place.
        problems.append(Problem(name, last_line + 1, "-", f"is not valid CSV ({reason})"))
    return tuple(rows)


def _wrong_columns(found: Sequence[str], row_type: type[Row]) -> Iterator[tuple[str, str]]:
    expected = [name for name in row_type.model_fields if name != "line"]
    for column in expected:
        if column not in found:
            yield column, "the header lacks this column"
    for column in dict.fromkeys(found):
        if column not in expected or found.count(column) > 1:
            yield column, f"the header may hold each of {', '.join(expected)} once and nothing else"


def _problems_of(reason: ValidationError, file: str, line: int) -> Iterator[Problem]:
    for error in reason.errors():
        field = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if not field and ": " in message:  # a check over the whole row names its field itself
            field, message = message.split(": ", 1)
        elif error["type"] != "missing":
            message = f"{error['input']!r}: {message}"
        yield Problem(file, line, field or "-", message)
