"""Where the names of topics stand on the map, and which papers are its landmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 12
FEWEST_PAPERS = 4
"""A topic of fewer papers on the map has no name there."""
_PER_BRANCH = 3
_APART = 0.08
_CELLS = 40
_BLUR = {1: 2.4}
_FINE_BLUR = 1.3


@dataclass(frozen=True)
class Topic:
    """The name of a node (its position among the nodes) belongs at a place of the map.

    `reach` is the distance within which half of the topic's papers lie: how far the name carries.
    """

    node: int
    x: float
    y: float
    reach: float


def topic_places(
    x: NDArray[np.float32], y: NDArray[np.float32], node: NDArray[np.int16], parents: Sequence[int]
) -> tuple[Topic, ...]:
    """Where each topic below the root is densest and most by itself, in the order of the nodes.

    Parameters
    ----------
    x, y : (n,) places in the unit square, NaN for a paper without one.
    node : (n,) the node of each paper, -1 without one.
    parents : of each node, -1 for the root.

    Notes
    -----
    A histogram of the topic's papers is smoothed; the name goes to the cell where this density, times the
    topic's share of all papers there, is greatest, at the mean of the topic's papers around it.
    """
    placed = ~np.isnan(x)
    everything = _histogram(x[placed], y[placed])
    found = []
    for topic, parent in enumerate(parents):
        if parent < 0:
            continue
        inside = placed & np.isin(node, _below(topic, parents))
        if inside.sum() < FEWEST_PAPERS:
            continue
        width = _BLUR.get(_depth(topic, parents), _FINE_BLUR)
        own = _blurred(_histogram(x[inside], y[inside]), width)
        score = own * own / (_blurred(everything, width) + 0.1)
        row, column = np.unravel_index(int(score.argmax()), score.shape)
        middle = (float(column) + 0.5) / _CELLS, (float(row) + 0.5) / _CELLS
        distance = np.hypot(x[inside] - middle[0], y[inside] - middle[1])
        near = distance <= max(float(np.sort(distance)[FEWEST_PAPERS - 1]), 2 * width / _CELLS)
        found.append(
            Topic(
                topic, float(x[inside][near].mean()), float(y[inside][near].mean()),
                float(np.median(distance)),
            )
        )  # fmt: skip
    return tuple(found)


def landmarks(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    cited: NDArray[np.uint32],
    branch: NDArray[np.int64],
    count: int = LANDMARKS,
) -> tuple[int, ...]:
    """The most cited papers that lie apart and are not all of one branch: at most three of each.

    Papers are expected in the order of their citations, most cited first.
    """
    chosen: list[int] = []
    of_branch: dict[int, int] = {}
    for number in range(len(x)):
        if len(chosen) == count or cited[number] == 0:
            break
        own = int(branch[number])
        near = any(np.hypot(x[number] - x[other], y[number] - y[other]) < _APART for other in chosen)
        if near or np.isnan(x[number]) or of_branch.get(own, 0) == _PER_BRANCH:
            continue
        chosen.append(number)
        of_branch[own] = of_branch.get(own, 0) + 1
    return tuple(chosen)


def _below(topic: int, parents: Sequence[int]) -> list[int]:
    below = {topic}
    for at, parent in enumerate(parents):  # reading order: a parent stands before its children
        if parent in below:
            below.add(at)
    return sorted(below)


def _depth(topic: int, parents: Sequence[int]) -> int:
    depth = 0
    while parents[topic] >= 0:
        topic, depth = parents[topic], depth + 1
    return depth


def _histogram(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    edges = np.linspace(0, 1, _CELLS + 1)
    counts, _, _ = np.histogram2d(np.clip(y, 0, 1), np.clip(x, 0, 1), bins=(edges, edges))
    return np.asarray(counts, dtype=np.float64)


def _blurred(counts: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """The counts under a Gaussian of a width in cells."""
    cells = np.arange(_CELLS)
    weights = np.exp(-(((cells[:, None] - cells[None, :]) / width) ** 2) / 2)
    return np.asarray(weights @ counts @ weights.T)
