"""The knowledge graph as a networkx object: papers, taxonomy nodes and checkpoints, joined by typed edges.

Node ids are paper keys, `taxonomy:<id>` and `checkpoint:<hub id>`. The kind of an edge is also its key, so
that two nodes may be joined in several ways. An attribute whose value is not known is absent, never empty.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from graph.brief import briefs_of
from graph.errors import QueryError, UnknownName
from graph.filters import Filters, allowed_ids
from graph.schema import (
    RELATIONS,
    Assignment,
    Author,
    Authorship,
    Checkpoint,
    CheckpointLink,
    Citation,
    Identifier,
    Paper,
    Relation,
    Source,
    TaxonomyNode,
)

if TYPE_CHECKING:
    import networkx as nx  # most of what uses this module needs no graph, and its import is slow

CITES = "cites"
IN_TAXONOMY = "in_taxonomy"
PART_OF = "part_of"
HAS_CHECKPOINT = "has_checkpoint"
PAPER_EDGES: dict[str, str] = {CITES: "cites", **RELATIONS}
"""Kinds of edges between two papers, with the words that join them in a sentence."""

Direction = Literal["out", "in"]


@dataclass(frozen=True)
class Neighbour:
    """A paper reached over one typed edge: `direction` out means that `via` is the edge's start."""

    key: str
    short_name: str
    title: str
    year: int | None
    pillar: str | None
    relation: str
    direction: Direction
    via: str
    depth: int
    sources: tuple[str, ...]


def build_network(session: Session, filters: Filters | None = None) -> "nx.MultiDiGraph":
    """The typed graph of the papers that pass the filters, with their taxonomy nodes and checkpoints."""
    import networkx as nx

    network = nx.MultiDiGraph(name="VFM Atlas")
    allowed = allowed_ids(session, filters or Filters())
    keys = _add_papers(network, session, allowed)
    for kind, start, end, source, retrieved_at in paper_edges(session):
        if start in keys and end in keys:
            _add_edge(
                network, keys[start], keys[end], kind, source=source, retrieved_at=str(retrieved_at.date())
            )
    _add_taxonomy(network, session, keys)
    _add_checkpoints(network, session, keys)
    for key in keys.values():
        citing = (start for start, _, kind in network.in_edges(key, keys=True) if kind == CITES)
        network.nodes[key]["cited_by"] = len(set(citing))
    return network


def paper_edges(
    session: Session, around: Collection[int] | None = None
) -> Iterator[tuple[str, int, int, str, datetime]]:
    """Edges between two papers: kind, start, end (row ids), source and when it was retrieved.

    All of them, or those that start or end at one of some papers.
    """
    citations = select(
        literal(CITES), Citation.citing_id, Citation.cited_id, Source.name, Citation.retrieved_at
    ).join(Source, Source.id == Citation.source_id)
    relations = select(
        Relation.kind, Relation.paper_id, Relation.target_id, Source.name, Relation.retrieved_at
    ).join(Source, Source.id == Relation.source_id)
    if around is not None:
        citations = citations.where(Citation.citing_id.in_(around) | Citation.cited_id.in_(around))
        relations = relations.where(Relation.paper_id.in_(around) | Relation.target_id.in_(around))
    yield from session.execute(citations.order_by(Citation.citing_id, Citation.cited_id))
    yield from session.execute(relations.order_by(Relation.paper_id, Relation.target_id))


def neighbours(session: Session, key: str, *, relation: str | None = None, depth: int = 1) -> list[Neighbour]:
    """Papers around a paper, nearest first, over edges in either direction.

    Args:
        key: the paper's key; UnknownName where there is no such paper.
        relation: only edges of this kind (see PAPER_EDGES); UnknownName for another.
        depth: how many edges away at most, 1 or more, else QueryError. A paper is listed at its smallest
            distance, once for each edge that reaches it there.
    """
    if relation is not None and relation not in PAPER_EDGES:
        raise UnknownName("relation", relation, list(PAPER_EDGES), allowed=True)
    if depth < 1:
        raise QueryError(f"cannot go {depth} edges away: 1 or more are allowed")
    start = session.scalar(select(Paper.id).where(Paper.key == key))
    if start is None:
        raise UnknownName("paper", key)
    steps: list[tuple[int, int, _Step, list[str]]] = []
    distance = {start: 0}
    frontier = [start]
    for level in range(1, depth + 1):
        reached: list[int] = []
        for at, (step, sources) in _steps_from(session, frontier, relation):
            if step.paper_id not in distance:
                distance[step.paper_id] = level
                reached.append(step.paper_id)
            if distance[step.paper_id] == level:
                steps.append((level, at, step, sources))
        frontier = reached
    papers = {paper.id: paper for paper in briefs_of(session, list(distance))}
    return [
        Neighbour(
            papers[step.paper_id].key, papers[step.paper_id].short_name, papers[step.paper_id].title,
            papers[step.paper_id].year, papers[step.paper_id].pillar, step.relation, step.direction,
            papers[at].key, level, tuple(sources),
        )
        for level, at, step, sources in steps
    ]  # fmt: skip


class _Step(NamedTuple):
    relation: str
    direction: Direction
    paper_id: int


def _steps_from(
    session: Session, papers: Collection[int], relation: str | None
) -> Iterator[tuple[int, tuple[_Step, list[str]]]]:
    """Edges that leave each of the papers, in either direction, with their sources."""
    steps: dict[int, dict[_Step, list[str]]] = {paper_id: {} for paper_id in papers}
    for kind, start, end, source, _ in paper_edges(session, papers):
        if relation in (None, kind):
            if start in steps:
                steps[start].setdefault(_Step(kind, "out", end), []).append(source)
            if end in steps:
                steps[end].setdefault(_Step(kind, "in", start), []).append(source)
    for at, found in steps.items():
        # Typed relations say more than citations: they come first.
        for step in sorted(found, key=lambda step: (step.relation == CITES, step.direction, step.paper_id)):
            yield at, (step, found[step])


def _add_papers(network: "nx.MultiDiGraph", session: Session, allowed: set[int] | None) -> dict[int, str]:
    authors: dict[int, list[str]] = {}
    for paper_id, name in session.execute(
        select(Authorship.paper_id, Author.name)
        .join(Author, Author.id == Authorship.author_id)
        .order_by(Authorship.paper_id, Authorship.position)
    ):
        authors.setdefault(paper_id, []).append(name)
    identifiers: dict[int, dict[str, str]] = {}
    for paper_id, scheme, value in session.execute(
        select(Identifier.paper_id, Identifier.scheme, Identifier.value).where(Identifier.position == 0)
    ):
        identifiers.setdefault(paper_id, {})[scheme] = value
    keys: dict[int, str] = {}
    for paper in session.scalars(select(Paper).order_by(Paper.id)):
        if allowed is not None and paper.id not in allowed:
            continue
        keys[paper.id] = paper.key
        ids = identifiers.get(paper.id, {})
        attributes = {
            "kind": "paper", "label": paper.short_name, "title": paper.title, "year": paper.year,
            "month": paper.month, "venue": paper.venue,
            "authors": "; ".join(authors.get(paper.id, [])) or None,
            "arxiv_id": ids.get("arxiv"), "doi": ids.get("doi"), "code_url": paper.code_url,
            "summary": paper.summary, "core": paper.is_core, "after_survey": paper.after_survey,
            "reference_list": paper.reference_list,
        }  # fmt: skip
        network.add_node(paper.key, **_known(attributes))
    return keys


def _add_taxonomy(network: "nx.MultiDiGraph", session: Session, keys: dict[int, str]) -> None:
    told = select(TaxonomyNode, Source.name).join(Source, Source.id == TaxonomyNode.source_id)
    sources = dict(session.execute(told.order_by(TaxonomyNode.position)).all())
    nodes = {node.id: node for node in sources}
    for node in nodes.values():
        attributes = {"kind": "taxonomy", "label": node.label, "definition": node.definition}
        network.add_node(f"taxonomy:{node.id}", **attributes, **_known({"pillar": node.pillar}))
    for node in nodes.values():
        if node.parent_id is not None:
            _add_edge(
                network, f"taxonomy:{node.id}", f"taxonomy:{node.parent_id}", PART_OF,
                source=sources[node], retrieved_at=str(node.retrieved_at.date()),
            )  # fmt: skip
    rows = select(Assignment, Source.name).join(Source, Source.id == Assignment.source_id)
    for assignment, source in session.execute(rows.order_by(Assignment.paper_id, Assignment.node_id)):
        if assignment.paper_id not in keys:
            continue
        key = keys[assignment.paper_id]
        _add_edge(
            network, key, f"taxonomy:{assignment.node_id}", IN_TAXONOMY,
            primary=assignment.is_primary, source=source, retrieved_at=str(assignment.retrieved_at.date()),
        )  # fmt: skip
        if assignment.is_primary:
            network.nodes[key]["taxonomy"] = assignment.node_id
            network.nodes[key].update(_known({"pillar": nodes[assignment.node_id].pillar}))


def _add_checkpoints(network: "nx.MultiDiGraph", session: Session, keys: dict[int, str]) -> None:
    rows = (
        select(CheckpointLink, Checkpoint, Source.name)
        .join(Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id)
        .join(Source, Source.id == CheckpointLink.source_id)
        .order_by(CheckpointLink.position)
    )
    for link, checkpoint, source in session.execute(rows):
        if link.paper_id not in keys:
            continue
        node = f"checkpoint:{checkpoint.hub_id}"
        attributes = {
            "kind": "checkpoint", "label": checkpoint.hub_id, "library": checkpoint.library,
            "task": checkpoint.task, "loader_class": checkpoint.loader_class,
            "params_millions": checkpoint.params_millions, "licence": checkpoint.licence,
            "revision": checkpoint.revision, "state": checkpoint.state,
        }  # fmt: skip
        if node not in network:
            network.add_node(node, **_known(attributes))
        _add_edge(
            network, keys[link.paper_id], node, HAS_CHECKPOINT,
            source=source, retrieved_at=str(link.retrieved_at.date()), **_known({"role": link.role}),
        )  # fmt: skip


def _add_edge(network: "nx.MultiDiGraph", start: str, end: str, kind: str, **attributes: object) -> None:
    """Join two nodes; a second source for the same edge is added to the first one's."""
    if network.has_edge(start, end, key=kind):
        edge = cast(dict[str, Any], network.edges[start, end, kind])
        if attributes.get("source") not in (None, *str(edge.get("source")).split(" | ")):
            edge["source"] = f"{edge['source']} | {attributes['source']}"
        return
    network.add_edge(start, end, key=kind, kind=kind, **attributes)


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
