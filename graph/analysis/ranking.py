"""Ranks of papers from the citation graph alone: who is central, and in which sense.

Every measure takes a CitationGraph and gives float64 scores of shape (n,), aligned with `graph.keys`; NaN is
a score that is not known. All run on what was read of the reference lists: a paper that nobody of the library
cites may be famous elsewhere.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from graph.analysis.bridge import bridge
from graph.analysis.citegraph import CitationGraph
from graph.analysis.store import get_or_compute
from graph.errors import UnknownName
from graph.library import Library

DAMPING = 0.85
MOST_EXACT = 3_000
"""Up to so many papers betweenness is exact; it takes time in papers times citations."""
SAMPLED_SOURCES = 500
SIMILAR_AGE = 1_000
"""Papers of similar age that a paper is compared with, as in the paper that introduced the measure."""
FEWEST_SIMILAR_AGE = 40
VERSION = 1
"""Of the algorithms here; raised when one of them gives other scores."""
_SEED = 2312
_MOST_STEPS = 1_000
_PRECISION = 1e-12

Scores = NDArray[np.float64]


def pagerank(graph: CitationGraph, *, damping: float = DAMPING) -> Scores:
    """PageRank [1]_: how often a reader who follows random references comes by; sums to 1.

    From a paper without known references the reader jumps to any paper, all equally likely, as also happens
    with probability 1 - damping everywhere. Solved directly (PRPACK through igraph), so there is nothing
    that may fail to converge.

    Examples
    --------
    >>> pagerank(CitationGraph.from_edges("ab", [("a", "b")])).round(4).tolist()
    [0.3509, 0.6491]

    References
    ----------
    .. [1] Brin, Page: The anatomy of a large-scale hypertextual web search engine. WWW 7 (1998).
    """
    if not len(graph):
        return np.zeros(0)
    return np.array(graph.igraph.pagerank(damping=damping), dtype=np.float64)


def rescaled_pagerank(graph: CitationGraph, *, similar_age: int | None = None) -> Scores:
    """PageRank compared with that of papers of similar age [1]_: standard deviations above their mean.

    Old papers have had more time to be cited, and PageRank, which follows references into the past, favours
    them twice. Here the score p_i of a paper becomes (p_i - mean) / deviation over the `similar_age` papers
    nearest to it in the order of dates (of all those of one date, none or all), so that papers of every year
    have the same chance to stand high. It was preferred to CiteRank [2]_, which lets readers start at recent
    papers: that needs a decay time fitted to traffic which a library does not have, and does not remove the
    bias fully; and to percentiles per year, which are coarse in years of few papers.

    Parameters
    ----------
    graph : the citation graph.
    similar_age : size of the window; a tenth of the dated papers by default, but at least 40 and at most
        1,000, the number used in [1]_.

    Returns
    -------
    Scores; NaN for papers without a date, 0 where all papers of similar age have the same PageRank.

    References
    ----------
    .. [1] Mariani, Medo, Zhang: Identification of milestone papers through time-balanced network centrality.
       Journal of Informetrics 10 (2016).
    .. [2] Walker, Xie, Yan, Maslov: Ranking scientific publications using a model of network traffic.
       J. Stat. Mech. P06010 (2007).
    """
    return rescale_by_age(pagerank(graph), graph.dates, similar_age=similar_age)


def rescale_by_age(scores: Scores, dates: NDArray[np.float64], *, similar_age: int | None = None) -> Scores:
    """Any scores as standard deviations above the mean of papers of similar age; see `rescaled_pagerank`."""
    rescaled = np.full(len(scores), np.nan)
    order = np.flatnonzero(~np.isnan(dates))
    order = order[np.argsort(dates[order], kind="stable")]
    count = len(order)
    if not count:
        return rescaled
    if similar_age is None:
        similar_age = min(max(count // 10, FEWEST_SIMILAR_AGE), SIMILAR_AGE)
    size = max(min(similar_age, count), 1)
    first, last = (np.searchsorted(dates[order], dates[order], side) for side in ("left", "right"))
    # All papers of a date have the same window, and it cuts no date in two: keys do not matter.
    low = np.clip((first + last - size) // 2, 0, count - size)
    windows = np.stack([first, last, first[low], last[low + size - 1]], axis=1)
    for start, stop, begin, end in np.unique(windows, axis=0).tolist():
        similar = scores[order[begin:end]]
        mean, deviation = similar.mean(), similar.std()
        if deviation <= _PRECISION * np.abs(similar).max():
            deviation = np.inf
        rescaled[order[start:stop]] = (scores[order[start:stop]] - mean) / deviation
    return rescaled


def cited(graph: CitationGraph) -> Scores:
    """How many papers of the library cite each paper."""
    return np.bincount(graph.cited, minlength=len(graph)).astype(np.float64)


def authorities(graph: CitationGraph) -> Scores:
    """HITS authority [1]_: cited by papers that cite much of what is central; sums to 1. See `hits`."""
    return hits(graph)[1]


def hubs(graph: CitationGraph) -> Scores:
    """HITS hub score [1]_: cites much of what is central, as surveys do; sums to 1. See `hits`."""
    return hits(graph)[0]


def hits(graph: CitationGraph) -> tuple[Scores, Scores]:
    """Hub and authority scores [1]_, each summing to 1; all zero for a graph without citations.

    Kleinberg's own iteration from equal scores. It is not left to igraph: where two parts of a graph are
    equally strong, the eigenvector is not unique, and igraph 1.0 then gives one of many by chance of
    rounding, while the iteration has one answer that no order of papers changes.

    References
    ----------
    .. [1] Kleinberg: Authoritative sources in a hyperlinked environment. Journal of the ACM 46 (1999).
    """
    if not graph.edges:
        return np.zeros(len(graph)), np.zeros(len(graph))
    forward = graph.adjacency
    backward = forward.T.tocsr()
    hub = np.ones(len(graph))
    for _ in range(_MOST_STEPS):
        authority = backward @ hub
        authority /= authority.sum()
        updated = forward @ authority
        updated /= updated.sum()
        change = np.abs(updated - hub).sum()
        hub = updated
        if change < _PRECISION:
            break
    return hub, authority


def betweenness(graph: CitationGraph, *, most_exact: int = MOST_EXACT) -> Scores:
    """Share of the shortest chains of citations that pass through each paper [1]_, of all pairs of others.

    Exact up to `most_exact` papers. Above, chains start at SAMPLED_SOURCES papers drawn at random (always
    the same ones) and are scaled up [2]_, as networkx does with ``k``; `rank` says so.

    References
    ----------
    .. [1] Freeman: A set of measures of centrality based on betweenness. Sociometry 40 (1977).
    .. [2] Brandes, Pich: Centrality estimation in large networks. Int. J. Bifurcation and Chaos 17 (2007).
    """
    count = len(graph)
    if count < 3:
        return np.zeros(count)
    sources, scale = None, 1.0
    if count > most_exact:
        drawn = min(SAMPLED_SOURCES, count)
        sources = sorted(random.Random(_SEED).sample(range(count), drawn))  # noqa: S311  (not a secret)
        scale = count / drawn
    passed = np.array(graph.igraph.betweenness(directed=True, sources=sources), dtype=np.float64)
    return passed * scale / ((count - 1) * (count - 2))


def core_number(graph: CitationGraph) -> Scores:
    """The largest k for which a paper is in the k-core [1]_: papers with k links among each other.

    Directions do not count, and two papers that cite each other are one link.

    References
    ----------
    .. [1] Seidman: Network structure and minimum degree. Social Networks 5 (1983).
    """
    if not graph.edges:
        return np.zeros(len(graph))
    linked = graph.igraph.as_undirected(mode="collapse")
    return np.array(linked.coreness(), dtype=np.float64)


@dataclass(frozen=True)
class Ranking:
    """A way to rank: what computes it, and what a high score means, in one line.

    `note` tells about one graph what its scores rest on, where there is something to tell.
    """

    compute: Callable[[CitationGraph], Scores]
    meaning: str
    note: Callable[[CitationGraph], str] = lambda _graph: ""


def _how_sampled(graph: CitationGraph) -> str:
    if len(graph) <= MOST_EXACT:
        return ""
    return f"Estimated from {min(SAMPLED_SOURCES, len(graph))} of {len(graph)} starting papers."


def _how_aged(graph: CitationGraph) -> str:
    undated = int(np.isnan(graph.dates).sum())
    return f"Not known for {undated} papers without a date." if undated else ""


def _how_bridged(graph: CitationGraph) -> str:
    unread = int((~graph.lists_read).sum())
    return f"Not known for {unread} papers whose reference list was not read." if unread else ""


RANKINGS: dict[str, Ranking] = {
    "pagerank": Ranking(pagerank, "a reader who follows references comes by often"),
    "cited": Ranking(cited, "many papers of the library cite it"),
    "rescaled": Ranking(
        rescaled_pagerank, "PageRank, in standard deviations above papers of similar age", _how_aged
    ),
    "authority": Ranking(authorities, "cited by the papers that cite much of what is central (HITS)"),
    "hub": Ranking(hubs, "cites much of what is central, as surveys do (HITS)"),
    "betweenness": Ranking(
        betweenness, "many shortest chains of citations between others pass through it", _how_sampled
    ),
    "core": Ranking(core_number, "in the dense middle: the k of its k-core"),
    "bridge": Ranking(
        bridge, "walks between generative and discriminative work pass through it, both ways", _how_bridged
    ),
}
"""Every way to rank, by the name that `vfm-atlas rank --by` takes; a new one is an entry here."""


def ranking_named(name: str) -> Ranking:
    """The ranking of this name; UnknownName lists all."""
    if name not in RANKINGS:
        raise UnknownName("ranking", name, list(RANKINGS), allowed=True)
    return RANKINGS[name]


@dataclass(frozen=True)
class Ranks:
    """Scores with what they mean and rest on; `order` (n,) holds positions, best first.

    Equal scores stand in the order of keys, unknown ones (NaN) last.
    """

    by: str
    meaning: str
    note: str
    scores: Scores
    order: NDArray[np.int64]


def rank(graph: CitationGraph, by: str = "pagerank") -> Ranks:
    """Rank all papers of a graph; UnknownName for a ranking that does not exist."""
    ranking = ranking_named(by)
    scores = ranking.compute(graph)
    return Ranks(by, ranking.meaning, describe(graph, ranking), scores, best_first(scores))


@dataclass(frozen=True)
class KeptRanks:
    """Scores of the papers with the row ids `paper_ids`, as read_ranks keeps them in the library."""

    by: str
    meaning: str
    note: str
    paper_ids: NDArray[np.int64]
    scores: Scores


def read_ranks(library: Library, by: str = "pagerank") -> KeptRanks:
    """The ranks of a library's papers, computed once per snapshot; UnknownName for an unknown ranking."""
    ranking = ranking_named(by)

    def compute(session: Session) -> dict[str, NDArray[Any]]:
        graph = CitationGraph.read(session)
        note = np.array([describe(graph, ranking)])
        return {"paper_ids": graph.paper_ids, "scores": ranking.compute(graph), "note": note}

    kept = get_or_compute(library, f"ranking:{by}", compute, version=VERSION)
    return KeptRanks(by, ranking.meaning, str(kept["note"][0]), kept["paper_ids"], kept["scores"])


def best_first(scores: Scores) -> NDArray[np.int64]:
    """Positions by falling score; equal ones by position, NaN last."""
    largest = np.abs(np.nan_to_num(scores)).max(initial=0.0) or 1.0
    # Rounded, so that noise in the last digits does not order papers that are equal.
    rounded = np.round(scores / largest, 12)
    return np.lexsort((np.arange(len(scores)), -rounded)).astype(np.int64)


def describe(graph: CitationGraph, ranking: Ranking) -> str:
    """What the scores of a graph rest on."""
    read = f"Over the reference lists of {int(graph.lists_read.sum())} of {len(graph)} papers."
    return f"{read} {ranking.note(graph)}".rstrip()
