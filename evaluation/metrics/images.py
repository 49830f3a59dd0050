"""How near an image is to another: PSNR and SSIM; and how near two sets of images are: KID."""

import numpy as np
from numpy.typing import NDArray

IDENTICAL_DB = 100.0
"""The PSNR that identical images are given; the formula gives infinity, which no mean survives."""


def psnr(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two 8-bit images, in dB, at most IDENTICAL_DB."""
    error = np.mean((found.astype(np.float64) - truth.astype(np.float64)) ** 2)
    return float(min(IDENTICAL_DB, 10 * np.log10(255.0**2 / error))) if error else IDENTICAL_DB


def ssim(found: NDArray[np.uint8], truth: NDArray[np.uint8], window: int = 7) -> float:
    """Mean structural similarity of two 8-bit images (height, width, channels), over channels too.

    A uniform window with the sample covariance (Wang et al., IEEE TIP 2004); it shrinks to the largest odd
    size that an image smaller than it has room for.
    """
    window = min(window, *(side - 1 + side % 2 for side in truth.shape[:2]))
    x, y = (np.moveaxis(each.astype(np.float64), -1, 0) for each in (found, truth))
    count = window**2
    mean_x, mean_y = _means(x, window), _means(y, window)
    unbiased = count / (count - 1) if count > 1 else 1.0
    var_x = unbiased * (_means(x * x, window) - mean_x**2)
    var_y = unbiased * (_means(y * y, window) - mean_y**2)
    covariance = unbiased * (_means(x * y, window) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float((above / below).mean())


def kernel_distance(found: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Kernel Inception Distance without Inception: unbiased MMD² of features (images, dimension).

    The kernel is (x·y / dimension + 1)³ (Bińkowski et al., ICLR 2018). Near 0 for equal distributions, and
    then as often below as above it. NaN for fewer than two images on either side.
    """
    if min(len(found), len(truth)) < 2:
        return float("nan")
    x, y = np.asarray(found, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    within = _off_diagonal_mean(_kernel(x, x)) + _off_diagonal_mean(_kernel(y, y))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _off_diagonal_mean(kernel: NDArray[np.float64]) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def _means(planes: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Means over every window that lies wholly inside, by summed areas."""
    sums = np.pad(planes, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    inner = sums[:, window:, window:] - sums[:, :-window, window:]
    inner = inner - sums[:, window:, :-window] + sums[:, :-window, :-window]
    return np.asarray(inner / window**2)
