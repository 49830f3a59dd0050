"""How many papers each pillar has from each year."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.schema import Assignment, Paper, TaxonomyNode


@dataclass(frozen=True)
class YearCount:
    """Papers of one year and pillar; a pillar of None holds those without a place in the taxonomy."""

    year: int
    pillar: str | None
    papers: int


@dataclass(frozen=True)
class Timeline:
    """Counts by year and pillar, years ascending; pillars in the taxonomy's order; papers without a year."""

    counts: tuple[YearCount, ...]
    pillars: tuple[str | None, ...]
    undated: int

    @property
    def years(self) -> tuple[int, int] | None:
        """First and last year, None where no paper has one."""
        return (self.counts[0].year, self.counts[-1].year) if self.counts else None


def read_timeline(session: Session) -> Timeline:
    """Count the library's papers by year and by the pillar of their primary node."""
    primary = (Assignment.paper_id == Paper.id) & Assignment.is_primary
    rows = session.execute(
        select(Paper.year, TaxonomyNode.pillar, func.count())
        .select_from(Paper)
        .outerjoin(Assignment, primary)
        .outerjoin(TaxonomyNode, TaxonomyNode.id == Assignment.node_id)
        .group_by(Paper.year, TaxonomyNode.pillar)
        .order_by(Paper.year, func.min(TaxonomyNode.position))
    ).all()
    order = (
        select(TaxonomyNode.pillar).group_by(TaxonomyNode.pillar).order_by(func.min(TaxonomyNode.position))
    )
    found = {pillar for year, pillar, _ in rows if year is not None}
    pillars = [pillar for pillar in session.scalars(order) if pillar is not None and pillar in found]
    return Timeline(
        tuple(YearCount(year, pillar, papers) for year, pillar, papers in rows if year is not None),
        (*pillars, *({None} & found)),
        sum(papers for year, _, papers in rows if year is None),
    )
