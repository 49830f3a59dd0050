"""Finding the right one among many: the rank of the first that is wanted, and recall at k."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.bootstrap import Statistic, ratio_of


def first_ranks(scores: NDArray[np.floating], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Per row the rank (from 1) of the best wanted candidate; 0 for a row that wants none.

    What is not wanted and scores as high stands before it, so that equal scores for all win nothing.
    """
    best = np.where(wanted, scores, -np.inf).max(axis=1, keepdims=True)
    ranks = 1 + ((scores >= best) & ~wanted).sum(axis=1)
    return np.where(wanted.any(axis=1), ranks, 0).astype(np.int64)


def recall(found: ArrayLike, asked: ArrayLike) -> Statistic:
    """Queries answered over queries asked, both counted per example."""
    return ratio_of(found, asked)


def chance_of_recall(k: int, wanted: NDArray[np.bool_]) -> float:
    """Recall at k of candidates in random order, averaged over the rows that want any.

    With w wanted among m candidates it is 1 - C(m - w, k) / C(m, k).
    """
    candidates = wanted.shape[1]
    shares = []
    for count in wanted.sum(axis=1):
        if count:
            taken = np.arange(min(k, candidates))
            misses = np.prod(np.clip((candidates - count - taken) / (candidates - taken), 0.0, 1.0))
            shares.append(1.0 - float(misses))
    return float(np.mean(shares)) if shares else float("nan")
