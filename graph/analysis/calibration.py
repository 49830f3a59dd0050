"""From a classifier's share to the chance that it is right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-4
_ROUNDS = 50
_RIDGE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """confidence = 1 / (1 + exp(-(slope * logit(share) + intercept)))."""

    slope: float
    intercept: float

    def __call__(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance to be right of guesses with these shares, of any shape."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * _logit(shares) + self.intercept))))


def calibrate(shares: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Platt's logistic calibration [1]_ on guesses of known outcome, both of shape (n,), n > 0.

    Notes
    -----
    Newton's method on the likelihood with Platt's softened targets, (r + 1) / (r + 2) for the r right guesses
    and 1 / (w + 2) for the w wrong ones, which keep the chance away from 0 and 1 when there are few; a slight
    ridge pulls the slope towards 1. The slope is never negative: a larger share never means less.

    References
    ----------
    .. [1] Platt: Probabilistic outputs for support vector machines. Advances in large margin classifiers
       (1999); with the numerics of Lin, Lin, Weng: A note on Platt's probabilistic outputs. Machine Learning
       68 (2007).
    """
    count = int(right.sum())
    target = np.where(right, (count + 1) / (count + 2), 1 / (len(right) - count + 2))
    logits = _logit(shares)
    features = np.stack([logits, np.ones_like(logits)], axis=1)
    prior = np.array([1.0, 0.0])
    weights = prior.copy()
    loss = _loss(features, target, weights, prior)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (chance - target) + _RIDGE * (weights - prior)
        curvature = (features * (chance * (1 - chance))[:, None]).T @ features + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-6 and _loss(features, target, weights - size * step, prior) > loss:
            size /= 2
        weights = weights - size * step
        loss = _loss(features, target, weights, prior)
        if np.abs(size * step).max() < 1e-8:
            break
    if weights[0] < 0:
        return Calibration(0.0, float(_logit(np.array([target.mean()]))[0]))
    return Calibration(float(weights[0]), float(weights[1]))


def _logit(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(shares, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _loss(
    features: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> float:
    scores = features @ weights
    likelihood = np.logaddexp(0, scores) - target * scores
    return float(likelihood.sum() + _RIDGE * ((weights - prior) ** 2).sum() / 2)
