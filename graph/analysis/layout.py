"""The map: papers that are close in meaning or cite one another lie close, and stay where they are.

The map is drawn once and stored. Papers that come later are placed among the others without moving any:
a map is learnt by heart. docs/map.md says how well it keeps neighbours together, against other layouts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import Links, company, links, text_vectors, vectors_in_context
from graph.analysis.springs import Springs, spread
from graph.schema import MapPosition, Paper
from graph.vectors import VectorIndex

SETTLED = 30
"""A map of fewer papers is drawn anew when as many or more come; nobody knows it by heart."""
GAP = 0.25
"""Papers lie apart by at least about this, divided by the square root of their number."""
_START = 10.0
_FEATURES, _SMOOTHING = 16, 10
_SETTLE_EPOCHS = 60
_DIGITS = 6
_SEED = 2312


@dataclass(frozen=True)
class LayoutReport:
    """Papers on the map, those of them placed just now, and whether the whole map was drawn."""

    papers: int
    placed: int
    drawn: bool

    def __str__(self) -> str:
        if self.drawn:
            return f"map of {self.papers} papers drawn"
        return f"{self.placed} papers placed, {self.papers - self.placed} stayed"


def layout_library(session: Session, *, anew: bool = False) -> LayoutReport:
    """Put every paper on the map, in the caller's transaction.

    Draws the map where nothing is placed, or `anew`; otherwise see `place_new`.
    """
    if not anew and session.scalar(select(func.count()).select_from(MapPosition)):
        return place_new(session)
    session.execute(delete(MapPosition))
    graph, context = _read(session)
    points = draw(graph, context)
    _store(session, graph, points, np.arange(len(graph)))
    return LayoutReport(len(graph), len(graph), drawn=True)


def place_new(session: Session) -> LayoutReport:
    """Put the papers without a place on the map and move none of the others.

    The one exception is a map of fewer than SETTLED papers to which as many or more are added: it is drawn
    anew.
    """
    placed = session.scalar(select(func.count()).select_from(MapPosition)) or 0
    papers = session.scalar(select(func.count()).select_from(Paper)) or 0
    if placed == papers:
        return LayoutReport(papers, 0, drawn=False)
    if placed < SETTLED and papers >= 2 * placed:
        return layout_library(session, anew=True)
    graph, context = _read(session)
    rows = session.execute(select(MapPosition.paper_id, MapPosition.x, MapPosition.y))
    known = {paper_id: (x, y) for paper_id, x, y in rows}
    points = np.array(
        [known.get(paper_id, (np.nan, np.nan)) for paper_id in graph.paper_ids.tolist()], dtype=np.float64
    )
    new = np.flatnonzero(np.isnan(points[:, 0]))
    _store(session, graph, place(graph, context, points), new)
    return LayoutReport(papers, len(new), drawn=False)


def layout_stage(session: Session) -> str:
    """`layout_library` as a stage of the ingest: its report in a line."""
    return str(layout_library(session))


def draw(graph: CitationGraph, context: NDArray[np.float32]) -> NDArray[np.float64]:
    """A map of all papers in the unit square, (n, 2); `context` (n, d) as closeness gives it.

    Notes
    -----
    The links of closeness.links are relaxed as springs, from the first two principal components of the
    vectors. Papers without any link stand in rows in the emptiest corner. Nothing is random but with fixed
    seeds, and papers are taken in the order of their keys.
    """
    count = len(graph)
    found = links(graph, context)
    linked = np.zeros(count, dtype=np.bool_)
    linked[found.first] = linked[found.second] = True
    points = np.full((count, 2), np.nan)
    if linked.any():
        springs = Springs(_among(found, linked))
        rested = _into_square(springs.relax(_start(graph, context)[linked]))
        points[linked] = _into_square(spread(rested, GAP / np.sqrt(count)))
    return np.round(_fill(points), _DIGITS)


def place(
    graph: CitationGraph, context: NDArray[np.float32], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The points with those that are NaN placed among the others, (n, 2); the others are the same.

    A new paper starts at the weighted mean of the neighbours that have a place, papers whose neighbours are
    all new after these, and then only the new ones give way to the forces that drew the map.
    """
    new = np.isnan(points[:, 0])
    if not new.any():
        return points
    found = links(graph, context)
    begun = _begin(found, points)
    linked = ~np.isnan(begun[:, 0])
    scale = Springs(_among(found, ~new)).scale(points[~new])
    springs = Springs(_among(found, linked))
    rested = springs.relax(begun[linked] * scale, movable=new[linked], epochs=_SETTLE_EPOCHS) / scale
    result = begun.copy()
    rested = spread(rested, GAP / np.sqrt(len(points)), movable=new[linked])
    result[linked] = np.clip(rested, 0, 1)
    result = np.round(_fill(result), _DIGITS)
    result[~new] = points[~new]
    return result


def _read(session: Session) -> tuple[CitationGraph, NDArray[np.float32]]:
    graph = CitationGraph.read(session)
    return graph, vectors_in_context(graph, text_vectors(graph, VectorIndex.load(session)))


def _store(
    session: Session, graph: CitationGraph, points: NDArray[np.float64], rows: NDArray[np.int64]
) -> None:
    values = [
        {"paper_id": int(graph.paper_ids[at]), "x": float(points[at, 0]), "y": float(points[at, 1])}
        for at in rows.tolist()
    ]
    if values:
        session.execute(insert(MapPosition), values)


def _start(graph: CitationGraph, context: NDArray[np.float32]) -> NDArray[np.float64]:
    """Principal components of the vectors, or of smoothed noise where there are only citations, (n, 2)."""
    features = context.astype(np.float64)
    if not features.any():
        features = np.random.default_rng(_SEED).standard_normal((len(graph), _FEATURES))
        weights = company(graph)
        for _ in range(_SMOOTHING):
            features = (features + weights @ features) / 2
    features = features - features.mean(axis=0)
    _values, vectors = np.linalg.eigh(features.T @ features)
    axes = vectors[:, [-1, -2]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    points = features @ axes
    extent = np.abs(points).max(axis=0)
    return np.asarray(_START * points / np.where(extent > 0, extent, 1))


def _into_square(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moved and shrunk into the unit square, the shape kept."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    return np.asarray((points - (low + high) / 2) / (extent or 1.0) + 0.5)


def _begin(found: Links, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points with those that are NaN at the weighted mean of their neighbours, if they have any."""
    begun = points.copy()
    start = np.concatenate([found.first, found.second])
    stop = np.concatenate([found.second, found.first])
    weight = np.tile(found.weight, 2)
    while True:
        known = ~np.isnan(begun[:, 0])
        useful = ~known[start] & known[stop]
        if not useful.any():
            return begun
        total = np.bincount(start[useful], weight[useful], minlength=len(points))
        reached = total > 0
        for axis in (0, 1):
            pulled = np.bincount(
                start[useful], weight[useful] * begun[stop[useful], axis], minlength=len(points)
            )
            begun[reached, axis] = pulled[reached] / total[reached]


def _among(found: Links, keep: NDArray[np.bool_]) -> Links:
    """The links among the papers that are kept, which are counted anew."""
    inside = keep[found.first] & keep[found.second]
    place_of = np.cumsum(keep) - 1
    return Links(
        int(keep.sum()), place_of[found.first[inside]], place_of[found.second[inside]], found.weight[inside]
    )


def _fill(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points with those that are NaN in rows where most room is left, (n, 2)."""
    lost = np.isnan(points[:, 0])
    if not lost.any():
        return points
    side = 2 * int(np.ceil(np.sqrt(len(points))))
    ticks = (np.arange(side) + 0.5) / side
    cells = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=2).reshape(-1, 2)[:, ::-1]
    if lost.all():
        order = np.argsort(np.round(((cells - 0.5) ** 2).sum(axis=1), 9), kind="stable")
    else:
        from scipy.spatial import KDTree

        room, _nearest = KDTree(points[~lost]).query(cells)
        order = np.argsort(-np.round(room, 9), kind="stable")
    filled = points.copy()
    filled[lost] = cells[order[: int(lost.sum())]]
    return filled
