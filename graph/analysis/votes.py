"""Where papers of known place put a paper without one: by meaning, and by who cites whom.

The arrays behind graph.analysis.assign. docs/assignment.md tells how well it does and against what.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import COMPANY, company, vectors_in_context

_CHUNK = 2_000
_PAPER_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Settings:
    """How votes are counted; the values were chosen as docs/assignment.md tells.

    `company` see closeness; `temperature` divides cosines to nodes before the softmax; `nearest` is how many
    papers vote; `nearest_weight` and `citation_weight` are what nearest papers and citation neighbours weigh
    beside the likeness to nodes, which weighs 1.
    """

    company: float = COMPANY
    temperature: float = 0.05
    nearest: int = 20
    nearest_weight: float = 0.25
    citation_weight: float = 0.1


@dataclass(frozen=True)
class Votes:
    """Papers of known place, ready to vote on others.

    Attributes
    ----------
    graph : the citation graph, n papers.
    context : (n, d) vectors in context.
    nodes : names of the nodes that have papers, ascending; c of them.
    voters : (m,) int64, positions of the papers of known place, ascending.
    places : (m,) int64, the node of each voter.

    Notes
    -----
    The share of a node is the weighted mean of three votes, each a distribution over nodes:

    - *likeness to nodes*: softmax of the cosines to the mean vectors of the nodes' papers (a nearest
      centroid [1]_ that says how sure it is),
    - *nearest papers*: the nearest voters, weighted by the exponential of their cosine [2]_,
    - *citations*: the voters among the citation neighbours, weighted as in `closeness.company`.

    What a paper lacks (a vector, citations) does not vote. A paper never votes on itself.

    References
    ----------
    .. [1] Rocchio: Relevance feedback in information retrieval. In: The SMART retrieval system (1971).
    .. [2] Dudani: The distance-weighted k-nearest-neighbor rule. IEEE Trans. SMC 6 (1976).
    """

    graph: CitationGraph
    context: NDArray[np.float32]
    nodes: tuple[str, ...]
    voters: NDArray[np.int64]
    places: NDArray[np.int64]
    settings: Settings = Settings()

    @classmethod
    def of(
        cls,
        graph: CitationGraph,
        texts: NDArray[np.float32],
        placed: dict[int, str],
        settings: Settings | None = None,
    ) -> "Votes":
        """Votes of the papers at the positions `placed`; `texts` (n, d) are unit text vectors."""
        nodes = tuple(sorted(set(placed.values())))
        voters = np.array(sorted(placed), dtype=np.int64)
        places = np.array([nodes.index(placed[at]) for at in voters.tolist()], dtype=np.int64)
        settings = settings or Settings()
        context = vectors_in_context(graph, texts, settings.company)
        return cls(graph, context, nodes, voters, places, settings)

    @cached_property
    def company(self) -> Any:
        """The weights of citation neighbours, see closeness.company."""
        return company(self.graph)

    @cached_property
    def _one_hot(self) -> NDArray[np.float64]:
        return np.eye(len(self.nodes))[self.places]

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        """The sum of the vectors of each node's papers, (c, d)."""
        return np.asarray(self._one_hot.T @ self.context[self.voters].astype(np.float64))

    def shares(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of each node for the papers at `rows`, (len(rows), c); zeros where nothing is known."""
        parts = [
            self._shares(rows[start : start + _CHUNK])[0] for start in range(0, len(rows), _CHUNK)
        ]  # fmt: skip
        return np.concatenate(parts) if parts else np.zeros((0, len(self.nodes)))

    def evidence(self, row: int, node: int) -> NDArray[np.float64]:
        """What each voter contributes to the share of a node for the paper at `row`, (m,); it sums to it."""
        rows = np.array([row], dtype=np.int64)
        shares, by_node, by_paper, by_citation = self._shares(rows)
        vectors = self.context[self.voters].astype(np.float64)
        likeness = np.maximum(vectors @ self.context[row].astype(np.float64), 0)
        likeness[(self.places != node) | (self.voters == row)] = 0
        whole = likeness.sum()
        found = by_paper[0] + by_citation[0]
        found[self.places != node] = 0
        if whole > 0:
            found += by_node[0, node] * likeness / whole
        total = found.sum()
        return np.asarray(found * (shares[0, node] / total) if total > 0 else found)

    def _shares(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
        """Shares (r, c), and their parts: likeness to nodes (r, c), nearest papers and citations (r, m)."""
        has_vector = self.context[rows].any(axis=1, keepdims=True)
        by_node = np.where(has_vector, self._by_node(rows), 0)
        by_paper = self.settings.nearest_weight * np.where(has_vector, self._by_paper(rows), 0)
        # A paper is no neighbour of itself, so that nothing is to be left out.
        by_citation = self.settings.citation_weight * self.company[rows][:, self.voters].toarray()
        shares = by_node + (by_paper + by_citation) @ self._one_hot
        total = shares.sum(axis=1, keepdims=True)
        shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        return shares, by_node, by_paper, by_citation

    def _by_node(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Softmax of the cosines to the nodes, the paper itself left out of its node."""
        vectors = self.context[rows].astype(np.float64)
        products = vectors @ self._sums.T
        squares = np.tile((self._sums**2).sum(axis=1), (len(rows), 1))
        own = np.flatnonzero(np.isin(rows, self.voters))
        node = self.places[np.searchsorted(self.voters, rows[own])]
        length = (vectors[own] ** 2).sum(axis=1)
        squares[own, node] += length - 2 * products[own, node]
        products[own, node] -= length
        usable = squares > 1e-6
        cosines = np.where(usable, products / np.sqrt(np.where(usable, squares, 1)), -np.inf)
        return _softmax(cosines / self.settings.temperature)

    def _by_paper(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights of the nearest voters, (r, m)."""
        vectors = self.context[self.voters]
        cosines = np.round(self.context[rows] @ vectors.T, 6).astype(np.float64)
        cosines[(rows[:, None] == self.voters[None, :]) | ~vectors.any(axis=1, keepdims=True).T] = -np.inf
        if cosines.shape[1] > self.settings.nearest:
            order = np.argsort(-cosines, axis=1, kind="stable")[:, self.settings.nearest :]
            np.put_along_axis(cosines, order, -np.inf, axis=1)
        return _softmax(cosines / _PAPER_TEMPERATURE)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows that sum to 1, or 0 where every value is -inf."""
    if not values.shape[1]:
        return values
    top = values.max(axis=1, keepdims=True)
    weights = np.exp(values - np.where(np.isfinite(top), top, 0))
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))
