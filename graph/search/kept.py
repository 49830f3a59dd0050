"""What searches of one snapshot share, so that nothing is read twice."""

import json
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from graph.brief import PaperBrief, briefs_of
from graph.filters import Filters, allowed_ids
from graph.names import fold
from graph.search.columns import Columns
from graph.search.names import NameIndex
from graph.snapshot import current_snapshot_id
from graph.vectors import VectorIndex

_MOST_BRIEFS = 5_000
_CITED = text(
    "SELECT cited_id, count(DISTINCT citing_id) FROM citation "
    "WHERE cited_id IN (SELECT value FROM json_each(:ids)) GROUP BY cited_id"
)
_PLACES = text(
    "SELECT paper_id, group_concat(node_id, ' ') FROM assignment "
    "WHERE paper_id IN (SELECT value FROM json_each(:ids)) GROUP BY paper_id"
)
Value = TypeVar("Value")


class Kept:
    """Names, vectors and facts of one snapshot, each read when it is first asked for.

    Made and used within sessions that see that snapshot; threads may share it.
    """

    def __init__(self, session: Session) -> None:
        self.snapshot = current_snapshot_id(session)
        self.papers = int(session.scalar(text("SELECT coalesce(max(id), 0) FROM paper")) or 0)
        self.frequencies: dict[str, int] = {}
        self._vectors: tuple[VectorIndex | None] | None = None
        self._names: NameIndex | None = None
        self._columns: Columns | None = None
        self._briefs: dict[int, PaperBrief] = {}
        self._cited: dict[int, int] = {}
        self._places: dict[int, str] = {}
        self._nodes: dict[str, int] = {}
        self._at_node: dict[str, set[int]] = {}

    def vectors(self, session: Session) -> VectorIndex | None:
        """The vectors, None for a library without any."""
        if self._vectors is None:
            self._vectors = (VectorIndex.load(session),)
        return self._vectors[0]

    def names(self, session: Session) -> NameIndex:
        """What queries are understood by."""
        if self._names is None:
            self._names = NameIndex.load(session)
        return self._names

    def called(self, session: Session, words: str) -> set[int]:
        """The papers of which these words, as a whole, are a name."""
        spellings = self.names(session).table.spellings.get(fold(words), ())
        return {each.paper_id for each in spellings if each.exact}

    def at_nodes(self, session: Session, nodes: Iterable[str]) -> set[int]:
        """The papers at taxonomy nodes or below."""
        found: set[int] = set()
        for node in nodes:
            if node not in self._at_node:
                self._at_node[node] = allowed_ids(session, Filters(taxonomy=node)) or set()
            found |= self._at_node[node]
        return found

    def columns(self, session: Session) -> Columns:
        """What facets count."""
        if self._columns is None:
            self._columns = Columns.read(session)
        return self._columns

    def briefs(self, session: Session, paper_ids: Sequence[int]) -> list[PaperBrief]:
        """Papers in one line each, in the order given."""
        missing = [paper_id for paper_id in paper_ids if paper_id not in self._briefs]
        if len(missing) + len(self._briefs) > _MOST_BRIEFS:
            return briefs_of(session, paper_ids)
        if missing:
            self._briefs.update((brief.id, brief) for brief in briefs_of(session, missing))
        return [self._briefs[paper_id] for paper_id in paper_ids]

    def cited(self, session: Session, paper_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """How many papers of the library cite each of these."""
        wanted = paper_ids.tolist()
        _add(session, _CITED, self._cited, wanted, 0)
        return np.fromiter((self._cited[each] for each in wanted), dtype=np.float64, count=len(wanted))

    def nodes(
        self, session: Session, paper_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a position in `paper_ids` and the number of a taxonomy node that the paper is at."""
        wanted = paper_ids.tolist()
        _add(session, _PLACES, self._places, wanted, "")
        positions, numbers = list[int](), list[int]()
        for position, paper_id in enumerate(wanted):
            for node in self._places[paper_id].split():
                positions.append(position)
                numbers.append(self._nodes.setdefault(node, len(self._nodes)))
        return np.array(positions, dtype=np.int64), np.array(numbers, dtype=np.int64)


def _add(
    session: Session, query: TextClause, known: dict[int, Value], wanted: Iterable[int], nothing: Value
) -> None:
    """Read what is not known yet; `nothing` is of papers that have no row."""
    missing = [paper_id for paper_id in wanted if paper_id not in known]
    if missing:
        found: dict[int, Value] = dict(session.execute(query, {"ids": json.dumps(missing)}).all())
        known.update((paper_id, found.get(paper_id, nothing)) for paper_id in missing)
