"""Test collections as files: documents, queries and judgements in BEIR's formats, and the shipped queries.

A document is `{"_id", "title", "text"}` and a query `{"_id", "text"}`, one JSON object a line; judgements are
tab-separated `query-id`, `corpus-id`, `score` under that header. The queries that ship (data/queries) have a
`type` and a `split` besides, and stricter rules. A broken entry fails with its file, line and field.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.errors import CollectionError, Problem

QUERIES, JUDGEMENTS = "queries.jsonl", "qrels.tsv"
HEADER = ("query-id", "corpus-id", "score")
QueryType = Literal["known-item", "paraphrase", "concept", "comparison", "name", "misspelt", "mixed"]
Split = Literal["dev", "test"]
TYPES: tuple[QueryType, ...] = get_args(QueryType)
SPLITS: tuple[Split, ...] = get_args(Split)
ASKED_FOR = 2
"""The grade, in the shipped judgements, of what a query asks for; 1 is clearly relevant."""

Text = Annotated[str, Field(min_length=1)]
RowType = TypeVar("RowType", bound="Row")


class Row(BaseModel):
    """An entry, and the line of its file that it was read from."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)
    line: int


class DocumentRow(Row):
    """corpus.jsonl; either text may be empty."""

    id: Annotated[Text, Field(alias="_id")]
    title: str = ""
    text: str = ""


class QueryRow(Row):
    """queries.jsonl of any collection."""

    id: Annotated[Text, Field(alias="_id")]
    text: Text


class ShippedQueryRow(QueryRow):
    """data/queries/queries.jsonl."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(alias="_id", pattern=r"^[a-z]\d{2,}$")]
    type: QueryType
    split: Split


class JudgementRow(Row):
    """The tab-separated judgements of any collection; a score of 0 or less is not relevant."""

    query: Annotated[Text, Field(alias="query-id")]
    document: Annotated[Text, Field(alias="corpus-id")]
    score: int


class ShippedJudgementRow(JudgementRow):
    """data/queries/qrels.tsv: 2 is asked for, 1 is clearly relevant; what is not relevant has no line."""

    score: Annotated[int, Field(ge=1, le=ASKED_FOR)]


@dataclass(frozen=True)
class JudgedQuery:
    """A query with the grade of every relevant document; the others are not relevant."""

    id: str
    text: str
    grades: dict[str, int]
    type: str = "all"
    split: str | None = field(default=None)


def read_documents(path: Path) -> list[DocumentRow]:
    """A corpus in BEIR's format. Raises CollectionError, also for an id that occurs twice."""
    problems: list[Problem] = []
    rows = list(_json_rows(path, DocumentRow, problems))
    _require_unique(path.name, "_id", ((row.line, row.id) for row in rows), problems)
    _raise(problems)
    return rows


def read_judged(queries: Path, judgements: Path) -> list[JudgedQuery]:
    """Queries in BEIR's format that have a relevant document; the others are left out.

    A judged document need not be in the corpus: it counts as one that was not found. Raises CollectionError.
    """
    problems: list[Problem] = []
    asked = list(_json_rows(queries, QueryRow, problems))
    judged = list(_table_rows(judgements, JudgementRow, problems))
    grades = _grades(queries.name, judgements.name, asked, judged, problems)
    _raise(problems)
    found = [JudgedQuery(row.id, row.text, grades[row.id]) for row in asked if grades[row.id]]
    if not found:
        _raise([Problem(judgements.name, 1, "score", "no query has a relevant document")])
    return found


def shipped_folder() -> Traversable:
    """Where the queries about the shipped catalogue are."""
    return files("data") / "queries"


def read_shipped(papers: Collection[str], folder: Traversable | Path | None = None) -> list[JudgedQuery]:
    """The queries about the shipped catalogue, whose papers have these keys.

    Raises CollectionError with every broken entry's file, line and field.
    """
    folder = folder or shipped_folder()
    problems: list[Problem] = []
    asked = list(_json_rows(folder / QUERIES, ShippedQueryRow, problems))
    judged = list(_table_rows(folder / JUDGEMENTS, ShippedJudgementRow, problems))
    grades = _grades(QUERIES, JUDGEMENTS, asked, judged, problems)
    texts = ((row.line, row.text.casefold()) for row in asked)
    _require_unique(QUERIES, "text", texts, problems)
    problems.extend(
        Problem(JUDGEMENTS, row.line, "corpus-id", f"{row.document!r}: no paper has this key")
        for row in judged
        if row.document not in papers
    )
    problems.extend(
        Problem(QUERIES, row.line, "_id", f"{row.id!r}: no paper is judged {ASKED_FOR}, what it asks for")
        for row in asked
        if ASKED_FOR not in grades[row.id].values()
    )
    _raise(problems)
    return [JudgedQuery(row.id, row.text, grades[row.id], row.type, row.split) for row in asked]


def _grades(
    queries: str,
    judgements: str,
    asked: Collection[QueryRow],
    judged: Collection[JudgementRow],
    problems: list[Problem],
) -> dict[str, dict[str, int]]:
    """The relevant documents of each query, with their grades."""
    _require_unique(queries, "_id", ((row.line, row.id) for row in asked), problems)
    grades: dict[str, dict[str, int]] = {row.id: {} for row in asked}
    seen: set[tuple[str, str]] = set()
    for row in judged:
        if row.query not in grades:
            problems.append(
                Problem(judgements, row.line, "query-id", f"{row.query!r}: {queries} has no such query")
            )
        elif (row.query, row.document) in seen:
            message = f"{row.document!r}: judged twice for the query {row.query!r}"
            problems.append(Problem(judgements, row.line, "corpus-id", message))
        elif row.score > 0:
            grades[row.query][row.document] = row.score
        seen.add((row.query, row.document))
    return grades


def _json_rows(
    path: Traversable | Path, row_type: type[RowType], problems: list[Problem]
) -> Iterator[RowType]:
    for line, text in _lines(path, problems):
        try:
            values = json.loads(text)
        except ValueError as reason:
            problems.append(Problem(path.name, line, "-", f"is not JSON ({reason})"))
            continue
        if not isinstance(values, dict):
            problems.append(Problem(path.name, line, "-", "is not a JSON object"))
            continue
        yield from _row(path.name, line, values, row_type, problems)


def _table_rows(
    path: Traversable | Path, row_type: type[RowType], problems: list[Problem]
) -> Iterator[RowType]:
    lines = _lines(path, problems)
    first = next(lines, (1, ""))[1]
    if tuple(first.split("\t")) != HEADER:
        if not problems:
            allowed = ", ".join(HEADER)
            problems.append(Problem(path.name, 1, "-", f"the header must be {allowed}, tab between"))
        return
    for line, text in lines:
        cells = text.split("\t")
        if len(cells) != len(HEADER):
            problems.append(Problem(path.name, line, "-", f"has {len(cells)} fields, not {len(HEADER)}"))
            continue
        yield from _row(path.name, line, dict(zip(HEADER, cells, strict=True)), row_type, problems)


def _row(
    file: str, line: int, values: dict[str, object], row_type: type[RowType], problems: list[Problem]
) -> Iterator[RowType]:
    try:
        yield row_type.model_validate({**values, "line": line})
    except ValidationError as reason:
        for error in reason.errors():
            message = error["msg"] if error["type"] == "missing" else f"{error['input']!r}: {error['msg']}"
            problems.append(Problem(file, line, ".".join(map(str, error["loc"])) or "-", message))


def _lines(path: Traversable | Path, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    """Lines that hold something, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    yield line, text.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as reason:
        problems.append(Problem(path.name, 1, "-", f"{path} cannot be read ({_why(reason)})"))


def _why(reason: Exception) -> str:
    return getattr(reason, "strerror", None) or str(reason)


def _require_unique(file: str, name: str, values: Iterator[tuple[int, str]], problems: list[Problem]) -> None:
    first: dict[str, int] = {}
    for line, value in values:
        if first.setdefault(value, line) != line:
            problems.append(Problem(file, line, name, f"{value!r}: stands in line {first[value]}, too"))


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise CollectionError(problems)
