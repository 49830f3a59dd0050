"""Classes: right answers, answers among the first few, recall per class, and nearest neighbours."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.bootstrap import Statistic, mean_of_ratios, share_of


def accuracy(labels: ArrayLike, guesses: ArrayLike) -> Statistic:
    """The share of examples whose class was named."""
    return share_of(np.asarray(labels) == np.asarray(guesses))


def top_accuracy(labels: ArrayLike, ranked: ArrayLike) -> Statistic:
    """The share of examples whose class is among the first; `ranked` has the shape (examples, how many)."""
    return share_of((np.asarray(ranked) == np.asarray(labels)[:, None]).any(axis=1))


def balanced_accuracy(labels: ArrayLike, guesses: ArrayLike) -> Statistic:
    """Recall, averaged over the classes that occur."""
    truth = np.asarray(labels)
    of_class = truth[:, None] == np.unique(truth)
    return mean_of_ratios(of_class & (truth == np.asarray(guesses))[:, None], of_class)


def ranked_classes(scores: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """The `count` classes with the highest scores per row, best first; of equal ones the earlier."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


def nearest_neighbours(
    train: NDArray[np.floating],
    labels: NDArray[np.int64],
    queries: NDArray[np.floating],
    *,
    k: int,
    classes: int,
    temperature: float = 0.07,
) -> NDArray[np.float64]:
    """Votes of shape (queries, classes) of the k nearest by cosine, each weighing exp(cosine / temperature).

    The protocol of Wu et al., CVPR 2018 (arXiv:1805.01978), which DINO and its successors report.
    """
    similarity = unit(queries) @ unit(train).T
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    weights = np.exp(np.take_along_axis(similarity, nearest, axis=1) / temperature)
    votes = np.zeros((len(queries), classes))
    np.add.at(votes, (np.arange(len(queries))[:, None], labels[nearest]), weights)
    return votes


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Vectors of length 1; zero stays zero."""
    data = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(data, axis=1, keepdims=True)
    return np.asarray(data / np.where(lengths > 0, lengths, 1.0))
