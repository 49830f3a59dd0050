"""Papers along the years, one lane per pillar: where lines of work run, and where they meet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.analysis.bridge import DISCRIMINATIVE, GENERATIVE
from graph.analysis.citegraph import CitationGraph
from graph.errors import QueryError
from graph.schema import TaxonomyNode

UNASSIGNED = "unassigned"
"""The lane of papers that have no place in the taxonomy."""
DOT = 0.008
"""How much of the width a paper takes."""
_SWEEPS = 12
_SPARE = 1.25
_MARGIN = 2.0
_WIDEST = 0.1
_UNIFIED = "unified"


@dataclass(frozen=True)
class Lane:
    """A lane between two heights; y grows downwards. `rows` are papers above one another at most."""

    pillar: str
    label: str
    top: float
    bottom: float
    rows: int


@dataclass(frozen=True)
class Tick:
    """Where a year begins."""

    year: int
    x: float


@dataclass(frozen=True)
class Lanes:
    """A place for each paper in the unit square, in the order of `keys`.

    Attributes
    ----------
    x, y : (n,) float64. No two papers of a row, which is `row_height` high, are closer than `dot` in x.
    lane : (n,) int64, index into `lanes`; these follow the taxonomy, UNASSIGNED is last.
    undated : (n,) bool, papers of unknown date, which stand in the left margin.
    """

    keys: tuple[str, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    lane: NDArray[np.int64]
    undated: NDArray[np.bool_]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    dot: float
    row_height: float


def read_lanes(session: Session, *, dot: float = DOT) -> Lanes:
    """The lanes of a library, in the order of its taxonomy.

    Where it has them, the lane of unified work lies between those of generative and discriminative work.
    """
    rows = session.execute(
        select(TaxonomyNode.id, TaxonomyNode.label)
        .where(TaxonomyNode.id == TaxonomyNode.pillar)
        .order_by(TaxonomyNode.position)
    )
    labels = {row.id: row.label for row in rows}
    order = list(labels)
    if {_UNIFIED, GENERATIVE, DISCRIMINATIVE} <= labels.keys():
        order.remove(_UNIFIED)
        order.insert(max(order.index(GENERATIVE), order.index(DISCRIMINATIVE)), _UNIFIED)
    return lanes(CitationGraph.read(session), [(name, labels[name]) for name in order], dot=dot)


def lanes(graph: CitationGraph, pillars: Sequence[tuple[str, str]], *, dot: float = DOT) -> Lanes:
    """Papers along the years: x is the date, the lane is the pillar, y keeps citing papers near.

    Parameters
    ----------
    graph : the citation graph; a pillar that `pillars` does not name counts as none.
    pillars : id and label, in the order of the lanes. A lane without papers is left out.
    dot : how much of the width a paper takes, above 0 and below 0.1, else QueryError.

    Notes
    -----
    Each lane has a few rows more than papers that overlap in time. From left to right each paper takes the
    free row that is nearest to the mean height of the papers it cites or is cited by, in all lanes: the
    barycentre heuristic of layered drawings [1]_, repeated; the arrangement with the least total height of
    citations is kept. Equal inputs give equal places.

    References
    ----------
    .. [1] Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical system structures.
       IEEE Trans. Systems, Man, and Cybernetics 11 (1981).
    """
    if not 0 < dot < _WIDEST:
        raise QueryError(f"cannot draw papers {dot:g} wide: above 0 and below {_WIDEST} is allowed")
    names = [name for name, _label in pillars]
    lane = np.array(
        [names.index(pillar) if pillar in names else len(names) for pillar in graph.pillars], dtype=np.int64
    )
    used = np.unique(lane).tolist()
    lane = np.searchsorted(used, lane) if used else lane
    x, ticks = _along_time(graph.dates, dot)
    depths = [_depth(np.sort(x[lane == number]), dot) for number in range(len(used))]
    rows = [depth if depth < 2 else math.ceil(depth * _SPARE) for depth in depths]
    ends = [0, *accumulate(rows)]
    total = max(ends[-1], 1)
    row = _Grid(graph, x, lane, tuple(pairwise(ends)), dot).arrange()
    labels = [*pillars, (UNASSIGNED, "Unassigned")]
    found: list[Lane] = []
    for number, each in enumerate(used):
        name, label = labels[each]
        found.append(Lane(name, label, ends[number] / total, ends[number + 1] / total, rows[number]))
    undated = np.isnan(graph.dates)
    return Lanes(graph.keys, x, (row + 0.5) / total, lane, undated, tuple(found), ticks, dot, 1 / total)


@dataclass(frozen=True)
class _Grid:
    """Papers at given x, to be put into rows; `spans` are the first and the next row of each lane."""

    graph: CitationGraph
    x: NDArray[np.float64]
    lane: NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]
    dot: float

    def arrange(self) -> NDArray[np.int64]:
        """The row of each paper, counted through all lanes."""
        graph = self.graph
        middles = np.array([(begin + end - 1) / 2 for begin, end in self.spans], dtype=np.float64)
        middle = middles[self.lane] if len(middles) else np.zeros(0)
        wish = middle
        best, least = np.zeros(len(graph), dtype=np.int64), np.inf
        for _ in range(_SWEEPS if graph.edges else 1):
            row = self._sweep(wish)
            length = float(np.abs(row[graph.citing] - row[graph.cited]).sum())
            if length < least:
                best, least = row, length
            wish = self._mean_of_neighbours(row.astype(np.float64), middle)
        return best

    def _sweep(self, wish: NDArray[np.float64]) -> NDArray[np.int64]:
        """From left to right, each paper in the free row of its lane nearest to what it wishes for."""
        taken = np.full(self.spans[-1][1] if self.spans else 0, -np.inf)
        found = np.zeros(len(self.x), dtype=np.int64)
        for at in np.argsort(self.x, kind="stable").tolist():
            begin, end = self.spans[self.lane[at]]
            free = begin + np.flatnonzero(taken[begin:end] <= self.x[at] - self.dot)
            found[at] = free[np.abs(free - wish[at]).argmin()]
            taken[found[at]] = self.x[at]
        return found

    def _mean_of_neighbours(
        self, row: NDArray[np.float64], otherwise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The mean row of the papers that each cites or is cited by."""
        ends = np.concatenate([self.graph.citing, self.graph.cited])
        others = np.concatenate([self.graph.cited, self.graph.citing])
        degree = np.bincount(ends, minlength=len(row))
        total = np.bincount(ends, row[others], minlength=len(row))
        return np.where(degree > 0, total / np.maximum(degree, 1), otherwise)


def _along_time(dates: NDArray[np.float64], dot: float) -> tuple[NDArray[np.float64], tuple[Tick, ...]]:
    """x of each paper, and of the beginning of each year; half a dot stays free at both ends."""
    dated = dates[~np.isnan(dates)]
    left = dot / 2 + (_MARGIN * dot if len(dated) < len(dates) else 0)
    x = np.full(len(dates), dot / 2 if len(dated) else 0.5)
    if not len(dated):
        return x, ()
    begin, end = np.floor(dated.min()), np.ceil(np.nextafter(dated.max(), np.inf))
    width = (1 - dot / 2 - left) / (end - begin)
    known = ~np.isnan(dates)
    x[known] = left + (dates[known] - begin) * width
    years = range(int(begin), int(end))
    return x, tuple(Tick(year, float(left + (year - begin) * width)) for year in years)


def _depth(x: NDArray[np.float64], dot: float) -> int:
    """How many papers, at ascending x, overlap in time at most."""
    later = np.searchsorted(x, x - dot, side="right")
    return int((np.arange(len(x)) - later + 1).max(initial=0))
