"""Nearest vectors of large libraries: a graph of neighbours (HNSW), made once and kept in the cache.

Below APPROXIMATE_FROM vectors, and as long as no graph was made, search is exact. The graph proposes more
papers than are asked for, by vectors of one byte a number; which of them are nearest the exact vectors say.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from graph.library import Library
from graph.schema import Embedding
from graph.settings import default_cache
from graph.vectors import VectorIndex

APPROXIMATE_FROM = 200_000
"""Up to here exact search takes some 20 ms and no preparation."""
NEIGHBOURS, BUILD_WIDTH, SEARCH_WIDTH = 16, 80, 256
_PROPOSED = 2
_TRAINED_ON = 50_000
_FOLDER = "nearest"


class Proposer:
    """A graph of neighbours over the rows of a matrix of unit vectors."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._graph.hnsw.efSearch = SEARCH_WIDTH

    def propose(self, vector: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Rows that are probably among the nearest, somewhat more than asked for, in no order."""
        _, rows = self._graph.search(vector.reshape(1, -1), _PROPOSED * count)
        found: NDArray[np.int64] = rows[0][rows[0] >= 0]
        return found


def prepare(library: Library) -> bool:
    """Make the graph for the library's present vectors, if there are so many; whether one is there.

    Takes minutes at a million vectors. Without FAISS, or where the cache cannot be written, search is exact.
    """
    with library.reading() as session:
        count = session.scalar(select(func.count()).select_from(Embedding)) or 0
        index = VectorIndex.load(session) if count >= APPROXIMATE_FROM else None
    if index is None:
        return False
    place = _place(index)
    if place.is_file():
        return True
    try:
        faiss: Any = import_module("faiss")  # its stubs lack the keyword arguments of the bindings
        write(faiss, index, place)
    except (ImportError, OSError, RuntimeError):  # the last is how FAISS says that it cannot write
        return False
    return True


def write(faiss: Any, index: VectorIndex, place: Path) -> None:
    """Make and keep the graph; graphs of other states of any library stay until the cache is emptied."""
    dimension = index.matrix.shape[1]
    kind = faiss.ScalarQuantizer.QT_8bit
    graph = faiss.IndexHNSWSQ(dimension, kind, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD_WIDTH
    graph.train(index.matrix[:: max(1, len(index.matrix) // _TRAINED_ON)])
    graph.add(index.matrix)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(f".{os.getpid()}")
    try:
        faiss.write_index(graph, str(unfinished))
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


def proposer_of(index: VectorIndex) -> Proposer | None:
    """The kept graph of these vectors; None where search is to be exact."""
    if len(index.ids) < APPROXIMATE_FROM or not _place(index).is_file():
        return None
    try:
        faiss: Any = import_module("faiss")
        return Proposer(faiss.read_index(str(_place(index))))
    except (ImportError, OSError, RuntimeError):  # it can be made again
        return None


def _place(index: VectorIndex) -> Path:
    return default_cache() / _FOLDER / f"{index.fingerprint}.faiss"
