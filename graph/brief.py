"""A paper in one line, as lists show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from graph.schema import Assignment, CheckpointLink, Citation, Paper, TaxonomyNode

Order = Literal["cited", "newest"]


@dataclass(frozen=True)
class PaperBrief:
    """What a list tells of a paper; `cited_by` counts the papers of this library that cite it."""

    id: int
    key: str
    title: str
    short_name: str
    year: int | None
    venue: str | None
    pillar: str | None
    taxonomy: str | None
    label: str | None
    summary: str | None
    cited_by: int
    checkpoints: int


_CITED_BY = (
    select(func.count(Citation.citing_id.distinct()))
    .where(Citation.cited_id == Paper.id)
    .correlate(Paper)
    .scalar_subquery()
)
_CHECKPOINTS = (
    select(func.count()).where(CheckpointLink.paper_id == Paper.id).correlate(Paper).scalar_subquery()
)
_ORDERS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    "cited": (_CITED_BY.desc(), Paper.key.asc()),
    "newest": (Paper.year.desc(), Paper.month.desc(), Paper.key.asc()),
}


def list_briefs(
    session: Session, *conditions: ColumnElement[bool], order: Order = "cited", limit: int | None = None
) -> list[PaperBrief]:
    """Papers under conditions on Paper, Assignment (the primary one) and TaxonomyNode."""
    rows = session.execute(_rows().where(*conditions).order_by(*_ORDERS[order]).limit(limit))
    return [_brief(row) for row in rows]


def briefs_of(session: Session, paper_ids: Sequence[int]) -> list[PaperBrief]:
    """The papers with these row ids, in the order given."""
    found = {row.id: _brief(row) for row in session.execute(_rows().where(Paper.id.in_(paper_ids)))}
    return [found[paper_id] for paper_id in paper_ids]


def _rows() -> Select[*tuple[Any, ...]]:
    primary = (Assignment.paper_id == Paper.id) & Assignment.is_primary
    return (
        select(
            Paper.id, Paper.key, Paper.title, Paper.short_name, Paper.year, Paper.venue, Paper.summary,
            TaxonomyNode.pillar, TaxonomyNode.id.label("taxonomy"), TaxonomyNode.label.label("label"),
            _CITED_BY.label("cited_by"), _CHECKPOINTS.label("checkpoints"),
        )
        .outerjoin(Assignment, primary)
        .outerjoin(TaxonomyNode, TaxonomyNode.id == Assignment.node_id)
    )  # fmt: skip


def _brief(row: Row[Any]) -> PaperBrief:
    return PaperBrief(**row._mapping)
