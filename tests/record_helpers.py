"""Records of made-up works, and what a library makes of them, told without row ids."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from graph.schema import Citation, Paper, Source, SourceRecord
from ingest.merge import MergeReport, consolidate
from ingest.record import Record, Reference, WorkId
from ingest.stored import store_records

NOW = datetime(2026, 2, 3, 4, 5, 6)
LATER = datetime(2026, 3, 4, 5, 6, 7)


def ids(*names: str) -> tuple[WorkId, ...]:
    """Ids written as `scheme:value`."""
    return tuple(WorkId(*name.split(":", 1)) for name in names)


def record(
    external_id: str,
    *names: str,
    title: str = "",
    origin: str = "semanticscholar",
    when: datetime = NOW,
    cites: list[Reference | str] | None = None,
    **facts: Any,
) -> Record:
    """A record with these ids; `cites` are entries of its list, or the ids that entries have."""
    references = None
    if cites is not None:
        references = tuple(Reference(ids=ids(each)) if isinstance(each, str) else each for each in cites)
    title = title or f"Title of {external_id}"
    return Record(origin, external_id, title, when, ids(*names), references=references, **facts)


def take_in(session: Session, *records: Record) -> MergeReport:
    """Store records and derive everything from them."""
    store_records(session, records)
    return consolidate(session)


def row_of(session: Session, external_id: str, origin: str = "semanticscholar") -> SourceRecord:
    """The stored record."""
    mine = (Source.origin == origin, SourceRecord.external_id == external_id)
    return session.scalars(select(SourceRecord).join(Source).where(*mine)).one()


def paper_of(session: Session, external_id: str, origin: str = "semanticscholar") -> Paper:
    """The paper that a record is of."""
    return session.get_one(Paper, row_of(session, external_id, origin).paper_id)


def works(session: Session) -> set[frozenset[str]]:
    """The external ids of the records of each paper."""
    found: dict[int | None, set[str]] = {}
    for paper_id, name in session.execute(select(SourceRecord.paper_id, SourceRecord.external_id)):
        found.setdefault(paper_id, set()).add(name)
    return {frozenset(names) for names in found.values()}


def apart(*names: str) -> set[frozenset[str]]:
    """Works whose records have external ids of one letter."""
    return {frozenset(name) for name in names}


def links(session: Session) -> set[tuple[str, str]]:
    """Citations by the keys of the papers."""
    rows = session.execute(select(Citation.citing_id, Citation.cited_id)).all()
    keys = dict(session.execute(select(Paper.id, Paper.key)).all())
    return {(keys[citing], keys[cited]) for citing, cited in rows}


def told(session: Session, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of a table of facts with the keys of their papers, sorted."""
    named = ", ".join(f"t.{column}" for column in columns)
    query = f"SELECT p.key, {named} FROM {table} t JOIN paper p ON p.id = t.paper_id"
    return sorted((tuple(row) for row in session.execute(text(query))), key=repr)


SECOND = timedelta(seconds=1)


@st.composite
def many_records(draw: st.DrawFn) -> list[Record]:
    """Records from pools that are small enough for them to share much."""
    pool = ["arxiv:1", "arxiv:2", "doi:a", "doi:b", "doi:c", "s2:x", "s2:y", "corpus:7", "openalex:W1"]
    some_ids = st.lists(st.sampled_from(pool), max_size=3, unique=True)
    found = []
    for number in range(draw(st.integers(1, 7))):
        entry = st.builds(
            Reference,
            ids=some_ids.map(lambda names: ids(*names)),
            title=st.sampled_from([None, "One", "Two"]),
        )
        found.append(
            record(
                f"r{number}",
                *draw(some_ids),
                origin=draw(st.sampled_from(["arxiv", "semanticscholar", "crossref"])),
                title=draw(st.sampled_from(["One", "One!", "Two", "A title that is long enough to tell"])),
                when=NOW + SECOND * draw(st.integers(0, 2)),
                cites=draw(st.none() | st.lists(entry, max_size=3)),
                authors=draw(st.sampled_from([(), ("Ada Small",), ("Small, A.", "Bo Tiny")])),
                year=draw(st.sampled_from([None, 2020, 2021])),
                abstract=draw(st.sampled_from([None, "An abstract."])),
                reference_count=draw(st.sampled_from([None, 2])),
            )
        )
    return found


some_settings = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
