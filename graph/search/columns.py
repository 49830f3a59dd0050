"""What facets count and sorts go by, of every paper, in arrays; read once per snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from graph.filters import is_venue, series_of

_PAPERS = text("SELECT id, coalesce(year, 0), venue FROM paper ORDER BY id")
_NODES = text("SELECT id, parent_id, label, pillar FROM taxonomy_node ORDER BY position")
_PLACES = text("SELECT paper_id, node_id, is_primary FROM assignment")
_RUNNABLE = text("SELECT DISTINCT paper_id FROM checkpoint_link")


@dataclass(frozen=True)
class Membership:
    """Which papers have which of some values; a paper may have several.

    `papers` and `values` are pairs: a position in `Columns.ids`, and one in `names`, the values themselves
    with their labels.
    """

    names: tuple[tuple[str, str], ...]
    papers: NDArray[np.int64]
    values: NDArray[np.int64]

    def counts(self, chosen: NDArray[np.bool_]) -> list[int]:
        """How many of the chosen papers, a mask over `Columns.ids`, have each value."""
        found = self.values[chosen[self.papers]]
        return np.bincount(found, minlength=len(self.names)).tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Columns:
    """The papers' row ids in rising order, their years (0 where not known), and their values by facet."""

    ids: NDArray[np.int64]
    years: NDArray[np.int64]
    facets: dict[str, Membership]

    @classmethod
    def read(cls, session: Session) -> "Columns":
        """One pass over papers, assignments and checkpoint links."""
        rows = session.execute(_PAPERS).all()
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        years = np.array([row[1] for row in rows], dtype=np.int64)
        nodes = session.execute(_NODES).all()
        places = session.execute(_PLACES).all()
        known = sorted({int(year) for year in years.tolist() if year})
        dated = np.flatnonzero(years)
        runnable = np.array(session.scalars(_RUNNABLE).all(), dtype=np.int64)
        facets = {
            "pillar": _pillars(ids, nodes, places),
            "taxonomy": _nodes(ids, nodes, places),
            "year": Membership(
                tuple((str(year), str(year)) for year in known), dated, np.searchsorted(known, years[dated])
            ),
            "venue": _venues([row[2] for row in rows]),
            "checkpoint": Membership(
                (("yes", "With a checkpoint"),), np.searchsorted(ids, runnable), np.zeros_like(runnable)
            ),
        }
        return cls(ids, years, facets)

    def mask(self, paper_ids: Any) -> NDArray[np.bool_]:
        """Which of all papers are among these."""
        chosen = np.zeros(len(self.ids), dtype=np.bool_)
        chosen[self.positions(paper_ids)] = True
        return chosen

    def positions(self, paper_ids: Any) -> NDArray[np.int64]:
        """Where papers of the library, given by id, stand in the columns."""
        return np.searchsorted(self.ids, np.asarray(paper_ids, dtype=np.int64))


def _pillars(ids: NDArray[np.int64], nodes: Sequence[Any], places: Sequence[Any]) -> Membership:
    names = tuple((row.id, row.label) for row in nodes if row.id == row.pillar)
    at = {name: place for place, (name, _) in enumerate(names)}
    of_node = {row.id: at[row.pillar] for row in nodes if row.pillar in at}
    pairs = {(row[0], of_node[row[1]]) for row in places if row[2] and row[1] in of_node}
    return _membership(ids, names, pairs)


def _nodes(ids: NDArray[np.int64], nodes: Sequence[Any], places: Sequence[Any]) -> Membership:
    """Nodes with what is at them or below, primarily or secondarily: as the filter has it."""
    parents = {row.id: row.parent_id for row in nodes}
    at = {row.id: place for place, row in enumerate(nodes)}
    above: dict[str, list[int]] = {}
    for node in parents:
        line, here = [], node
        while here is not None:
            line.append(at[here])
            here = parents[here]
        above[node] = line
    pairs = {(row[0], node) for row in places for node in above[row[1]]}
    return _membership(ids, tuple((row.id, row.label) for row in nodes), pairs)


def _venues(venues: list[str | None]) -> Membership:
    series = sorted({series_of(venue) for venue in venues if venue})
    fits = {
        venue: [at for at, name in enumerate(series) if is_venue(venue, name)]
        for venue in set(venues)
        if venue
    }
    pairs = [(place, at) for place, venue in enumerate(venues) if venue for at in fits[venue]]
    papers, values = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Membership(tuple((name, name) for name in series), papers, values)


def _membership(
    ids: NDArray[np.int64], names: tuple[tuple[str, str], ...], pairs: set[tuple[int, int]]
) -> Membership:
    papers, values = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return Membership(names, np.searchsorted(ids, papers), values)
