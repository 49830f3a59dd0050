"""Main paths: the chains of citations along which most of the ways through a literature lead.

Knowledge flows from the cited paper to the citing one; a search path runs from a source (cites nobody here,
but is cited) to a sink (cites, but is not cited).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.analysis.citegraph import CitationGraph
from graph.errors import QueryError

MOST_EXACT = 100_000
"""Up to so many citations search paths are counted exactly; their numbers grow to hundreds of bits."""
ROUTES = 10
_SAME = 1e-9


@dataclass(frozen=True)
class SearchPaths:
    """How many search paths lead over each citation.

    Attributes
    ----------
    graph : the acyclic graph over which they were counted; its citations are aligned with the counts.
    counts : the exact numbers, None where only their logarithms were computed.
    logs : (m,) float64, natural logarithms of the counts.
    total : natural logarithm of the number of all search paths, -inf if there is none.
    dropped : citations left out because they close cycles (see CitationGraph.acyclic).
    """

    graph: CitationGraph
    counts: tuple[int, ...] | None
    logs: NDArray[np.float64]
    total: float
    dropped: int

    @property
    def shares(self) -> NDArray[np.float64]:
        """The share of all search paths that leads over each citation, shape (m,)."""
        return np.exp(self.logs - self.total) if len(self.logs) else self.logs


@dataclass(frozen=True)
class MainLink:
    """A citation on the main path, with its share of all search paths; `is_route` marks where it began."""

    citing: str
    cited: str
    share: float
    is_route: bool


@dataclass(frozen=True)
class MainPath:
    """The papers of the main path, oldest first along the flow, and the citations that join them.

    `covered` of `papers` had their reference list read: others can only be starting points.
    """

    keys: tuple[str, ...]
    links: tuple[MainLink, ...]
    dropped: int
    covered: int
    papers: int


def search_paths(graph: CitationGraph, *, most_exact: int = MOST_EXACT) -> SearchPaths:
    """Count the search paths over each citation (SPC) [1]_.

    The count of a citation is the number of ways from any source to the cited paper times the number of ways
    from the citing paper to any sink; both come from one pass in topological order. Exact in whole numbers of
    any length up to `most_exact` citations, and in logarithms above (relative error about 1e-12).

    Examples
    --------
    >>> graph = CitationGraph.from_edges("abcd", [("b", "a"), ("c", "b"), ("d", "b")])
    >>> search_paths(graph).counts
    (2, 1, 1)

    References
    ----------
    .. [1] Batagelj: Efficient algorithms for citation network analysis. arXiv:cs/0309023 (2003).
    """
    acyclic = graph.acyclic()
    dropped = graph.edges - acyclic.edges
    if not acyclic.edges:
        return SearchPaths(acyclic, (), np.zeros(0), -math.inf, dropped)
    exact = acyclic.edges <= most_exact
    into = _ways(len(acyclic), acyclic.cited, acyclic.citing, exact=exact)
    out = _ways(len(acyclic), acyclic.citing, acyclic.cited, exact=exact)
    # Every search path ends with one citation by a sink.
    last = np.bincount(acyclic.cited, minlength=len(acyclic))[acyclic.citing] == 0
    if not exact:
        logs = into[acyclic.cited] + out[acyclic.citing]
        total = float(np.logaddexp.reduce(logs[last]))
        return SearchPaths(acyclic, None, logs.astype(np.float64), total, dropped)
    counts = [int(count) for count in into[acyclic.cited] * out[acyclic.citing]]
    logs = np.array([math.log(count) for count in counts])
    total = math.log(sum(counts[at] for at in np.flatnonzero(last)))
    return SearchPaths(acyclic, tuple(counts), logs, total, dropped)


def _ways(
    nodes: int, starts: NDArray[np.int64], ends: NDArray[np.int64], *, exact: bool
) -> NDArray[np.object_] | NDArray[np.float64]:
    """How many ways lead to each node from nodes without arrows into them; (nodes,) ints, or logarithms."""
    add = np.add if exact else np.logaddexp
    waiting = np.bincount(ends, minlength=nodes)
    ways: NDArray[np.object_] | NDArray[np.float64]
    ways = np.zeros(nodes, dtype=object) if exact else np.full(nodes, -np.inf)
    front = np.flatnonzero(waiting == 0)
    ways[front] = 1 if exact else 0.0
    order = np.argsort(starts, kind="stable")
    targets = ends[order]
    begin = np.searchsorted(starts[order], np.arange(nodes + 1))
    while len(front):
        lengths = begin[front + 1] - begin[front]
        # The places of all arrows that leave the front, without a loop over its nodes.
        offsets = np.repeat(begin[front] - np.cumsum(lengths) + lengths, lengths)
        reached = targets[offsets + np.arange(len(offsets))]
        add.at(ways, reached, np.repeat(ways[front], lengths))
        np.subtract.at(waiting, reached, 1)
        candidates = np.unique(reached)
        front = candidates[waiting[candidates] == 0]
    return ways


def main_path(graph: CitationGraph | SearchPaths, *, routes: int = ROUTES) -> MainPath:
    """The key-route main path [1]_: the citations with the largest counts, each followed to both ends.

    From each of the `routes` citations that most search paths lead over, the flow is followed forwards to a
    sink and backwards to a source, always over the citations with the largest count; of equal ones all are
    followed. Beginning at the key routes keeps the weightiest citations, which a search from the sources can
    miss; more of them show more of the branches.

    Parameters
    ----------
    graph : the citations, or their search paths where these are at hand.
    routes : how many citations to begin with, 1 or more, else QueryError. Of equal ones those whose keys come
        first.

    References
    ----------
    .. [1] Liu, Lu: An integrated approach for main path analysis. J. Am. Soc. Inf. Sci. Tec. 63 (2012).
    """
    if routes < 1:
        raise QueryError(f"cannot follow {routes} key routes: 1 or more are allowed")
    paths = graph if isinstance(graph, SearchPaths) else search_paths(graph)
    kept = paths.graph
    weights = _by_rank(paths)
    begin = np.lexsort((np.arange(len(weights)), -weights))[:routes]
    taken = set(begin.tolist())
    taken |= _followed(kept.citing[begin], kept.cited, kept.citing, weights)
    taken |= _followed(kept.cited[begin], kept.citing, kept.cited, weights)
    chosen = np.array(sorted(taken), dtype=np.int64)
    shares = paths.shares
    links = [
        MainLink(kept.keys[kept.citing[at]], kept.keys[kept.cited[at]], float(shares[at]), at in begin)
        for at in chosen.tolist()
    ]
    return MainPath(
        keys=tuple(_in_order(kept, chosen)),
        links=tuple(sorted(links, key=lambda link: (-link.share, link.citing, link.cited))),
        dropped=paths.dropped,
        covered=int(kept.lists_read.sum()),
        papers=len(kept),
    )


def _by_rank(paths: SearchPaths) -> NDArray[np.int64]:
    """Numbers that stand in the same order as the counts, and are equal where these are."""
    # Logarithms are rounded: equal counts have to look equal.
    values = np.round(paths.logs / _SAME) if paths.counts is None else np.array(paths.counts, dtype=object)
    ranks: NDArray[np.int64] = np.unique(values, return_inverse=True)[1]
    return ranks


def _followed(
    begin: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> set[int]:
    """The arrows over which one gets from some nodes to the end, always over the heaviest ones."""
    heaviest = np.full(int(starts.max(initial=-1)) + 1, -1)
    np.maximum.at(heaviest, starts, weights)
    best = np.flatnonzero(weights >= heaviest[starts])
    leaving: dict[int, list[int]] = {}
    for at in best.tolist():
        leaving.setdefault(int(starts[at]), []).append(at)
    taken: set[int] = set()
    seen: set[int] = set()
    front = begin.tolist()
    while front:
        node = front.pop()
        if node not in seen:
            seen.add(node)
            taken.update(leaving.get(node, ()))
            front.extend(int(ends[at]) for at in leaving.get(node, ()))
    return taken


def _in_order(graph: CitationGraph, chosen: NDArray[np.int64]) -> list[str]:
    """Keys of the papers at the ends of some citations: cited before citing, then by date and key."""
    import heapq

    waiting: dict[int, int] = {}
    cites: dict[int, list[int]] = {}
    for citing, cited in zip(graph.citing[chosen].tolist(), graph.cited[chosen].tolist(), strict=True):
        waiting[citing] = waiting.get(citing, 0) + 1
        waiting.setdefault(cited, 0)
        cites.setdefault(cited, []).append(citing)
    dates = np.where(np.isnan(graph.dates), np.inf, graph.dates)
    ready = [(float(dates[node]), node) for node, count in waiting.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _date, node = heapq.heappop(ready)
        ordered.append(graph.keys[node])
        for citing in cites.get(node, ()):
            waiting[citing] -= 1
            if not waiting[citing]:
                heapq.heappush(ready, (float(dates[citing]), citing))
    return ordered
