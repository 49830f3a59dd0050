"""Reading the catalogue in data/: checked files in, typed rows out; a broken entry fails with its place."""

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ingest.errors import CatalogueError, Problem
from ingest.rows import (
    AliasRow,
    CheckpointRow,
    CitationRow,
    LaterCitationRow,
    PaperRow,
    ReferenceListRow,
    RelationRow,
    Row,
    SummaryRow,
    TaxonomyRow,
)

MANIFEST = "catalogue.toml"
RowType = TypeVar("RowType", bound=Row)


class FileSources(BaseModel):
    """Where rows come from in files that have no source column of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    taxonomy: str
    summaries: str
    aliases: str
    later_citations: str


class Manifest(BaseModel):
    """What the catalogue is: name, the survey it serves, and the day its facts were collected."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    survey: str
    collected_on: date
    sources: FileSources


@dataclass(frozen=True)
class Catalogue:
    """All rows of all files."""

    manifest: Manifest
    papers: tuple[PaperRow, ...]
    taxonomy: tuple[TaxonomyRow, ...]
    citations: tuple[CitationRow, ...]
    reference_lists: tuple[ReferenceListRow, ...]
    relations: tuple[RelationRow, ...]
    checkpoints: tuple[CheckpointRow, ...]
    aliases: tuple[AliasRow, ...]
    summaries: tuple[SummaryRow, ...]
    later_citations: tuple[LaterCitationRow, ...]


def shipped_folder() -> Traversable:
    """The catalogue that is installed with the project."""
    return files("data")


def read_catalogue(folder: Traversable | Path | None = None) -> Catalogue:
    """Read and check a catalogue; without a folder, the one that ships.

    Raises CatalogueError with every broken entry's file, line and field.
    """
    from ingest.checks import check

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
    )
    problems.extend(check(catalogue))
    if problems:
        raise CatalogueError(problems)
    return catalogue


def _read_manifest(folder: Traversable | Path) -> Manifest:
    try:
        values = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return Manifest.model_validate(values)
    except OSError as reason:
        raise CatalogueError([Problem(MANIFEST, 1, "-", f"cannot be read ({reason})")]) from reason
    except tomllib.TOMLDecodeError as reason:
        raise CatalogueError([Problem(MANIFEST, 1, "-", str(reason))]) from reason
    except ValidationError as reason:
        raise CatalogueError(list(_problems_of(reason, MANIFEST, 1))) from reason


def _read(
    folder: Traversable | Path, name: str, row_type: type[RowType], problems: list[Problem]
) -> tuple[RowType, ...]:
    rows: list[RowType] = []
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        problems.append(Problem(name, 1, "-", f"cannot be read ({reason})"))
        return ()
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        for values in reader:
            surplus: Any = values.pop(None, None)
            if surplus or None in values.values():
                problems.append(Problem(name, reader.line_num, "-", "has not as many fields as the header"))
                continue
            try:
                rows.append(row_type.model_validate({**values, "line": reader.line_num}))
            except ValidationError as reason:
                problems.extend(_problems_of(reason, name, reader.line_num))
    except csv.Error as reason:
        problems.append(Problem(name, reader.line_num, "-", f"is not valid CSV ({reason})"))
    return tuple(rows)


def _problems_of(reason: ValidationError, file: str, line: int) -> Iterator[Problem]:
    for error in reason.errors():
        field = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if not field and ": " in message:  # a check over the whole row names its field itself
            field, message = message.split(": ", 1)
        elif error["type"] != "missing":
            message = f"{error['input']!r}: {message}"
        yield Problem(file, line, field or "-", message)
