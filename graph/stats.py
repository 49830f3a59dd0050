"""What the library holds, counted: per pillar, taxonomy node, kind of edge, and how complete it is."""

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from graph.completeness import count_known, origins
from graph.network import CITES
from graph.schema import Citation, Paper, Relation
from graph.snapshot import count_facts, current_snapshot
from graph.taxonomy import read_taxonomy

Value = TypeVar("Value")


@dataclass(frozen=True)
class Stats:
    """Counts of one snapshot. `coverage` tells how many papers have each fact, `origins` who gives it."""

    snapshot: str | None
    facts_date: str | None
    counts: dict[str, int]
    pillars: dict[str, int]
    taxonomy: dict[str, int]
    edges: dict[str, int]
    years: dict[int, int]
    reference_lists: dict[str, int]
    coverage: dict[str, int]
    origins: dict[str, dict[str, int]]


def read_stats(session: Session) -> Stats:
    """Count everything."""
    snapshot = current_snapshot(session)
    tree = read_taxonomy(session)
    return Stats(
        snapshot=snapshot.id if snapshot else None,
        facts_date=str(snapshot.facts_date) if snapshot else None,
        counts=count_facts(session),
        pillars={entry.id: entry.papers for entry in tree if entry.id == entry.pillar},
        taxonomy={entry.id: entry.papers for entry in tree},
        edges=_edges(session),
        years=_grouped(session, Paper.year),
        reference_lists=_grouped(session, Paper.reference_list),
        coverage=count_known(session),
        origins=origins(session),
    )


def _edges(session: Session) -> dict[str, int]:
    citations = session.scalar(
        select(func.count()).select_from(select(Citation.citing_id, Citation.cited_id).distinct().subquery())
    )
    relations = select(Relation.paper_id, Relation.kind, Relation.target_id).distinct().subquery()
    kinds = session.execute(
        select(relations.c.kind, func.count())
        .group_by(relations.c.kind)
        .order_by(func.count().desc(), relations.c.kind)
    )
    return {CITES: citations or 0} | dict(kinds.all())


def _grouped(
    session: Session, column: InstrumentedAttribute[Value | None] | InstrumentedAttribute[Value]
) -> dict[Value, int]:
    rows = session.execute(select(column, func.count()).where(column.is_not(None)).group_by(column))
    return {value: count for value, count in rows if value is not None}
