"""The bridge score: how much of the traffic between generative and discriminative work a paper carries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.analysis.citegraph import CitationGraph

GENERATIVE, DISCRIMINATIVE = "generative", "discriminative"
CONTINUE = 0.5
_PRECISION = 1e-12


@dataclass(frozen=True)
class BridgeScores:
    """The score of each paper, NaN where it is not known, and its two parts.

    Attributes
    ----------
    scores : (n,) float64, geometric mean of the two parts.
    to_generative, to_discriminative : (n,) float64, the share of walks from the one side that end on the
        other, of two steps or more, which pass through the paper.
    covered, papers : papers whose reference list was read, and all.
    """

    scores: NDArray[np.float64]
    to_generative: NDArray[np.float64]
    to_discriminative: NDArray[np.float64]
    covered: int
    papers: int


def bridge(graph: CitationGraph) -> NDArray[np.float64]:
    """The bridge score of each paper, shape (n,); NaN where its reference list was not read."""
    return bridge_scores(graph).scores


def bridge_scores(graph: CitationGraph, *, alpha: float = CONTINUE) -> BridgeScores:
    """Score papers by the random walks between the two pillars that pass through them.

    A reader starts at a random discriminative paper and follows a random reference; after each step the
    reader goes on with probability `alpha` and stops otherwise. Of the walks of two steps or more that stop
    at a generative paper, `to_generative` is the share that passes through a paper (as neither its start nor
    its end); `to_discriminative` the same the other way round. The score is the geometric mean of both: a
    bridge carries traffic both ways. A popular paper of one side, which the other side only draws upon, has
    one large part and one near zero, and so a low score.

    Parameters
    ----------
    graph : the citation graph; walks start and go on only where reference lists were read.
    alpha : probability to go on; 0.5 was found to fit the reading of citations [1]_.

    Notes
    -----
    This is random-walk betweenness [2]_ between two groups, on directed and damped walks. With P the
    row-normalised adjacency, the walks through v factorise by the Markov property into
    ``alpha * sum_k alpha^(k-1) (P^T)^k s`` (arrivals from the starting side s that go on) times
    ``(1 - alpha) * sum_k alpha^(k-1) P^k t`` (chance to stop at the other side t). Both sums converge
    geometrically; the cost is O(m) per term. Walks are on the acyclic graph (see CitationGraph.acyclic), so
    that none passes a paper twice. A missing edge changes the score smoothly, unlike shortest
    paths, of which it may remove the only one: reference lists here are incomplete.

    References
    ----------
    .. [1] Walker, Xie, Yan, Maslov: Ranking scientific publications using a model of network traffic.
       J. Stat. Mech. P06010 (2007).
    .. [2] Newman: A measure of betweenness centrality based on random walks. Social Networks 27 (2005).
    """
    pillars = np.array([pillar or "" for pillar in graph.pillars], dtype=object)
    generative, discriminative = (pillars == name for name in (GENERATIVE, DISCRIMINATIVE))
    step = _steps(graph.acyclic())
    to_generative = _share_through(step, discriminative & graph.lists_read, generative, alpha)
    to_discriminative = _share_through(step, generative & graph.lists_read, discriminative, alpha)
    unknown = ~graph.lists_read
    for part in (to_generative, to_discriminative):
        part[unknown] = np.nan
    scores = np.sqrt(to_generative * to_discriminative)
    return BridgeScores(scores, to_generative, to_discriminative, int(graph.lists_read.sum()), len(graph))


def _steps(graph: CitationGraph) -> Any:
    """The matrix of one step: a random reference of each paper whose list was read; scipy CSR, (n, n)."""
    from scipy.sparse import diags_array

    degree = np.bincount(graph.citing, minlength=len(graph)).astype(np.float64)
    weight = np.where(graph.lists_read & (degree > 0), 1 / np.maximum(degree, 1), 0.0)
    return diags_array(weight) @ graph.adjacency


def _share_through(
    step: Any, starts: NDArray[np.bool_], ends: NDArray[np.bool_], alpha: float
) -> NDArray[np.float64]:
    """The share of walks from `starts` to `ends`, of two steps or more, that pass through each paper."""
    if not starts.any() or not ends.any():
        return np.zeros(len(starts))
    begin = starts / starts.sum()
    arrive = _sum_of_steps(step.T, begin, alpha)
    first = step @ ends.astype(np.float64)
    reach = (1 - alpha) * _sum_of_steps(step, ends.astype(np.float64), alpha)
    longer = float(begin @ (reach - (1 - alpha) * first))
    if longer <= _PRECISION:
        return np.zeros(len(starts))
    through: NDArray[np.float64] = alpha * arrive * reach / longer
    return through


def _sum_of_steps(step: Any, vector: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """sum over k >= 1 of alpha^(k-1) step^k vector, to the precision of what is left out."""
    term: NDArray[np.float64] = step @ vector
    total = term.copy()
    weight = 1.0
    while term.size and np.abs(term).max() * weight > _PRECISION and weight > _PRECISION:
        weight *= alpha
        term = step @ term
        total += weight * term
    return total
