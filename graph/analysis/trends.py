"""Citations over time: who is on the rise, and who slept before being noticed.

The year of a citation is the year of the citing paper. Only papers of the library whose reference list was
read can cite, so yearly numbers also follow whose lists were read; every result says how many those were.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.analysis.citegraph import CitationGraph
from graph.errors import QueryError

WINDOW_YEARS = 2
FEWEST_RECENT = 3
FEWEST_CITATIONS = 5


@dataclass(frozen=True)
class YearlyCitations:
    """Citations of each paper by year of the citing paper.

    Attributes
    ----------
    years : (y,) int64, every year from the first to the last, none left out.
    counts : (n, y) int64.
    lists_read : (y,) int64, papers of that year whose reference list was read.
    undated : citations left out because the citing paper has no year.
    """

    years: NDArray[np.int64]
    counts: NDArray[np.int64]
    lists_read: NDArray[np.int64]
    undated: int


@dataclass(frozen=True)
class RisingPaper:
    """A paper with its citations in the recent years and in as many years before.

    `expected` are the recent ones it would have had, had it grown as all did; `score` is in standard
    deviations.
    """

    key: str
    recent: int
    before: int
    expected: float
    score: float


@dataclass(frozen=True)
class Rising:
    """Papers on the rise, the steepest first, and what that rests on.

    `growth` is the number of all recent citations per earlier one. `recent_lists` and `before_lists` count
    the papers of these years whose reference list was read.
    """

    years: tuple[int, int] | None
    papers: tuple[RisingPaper, ...]
    growth: float | None
    recent_lists: int
    before_lists: int


@dataclass(frozen=True)
class SleepingBeauty:
    """A paper with its beauty coefficient, the year it awoke and the year of its most citations."""

    key: str
    beauty: float
    awoke: int
    peak: int
    citations: int


@dataclass(frozen=True)
class SleepingBeauties:
    """Papers by falling beauty coefficient; `covered` of `papers` had their reference list read."""

    papers: tuple[SleepingBeauty, ...]
    covered: int
    of: int


def yearly_citations(graph: CitationGraph) -> YearlyCitations:
    """Count the citations of each paper per year."""
    dated = ~np.isnan(graph.dates)
    year = np.where(dated, np.floor(np.nan_to_num(graph.dates)), 0).astype(np.int64)
    counted = dated[graph.citing]
    known = year[dated]
    if not len(known):
        return YearlyCitations(
            np.zeros(0, np.int64), np.zeros((len(graph), 0), np.int64), np.zeros(0, np.int64), graph.edges
        )
    first, size = int(known.min()), int(known.max() - known.min()) + 1
    place = graph.cited[counted] * size + year[graph.citing[counted]] - first
    counts = np.bincount(place, minlength=len(graph) * size).reshape(len(graph), size)
    return YearlyCitations(
        years=np.arange(first, first + size),
        counts=counts,
        lists_read=np.bincount(year[dated & graph.lists_read] - first, minlength=size),
        undated=int((~counted).sum()),
    )


def rising(
    graph: CitationGraph, *, window: int = WINDOW_YEARS, until: int | None = None, limit: int = 20
) -> Rising:
    """Papers cited more often of late than their own past and the growth of the whole would have it.

    Let r be a paper's citations in the last `window` years, b those in as many years before, and g the ratio
    of these sums over all papers that are old enough. If the paper merely grew like the others, r given r + b
    is binomial with probability g / (1 + g) [1]_; the score is (r - g b) / sqrt(g (r + b)), r's distance from
    that in standard deviations. Dividing by the growth of all also takes out how many lists of which years
    were read. Papers of the recent years themselves are left out, as everything new is on the rise, and
    those with fewer than FEWEST_RECENT recent citations.

    Parameters
    ----------
    graph : the citation graph.
    window : how many years, 1 or more, else QueryError.
    until : the last year, by default the last in which anything is cited.
    limit : how many papers at most.

    References
    ----------
    .. [1] Przyborowski, Wilenski: Homogeneity of results in testing samples from Poisson series. Biometrika
       31 (1940).
    """
    if window < 1:
        raise QueryError(f"cannot compare {window} years: 1 or more are allowed")
    yearly = yearly_citations(graph)
    cited_in = yearly.years[yearly.counts.sum(axis=0) > 0]
    last = until if until is not None else int(cited_in.max(initial=0))
    if not len(cited_in):
        return Rising(None, (), None, 0, 0)
    is_recent = (yearly.years > last - window) & (yearly.years <= last)
    is_before = (yearly.years > last - 2 * window) & (yearly.years <= last - window)
    old_enough = graph.dates < last - window + 1
    recent = np.where(old_enough, yearly.counts[:, is_recent].sum(axis=1), 0)
    before = np.where(old_enough, yearly.counts[:, is_before].sum(axis=1), 0)
    lists = int(yearly.lists_read[is_recent].sum()), int(yearly.lists_read[is_before].sum())
    years = (last - window + 1, last)
    if not recent.sum() or not before.sum():
        return Rising(years, (), None, *lists)
    growth = float(recent.sum() / before.sum())
    expected = growth * before
    scores = (recent - expected) / np.sqrt(growth * np.maximum(recent + before, 1))
    chosen = np.flatnonzero((recent >= FEWEST_RECENT) & (scores > 0))
    order = chosen[np.lexsort((chosen, -np.round(scores[chosen], 9)))][:limit]
    papers = tuple(
        RisingPaper(graph.keys[at], int(recent[at]), int(before[at]), float(expected[at]), float(scores[at]))
        for at in order.tolist()
    )
    return Rising(years, papers, growth, *lists)


def beauty(citations: NDArray[np.int64]) -> tuple[float, int]:
    """The beauty coefficient of a series of yearly citations, and the number of the year it awoke [1]_.

    With c_t citations in year t after publication and the (first) maximum in year m, the coefficient is the
    sum over t = 0 ... m of (l_t - c_t) / max(1, c_t), where l_t is the line from (0, c_0) to (m, c_m). It is
    0 for a paper whose maximum is its first year or that grows along the line, and large for one that was
    hardly cited for long and then much. It awoke in the year t that lies furthest below the line.

    Examples
    --------
    >>> beauty(np.array([0, 0, 0, 9]))
    (9.0, 2)

    References
    ----------
    .. [1] Ke, Ferrara, Radicchi, Flammini: Defining and identifying sleeping beauties in science. PNAS 112
       (2015).
    """
    peak = int(np.argmax(citations)) if len(citations) else 0
    if not peak:
        return 0.0, 0
    until = citations[: peak + 1].astype(np.float64)
    line = (until[-1] - until[0]) / peak * np.arange(peak + 1) + until[0]
    coefficient = float(((line - until) / np.maximum(until, 1)).sum())
    return coefficient, int(np.argmax(np.round(line - until, 9)))


def sleeping_beauties(
    graph: CitationGraph, *, fewest: int = FEWEST_CITATIONS, limit: int = 20
) -> SleepingBeauties:
    """Papers that were noticed late: those of positive beauty coefficient (see `beauty`), largest first.

    Yearly numbers are counts within the library, over few years and the lists that were read: a paper may
    seem to sleep because nobody who cited it early is here. Citations from before a paper's own year, as of
    preprints, count for its first year.

    Parameters
    ----------
    graph : the citation graph.
    fewest : papers with fewer citations are left out.
    limit : how many papers at most.
    """
    yearly = yearly_citations(graph)
    found = []
    for at in np.flatnonzero(~np.isnan(graph.dates) & (yearly.counts.sum(axis=1) >= max(fewest, 1))).tolist():
        begin = int(math.floor(graph.dates[at]) - yearly.years[0])
        series = yearly.counts[at, begin:].copy()
        series[0] += yearly.counts[at, :begin].sum()
        coefficient, awoke = beauty(series)
        if coefficient > 0:
            year = int(yearly.years[0]) + begin
            peak = year + int(np.argmax(series))
            found.append(SleepingBeauty(graph.keys[at], coefficient, year + awoke, peak, int(series.sum())))
    found.sort(key=lambda paper: (-round(paper.beauty, 9), paper.key))
    return SleepingBeauties(tuple(found[:limit]), int(graph.lists_read.sum()), len(graph))
