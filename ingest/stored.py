"""What sources said, as the library keeps it: whole, with what they said before."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.schema import FormerRecord, Source, SourceRecord
from ingest.record import Record
from ingest.writing import add_rows

SOURCE_NAMES = {
    "arxiv": "arXiv API",
    "semanticscholar": "Semantic Scholar Graph API",
    "openalex": "OpenAlex API",
    "crossref": "Crossref REST API",
    "huggingface": "Hugging Face Hub API",
}
"""What the source of a fact from a service is called."""

_CHUNK = 500

Content = dict[str, Any]


@dataclass
class StoredRecord:
    """A record with its row: `paper_id` and `matched_by` as they are, or as consolidating decides."""

    row_id: int
    source_id: int
    group: str | None
    paper_id: int | None
    matched_by: str | None
    record: Record

    @property
    def name(self) -> str:
        """A name that no other stored record has."""
        return f"record {self.record.origin} {self.record.external_id}"


def source_id(session: Session, origin: str, name: str | None = None) -> int:
    """The row of a source, made if it is new."""
    name = name or SOURCE_NAMES[origin]
    found = session.scalar(select(Source.id).where(Source.origin == origin, Source.name == name))
    if found is None:
        source = Source(origin=origin, name=name)
        session.add(source)
        session.flush()
        found = source.id
    return found


def read_records(session: Session) -> list[StoredRecord]:
    """All records that the library keeps, by source and external id."""
    rows = session.execute(
        select(
            SourceRecord.id, SourceRecord.source_id, SourceRecord.separate_group, SourceRecord.paper_id,
            SourceRecord.matched_by, SourceRecord.content, SourceRecord.retrieved_at,
        )
        .join(Source, Source.id == SourceRecord.source_id)
        .order_by(Source.origin, Source.name, SourceRecord.external_id)
    )  # fmt: skip
    return [
        StoredRecord(row_id, source, group, paper_id, matched_by, Record.from_json(content, when))
        for row_id, source, group, paper_id, matched_by, content, when in rows
    ]


def store_records(session: Session, records: Iterable[Record]) -> int:
    """Keep what sources said; what they said before goes to the history. Returns how many are new or changed.

    A fact that a source no longer gives is kept with what it said last, and an answer that is older than the
    one kept (a response store gives such) only adds what that one lacks.
    """
    told: dict[int, list[list[Record]]] = {}
    sources: dict[tuple[str, str | None], int] = {}
    for same in _by_name(records):
        origin = same[0].origin
        name = same[0].external_id.split("#")[0] if origin == "file" else None
        if (origin, name) not in sources:
            sources[origin, name] = source_id(session, origin, name)
        told.setdefault(sources[origin, name], []).append(same)
    changed = 0
    for source, groups in told.items():
        for start in range(0, len(groups), _CHUNK):
            changed += _store(session, source, groups[start : start + _CHUNK])
    session.flush()
    return changed


def _by_name(records: Iterable[Record]) -> Iterator[list[Record]]:
    """What each source says of each work, in the order in which it was said."""
    ordered = sorted(records, key=lambda each: (each.origin, each.external_id, each.retrieved_at))
    for _name, group in groupby(ordered, key=lambda each: (each.origin, each.external_id)):
        same = list(group)
        if len(same) > 1:
            same.sort(key=lambda each: (each.retrieved_at, json.dumps(each.to_json(), sort_keys=True)))
        yield same


def _store(session: Session, source: int, groups: Sequence[list[Record]]) -> int:
    names = [same[0].external_id for same in groups]
    rows = session.scalars(
        select(SourceRecord).where(SourceRecord.source_id == source, SourceRecord.external_id.in_(names))
    )
    stored = {row.external_id: row for row in rows}
    new: list[Content] = []
    former: list[Content] = []
    for name, same in zip(names, groups, strict=True):
        row = stored.get(name)
        if row is None:
            content, when = _merged({}, datetime.min, same)
            said = {"source_id": source, "external_id": name, "content": content, "retrieved_at": when}
            new.append(said)
            continue
        content, when = _merged(row.content, row.retrieved_at, same)
        if content != row.content:
            said = {"record_id": row.id, "content": row.content, "retrieved_at": row.retrieved_at}
            former.append(said | {"replaced_at": when})
            row.content = content
        row.retrieved_at = when
    add_rows(session, SourceRecord, new)
    add_rows(session, FormerRecord, former)
    return len(new) + len(former)


def _merged(content: Content, when: datetime, told: Iterable[Record]) -> tuple[Content, datetime]:
    """The content with what was told, each fact as it was said last, and the moment of the last word."""
    for record in told:
        said = record.to_json()
        is_late = record.retrieved_at < when
        before, after = (said, content) if is_late else (content, said)
        lists = _lists(before.get("references"), after.get("references"))
        content = {**before, **after} | lists
        when = max(when, record.retrieved_at)
    return content, when


def _lists(before: Sequence[Content] | None, after: Sequence[Content] | None) -> dict[str, list[Content]]:
    """The reference list of two: the later one.

    A list that only names works, as lists in a batch do, adds to one that says more of its entries; and an
    empty one is a list that could not be read this time.
    """
    if before is None and after is None:
        return {}
    if not before or not after:
        return {"references": list(before or after or ())}
    if _is_bare(after) and not _is_bare(before):
        known = {tuple(each) for entry in before for each in entry.get("ids", ())}
        named = [(entry, {tuple(each) for each in entry.get("ids", ())}) for entry in after]
        new = [entry for entry, ids in named if ids and not known & ids]
        return {"references": [*before, *new]}
    return {"references": list(after)}


def _is_bare(entries: Sequence[Content]) -> bool:
    return all(entry.keys() <= {"ids"} for entry in entries)
