"""The whole typed graph as one networkx object, and views of parts of it.

To what graph.network builds (papers, taxonomy nodes, checkpoints) come authors, as `author:<name>` over edges
`written_by`, and two attributes: `is_dataset` of papers on which something is trained or evaluated, and
`origins` of edges, the kinds of sources that state them, such as `catalogue`.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session, aliased

from graph.errors import UnknownName
from graph.filters import Filters
from graph.network import CITES, HAS_CHECKPOINT, IN_TAXONOMY, PAPER_EDGES, PART_OF, build_network
from graph.schema import (
    Assignment,
    Author,
    Authorship,
    Checkpoint,
    CheckpointLink,
    Citation,
    Paper,
    Relation,
    Source,
    TaxonomyNode,
)

if TYPE_CHECKING:
    import networkx as nx

WRITTEN_BY = "written_by"
EDGE_KINDS: dict[str, str] = {
    **PAPER_EDGES,
    IN_TAXONOMY: "is placed at",
    PART_OF: "is part of",
    HAS_CHECKPOINT: "has the checkpoint",
    WRITTEN_BY: "is written by",
}
"""Every kind of edge, with the words that join its ends in a sentence."""
_ON_DATA = ("trained_on", "evaluated_on")


def typed_network(session: Session) -> "nx.MultiDiGraph":
    """Everything in the library that joins two things, as one graph; `view` shows parts of it."""
    network = build_network(session)
    _add_authors(network, session)
    for _, end, kind in network.edges(keys=True):
        if kind in _ON_DATA:
            network.nodes[end]["is_dataset"] = True
    for kind, start, end, origin in _origins(session):
        edge = network.edges[start, end, kind]
        edge["origins"] = tuple(sorted({*edge.get("origins", ()), origin}))
    return network


def view(
    network: "nx.MultiDiGraph",
    filters: Filters | None = None,
    *,
    kinds: Collection[str] | None = None,
    origins: Collection[str] | None = None,
) -> "nx.MultiDiGraph":
    """A part of a typed network, as a networkx view: nothing is copied, and changes of the network show.

    Papers pass as everywhere (see Filters), edges by kind and origin. Authors and checkpoints are shown while
    an edge that passes joins them with a paper that passes; taxonomy nodes always.

    Args:
        network: from `typed_network`.
        filters: which papers; UnknownName for a pillar or node that the network does not have.
        kinds: which edges, of EDGE_KINDS; UnknownName for another. All by default.
        origins: only edges that a source of one of these origins states; UnknownName for one that no edge
            has. All by default.
    """
    import networkx as nx

    chosen = filters or Filters()
    _require("kind of edge", kinds or (), EDGE_KINDS)
    if origins:
        _require("origin", origins, {each for *_, known in network.edges(data="origins") for each in known})
    passes, wanted = _paper_test(network, chosen), set(origins or ())

    def edge_passes(start: str, end: str, kind: str) -> bool:
        if kinds is not None and kind not in kinds:
            return False
        return origins is None or not wanted.isdisjoint(network.adj[start][end][kind]["origins"])

    def node_passes(node: str) -> bool:
        what = network.nodes[node]["kind"]
        if what == "paper":
            return passes(node)
        if what == "taxonomy":
            return True
        return any(
            passes(start) and any(edge_passes(start, node, kind) for kind in joined)
            for start, joined in network.pred[node].items()
        )

    return nx.subgraph_view(network, filter_node=node_passes, filter_edge=edge_passes)


def _require(what: str, names: Iterable[str], allowed: Collection[str]) -> None:
    for name in names:
        if name not in allowed:
            raise UnknownName(what, name, sorted(allowed), allowed=True)


def _paper_test(network: "nx.MultiDiGraph", filters: Filters) -> Callable[[str], bool]:
    """Whether a paper of the network passes the filters, by what stands in the network."""
    taxonomy = {node: values for node, values in network.nodes(data=True) if values["kind"] == "taxonomy"}
    if filters.pillar is not None:
        pillars = {values["pillar"] for values in taxonomy.values() if "pillar" in values}
        _require("pillar", [filters.pillar], pillars)
    below = {f"taxonomy:{filters.taxonomy}"}
    if filters.taxonomy is not None:
        _require("taxonomy node", [filters.taxonomy], {node.partition(":")[2] for node in taxonomy})
        queue = list(below)
        while queue:
            parts = [start for start, _, kind in network.in_edges(queue.pop(), keys=True) if kind == PART_OF]
            below.update(parts)
            queue.extend(parts)
    first, last = filters.years

    def passes(paper: str) -> bool:
        values = network.nodes[paper]
        if filters.pillar is not None and values.get("pillar") != filters.pillar:
            return False
        if filters.core_only and not values["core"]:
            return False
        year = values.get("year")
        if (first, last) != (None, None) and (
            year is None or (first is not None and year < first) or (last is not None and year > last)
        ):
            return False
        ends = network.adj[paper]
        if filters.has_checkpoint and not any(HAS_CHECKPOINT in kinds for kinds in ends.values()):
            return False
        return filters.taxonomy is None or any(node in ends and IN_TAXONOMY in ends[node] for node in below)

    return passes


def _add_authors(network: "nx.MultiDiGraph", session: Session) -> None:
    rows = (
        select(Paper.key, Author.name, Authorship.position, Source.name, Authorship.retrieved_at)
        .join_from(Authorship, Paper, Paper.id == Authorship.paper_id)
        .join(Author, Author.id == Authorship.author_id)
        .join(Source, Source.id == Authorship.source_id)
        .order_by(Paper.id, Authorship.position)
    )
    for key, name, position, source, retrieved_at in session.execute(rows):
        node = f"author:{name}"
        network.add_node(node, kind="author", label=name)
        network.add_edge(
            key, node, key=WRITTEN_BY, kind=WRITTEN_BY, position=position, source=source,
            retrieved_at=str(retrieved_at.date()),
        )  # fmt: skip


def _origins(session: Session) -> Iterable[tuple[str, str, str, str]]:
    """Kind, start and end of each edge of the network with each origin that states it."""
    for query in _edge_queries():
        yield from ((kind, start, end, origin) for kind, start, end, origin in session.execute(query))


def _edge_queries() -> Iterable[Select[*tuple[Any, ...]]]:
    target = aliased(Paper)
    for table, kind, start, end in (
        (Citation, literal(CITES), Citation.citing_id, Citation.cited_id),
        (Relation, Relation.kind, Relation.paper_id, Relation.target_id),
    ):
        yield (
            select(kind, Paper.key, target.key, Source.origin)
            .join_from(table, Paper, Paper.id == start)
            .join(target, target.id == end)
            .join(Source, Source.id == table.source_id)
        )
    yield (
        select(literal(IN_TAXONOMY), Paper.key, "taxonomy:" + Assignment.node_id, Source.origin)
        .join_from(Assignment, Paper, Paper.id == Assignment.paper_id)
        .join(Source, Source.id == Assignment.source_id)
    )
    yield (
        select(
            literal(PART_OF), "taxonomy:" + TaxonomyNode.id, "taxonomy:" + TaxonomyNode.parent_id,
            Source.origin,
        )
        .join(Source, Source.id == TaxonomyNode.source_id)
        .where(TaxonomyNode.parent_id.is_not(None))
    )  # fmt: skip
    yield (
        select(literal(HAS_CHECKPOINT), Paper.key, "checkpoint:" + Checkpoint.hub_id, Source.origin)
        .join_from(CheckpointLink, Paper, Paper.id == CheckpointLink.paper_id)
        .join(Checkpoint, Checkpoint.id == CheckpointLink.checkpoint_id)
        .join(Source, Source.id == CheckpointLink.source_id)
    )
    yield (
        select(literal(WRITTEN_BY), Paper.key, "author:" + Author.name, Source.origin)
        .join_from(Authorship, Paper, Paper.id == Authorship.paper_id)
        .join(Author, Author.id == Authorship.author_id)
        .join(Source, Source.id == Authorship.source_id)
    )
