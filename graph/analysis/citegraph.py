"""The citation graph as arrays, the form in which every analysis takes it.

Papers have positions 0 ... n-1 in the order of their keys. Edges are distinct and never join a paper with
itself. Real citation data has cycles (preprints that cite each other); what needs an acyclic graph takes
`acyclic()`, whose rule is stated there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.schema import Assignment, Citation, Paper, Source, TaxonomyNode

_LIST_READ = ("complete", "partial")


@dataclass(frozen=True)
class CitationGraph:
    """n papers and m citations: paper `citing[i]` has paper `cited[i]` in its reference list.

    Attributes
    ----------
    keys : names of the papers, ascending.
    paper_ids : (n,) int64, row ids in the library; positions where the graph was made from edges.
    dates : (n,) float64, year and part of the year (July where only the year is known), NaN if unknown.
    pillars : branch below the taxonomy's root of each paper's primary node, None if unassigned.
    lists_read : (n,) bool, whether the paper's reference list was read, so that its edges are known.
    citing, cited : (m,) int64 positions, sorted by citing, then cited.
    """

    keys: tuple[str, ...]
    paper_ids: NDArray[np.int64]
    dates: NDArray[np.float64]
    pillars: tuple[str | None, ...]
    lists_read: NDArray[np.bool_]
    citing: NDArray[np.int64]
    cited: NDArray[np.int64]

    @classmethod
    def read(cls, session: Session, *, origins: Sequence[str] | None = None) -> "CitationGraph":
        """The library's citation graph, from all origins of citations by default."""
        rows = session.execute(
            select(Paper.id, Paper.key, Paper.year, Paper.month, Paper.reference_list).order_by(Paper.key)
        ).all()
        position = {row.id: index for index, row in enumerate(rows)}
        placed = session.execute(
            select(Assignment.paper_id, TaxonomyNode.pillar)
            .join(TaxonomyNode, TaxonomyNode.id == Assignment.node_id)
            .where(Assignment.is_primary)
        )
        pillars = dict(placed.all())
        query = select(Citation.citing_id, Citation.cited_id).distinct()
        if origins is not None:
            query = query.join(Source, Source.id == Citation.source_id).where(Source.origin.in_(origins))
        edges = [(position[citing], position[cited]) for citing, cited in session.execute(query)]
        citing, cited = _sorted_edges(edges)
        return cls(
            keys=tuple(row.key for row in rows),
            paper_ids=np.array([row.id for row in rows], dtype=np.int64),
            dates=np.array([_date(row.year, row.month) for row in rows], dtype=np.float64),
            pillars=tuple(pillars.get(row.id) for row in rows),
            lists_read=np.array([row.reference_list in _LIST_READ for row in rows], dtype=np.bool_),
            citing=citing,
            cited=cited,
        )

    @classmethod
    def from_edges(
        cls,
        keys: Iterable[str],
        edges: Iterable[tuple[str, str]],
        *,
        dates: Mapping[str, float] | None = None,
        pillars: Mapping[str, str] | None = None,
        lists_read: Iterable[str] | None = None,
    ) -> "CitationGraph":
        """A graph from pairs (citing, cited) of names; duplicates and loops are dropped.

        Every list counts as read unless `lists_read` names those that were.
        """
        names = tuple(sorted(set(keys)))
        position = {name: index for index, name in enumerate(names)}
        read = set(names) if lists_read is None else set(lists_read)
        citing, cited = _sorted_edges([(position[a], position[b]) for a, b in edges])
        return cls(
            keys=names,
            paper_ids=np.arange(len(names), dtype=np.int64),
            dates=np.array([(dates or {}).get(name, np.nan) for name in names], dtype=np.float64),
            pillars=tuple((pillars or {}).get(name) for name in names),
            lists_read=np.array([name in read for name in names], dtype=np.bool_),
            citing=citing,
            cited=cited,
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def edges(self) -> int:
        """How many citations there are."""
        return len(self.citing)

    @cached_property
    def position(self) -> dict[str, int]:
        """The position of each key."""
        return {key: index for index, key in enumerate(self.keys)}

    @cached_property
    def adjacency(self) -> Any:
        """scipy CSR matrix of shape (n, n): 1.0 at [citing, cited]."""
        from scipy.sparse import csr_array

        ones = np.ones(self.edges, dtype=np.float64)
        return csr_array((ones, (self.citing, self.cited)), shape=(len(self), len(self)))

    @cached_property
    def igraph(self) -> Any:
        """The same as a directed igraph.Graph, vertices at their positions."""
        import igraph

        # Tuples: measured several times faster than an array here.
        pairs = list(zip(self.citing.tolist(), self.cited.tolist(), strict=True))
        return igraph.Graph(n=len(self), edges=pairs, directed=True)

    def acyclic(self) -> "CitationGraph":
        """The graph without the edges that close cycles.

        Within a strongly connected component an edge is kept only if it goes to an earlier paper: earlier by
        date, and among papers of the same or an unknown date by key. Edges between components, and so all
        edges of acyclic data, stay whatever the dates say.
        """
        from scipy.sparse.csgraph import connected_components

        if not self.edges:
            return self
        _count, component = connected_components(self.adjacency, directed=True, connection="strong")
        dates = np.where(np.isnan(self.dates), np.inf, self.dates)
        order = np.empty(len(self), dtype=np.int64)
        order[np.lexsort((np.arange(len(self)), dates))] = np.arange(len(self))
        inside = component[self.citing] == component[self.cited]
        keep = ~inside | (order[self.cited] < order[self.citing])
        return self if keep.all() else replace(self, citing=self.citing[keep], cited=self.cited[keep])

    def restricted(self, keep: NDArray[np.bool_]) -> "CitationGraph":
        """The graph among the papers that `keep`, of shape (n,), marks; positions are counted anew."""
        place = np.cumsum(keep) - 1
        inside = keep[self.citing] & keep[self.cited]
        return CitationGraph(
            keys=tuple(key for key, kept in zip(self.keys, keep, strict=True) if kept),
            paper_ids=self.paper_ids[keep],
            dates=self.dates[keep],
            pillars=tuple(pillar for pillar, kept in zip(self.pillars, keep, strict=True) if kept),
            lists_read=self.lists_read[keep],
            citing=place[self.citing[inside]],
            cited=place[self.cited[inside]],
        )


def _date(year: int | None, month: int | None) -> float:
    return np.nan if year is None else year + ((month or 6.5) - 0.5) / 12


def _sorted_edges(edges: Iterable[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    distinct = sorted({(a, b) for a, b in edges if a != b})
    table = np.array(distinct, dtype=np.int64).reshape(len(distinct), 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
