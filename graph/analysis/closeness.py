"""Which papers are close to one another, in meaning and in citations: what places, map and proposals rest on.

A paper's *vector in context* is its text vector moved towards those of the papers that it cites and is cited
by: a title alone says little, and its company says more.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.analysis.citegraph import CitationGraph
from graph.vectors import VectorIndex

COMPANY = 0.5
"""How far a vector is moved towards the mean of its citation neighbours (docs/assignment.md)."""
NEIGHBOURS = 15
_CITED = 0.5
_FULL_CITATION = 3.0
# Below some ten papers the common mean is not known well enough to be taken away.
_SHRINK = 10
_CHUNK = 2_000
_ROUNDS = 40


@dataclass(frozen=True)
class Links:
    """Undirected links of n papers: `first[i]` < `second[i]` are close by `weight[i]` > 0."""

    papers: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.float64]


def text_vectors(graph: CitationGraph, index: VectorIndex | None) -> NDArray[np.float32]:
    """Unit text vectors in the graph's order, shape (n, d), less what all texts have in common.

    A paper without a vector has zeros; without any vectors d is 0.
    """
    if index is None or not len(index.ids):
        return np.zeros((len(graph), 0), dtype=np.float32)
    at = np.minimum(np.searchsorted(index.ids, graph.paper_ids), len(index.ids) - 1)
    known = index.ids[at] == graph.paper_ids
    vectors = np.where(known[:, None], index.matrix[at], 0).astype(np.float32)
    count = int(known.sum())
    common = vectors.sum(axis=0) / max(count + _SHRINK, 1)
    vectors[known] -= common
    return _unit(vectors)


def company(graph: CitationGraph) -> Any:
    """The weight of each citation neighbour: scipy CSR of shape (n, n), rows sum to 1, or 0 without any.

    A neighbour with d neighbours of its own weighs in proportion to 1/sqrt(d): what everybody cites tells
    little about each of them.
    """
    from scipy.sparse import diags_array

    linked = _undirected(graph)
    degree = np.diff(linked.indptr)
    weighted = (linked @ diags_array(1 / np.sqrt(np.maximum(degree, 1)))).tocsr()
    total = np.asarray(weighted.sum(axis=1)).ravel()
    return (diags_array(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ weighted).tocsr()


def vectors_in_context(
    graph: CitationGraph, texts: NDArray[np.float32], share: float = COMPANY
) -> NDArray[np.float32]:
    """Unit vectors in context, shape (n, d), of text vectors of that shape; zeros where nothing is known.

    `share` is how far a vector is moved towards the weighted mean of its citation neighbours.
    """
    if not texts.shape[1] or not graph.edges:
        return texts
    weights = company(graph).astype(np.float32)
    moved = np.empty_like(texts)
    for start in range(0, len(texts), _CHUNK):
        rows = slice(start, start + _CHUNK)
        moved[rows] = texts[rows] + share * (weights[rows] @ texts)
    return _unit(moved)


def nearest(
    vectors: NDArray[np.float32], count: int, among: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The positions among `among` nearest to each of `rows`, itself left out, and the cosines.

    Both of shape (len(rows), count), best first; of equal ones the smaller position. Where there are fewer,
    count is what there is. Exact; cost and time grow with len(rows) times len(among).
    """
    count = min(count, len(among) - bool(np.isin(rows, among).any()))
    if count < 1:
        return np.empty((len(rows), 0), dtype=np.int64), np.empty((len(rows), 0))
    places = np.empty((len(rows), count), dtype=np.int64)
    cosines = np.empty((len(rows), count))
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        # Rounded, so that equal texts are equal whatever order a machine sums in.
        likeness = np.round(vectors[chunk] @ vectors[among].T, 6)
        likeness[chunk[:, None] == among[None, :]] = -np.inf
        best = np.argpartition(-likeness, count - 1, axis=1)[:, :count] if count < len(among) else None
        best = np.tile(np.arange(len(among)), (len(chunk), 1)) if best is None else np.sort(best, axis=1)
        values = np.take_along_axis(likeness, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :count]
        places[start : start + _CHUNK] = among[np.take_along_axis(best, order, axis=1)]
        cosines[start : start + _CHUNK] = np.take_along_axis(values, order, axis=1)
    return places, cosines


def links(graph: CitationGraph, context: NDArray[np.float32], count: int = NEIGHBOURS) -> Links:
    """What is close: a fuzzy graph of nearest neighbours in meaning, joined with the citations.

    Parameters
    ----------
    graph : the citation graph.
    context : (n, d) vectors in context; zeros where nothing is known.
    count : nearest neighbours of each paper.

    Notes
    -----
    Meaning: the neighbour at distance d from a paper has the weight exp(-(d - d_1) / s), d_1 being the
    distance of the nearest one and s such that a paper's weights sum to log2(count); both directions are
    joined by fuzzy union [1]_. Citations: each adds up to half the weight of a nearest neighbour, less where
    both ends have many.

    References
    ----------
    .. [1] McInnes, Healy, Melville: UMAP: Uniform manifold approximation and projection for dimension
       reduction. arXiv:1802.03426 (2018).
    """
    from scipy.sparse import coo_array, diags_array, triu

    size = len(graph)
    rows = np.flatnonzero(context.any(axis=1)) if context.shape[1] else np.empty(0, dtype=np.int64)
    places, cosines = nearest(context, count, rows, rows)
    weights = _fuzzy(1 - cosines)
    starts = np.repeat(rows, places.shape[1])
    near = coo_array((weights.ravel(), (starts, places.ravel())), shape=(size, size)).tocsr()
    near = near + near.T - near * near.T
    linked = _undirected(graph)
    inverse = diags_array(1 / np.sqrt(np.maximum(np.diff(linked.indptr), 1)))
    cited = (inverse @ linked @ inverse).tocsr()
    cited.data = _CITED * np.minimum(cited.data * _FULL_CITATION, 1)
    joined = triu(near + cited, k=1).tocoo()
    joined.sum_duplicates()
    order = np.lexsort((joined.col, joined.row))
    keep = order[joined.data[order] > 0]
    return Links(
        size, joined.row[keep].astype(np.int64), joined.col[keep].astype(np.int64),
        joined.data[keep].astype(np.float64),
    )  # fmt: skip


def _fuzzy(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of neighbours at ascending distances, both of shape (n, k); see `links`."""
    if not distances.size:
        return distances
    beyond = np.maximum(distances - distances[:, :1], 0)
    wanted = max(np.log2(distances.shape[1]), 1.0)
    low, high = np.full((len(distances), 1), 1e-4), np.full((len(distances), 1), 10.0)
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        too_wide = np.exp(-beyond / middle).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(too_wide, low, middle), np.where(too_wide, middle, high)
    return np.asarray(np.exp(-beyond / high))


def _undirected(graph: CitationGraph) -> Any:
    """scipy CSR, 1.0 where one cites the other."""
    both = (graph.adjacency + graph.adjacency.T).tocsr()
    both.data[:] = 1.0
    return both


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9))
