"""The taxonomy as a tree with counts."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.brief import PaperBrief, list_briefs
from graph.filters import descendants
from graph.schema import Assignment, Paper, TaxonomyNode


@dataclass(frozen=True)
class TaxonomyEntry:
    """A node: `papers` counts those whose primary node is this one or below it.

    `also` counts the further papers that only a secondary node brings here; each paper counts once.
    """

    id: str
    parent: str | None
    label: str
    definition: str
    depth: int
    pillar: str | None
    papers: int
    also: int


def read_taxonomy(session: Session, below: str | None = None) -> list[TaxonomyEntry]:
    """The tree in reading order (each node before its children), whole or below one node.

    Raises UnknownName for a node that does not exist.
    """
    nodes = list(session.scalars(select(TaxonomyNode).order_by(TaxonomyNode.position)))
    wanted = set(descendants(session, below)) if below else {node.id for node in nodes}
    parents = {node.id: node.parent_id for node in nodes}
    primary: dict[str, set[int]] = {node_id: set() for node_id in parents}
    every: dict[str, set[int]] = {node_id: set() for node_id in parents}
    for node_id, is_primary, paper_id in session.execute(
        select(Assignment.node_id, Assignment.is_primary, Assignment.paper_id)
    ):
        for at in path_to(node_id, parents):
            every[at].add(paper_id)
            if is_primary:
                primary[at].add(paper_id)
    start = len(path_to(below, parents)) if below else 1
    return [
        TaxonomyEntry(
            node.id, node.parent_id, node.label, node.definition, len(path_to(node.id, parents)) - start,
            node.pillar, len(primary[node.id]), len(every[node.id] - primary[node.id]),
        )
        for node in nodes
        if node.id in wanted
    ]  # fmt: skip


def path_to(node_id: str, parents: dict[str, str | None]) -> list[str]:
    """The node and its ancestors, root first."""
    path: list[str] = []
    at: str | None = node_id
    while at is not None:
        path.insert(0, at)
        at = parents[at]
    return path


def papers_under(session: Session, node_id: str) -> list[PaperBrief]:
    """Papers whose primary or secondary node it or one below it is, most cited in the library first."""
    assigned = select(Assignment.paper_id).where(Assignment.node_id.in_(descendants(session, node_id)))
    return list_briefs(session, Paper.id.in_(assigned))
