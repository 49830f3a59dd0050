"""Points in the plane that pull at those they are linked with and push off all others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.analysis.closeness import Links

EPOCHS = 150
SAMPLE = 600
_RATE = 0.3
_PUSH = 5.0
_LONGEST = 4.0
_SOFT = 1e-3
_SEED = 2312
_ROUNDS = 60
_CHUNK = 20_000
_SPREADING = 100


@dataclass(frozen=True)
class Springs:
    """The forces between n points.

    The link of points at distance r with weight w pulls with 2wr / (1 + r^2); each point pushes off every
    other one with 2cr / ((0.001 + r^2)(1 + r^2)), c being five times its mean weight per point. These are the
    gradients of UMAP's cross entropy [1]_ with the kernel 1 / (1 + r^2) of t-SNE [2]_, which needs no powers,
    and as many pushes as if each point drew five others for each unit of weight.

    References
    ----------
    .. [1] McInnes, Healy, Melville: UMAP: Uniform manifold approximation and projection for dimension
       reduction. arXiv:1802.03426 (2018).
    .. [2] van der Maaten, Hinton: Visualizing data using t-SNE. JMLR 9 (2008).
    """

    links: Links

    def relax(
        self, points: NDArray[np.float64], movable: NDArray[np.bool_] | None = None, epochs: int = EPOCHS
    ) -> NDArray[np.float64]:
        """Where the points come to rest, (n, 2); those that are not `movable`, (n,), stay exactly.

        Full gradient steps of falling size. Up to SAMPLE points the pushes are exact, beyond that they are
        estimated from as many points drawn anew, with a fixed seed, in each step: the same points always come
        to rest at the same places. Time grows with n.
        """
        count = len(points)
        rows = np.arange(count) if movable is None else np.flatnonzero(movable)
        if count < 2 or not len(rows):
            return points
        start, stop, weight = self._of(rows)
        strength = (_PUSH * np.bincount(start, weight, minlength=count) / count).astype(np.float32)[rows]
        place = np.empty(count, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        start_row = place[start]
        now = points.astype(np.float32)
        draw = np.random.default_rng(_SEED)
        for epoch in range(epochs):
            pull = now[start] - now[stop]
            factor = -2 * weight / (1 + (pull * pull).sum(axis=1))
            step = _sum(start_row, _cut(factor[:, None] * pull), len(rows))
            sample = np.arange(count) if count <= SAMPLE else draw.choice(count, SAMPLE, replace=False)
            for first in range(0, len(rows), _CHUNK):
                part = slice(first, first + _CHUNK)
                step[part] += _pushes(now[rows[part]], now[sample], strength[part] * (count / len(sample)))
            length = np.linalg.norm(step, axis=1, keepdims=True)
            step *= np.minimum(1, _LONGEST / np.maximum(length, 1e-9))
            now[rows] += (_RATE * (1 - epoch / epochs) * step).astype(np.float32)
        result = points.astype(np.float64).copy()
        result[rows] = now[rows]
        return result

    def scale(self, points: NDArray[np.float64]) -> float:
        """The factor by which these points, shape (n, 2), were shrunk since they came to rest.

        At rest the work of pulls and pushes against a common growth is the same (the virial theorem): pulls
        win when the points are too far apart, pushes when they are too close. 1 if there is nothing to tell.
        """
        count = len(points)
        rows = np.arange(0, count, -(-count // SAMPLE) or 1)
        start, stop, weight = self._of(np.arange(count))
        total = np.bincount(start, weight, minlength=count)
        near = ((points[start] - points[stop]) ** 2).sum(axis=1)
        far = ((points[rows, None] - points[None]) ** 2).sum(axis=2)
        strength = (_PUSH * total[rows] / count * (count / max(len(rows), 1)))[:, None]
        if not (near > 0).any():
            return 1.0
        low, high = 1e-6, 1e6
        for _ in range(_ROUNDS):
            middle = float(np.sqrt(low * high))
            pulled, pushed = middle**2 * near, middle**2 * far
            work = (weight * pulled / (1 + pulled)).sum()
            against = (strength * pushed / ((_SOFT + pushed) * (1 + pushed))).sum()
            low, high = (low, middle) if work > against else (middle, high)
        return float(np.sqrt(low * high))

    def _of(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """The links of the points `rows`, seen from these: from, to, weight."""
        links = self.links
        start = np.concatenate([links.first, links.second])
        stop = np.concatenate([links.second, links.first])
        weight = np.tile(links.weight, 2).astype(np.float32)
        mine = np.zeros(links.papers, dtype=np.bool_)
        mine[rows] = True
        keep = mine[start]
        return start[keep], stop[keep], weight[keep]


def spread(
    points: NDArray[np.float64], gap: float, movable: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The points, shape (n, 2), moved apart until hardly any two are closer than `gap`.

    Those that are not `movable`, (n,), stay exactly.
    """
    from scipy.spatial import KDTree

    count = len(points)
    free = np.ones(count) if movable is None else movable.astype(np.float64)
    now = points.copy()
    for _ in range(_SPREADING):
        one, other = KDTree(now).query_pairs(gap * 0.999, output_type="ndarray").T
        share = free[one] + free[other]
        one, other, share = one[share > 0], other[share > 0], share[share > 0]
        if not len(one):
            break
        apart = now[one] - now[other]
        distance = np.linalg.norm(apart, axis=1)
        same = distance < 1e-9
        # Points at the same place part in directions that follow from their numbers.
        angle = one[same] + other[same] * np.sqrt(2)
        apart[same] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        push = (gap - distance) / np.where(same, 1, distance) / share
        for axis in (0, 1):
            force = push * apart[:, axis]
            now[:, axis] += np.bincount(one, force * free[one], minlength=count)
            now[:, axis] -= np.bincount(other, force * free[other], minlength=count)
    return now


def _pushes(
    points: NDArray[np.float32], others: NDArray[np.float32], strength: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The sum of pushes that each point gets from the others, (k, 2)."""
    across = points[:, :1] - others[:, 0]
    up = points[:, 1:] - others[:, 1]
    square = across * across + up * up
    factor = 2 * strength[:, None].astype(np.float32) / ((_SOFT + square) * (1 + square))
    parts = [_cut(factor * across).sum(axis=1), _cut(factor * up).sum(axis=1)]
    return np.stack(parts, axis=1).astype(np.float64)


def _sum(rows: NDArray[np.int64], forces: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    return np.stack([np.bincount(rows, forces[:, axis], minlength=count) for axis in (0, 1)], axis=1)


def _cut(forces: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(forces, -_LONGEST, _LONGEST)
