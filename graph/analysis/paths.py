"""Ways between papers: the shortest and the strongest one, and all ancestors and descendants."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.analysis.citegraph import CitationGraph
from graph.errors import QueryError, UnknownName
from graph.network import CITES, PAPER_EDGES, paper_edges
from graph.schema import Paper

WEAKNESS: dict[str, int] = {
    "builds_on": 1,
    "extends": 1,
    "initialised_from": 1,
    "distils": 1,
    "trained_on": 2,
    "evaluated_on": 2,
    "compares_with": 2,
    CITES: 3,
}
"""The strength of a step is 1/2 to the power of this; a way is as strong as the product of its steps.

So descent counts most, then a data set or a comparison in common, then a citation, which may serve anything:
three steps of descent are as strong as one citation. The values state this order; they were not fitted.
"""
_KINDS = list(WEAKNESS)


@dataclass(frozen=True)
class PathStep:
    """One step of a way, from `start` to `end`.

    `relation` is its kind; `forward` says whether it runs the same way (start cites end) or against it (end
    cites start). `words` tell it as a sentence with the papers' short names.
    """

    start: str
    end: str
    relation: str
    forward: bool
    strength: float
    words: str


@dataclass(frozen=True)
class PaperPath:
    """A way between two papers; no steps where they are the same. `strength` is the product of the steps'."""

    keys: tuple[str, ...]
    steps: tuple[PathStep, ...]
    strength: float


@dataclass(frozen=True)
class _Arrow:
    """The best edge between two papers, seen from one of them."""

    relation: str
    forward: bool

    @property
    def rank(self) -> tuple[int, int, bool]:
        return WEAKNESS[self.relation], _KINDS.index(self.relation), not self.forward


def find_path(session: Session, start: str, end: str, *, strongest: bool = False) -> PaperPath | None:
    """The shortest way between two papers over typed relations and citations, or the strongest one.

    Each step may run along its edge or against it. Of two papers joined in several ways the strongest counts
    (see WEAKNESS). Of equally short ways the stronger is taken, of equally strong ones the shorter, and of
    those the one whose keys come first. None where there is no way.

    Args:
        session: of the library.
        start, end: keys of papers; UnknownName where there is none.
        strongest: maximise the product of strengths in place of the number of steps.
    """
    rows = session.execute(select(Paper.id, Paper.key, Paper.short_name)).all()
    names = {row.key: row.short_name for row in rows}
    for key in (start, end):
        if key not in names:
            raise UnknownName("paper", key)
    keys = {row.id: row.key for row in rows}
    arrows = _arrows((kind, keys[a], keys[b]) for kind, a, b, _source, _when in paper_edges(session))
    way = _best_way(arrows, start, end, strongest=strongest)
    if way is None:
        return None
    steps = tuple(_step(here, there, arrows[here][there], names) for here, there in pairwise(way))
    strength = 0.5 ** sum(WEAKNESS[step.relation] for step in steps)
    return PaperPath(tuple(way), steps, strength)


def _arrows(edges: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, _Arrow]]:
    """Per paper, every other one it is joined with and the best edge that does."""
    found: dict[str, dict[str, _Arrow]] = {}
    for kind, start, end in edges:
        for here, there, forward in ((start, end, True), (end, start, False)):
            arrow = _Arrow(kind, forward)
            known = found.setdefault(here, {}).get(there)
            if known is None or arrow.rank < known.rank:
                found[here][there] = arrow
    return found


def _best_way(
    arrows: Mapping[str, Mapping[str, _Arrow]], start: str, end: str, *, strongest: bool
) -> list[str] | None:
    """Dijkstra from the end, then from the start always to the first key that lies on a best way.

    Costs are pairs of whole numbers, so that equally good ways compare as equal.
    """

    def cost(arrow: _Arrow) -> tuple[int, int]:
        weakness = WEAKNESS[arrow.relation]
        return (weakness, 1) if strongest else (1, weakness)

    distance: dict[str, tuple[int, int]] = {}
    queue = [((0, 0), end)]
    while queue:
        so_far, at = heapq.heappop(queue)
        if at in distance:
            continue
        distance[at] = so_far
        if at == start:
            break
        for other, arrow in arrows.get(at, {}).items():
            if other not in distance:
                first, second = cost(arrow)
                heapq.heappush(queue, ((so_far[0] + first, so_far[1] + second), other))
    if start not in distance:
        return None
    way = [start]
    while way[-1] != end:
        at = way[-1]
        left = distance[at]
        way.append(
            min(
                other
                for other, arrow in arrows[at].items()
                if other in distance
                and (distance[other][0] + cost(arrow)[0], distance[other][1] + cost(arrow)[1]) == left
            )
        )
    return way


def _step(here: str, there: str, arrow: _Arrow, names: Mapping[str, str]) -> PathStep:
    subject, what = (here, there) if arrow.forward else (there, here)
    words = f"{names[subject]} {PAPER_EDGES[arrow.relation]} {names[what]}"
    return PathStep(here, there, arrow.relation, arrow.forward, 0.5 ** WEAKNESS[arrow.relation], words)


def ancestors(graph: CitationGraph, key: str, *, depth: int | None = None) -> dict[str, int]:
    """The papers that a paper rests on over citations, each with the fewest steps to it; nearest first.

    Parameters
    ----------
    graph : the citation graph.
    key : of a paper; UnknownName where there is none.
    depth : how many steps at most, 1 or more, else QueryError; without it all the way.
    """
    return _reached(graph, key, graph.citing, graph.cited, depth)


def descendants(graph: CitationGraph, key: str, *, depth: int | None = None) -> dict[str, int]:
    """The papers that rest on a paper over citations; see `ancestors`."""
    return _reached(graph, key, graph.cited, graph.citing, depth)


def _reached(
    graph: CitationGraph, key: str, starts: NDArray[np.int64], ends: NDArray[np.int64], depth: int | None
) -> dict[str, int]:
    if key not in graph.position:
        raise UnknownName("paper", key)
    if depth is not None and depth < 1:
        raise QueryError(f"cannot go {depth} citations away: 1 or more are allowed")
    away = np.full(len(graph), -1, dtype=np.int64)
    front = np.zeros(len(graph), dtype=np.bool_)
    front[graph.position[key]] = True
    away[front] = level = 0
    while front.any() and (depth is None or level < depth):
        level += 1
        reached = np.zeros(len(graph), dtype=np.bool_)
        reached[ends[front[starts]]] = True
        front = reached & (away < 0)
        away[front] = level
    found = np.flatnonzero(away > 0)
    return {graph.keys[at]: int(away[at]) for at in found[np.lexsort((found, away[found]))]}
