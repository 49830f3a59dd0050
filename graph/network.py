"""The knowledge graph as a networkx object: papers, taxonomy nodes and checkpoints, joined by typed edges.

Node ids are paper keys, `taxonomy:<id>` and `checkpoint:<hub id>`. The kind of an edge is also its key, so
that two nodes may be joined in several ways. An attribute whose value is not known is absent, never empty.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import networkx as nx
from sqlalchemy import literal, or_, select
from sqlalchemy.orm import Session

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


def build_network(session: Session, filters: Filters | None = None) -> nx.MultiDiGraph:
    """The typed graph of the papers that pass the filters, with their taxonomy nodes and checkpoints."""
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
    session: Session, touching: int | None = None
) -> Iterator[tuple[str, int, int, str, datetime]]:
    """Edges between two papers, all or those of one: kind, start, end (row ids), source, when retrieved."""
    citations = select(
        literal(CITES), Citation.citing_id, Citation.cited_id, Source.name, Citation.retrieved_at
    ).join(Source, Source.id == Citation.source_id)
    relations = select(
        Relation.kind, Relation.paper_id, Relation.target_id, Source.name, Relation.retrieved_at
    ).join(Source, Source.id == Relation.source_id)
    if touching is not None:
        citations = citations.where(or_(Citation.citing_id == touching, Citation.cited_id == touching))
        relations = relations.where(or_(Relation.paper_id == touching, Relation.target_id == touching))
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
        raise UnknownName("relation", relation, list(PAPER_EDGES))
    papers = {row.id: row for row in _paper_rows(session)}
    start = next((paper_id for paper_id, row in papers.items() if row.key == key), None)
    if start is None:
        raise UnknownName("paper", key)
    if depth < 1:
        raise QueryError(f"cannot go {depth} edges away: 1 or more are allowed")
    steps = _steps(session, relation, start if depth == 1 else None)
    found: list[Neighbour] = []
    distance = {start: 0}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        if distance[at] == depth:
            continue
        for (kind, direction, other), sources in sorted(steps.get(at, {}).items(), key=_by_kind):
            if other not in distance:
                distance[other] = distance[at] + 1
                queue.append(other)
            elif distance[other] != distance[at] + 1:
                continue
            row = papers[other]
            found.append(
                Neighbour(
                    row.key, row.short_name, row.title, row.year, row.pillar, kind, direction,
                    papers[at].key, distance[other], tuple(sources),
                )
            )  # fmt: skip
    return found


Step = tuple[str, Direction, int]


def _by_kind(item: tuple[Step, list[str]]) -> tuple[int, str, int]:
    kind, direction, other = item[0]
    # Typed relations say more than citations: they come first.
    return (1 if kind == CITES else 0, direction, other)


def _steps(session: Session, relation: str | None, touching: int | None) -> dict[int, dict[Step, list[str]]]:
    steps: dict[int, dict[Step, list[str]]] = {}
    for kind, start, end, source, _ in paper_edges(session, touching):
        if relation in (None, kind):
            steps.setdefault(start, {}).setdefault((kind, "out", end), []).append(source)
            steps.setdefault(end, {}).setdefault((kind, "in", start), []).append(source)
    return steps


def _paper_rows(session: Session) -> list[Any]:
    columns = select(Paper.id, Paper.key, Paper.short_name, Paper.title, Paper.year, TaxonomyNode.pillar)
    joined = columns.outerjoin(
        Assignment, (Assignment.paper_id == Paper.id) & Assignment.is_primary
    ).outerjoin(TaxonomyNode, TaxonomyNode.id == Assignment.node_id)
    return list(session.execute(joined.order_by(Paper.id)))


def _add_papers(network: nx.MultiDiGraph, session: Session, allowed: set[int] | None) -> dict[int, str]:
    authors: dict[int, list[str]] = {}
    for paper_id, name in session.execute(
        select(Authorship.paper_id, Author.name)
        .join(Author, Author.id == Authorship.author_id)
        .order_by(Authorship.paper_id, Authorship.position)
    ):
        authors.setdefault(paper_id, []).append(name)
    identifiers: dict[int, dict[str, str]] = {}
    for paper_id, scheme, value in session.execute(
        select(Identifier.paper_id, Identifier.scheme, Identifier.value)
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


def _add_taxonomy(network: nx.MultiDiGraph, session: Session, keys: dict[int, str]) -> None:
    nodes = {node.id: node for node in session.scalars(select(TaxonomyNode).order_by(TaxonomyNode.position))}
    for node in nodes.values():
        attributes = {"kind": "taxonomy", "label": node.label, "definition": node.definition}
        network.add_node(f"taxonomy:{node.id}", **attributes, **_known({"pillar": node.pillar}))
    for node in nodes.values():
        if node.parent_id is not None:
            _add_edge(network, f"taxonomy:{node.id}", f"taxonomy:{node.parent_id}", PART_OF)
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


def _add_checkpoints(network: nx.MultiDiGraph, session: Session, keys: dict[int, str]) -> None:
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


def _add_edge(network: nx.MultiDiGraph, start: str, end: str, kind: str, **attributes: object) -> None:
    """Join two nodes; a second source for the same edge is added to the first one's."""
    if network.has_edge(start, end, key=kind):
        edge = cast(dict[str, Any], network.edges[start, end, kind])
        if attributes.get("source") not in (None, *str(edge.get("source")).split(" | ")):
            edge["source"] = f"{edge['source']} | {attributes['source']}"
        return
    network.add_edge(start, end, key=kind, kind=kind, **attributes)


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
