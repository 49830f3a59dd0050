"""What a benchmark reports: pairs of times, taken in turn, of ours and of a named alternative."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Times in seconds; `ours[i]` and `theirs[i]` were taken directly after one another.

    A bound is on the median: of the ratio, or of our own time where `most_seconds` is set.
    """

    what: str
    alternative: str
    ours: Sequence[float]
    theirs: Sequence[float]
    most_ratio: float | None = None
    most_seconds: float | None = None

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, pair by pair: a machine that slows down slows both halves of a pair."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def is_missed(self) -> bool:
        """Whether a bound was set and not met."""
        if self.most_ratio is not None and statistics.median(self.ratios) > self.most_ratio:
            return True
        return self.most_seconds is not None and statistics.median(self.ours) > self.most_seconds

    def cells(self) -> list[str]:
        """A row of the table."""
        middle, least, most = map(
            _ratio, (statistics.median(self.ratios), min(self.ratios), max(self.ratios))
        )
        ratios = f"{middle} ({least} to {most})"
        return [
            self.what, _spread(self.ours), self.alternative, _spread(self.theirs), ratios,
            str(len(self.ours)), self._bound(),
        ]  # fmt: skip

    def _bound(self) -> str:
        verdict = "NOT MET" if self.is_missed else "met"
        if self.most_ratio is not None:
            return f"ratio <= {self.most_ratio:g}: {verdict}"
        if self.most_seconds is None:
            return "none"
        most = f"{self.most_seconds:g} s" if self.most_seconds >= 0.1 else f"{self.most_seconds * 1e3:g} ms"
        return f"<= {most}: {verdict}"


COLUMNS = ("what", "VFM Atlas", "alternative", "its time", "ratio", "pairs", "bound")


def seconds(run: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], pairs: int
) -> tuple[list[float], list[float]]:
    """Time both, one after the other, as often as said."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(pairs)]
    return [mine for mine, _ in times], [other for _, other in times]


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _spread(values: Sequence[float]) -> str:
    """Median with smallest and largest, in a unit that reads well."""
    middle = statistics.median(values)
    factor, unit = (1.0, "s") if middle >= 1 else (1e3, "ms")
    digits = 2 if factor == 1 or middle < 0.01 else 0
    least, most = (f"{value * factor:.{digits}f}" for value in (min(values), max(values)))
    return f"{middle * factor:.{digits}f} {unit} ({least} to {most})"
