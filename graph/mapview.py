"""What a map of the library shows: each paper's place, look and weight, the links, topic names, landmarks.

Everything is in arrays, read once per snapshot, so that a map of 100,000 papers is a few megabytes and
choosing papers by topic or year is arithmetic. Papers stand in the order of their weight: the most cited in
this library first, then by key. The position in this order is the paper's number everywhere here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.maplabels import Topic, landmarks, topic_places
from graph.network import CITES, PAPER_EDGES
from graph.schema import Assignment, CheckpointLink, Citation, MapPosition, Paper, Relation, TaxonomyNode

KINDS: tuple[str, ...] = tuple(PAPER_EDGES)
"""Kinds of links by number; 0 is the citation."""


@dataclass(frozen=True)
class MapNode:
    """A taxonomy node; `parent` is a position among the nodes, -1 for a root.

    `papers` counts as the filters do: a pillar's papers by their primary node, those of any other node
    by primary or secondary.
    """

    id: str
    label: str
    parent: int
    depth: int
    pillar: str | None
    papers: int


@dataclass(frozen=True)
class MapData:
    """n papers and m links.

    Attributes
    ----------
    keys, names, titles : of the papers. ids : (n,) int64, their row ids in the library.
    x, y : (n,) float32 in the unit square, y downwards; NaN for a paper without a place.
    year, month : (n,) int16, of the publication, 0 if not known.
    cited : (n,) uint32, papers of this library that cite it.
    node : (n,) int16, the primary node's position in `nodes`, -1 without one.
    runnable : (n,) bool, whether a checkpoint is linked.
    start, end, kind : (m,) the links: numbers of two papers, and a position in KINDS; typed ones last.
    also_paper, also_node : secondary assignments as pairs.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    ids: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    year: NDArray[np.int16]
    month: NDArray[np.int16]
    cited: NDArray[np.uint32]
    node: NDArray[np.int16]
    runnable: NDArray[np.bool_]
    start: NDArray[np.uint32]
    end: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    also_paper: NDArray[np.uint32]
    also_node: NDArray[np.int16]
    nodes: tuple[MapNode, ...]
    topics: tuple[Topic, ...]
    landmarks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def number_of(self) -> dict[str, int]:
        """The number of each key."""
        return {key: number for number, key in enumerate(self.keys)}

    @cached_property
    def pillars(self) -> tuple[str, ...]:
        """The branches below the root, in the order of the taxonomy."""
        return tuple(node.id for node in self.nodes if node.id == node.pillar)

    @cached_property
    def pillar_of(self) -> NDArray[np.int16]:
        """(n,) position in `pillars` of each paper's branch, -1 without one."""
        order = {pillar: at for at, pillar in enumerate(self.pillars)}
        of_node = np.array([order.get(node.pillar or "", -1) for node in self.nodes] + [-1], dtype=np.int16)
        return np.asarray(of_node[self.node], dtype=np.int16)

    def pillar_name(self, number: int) -> str | None:
        """The branch of a paper."""
        at = int(self.pillar_of[number])
        return self.pillars[at] if at >= 0 else None

    @property
    def unplaced(self) -> int:
        """How many papers have no place yet."""
        return int(np.isnan(self.x).sum())

    def passing(
        self, topic: str | None = None, years: tuple[int, int] | None = None, *, runnable: bool = False
    ) -> NDArray[np.bool_]:
        """Which papers pass, (n,): graph.filters in arrays. A topic that no node has lets none pass."""
        chosen = np.ones(len(self), dtype=np.bool_)
        if topic is not None:
            chosen &= self._of_topic(topic)
        if years is not None:
            chosen &= (self.year >= years[0]) & (self.year <= years[1])
        return chosen & self.runnable if runnable else chosen

    def _of_topic(self, topic: str) -> NDArray[np.bool_]:
        below = np.array([topic in self._path(at) for at in range(len(self.nodes))] + [False])
        found = below[self.node]
        if topic not in self.pillars:
            found[self.also_paper[below[self.also_node]]] = True
        return np.asarray(found)

    def _path(self, at: int) -> list[str]:
        path = []
        while at >= 0:
            path.append(self.nodes[at].id)
            at = self.nodes[at].parent
        return path

    def at_places(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> "MapData":
        """The same papers elsewhere, (n,) each; without topic names and landmarks, which are the map's."""
        return replace(self, x=x.astype(np.float32), y=y.astype(np.float32), topics=(), landmarks=())


def read_map(session: Session) -> MapData:
    """The map of the whole library."""
    papers = session.execute(
        select(
            Paper.id, Paper.key, Paper.short_name, Paper.title, Paper.year, Paper.month,
            MapPosition.x, MapPosition.y,
        ).outerjoin(MapPosition, MapPosition.paper_id == Paper.id)
    ).all()  # fmt: skip
    row_of = {row.id: at for at, row in enumerate(papers)}
    cites = _pairs(session.execute(select(Citation.citing_id, Citation.cited_id).distinct()).all(), row_of)
    cited = np.bincount(cites[:, 1], minlength=len(papers))
    order = sorted(range(len(papers)), key=lambda at: (-int(cited[at]), papers[at].key))
    number_of = {papers[at].id: number for number, at in enumerate(order)}
    rank = np.empty(len(papers), dtype=np.int64)
    rank[order] = np.arange(len(papers))
    rows = [papers[at] for at in order]
    nodes, primary, also = _taxonomy(session, number_of)
    start, end, kind = _links(session, rank[cites], number_of)
    x, y = (np.array([getattr(row, axis) for row in rows], dtype=np.float32) for axis in ("x", "y"))
    heavy = cited[order].astype(np.uint32)
    node = np.array([primary.get(number, -1) for number in range(len(rows))], dtype=np.int16)
    parents = [each.parent for each in nodes]
    pillar_at = np.array([_top(at, parents) for at in range(len(nodes))] + [-1], dtype=np.int64)
    return MapData(
        keys=tuple(row.key for row in rows),
        names=tuple(row.short_name for row in rows),
        titles=tuple(row.title for row in rows),
        ids=np.array([row.id for row in rows], dtype=np.int64),
        x=x, y=y,
        year=np.array([row.year or 0 for row in rows], dtype=np.int16),
        month=np.array([row.month or 0 for row in rows], dtype=np.int16),
        cited=heavy, node=node, runnable=_runnable(session, number_of),
        start=start, end=end, kind=kind,
        also_paper=np.array([paper for paper, _ in also], dtype=np.uint32),
        also_node=np.array([at for _, at in also], dtype=np.int16),
        nodes=nodes,
        topics=topic_places(x, y, node, parents),
        landmarks=landmarks(x, y, heavy, pillar_at[node]),
    )  # fmt: skip


def _pairs(rows: Sequence[tuple[int, int]], number_of: dict[int, int]) -> NDArray[np.int64]:
    pairs = [(number_of[one], number_of[other]) for one, other in rows]
    return np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)


def _links(
    session: Session, cites: NDArray[np.int64], number_of: dict[int, int]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]:
    found = session.execute(
        select(Relation.kind, Relation.paper_id, Relation.target_id)
        .distinct()
        .order_by(Relation.kind, Relation.paper_id, Relation.target_id)
    ).all()
    typed = _pairs([(row.paper_id, row.target_id) for row in found], number_of)
    cites = cites[np.lexsort((cites[:, 1], cites[:, 0]))]
    ends = np.concatenate([cites, typed]).astype(np.uint32)
    kinds = [KINDS.index(CITES)] * len(cites) + [KINDS.index(row.kind) for row in found]
    return ends[:, 0], ends[:, 1], np.array(kinds, dtype=np.uint8)


def _taxonomy(
    session: Session, number_of: dict[int, int]
) -> tuple[tuple[MapNode, ...], dict[int, int], list[tuple[int, int]]]:
    """The nodes in reading order, the primary node of each paper, and the secondary ones in pairs."""
    found = list(session.scalars(select(TaxonomyNode).order_by(TaxonomyNode.position)))
    at = {node.id: place for place, node in enumerate(found)}
    parents = [at[node.parent_id] if node.parent_id is not None else -1 for node in found]
    primary: dict[int, int] = {}
    also: list[tuple[int, int]] = []
    members: list[set[int]] = [set() for _ in found]
    for paper_id, node_id, is_primary in session.execute(
        select(Assignment.paper_id, Assignment.node_id, Assignment.is_primary).order_by(Assignment.paper_id)
    ):
        number, place = number_of[paper_id], at[node_id]
        if is_primary:
            primary[number] = place
        else:
            also.append((number, place))
        for above in _upwards(place, parents):
            if is_primary or found[above].id != found[above].pillar:
                members[above].add(number)
    nodes = tuple(
        MapNode(
            node.id, node.label, parents[place], len(_upwards(place, parents)) - 1, node.pillar,
            len(members[place]),
        )
        for place, node in enumerate(found)
    )  # fmt: skip
    return nodes, primary, also


def _upwards(at: int, parents: Sequence[int]) -> list[int]:
    path = []
    while at >= 0:
        path.append(at)
        at = parents[at]
    return path


def _top(at: int, parents: Sequence[int]) -> int:
    """The node below the root that a node belongs to; the root itself for the root."""
    path = _upwards(at, parents)
    return path[-2] if len(path) > 1 else path[0]


def _runnable(session: Session, number_of: dict[int, int]) -> NDArray[np.bool_]:
    linked = np.zeros(len(number_of), dtype=np.bool_)
    numbers = [
        number_of[paper_id] for paper_id in session.scalars(select(CheckpointLink.paper_id).distinct())
    ]
    linked[numbers] = True
    return linked
