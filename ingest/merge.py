"""Records of sources become papers: what belongs together is one paper, and each join can be undone.

`consolidate` derives everything from the catalogue's facts and the stored records: which records are of the
same paper, the values of its fields, its best reading and the citations between papers. Deriving is
repeatable and does not depend on the order in which records came.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from graph.names import fold
from graph.schema import CATALOGUE, Alias, FieldValue, Paper, Source, SourceRecord
from ingest.citations import entry_id, link_citations
from ingest.derive import AUTHOR_SEPARATOR, ID_FIELDS, ID_SEPARATOR, derive
from ingest.identity import Conflict, Node, counted, find_works
from ingest.naming import key_for, short_name_for
from ingest.record import Record, WorkId
from ingest.retire import retire
from ingest.stored import StoredRecord, read_records
from ingest.writing import Row, add_rows, replace_rows

_ID_FIELDS = {scheme: name for name, scheme in ID_FIELDS.items()}
_FIELDS = (
    "title", "year", "month", "venue", "published_year", "abstract", "code_url", "citation_count",
)  # fmt: skip


@dataclass
class MergeReport:
    """What consolidating did: papers that are new, papers that were folded into others, refused joins."""

    records: int
    new: list[str] = field(default_factory=list)
    folded: dict[str, str] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    citations: int = 0


def consolidate(session: Session) -> MergeReport:
    """Derive papers and citations from the catalogue's facts and all stored records, in the transaction."""
    session.flush()
    records = read_records(session)
    report = MergeReport(len(records))
    former = [each.paper_id for each in records]
    standing = _standing(session)
    _place(session, records, standing, report)
    _write_places(session, records)
    _fold_emptied(session, records, former, standing, report)
    _write_fields(session, records)
    derive(session)
    report.citations = link_citations(session, records)
    session.expire_all()
    return report


def _standing(session: Session) -> dict[int, Node]:
    """The papers that the catalogue describes, by id."""
    facts: dict[int, dict[str, str]] = {}
    rows = session.execute(
        select(FieldValue.paper_id, FieldValue.field, FieldValue.value)
        .join(Source, Source.id == FieldValue.source_id)
        .where(Source.origin == CATALOGUE)
    )
    for paper_id, name, value in rows:
        facts.setdefault(paper_id, {})[name] = value
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    nodes: dict[int, Node] = {}
    for paper_id, values in sorted(facts.items(), key=lambda item: keys[item[0]]):
        ids = [WorkId("arxiv", values["arxiv_id"].lower())] if "arxiv_id" in values else []
        ids += [WorkId("doi", values["doi"].lower())] if "doi" in values else []
        author = values["authors"].split(AUTHOR_SEPARATOR)[0] if "authors" in values else None
        year = int(values["year"]) if "year" in values else None
        name = f"paper {keys[paper_id]}"
        nodes[paper_id] = Node(name, tuple(ids), values.get("title", ""), author, year, curated=True)
    return nodes


def _nodes(records: Sequence[StoredRecord]) -> list[Node]:
    """Records as nodes. An entry without ids has those by which its list names it by now."""
    loose = {each.record.external_id.rpartition("#")[0] for each in records if not each.record.ids}
    later = {
        (each.source_id, entry_id(each.record.external_id, reference.title)): reference.ids
        for each in records
        if each.record.external_id in loose
        for reference in each.record.references or ()
        if reference.title and reference.ids
    }
    nodes = []
    for each in records:
        record = each.record
        ids = record.ids or later.get((each.source_id, record.external_id), ())
        author = record.authors[0] if record.authors else None
        year = record.year or record.published_year
        nodes.append(Node(each.name, ids, record.title, author, year, group=each.group))
    return nodes


@dataclass
class _Work:
    """Records of one work, and the paper that they are of once that is known."""

    records: list[StoredRecord]
    paper_id: int | None
    is_apart: bool


def _place(
    session: Session, records: Sequence[StoredRecord], standing: Mapping[int, Node], report: MergeReport
) -> None:
    """Give every record the paper of its work: the catalogue's, one that its records had, or a new one."""
    nodes = [*standing.values(), *_nodes(records)]
    papers = list(standing)
    found = find_works(nodes)
    works = []
    for members in found.members:
        held = [papers[index] for index in members if index < len(papers)]
        rows = [records[index - len(papers)] for index in members if index >= len(papers)]
        if rows:
            works.append(_Work(rows, held[0] if held else None, rows[0].group is not None))
    _choose(works, set(standing))
    _add_papers(session, [work for work in works if work.paper_id is None], report)
    for work in works:
        for each in work.records:
            each.paper_id = work.paper_id
    for index, each in enumerate(records, start=len(papers)):
        each.matched_by = found.reasons.get(index)
    report.conflicts = found.conflicts


def _choose(works: Sequence[_Work], taken: set[int]) -> None:
    """Give works papers that their records had, the eldest of several.

    A paper goes where its first record is, else where any other is; so notes stay with what they were
    written on. Records that were set apart choose last: a paper stays with what was not taken out of it.
    """
    for is_apart, at_first in itertools.product((False, True), (True, False)):
        for work in works:
            if work.paper_id is None and work.is_apart == is_apart:
                rows = [each for each in work.records if each.matched_by is None or not at_first]
                had = {each.paper_id for each in rows if each.paper_id is not None} - taken
                work.paper_id = min(had, default=None)
                if work.paper_id is not None:
                    taken.add(work.paper_id)


def _add_papers(session: Session, works: Sequence[_Work], report: MergeReport) -> None:
    keys = set(session.scalars(select(Paper.key)))
    new: dict[str, _Work] = {}
    rows: list[Row] = []
    # Twins get their numbers in the order of their records; those set apart come last here, too.
    for work in sorted(works, key=lambda each: each.is_apart):
        best = min((each.record for each in work.records), key=_fullest_first)
        key = key_for(best, keys)
        keys.add(key)
        new[key] = work
        rows.append(
            {
                "key": key, "title": best.title, "short_name": short_name_for(best), "is_core": False,
                "after_survey": False, "reference_list": "unread",
            }
        )  # fmt: skip
    add_rows(session, Paper, rows)
    report.new += new
    for key, paper_id in session.execute(select(Paper.key, Paper.id)):
        if key in new:
            new[key].paper_id = paper_id


def _fullest_first(record: Record) -> tuple[int, str, str]:
    """An order of records by how much they tell; names decide between equals."""
    told = sum(getattr(record, each.name) not in (None, ()) for each in fields(record))
    return -told, record.origin, record.external_id


def _write_places(session: Session, records: Sequence[StoredRecord]) -> None:
    stored = {
        row_id: (paper_id, matched_by)
        for row_id, paper_id, matched_by in session.execute(
            select(SourceRecord.id, SourceRecord.paper_id, SourceRecord.matched_by)
        )
    }
    changed = [
        {"id": each.row_id, "paper_id": each.paper_id, "matched_by": each.matched_by}
        for each in records
        if stored[each.row_id] != (each.paper_id, each.matched_by)
    ]
    if changed:
        session.execute(update(SourceRecord), changed)


def _fold_emptied(
    session: Session,
    records: Sequence[StoredRecord],
    former: Sequence[int | None],
    standing: Mapping[int, Node],
    report: MergeReport,
) -> None:
    """Papers whose records all went elsewhere go there too, with the user's notes."""
    kept = {each.paper_id for each in records} | set(standing)
    went: dict[int, set[int]] = {}
    for each, before in zip(records, former, strict=True):
        if before is not None and before not in kept and each.paper_id is not None:
            went.setdefault(before, set()).add(each.paper_id)
    for old, new in sorted(went.items()):
        key, into = retire(session, old, min(new))
        report.folded[key] = into


def _write_fields(session: Session, records: Sequence[StoredRecord]) -> None:
    """The field values of every record, one per source; the fullest record of a source speaks first.

    Ids are collected from all of them: each is a name by which others may cite the paper.
    """
    values: dict[tuple[int, str, int], tuple[str, datetime]] = {}
    ids: dict[tuple[int, str, int], dict[str, datetime]] = {}
    for each in sorted(records, key=lambda each: _fullest_first(each.record)):
        if each.paper_id is None:
            continue
        when = each.record.retrieved_at
        for name, value in _facts_of(each.record).items():
            values.setdefault((each.paper_id, name, each.source_id), (value, when))
        for work in counted(each.record.ids):
            ids.setdefault((each.paper_id, _ID_FIELDS[work.scheme], each.source_id), {})[work.value] = when
    joined = {place: (ID_SEPARATOR.join(told), max(told.values())) for place, told in ids.items()}
    rows = [
        {"paper_id": paper_id, "field": name, "source_id": source, "value": value, "retrieved_at": when}
        for (paper_id, name, source), (value, when) in sorted((values | joined).items())
    ]
    sources = select(SourceRecord.source_id).distinct()
    replace_rows(session, FieldValue, rows, FieldValue.source_id.in_(sources))


def _facts_of(record: Record) -> dict[str, str]:
    """A record's facts as text, by field, without its ids."""
    values = {name: getattr(record, name) for name in _FIELDS}
    facts = {name: str(value) for name, value in values.items() if value not in (None, "")}
    if record.authors:
        facts["authors"] = AUTHOR_SEPARATOR.join(record.authors)
    if record.references is None:
        return facts
    # An empty list is one that the source could not read; one of unknown length may lack entries.
    entries = len(record.references)
    if not entries:
        return facts | {"reference_list": "not_found"}
    whole = record.reference_count is not None and entries >= record.reference_count
    return facts | {
        "reference_list": "complete" if whole else "partial",
        "reference_entries": str(entries),
    }


def separate(session: Session, records: Sequence[SourceRecord]) -> str:
    """Take records out of their paper for good; together they become another, whose key is returned."""
    mine = [record.id for record in records]
    groups = set(
        session.scalars(select(SourceRecord.separate_group).where(SourceRecord.id.not_in(mine)).distinct())
    )
    group = min(f"{record.source_id}:{record.external_id}" for record in records)
    while group in groups:
        group += "'"
    _regroup(session, records, group)
    return _key_of(session, records)


def rejoin(session: Session, records: Sequence[SourceRecord]) -> str:
    """Undo `separate`: records join again what they share ids with. Returns the key of their paper.

    A key that they had only in between is forgotten.
    """
    had = session.scalars(select(Paper.key).where(Paper.id.in_({record.paper_id for record in records})))
    only_now = {key for key in had if session.get(Alias, fold(key)) is None}
    report = _regroup(session, records, None)
    for key in only_now & report.folded.keys():
        session.execute(delete(Alias).where(Alias.folded == fold(key)))
    return _key_of(session, records)


def _regroup(session: Session, records: Sequence[SourceRecord], group: str | None) -> MergeReport:
    for record in records:
        record.separate_group = group
    return consolidate(session)


def _key_of(session: Session, records: Sequence[SourceRecord]) -> str:
    return session.scalars(select(Paper.key).where(Paper.id == records[0].paper_id)).one()
