"""Several rankings of the same papers made one: what search does, and reciprocal rank fusion beside it.

Search adds scores, each divided by its maximum (Bruch, Gai and Ingber, "An analysis of fusion functions for
hybrid retrieval", TOIS 2023), and a small share for how often the papers of this library cite a paper: of two
papers that say the same, people mostly mean the one that others build on. docs/search.md says how the
constants were chosen.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

LEXICAL, DENSE, CITED = 0.35, 0.65, 0.06
"""Shares of the fused score."""
FEEDBACK_PAPERS, FEEDBACK = 3, 0.5
"""The first papers move the query's vector towards their mean by this much (Rocchio 1971)."""
NODE_PAPERS, NODE = 3, 0.3
"""A node of the taxonomy is as good as its best papers, and lifts all papers in it by this share."""
RANK_CONSTANT = 60

Scores = NDArray[np.float64]


def share(weight: float, scores: Scores) -> Scores:
    """Scores divided by the largest of them, times their weight; all zero where every score is."""
    # By size, not the best: cosines can be negative, and no share may outgrow its weight.
    largest = np.abs(scores).max(initial=0.0)
    return weight * scores / largest if largest else np.zeros_like(scores)


def moved(
    vector: NDArray[np.float32], towards: NDArray[np.float32], by: float = FEEDBACK
) -> NDArray[np.float32]:
    """A unit vector moved towards the mean of others (k, dimension), as a unit vector."""
    if not len(towards):
        return vector
    found = vector + by * towards.mean(axis=0)
    length = np.linalg.norm(found)
    return np.asarray(found / length, dtype=np.float32) if length else vector


def by_group(scores: Scores, members: NDArray[np.int64], groups: NDArray[np.int64]) -> Scores:
    """For each score, the best mean of the NODE_PAPERS largest of a group that it belongs to; 0 without any.

    `members` are positions in `scores` and `groups` the numbers of their groups, pair by pair. A group of
    fewer members is divided by NODE_PAPERS all the same: one good paper does not make a good group.
    """
    found = np.zeros_like(scores)
    if not len(members):
        return found
    order = np.lexsort((-scores[members], groups))
    ranked = groups[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    places = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.r_[starts, len(ranked)]))
    best = order[places < NODE_PAPERS]
    sums = np.bincount(groups[best], weights=scores[members[best]], minlength=int(groups.max()) + 1)
    np.maximum.at(found, members, sums[groups] / NODE_PAPERS)
    return found


def reciprocal_rank(*rankings: Iterable[int], constant: int = RANK_CONSTANT) -> dict[int, float]:
    """The sum of 1 / (constant + rank) over rankings (Cormack, Clarke and Buettcher, SIGIR 2009)."""
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, paper_id in enumerate(ranking, start=1):
            fused[paper_id] = fused.get(paper_id, 0.0) + 1 / (constant + rank)
    return fused


def ordered(scores: Mapping[int, float]) -> list[int]:
    """Papers by falling score; of equal ones the lower id, so that the same search gives the same list."""
    return sorted(scores, key=lambda paper_id: (-scores[paper_id], paper_id))
