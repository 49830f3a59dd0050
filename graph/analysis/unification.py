"""How far generative and discriminative work have merged, year by year, in citations and in meaning.

The survey's thesis as numbers. Citations: do papers of one pillar cite the other more or less often than if
everybody cited as much as they do, and were cited as much as they are, but without regard to pillars?
Meaning: how far apart are the texts of two pillars? Both come with an interval, and with how much of the data
is known.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from graph.analysis.citegraph import CitationGraph
from graph.analysis.store import get_or_compute
from graph.library import Library
from graph.vectors import VectorIndex

PILLARS = ("generative", "discriminative", "unified")
RESAMPLES = 1_000
FEWEST_CITATIONS = 30
"""Below this many citations in a year a ratio is reported, but marked as resting on too few."""
FEWEST_PAPERS = 5
VERSION = 1
"""Of the numbers here; raised when a change of this module gives others."""
_SEED = 20231216
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Mixing:
    """Citations between two pillars in one year, against chance.

    `ratio` is observed / expected: 1 is no regard to pillars, below 1 they keep apart, above 1 they seek each
    other. `low` and `high` bound it with 95% confidence. None where nothing could be expected.
    """

    year: int
    pair: tuple[str, str]
    observed: int
    expected: float
    ratio: float | None
    low: float | None
    high: float | None
    citations: int
    papers: int
    enough: bool


@dataclass(frozen=True)
class Distance:
    """How far apart in meaning the papers of two pillars of one year are (0: not at all), with 95% bounds."""

    year: int
    pair: tuple[str, str]
    distance: float
    low: float
    high: float
    papers: tuple[int, int]
    enough: bool


@dataclass(frozen=True)
class Coverage:
    """What the numbers rest on: papers of the pillars, and those of them whose reference list was read."""

    papers: int
    covered: int


@dataclass(frozen=True)
class Unification:
    """All that is measured of a library, the data of the figure: by year, then pair of pillars."""

    coverage: Coverage
    mixing: tuple[Mixing, ...]
    distances: tuple[Distance, ...]


def read_unification(library: Library) -> Unification:
    """The measures of a library, computed once per snapshot; without vectors there are no distances."""

    def compute(session: Session) -> dict[str, Any]:
        graph = CitationGraph.read(session)
        return asdict(Unification(coverage(graph), tuple(mixing(graph)), tuple(_distances(session, graph))))

    kept = get_or_compute(library, "unification", compute, version=VERSION)
    return Unification(
        Coverage(**kept["coverage"]),
        tuple(Mixing(**row | {"pair": tuple(row["pair"])}) for row in kept["mixing"]),
        tuple(
            Distance(**row | {"pair": tuple(row["pair"]), "papers": tuple(row["papers"])})
            for row in kept["distances"]
        ),
    )


def _distances(session: Session, graph: CitationGraph) -> list[Distance]:
    index = VectorIndex.load(session)
    if index is None:
        return []
    found = [(at, index.of(paper_id)) for at, paper_id in enumerate(graph.paper_ids.tolist())]
    known = [(at, vector) for at, vector in found if vector is not None]
    if not known:
        return []
    dates = [graph.dates[at] for at, _ in known]
    years = [None if np.isnan(date) else int(date) for date in dates]
    pillars = [graph.pillars[at] for at, _ in known]
    return distances(np.stack([vector for _, vector in known]), pillars, years)


def pairs() -> list[tuple[str, str]]:
    """Every pair of pillars, a pillar with itself among them."""
    return list(combinations_with_replacement(PILLARS, 2))


def coverage(graph: CitationGraph) -> Coverage:
    """How many papers of the pillars there are, and of how many it is known what they cite."""
    inside = np.array([pillar in PILLARS for pillar in graph.pillars], dtype=np.bool_)
    return Coverage(int(inside.sum()), int((inside & graph.lists_read).sum()))


def mixing(graph: CitationGraph, *, resamples: int = RESAMPLES, seed: int = _SEED) -> list[Mixing]:
    """Citations between pillars, per year of the citing paper and pair of pillars, against chance.

    Only citations with both ends in the pillars count: datasets and foundations are common ground. Only
    citing papers whose reference list was read count: of the others it is not known what they cite.

    Notes
    -----
    The null model keeps every paper's degrees and shuffles who cites whom among the citations made in one
    year: each citing paper keeps its number of references, each cited paper the number of times it is cited
    in that year, and nobody cites what did not exist yet. Under it the citations from pillar a to pillar b
    are hypergeometric with mean S_a T_b / M, for S_a citations leaving a, T_b reaching b and M in all: the
    configuration model [1]_ in closed form, so that no shuffling is needed. The pair {a, b} sums both
    directions. The interval resamples citing papers, not citations, because one paper's references are
    chosen together [2]_.

    References
    ----------
    .. [1] Newman, Strogatz, Watts: Random graphs with arbitrary degree distributions and their applications.
       Phys. Rev. E 64 (2001).
    .. [2] Field, Welsh: Bootstrapping clustered data. J. R. Statist. Soc. B 69 (2007).
    """
    pillar = np.array(
        [PILLARS.index(each) if each in PILLARS else -1 for each in graph.pillars], dtype=np.int64
    )
    years = np.where(np.isnan(graph.dates), -1, np.floor(np.nan_to_num(graph.dates))).astype(np.int64)
    known = (
        graph.lists_read[graph.citing]
        & (pillar[graph.citing] >= 0)
        & (pillar[graph.cited] >= 0)
        & (years[graph.citing] >= 0)
    )
    citing, cited = graph.citing[known], graph.cited[known]
    generator = np.random.default_rng(seed)
    found: list[Mixing] = []
    for year in np.unique(years[citing]):
        inside = years[citing] == year
        papers, place = np.unique(citing[inside], return_inverse=True)
        to = np.zeros((len(papers), len(PILLARS)))
        np.add.at(to, (place, pillar[cited[inside]]), 1)
        found += _year(int(year), pillar[papers], to, generator, resamples)
    return found


def _year(
    year: int,
    pillar: NDArray[np.int64],
    to: NDArray[np.float64],
    generator: np.random.Generator,
    resamples: int,
) -> list[Mixing]:
    """One year; `pillar` (p,) of each citing paper, `to` (p, 3) its citations to each pillar."""
    from_each = np.eye(len(PILLARS))[pillar]
    observed = from_each.T @ to
    draws = generator.multinomial(len(pillar), np.full(len(pillar), 1 / len(pillar)), size=resamples)
    tables = np.einsum("rp,pa,pb->rab", draws, from_each, to, optimize=True)
    rows: list[Mixing] = []
    for first, second in pairs():
        pair = (PILLARS.index(first), PILLARS.index(second))
        count, chance = (float(each[0]) for each in _pair_of(observed[None], pair))
        counts, chances = _pair_of(tables, pair)
        usable = chances > 0
        low, high = (
            np.percentile(counts[usable] / chances[usable], _INTERVAL) if usable.any() else (None, None)
        )
        total = int(observed.sum())
        rows.append(
            Mixing(
                year, (first, second), int(count), chance, count / chance if chance else None,
                None if low is None else float(low), None if high is None else float(high), total,
                len(pillar), total >= FEWEST_CITATIONS,
            )
        )  # fmt: skip
    return rows


def _pair_of(
    tables: NDArray[np.float64], pair: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed and expected citations of a pair, both directions, for tables of shape (r, 3, 3)."""
    leaving, reaching = tables.sum(axis=2), tables.sum(axis=1)
    total = np.maximum(tables.sum(axis=(1, 2)), 1)
    directions = {pair, pair[::-1]}
    observed = sum((tables[:, a, b] for a, b in directions), np.zeros(len(tables)))
    expected = sum((leaving[:, a] * reaching[:, b] / total for a, b in directions), np.zeros(len(tables)))
    return observed, expected


def distances(
    vectors: NDArray[np.float32],
    pillars: Sequence[str | None],
    years: Sequence[int | None],
    *,
    window: int = 2,
    resamples: int = RESAMPLES // 2,
    seed: int = _SEED,
) -> list[Distance]:
    """How far apart in meaning two pillars are, for papers of each year and the `window` - 1 before.

    Parameters
    ----------
    vectors : (n, d) unit vectors of the papers' texts.
    pillars, years : of length n.

    Notes
    -----
    The squared maximum mean discrepancy with the cosine as kernel, in its unbiased form [1]_: the mean
    likeness within each pillar (no paper with itself) less the mean likeness across. It is 0 on average when
    both pillars write alike, however few papers there are, which a distance between centroids is not. The
    interval resamples papers; a paper drawn twice is not compared with itself.

    References
    ----------
    .. [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola: A kernel two-sample test. JMLR 13 (2012).
    """
    generator = np.random.default_rng(seed)
    found: list[Distance] = []
    known = sorted({year for year in years if year is not None})
    for year in known:
        span = range(year - window + 1, year + 1)
        groups = {
            name: np.array(
                [i for i, (p, y) in enumerate(zip(pillars, years, strict=True)) if p == name and y in span],
                dtype=np.int64,
            )
            for name in PILLARS
        }
        for first, second in pairs():
            one, two = groups[first], groups[second]
            if first == second or min(len(one), len(two)) < 2:
                continue
            value, low, high = _discrepancy(vectors[one], vectors[two], generator, resamples)
            enough = min(len(one), len(two)) >= FEWEST_PAPERS
            found.append(Distance(year, (first, second), value, low, high, (len(one), len(two)), enough))
    return found


def _discrepancy(
    one: NDArray[np.float32], two: NDArray[np.float32], generator: np.random.Generator, resamples: int
) -> tuple[float, float, float]:
    """The unbiased squared discrepancy of two sets of unit vectors, with 95% bounds."""
    likeness = (np.asarray(one @ one.T), np.asarray(two @ two.T), np.asarray(one @ two.T))
    value = _from_weights(likeness, np.ones((1, len(one))), np.ones((1, len(two))))[0]
    draws = [
        generator.multinomial(size, np.full(size, 1 / size), size=resamples) for size in (len(one), len(two))
    ]
    spread = _from_weights(likeness, *draws)
    low, high = np.nanpercentile(spread, _INTERVAL)
    # The bootstrap of a U-statistic is centred beside it; the bounds are moved, not widened.
    shift = value - float(np.nanmean(spread))
    return float(value), float(low + shift), float(high + shift)


def _from_weights(
    likeness: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    first: NDArray[np.float64] | NDArray[np.int64],
    second: NDArray[np.float64] | NDArray[np.int64],
) -> NDArray[np.float64]:
    """The discrepancy for each row of weights, of shapes (r, a) and (r, b)."""

    def within(kernel: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        own = weights**2 @ np.diag(kernel)
        pairs_of = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                (np.einsum("ra,ab,rb->r", weights, kernel, weights, optimize=True) - own) / pairs_of
            )

    one, two = first.astype(np.float64), second.astype(np.float64)
    across = np.einsum("ra,ab,rb->r", one, likeness[2], two, optimize=True)
    across = across / (one.sum(axis=1) * two.sum(axis=1))
    return np.asarray(within(likeness[0], one) + within(likeness[1], two) - 2 * across)
