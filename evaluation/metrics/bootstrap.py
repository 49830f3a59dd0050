"""Statistics that can be resampled: a value with its 95% interval, and differences on the same examples.

A statistic is a function of how often each example was drawn, so that means, ratios of sums, average
precision and corpus BLEU are all resampled in the same way: one draw of examples serves every statistic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 20231216
_CHUNK_CELLS = 2_000_000

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """A number about `n` examples.

    Attributes:
        of: takes weights of shape (draws, n), how often each example was drawn, and gives (draws,) values;
            NaN where a draw leaves nothing to measure.
        is_share: every example is right or wrong (or half right), and the number is the share of the right.
        is_biased: draws lie to one side of the number, as averages over rare classes do; the interval is
            moved back by as much.
        resamples: how many draws an interval takes; fewer where one takes long.
    """

    n: int
    of: Callable[[Values], Values]
    is_share: bool = False
    is_biased: bool = False
    resamples: int = RESAMPLES

    @property
    def value(self) -> float:
        """The number itself: every example once."""
        return float(self.of(np.ones((1, self.n)))[0])


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval; None where there is none to give (fewer than two examples)."""

    value: float
    low: float | None = None
    high: float | None = None


def mean_of(values: ArrayLike) -> Statistic:
    """The mean of one value per example."""
    data = np.asarray(values, dtype=np.float64)
    return ratio_of(data, np.ones_like(data))


def share_of(hits: ArrayLike) -> Statistic:
    """The share of examples that are right."""
    data = np.asarray(hits, dtype=np.float64)
    mean = mean_of(data)
    return Statistic(mean.n, mean.of, is_share=True)


def ratio_of(numerators: ArrayLike, denominators: ArrayLike) -> Statistic:
    """The sum of one quantity over the sum of another, such as overlaps over objects."""
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    return Statistic(len(above), lambda weights: _divided(weights @ above, weights @ below))


def mean_of_ratios(numerators: ArrayLike, denominators: ArrayLike) -> Statistic:
    """The mean over classes of a ratio of sums; both arrays have the shape (examples, classes).

    Classes whose denominator is 0 in a draw are left out of it.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    return Statistic(
        len(above), lambda weights: mean_of_known(_divided(weights @ above, weights @ below)), is_biased=True
    )


def mean_of_statistics(parts: Sequence[Statistic]) -> Statistic:
    """The mean of several statistics of the same examples."""
    return Statistic(parts[0].n, lambda weights: np.mean([part.of(weights) for part in parts], axis=0))


def estimate(statistic: Statistic, *, seed: int = SEED) -> Estimate:
    """A value with its interval by the percentile bootstrap over examples.

    Where all examples are right, or all are wrong, the bootstrap sees no spread; the exact binomial interval
    (Clopper and Pearson) is given instead.
    """
    value = statistic.value
    if statistic.n < 2 or not np.isfinite(value):
        return Estimate(value)
    if statistic.is_share and value in (0.0, 1.0):
        reach = 0.025 ** (1 / statistic.n)
        return Estimate(value, reach, 1.0) if value else Estimate(value, 0.0, 1 - reach)
    drawn = [statistic.of(weights) for weights in draws(statistic.n, statistic.resamples, seed)]
    return Estimate(value, *_interval(np.concatenate(drawn), value if statistic.is_biased else None))


def difference(ours: Statistic, theirs: Statistic, *, seed: int = SEED) -> Estimate:
    """Ours minus theirs with its interval: examples are drawn once for both (paired bootstrap).

    Raises ValueError where the two are not about equally many examples.
    """
    if ours.n != theirs.n:
        raise ValueError(f"{ours.n} and {theirs.n} examples cannot be paired")
    value = ours.value - theirs.value
    if ours.n < 2 or not np.isfinite(value):
        return Estimate(value)
    resamples = min(ours.resamples, theirs.resamples)
    drawn = [ours.of(weights) - theirs.of(weights) for weights in draws(ours.n, resamples, seed)]
    return Estimate(value, *_interval(np.concatenate(drawn), value if ours.is_biased else None))


def draws(n: int, resamples: int, seed: int) -> Iterator[Values]:
    """Weights of shape (some draws, n), as many draws in all as asked for; the same seed gives the same."""
    random = np.random.default_rng(seed)
    at_once = max(1, _CHUNK_CELLS // n)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        picked = random.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(picked.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def mean_of_known(values: Values) -> Values:
    """Row means that leave NaN out; NaN for a row of nothing else."""
    known = ~np.isnan(values)
    return _divided(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))


def _divided(above: Values, below: ArrayLike) -> Values:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=np.asarray(below) > 0)


def _interval(values: Values, centre: float | None) -> tuple[float | None, float | None]:
    """Between which 95% of the draws lie, moved so that their mean is `centre` where one is given."""
    known = values[~np.isnan(values)]
    if not known.size:
        return None, None
    low, high = np.percentile(known, [2.5, 97.5]) - (0.0 if centre is None else known.mean() - centre)
    return float(low), float(high)
