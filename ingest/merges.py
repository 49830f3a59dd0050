"""Which descriptions make up a paper, told so that a person can judge and undo a merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.errors import UnknownName
from graph.lookup import find_paper
from graph.schema import CATALOGUE, FieldValue, Paper, Source, SourceRecord
from ingest.merge import rejoin, separate


@dataclass(frozen=True)
class Part:
    """One description of a paper. `matched_by` is what joined it, None where the paper begins with it."""

    record: str
    source: str
    title: str
    matched_by: str | None
    retrieved_at: date
    separated: bool


@dataclass(frozen=True)
class Merge:
    """A paper that more than one description makes up."""

    key: str
    title: str
    in_catalogue: bool
    parts: tuple[Part, ...]


def list_merges(session: Session, name: str | None = None) -> list[Merge]:
    """Every merged paper, or the one named, even if it has one description only."""
    query = (
        select(Paper, SourceRecord, Source)
        .join(SourceRecord, SourceRecord.paper_id == Paper.id)
        .join(Source, Source.id == SourceRecord.source_id)
        .order_by(Paper.key, Source.origin, SourceRecord.external_id)
    )
    if name is not None:
        query = query.where(Paper.id == find_paper(session, name).id)
    in_catalogue = set(
        session.scalars(
            select(FieldValue.paper_id)
            .join(Source, Source.id == FieldValue.source_id)
            .where(Source.origin == CATALOGUE)
            .distinct()
        )
    )
    parts: dict[int, list[Part]] = {}
    papers: dict[int, Paper] = {}
    for paper, record, source in session.execute(query):
        papers[paper.id] = paper
        parts.setdefault(paper.id, []).append(_part(record, source))
    return [
        Merge(paper.key, paper.title, paper_id in in_catalogue, tuple(parts[paper_id]))
        for paper_id, paper in papers.items()
        if name is not None or len(parts[paper_id]) + (paper_id in in_catalogue) > 1
    ]


def unmerge(session: Session, name: str, records: Sequence[str]) -> str:
    """Take records, named as `list_merges` names them, out of a paper; returns the key of their own paper."""
    return separate(session, _records_of(session, name, records))


def remerge(session: Session, name: str, records: Sequence[str]) -> str:
    """Undo `unmerge`; returns the key of the paper that the records are part of again."""
    return rejoin(session, _records_of(session, name, records))


def _part(record: SourceRecord, source: Source) -> Part:
    return Part(
        f"{source.origin}:{record.external_id}", source.name, str(record.content.get("title", "")),
        record.matched_by, record.retrieved_at.date(), record.separate_group is not None,
    )  # fmt: skip


def _records_of(session: Session, name: str, records: Sequence[str]) -> list[SourceRecord]:
    paper = find_paper(session, name)
    rows = session.execute(
        select(SourceRecord, Source.origin)
        .join(Source, Source.id == SourceRecord.source_id)
        .where(SourceRecord.paper_id == paper.id)
    )
    known = {f"{origin}:{record.external_id}": record for record, origin in rows}
    for wanted in records:
        if wanted not in known:
            raise UnknownName(f"record of {paper.key}", wanted, sorted(known), allowed=True)
    return [known[wanted] for wanted in dict.fromkeys(records)]
