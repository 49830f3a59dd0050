"""Average precision as COCO has it: 101 recall levels, IoU .50 to .95, 100 finds per image and class.

Finds are matched within their image, so an image's matches stay what they are however images are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.bootstrap import Statistic, Values, mean_of_known
from evaluation.metrics.overlap import box_iou

THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
MOST_PER_IMAGE = 100
_RECALLS = np.linspace(0.0, 1.0, 101)
_RESAMPLES = 200


@dataclass(frozen=True)
class ImageMatches:
    """What was found in one image of one class after matching.

    Attributes:
        truths: how many objects of the class are in it.
        scores: shape (finds,), highest first.
        hits: shape (finds, thresholds): whether the find is one of the objects at that IoU.
    """

    truths: int
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]


def match(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], truths: NDArray[np.float64]
) -> ImageMatches:
    """Match the finds of one class in one image, surest first, each with the best object still free."""
    order = np.argsort(-scores, kind="stable")[:MOST_PER_IMAGE]
    overlaps = box_iou(boxes[order], truths)
    hits = np.zeros((len(order), len(THRESHOLDS)), dtype=bool)
    for column, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(truths), dtype=bool)
        for row, overlap in enumerate(overlaps):
            candidates = np.where(free & (overlap >= min(threshold, 1 - 1e-10)), overlap, -1.0)
            # Of equal overlaps the last, as COCO's own code takes it.
            best = len(candidates) - 1 - int(np.argmax(candidates[::-1])) if len(candidates) else -1
            if best >= 0 and candidates[best] >= 0:
                free[best] = False
                hits[row, column] = True
    return ImageMatches(len(truths), scores[order], hits)


def average_precision(
    by_class: Sequence[Sequence[ImageMatches]], thresholds: Sequence[int] = tuple(range(10))
) -> Statistic:
    """Average precision over classes and the numbered thresholds; `by_class` holds every image per class.

    A class without objects counts for nothing; without any class the value is NaN.
    """
    images = len(by_class[0]) if by_class else 0
    tables = [_Table.of(matches) for matches in by_class]
    chosen = list(thresholds)

    def value(weights: Values) -> Values:
        return np.array([_mean_precision(tables, row, chosen) for row in weights])

    return Statistic(images, value, is_biased=True, resamples=_RESAMPLES)


@dataclass(frozen=True)
class _Table:
    """The finds of one class in all images, surest first."""

    image: NDArray[np.int64]
    hits: NDArray[np.bool_]
    truths: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Sequence[ImageMatches]) -> "_Table":
        image = np.concatenate([np.full(len(each.scores), i) for i, each in enumerate(matches)])
        scores = np.concatenate([each.scores for each in matches])
        order = np.argsort(-scores, kind="stable")
        hits = np.concatenate([each.hits.reshape(-1, len(THRESHOLDS)) for each in matches])
        truths = np.array([each.truths for each in matches], dtype=np.float64)
        return cls(image.astype(np.int64)[order], hits[order], truths)


def _mean_precision(tables: Sequence[_Table], weights: Values, thresholds: list[int]) -> float:
    values = [_precision_of_class(table, weights, thresholds) for table in tables]
    return float(mean_of_known(np.array([values]))[0]) if values else float("nan")


def _precision_of_class(table: _Table, weights: Values, thresholds: list[int]) -> float:
    """The mean over thresholds of one class's precision at 101 recalls; NaN for a class without objects."""
    wanted = float(table.truths @ weights)
    if not wanted:
        return float("nan")
    weight = weights[table.image][:, None]
    right = np.cumsum(table.hits[:, thresholds] * weight, axis=0)
    all_so_far = np.cumsum(weight, axis=0)
    precision = np.divide(right, all_so_far, out=np.zeros_like(right), where=all_so_far > 0)
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    found = [
        np.append(envelope[:, column], 0.0)[np.searchsorted(right[:, column] / wanted, _RECALLS)].mean()
        for column in range(len(thresholds))
    ]
    return float(np.mean(found))
