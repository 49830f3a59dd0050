"""Depth whose scale and shift are free: aligned to the truth first, then compared with it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DepthErrors:
    """Mean relative error, and the share of pixels within a factor of 1.25, after alignment."""

    relative_error: float
    within_a_quarter: float


def compare_depth(found: NDArray[np.floating], truth: NDArray[np.floating]) -> DepthErrors | None:
    """Errors over the pixels whose true depth is known (finite and above 0); None where there is none.

    Scale and shift are those of least squares (as MiDaS evaluates, arXiv:1907.01341).
    """
    known = np.isfinite(truth) & (truth > 0)
    if not known.any():
        return None
    x, y = found[known].astype(np.float64), truth[known].astype(np.float64)
    aligned = np.maximum(align(x, y), 1e-6)
    ratio = np.maximum(aligned / y, y / aligned)
    return DepthErrors(float(np.mean(np.abs(aligned - y) / y)), float(np.mean(ratio < 1.25)))


def align(found: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of `found`, scaled (never turned round) and shifted so that they fit `truth` best."""
    centred = found - found.mean()
    spread = float(centred @ centred)
    scale = max(0.0, float(centred @ (truth - truth.mean())) / spread) if spread else 0.0
    return np.asarray(centred * scale + truth.mean())
