"""The best reading of a paper's facts: its columns, authors, identifiers and versions, from all field values.

Every origin's value of a field stays in `FieldValue`; which one is shown follows from the order of origins in
data/trust.toml. Authors come from one origin as a whole: lists of two are never mixed.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from graph.schema import Author, Authorship, FieldValue, Identifier, Paper, Source, Version
from ingest.writing import Row, add_rows, replace_rows

AUTHOR_SEPARATOR = "; "
ID_SEPARATOR = "; "
"""Between the ids of one scheme that one source gives; no DOI holds a space."""
ID_FIELDS = {
    "arxiv_id": "arxiv",
    "doi": "doi",
    "s2_id": "s2",
    "corpus_id": "corpus",
    "openalex_id": "openalex",
}
"""Fields that hold identifiers, with the scheme of each."""

READ = ("complete", "partial", "not_found")
"""States of a reference list that a source may tell, the best first; a list nobody told of is unread."""

_TEXT_COLUMNS = ("title", "short_name", "summary", "abstract", "venue", "code_url")
_NUMBER_COLUMNS = ("year", "month")
_NEVER_EMPTY = ("title", "short_name")


@dataclass(frozen=True)
class Value:
    """A value of a field with its origin, its source and when it was retrieved."""

    text: str
    origin: str
    source_id: int
    retrieved_at: datetime

    def fact(self, **values: object) -> Row:
        """A row of a table of facts that rests on this value."""
        return {"source_id": self.source_id, "retrieved_at": self.retrieved_at, **values}


@cache
def trust() -> dict[str, tuple[str, ...]]:
    """The order of origins per field, best first; `default` is that of every other field."""
    text = (files("data") / "trust.toml").read_text(encoding="utf-8")
    return {field: tuple(origins) for field, origins in tomllib.loads(text)["fields"].items()}


def place_of(field: str, origin: str) -> int:
    """How far behind an origin stands for a field; 0 is believed first."""
    orders = trust()
    order = orders.get(field, orders["default"])
    return order.index(origin) if origin in order else len(order)


def derive(session: Session) -> None:
    """Write the best reading of all papers, in the caller's transaction.

    A paper without any field value keeps its columns: nothing is known that could replace them.
    """
    known = _values(session)
    _columns(session, known)
    versions = [row for paper_id, values in known.items() for row in _versions(paper_id, values)]
    authorships = _authorships(session, known)
    replace_rows(session, Version, versions)
    replace_rows(session, Identifier, _identifiers(known))
    replace_rows(session, Authorship, authorships)
    session.execute(delete(Author).where(Author.id.not_in(select(Authorship.author_id))))
    session.expire_all()


def _values(session: Session) -> dict[int, dict[str, list[Value]]]:
    """All values of each paper by field, the most trusted first."""
    rows = session.execute(
        select(
            FieldValue.paper_id, FieldValue.field, FieldValue.value, Source.origin, Source.name, Source.id,
            FieldValue.retrieved_at,
        ).join(Source, Source.id == FieldValue.source_id)
    ).all()  # fmt: skip
    known: dict[int, dict[str, list[Value]]] = {}
    for paper_id, field, text, origin, _name, source_id, retrieved_at in sorted(
        rows, key=lambda row: (row[0], row[1], place_of(row[1], row[3]), row[3], row[4])
    ):
        value = Value(text, origin, source_id, retrieved_at)
        known.setdefault(paper_id, {}).setdefault(field, []).append(value)
    return known


def _columns(session: Session, known: Mapping[int, Mapping[str, list[Value]]]) -> None:
    columns = (*_TEXT_COLUMNS, *_NUMBER_COLUMNS, "reference_list", "reference_entries")
    stored = {
        paper.id: paper._asdict()
        for paper in session.execute(select(Paper.id, *(getattr(Paper, name) for name in columns)))
    }
    rows: list[Row] = []
    for paper_id, values in known.items():
        best = {field: found[0].text for field, found in values.items()}
        row: Row = {"id": paper_id} | {name: best.get(name) for name in _TEXT_COLUMNS}
        for name in _NEVER_EMPTY:
            row[name] = row[name] or stored[paper_id][name]
        row |= _date(values) | _reference_list(values)
        # Better than nothing where only the published text is dated.
        if row["year"] is None and "published_year" in best:
            row["year"] = int(best["published_year"])
        if row != stored[paper_id]:
            rows.append(row)
    if rows:
        session.execute(update(Paper), rows)


def _date(values: Mapping[str, list[Value]]) -> Row:
    """Year and month of the earliest text; the month belongs to the year that its own source gives."""
    if "year" not in values:
        return {"year": None, "month": None}
    year = values["year"][0]
    months = (value.text for value in values.get("month", ()) if value.source_id == year.source_id)
    month = next(months, None)
    return {"year": int(year.text), "month": int(month) if month is not None else None}


def _reference_list(values: Mapping[str, list[Value]]) -> Row:
    """The best state that any source reached, and the entries that this source counted."""
    states = sorted(values.get("reference_list", ()), key=lambda value: READ.index(value.text))
    if not states:
        return {"reference_list": "unread", "reference_entries": None}
    entries = {value.source_id: int(value.text) for value in values.get("reference_entries", ())}
    return {"reference_list": states[0].text, "reference_entries": entries.get(states[0].source_id)}


def _versions(paper_id: int, values: Mapping[str, list[Value]]) -> Iterable[Row]:
    empty = {"paper_id": paper_id, "venue": None, "year": None, "month": None, "identifier": None}
    arxiv = values.get("arxiv_id")
    if arxiv:
        name = f"arXiv:{_ids(arxiv[0])[0]}"
        yield arxiv[0].fact(
            **{**empty, **_date(values), "kind": "preprint", "venue": "arXiv", "identifier": name}
        )
    venue, doi = values.get("venue"), values.get("doi")
    if venue or (doi and not arxiv):
        ground = (venue or doi or [])[0]
        year = values.get("published_year")
        yield ground.fact(
            **{
                **empty,
                "kind": "published",
                "venue": venue[0].text if venue else None,
                "year": int(year[0].text) if year else None,
                "identifier": f"doi:{_ids(doi[0])[0]}" if doi else None,
            }
        )


def _ids(value: Value) -> list[str]:
    return value.text.split(ID_SEPARATOR)


def _identifiers(known: Mapping[int, Mapping[str, list[Value]]]) -> list[Row]:
    """Every id that any source gives; one that two papers claim goes to the more trusted claim."""
    claims = list(_claims(known))
    best: dict[tuple[str, str], _Claim] = {}
    for claim in claims:
        # Of equal claims the eldest paper's, which comes first, holds.
        if claim.name not in best or claim.place < best[claim.name].place:
            best[claim.name] = claim
    positions: Counter[tuple[int, str]] = Counter()
    rows = []
    for claim in claims:
        if best[claim.name] is claim:
            place = (claim.paper_id, claim.name[0])
            fact = dict(zip(("scheme", "value"), claim.name, strict=True))
            rows.append(claim.value.fact(**fact, paper_id=claim.paper_id, position=positions[place]))
            positions[place] += 1
    return sorted(rows, key=lambda row: (row["scheme"], row["value"]))


class _Claim(NamedTuple):
    """That an id, as scheme and value, is a paper's; `place` is that of its origin, the best 0."""

    place: int
    paper_id: int
    name: tuple[str, str]
    value: Value


def _claims(known: Mapping[int, Mapping[str, list[Value]]]) -> Iterable[_Claim]:
    """All claims, the most trusted of a paper's first."""
    for paper_id, values in known.items():
        for field, scheme in ID_FIELDS.items():
            for value in values.get(field, ()):
                for each in _ids(value):
                    name = (scheme, each if scheme == "openalex" else each.lower())
                    yield _Claim(place_of(field, value.origin), paper_id, name, value)


def _authorships(session: Session, known: Mapping[int, Mapping[str, list[Value]]]) -> list[Row]:
    lists = {paper_id: values["authors"][0] for paper_id, values in known.items() if "authors" in values}
    names = {name for value in lists.values() for name in value.text.split(AUTHOR_SEPARATOR)}
    stored = dict(session.execute(select(Author.name, Author.id)).all())
    new = [{"name": name} for name in sorted(names - stored.keys())]
    if new:
        add_rows(session, Author, new)
        stored = dict(session.execute(select(Author.name, Author.id)).all())
    return [
        value.fact(paper_id=paper_id, position=position, author_id=stored[name])
        for paper_id, value in lists.items()
        for position, name in enumerate(value.text.split(AUTHOR_SEPARATOR))
    ]
