"""How far masks, label maps and boxes overlap."""

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.bootstrap import Statistic, mean_of_ratios


def mask_iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intersection over union of masks of shape (..., height, width), pair by pair; 1 for two empty ones."""
    intersection = (found & truth).sum(axis=(-2, -1), dtype=np.float64)
    union = (found | truth).sum(axis=(-2, -1), dtype=np.float64)
    return np.asarray(np.divide(intersection, union, out=np.ones_like(intersection), where=union > 0))


def box_iou(found: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (left, top, right, bottom): shapes (a, 4) and (b, 4) give (a, b)."""
    corner = np.maximum(found[:, None, :2], truth[None, :, :2])
    other = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    intersection = np.clip(other - corner, 0.0, None).prod(axis=2)
    union = _areas(found)[:, None] + _areas(truth)[None, :] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def class_overlaps(
    found: NDArray[np.int64], truth: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels per class in the intersection and in the union of two maps of class indices."""
    pairs = np.bincount(truth.ravel() * classes + found.ravel(), minlength=classes * classes)
    confusion = pairs.reshape(classes, classes)
    both = confusion.diagonal().copy()
    return both, confusion.sum(axis=0) + confusion.sum(axis=1) - both


def mean_iou(intersections: NDArray[np.int64], unions: NDArray[np.int64]) -> Statistic:
    """Mean over classes of intersection over union, pixels of all examples together.

    Both arrays have the shape (examples, classes); a class that nowhere occurs is left out.
    """
    return mean_of_ratios(intersections, unions)


def iou_of_random_labels(shares: NDArray[np.float64]) -> float:
    """Mean IoU to expect of labels drawn uniformly per pixel, given the share of pixels of every class."""
    uniform = 1.0 / len(shares)
    both = shares * uniform
    return float(np.mean(both / (shares + uniform - both)))


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1))
