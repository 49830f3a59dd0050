"""The library's vectors in memory, and the nearest ones to a query: exact, through FAISS."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.errors import LibraryDamaged
from graph.schema import Embedding, EmbeddingModel

DTYPE = np.dtype("<f4")


@dataclass(frozen=True)
class VectorIndex:
    """Unit vectors of all papers: `ids` of shape (n,), `matrix` of shape (n, dimension), and their model."""

    model_name: str
    weights_sha256: str
    ids: NDArray[np.int64]
    matrix: NDArray[np.float32]

    @classmethod
    def load(cls, session: Session) -> "VectorIndex | None":
        """Read every vector of the library; None where there is none yet."""
        model = session.scalar(select(EmbeddingModel))
        if model is None:
            return None
        rows = session.execute(
            select(Embedding.paper_id, Embedding.vector).order_by(Embedding.paper_id)
        ).all()
        if any(len(row.vector) != model.dimension * DTYPE.itemsize for row in rows):
            raise LibraryDamaged(
                f"stored vectors do not have the {model.dimension} dimensions of {model.name}: "
                "'vfm-atlas build --reembed' makes them anew"
            )
        matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype=DTYPE).astype(np.float32)
        ids = np.array([row.paper_id for row in rows], dtype=np.int64)
        return cls(model.name, model.weights_sha256, ids, matrix.reshape(len(rows), model.dimension))

    def nearest(
        self, vector: NDArray[np.float32], limit: int, allowed: set[int] | None = None
    ) -> list[tuple[int, float]]:
        """Paper ids with their cosine similarity to a unit vector, among the allowed ones.

        Best first; of equal ones the lower id.
        """
        keep = None if allowed is None else np.isin(self.ids, np.fromiter(allowed, dtype=np.int64))
        available = len(self.ids) if keep is None else int(keep.sum())
        count = min(limit, available)
        if count < 1:
            return []
        scores, positions = self._search(vector.reshape(1, -1).astype(np.float32), count, keep)
        found = [
            (int(self.ids[position]), float(score))
            for position, score in zip(positions, scores, strict=True)
            if position >= 0
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))  # FAISS lists equal ones backwards

    def cosines(self, vector: NDArray[np.float32], paper_ids: Sequence[int]) -> dict[int, float]:
        """Cosine similarity of a unit vector to given papers; a paper without a vector is left out."""
        positions = np.flatnonzero(np.isin(self.ids, np.asarray(paper_ids, dtype=np.int64)))
        scores = self.matrix[positions] @ vector
        return dict(zip(self.ids[positions].tolist(), scores.tolist(), strict=True))

    def of(self, paper_id: int) -> NDArray[np.float32] | None:
        """The vector of one paper, shape (dimension,), or None."""
        at = int(np.searchsorted(self.ids, paper_id))
        return self.matrix[at] if at < len(self.ids) and self.ids[at] == paper_id else None

    def _search(
        self, query: NDArray[np.float32], count: int, keep: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self._faiss is None:
            return self._search_exactly(query, count, keep)
        faiss: Any = import_module("faiss")  # its stubs lack the keyword arguments of the bindings
        parameters = None
        if keep is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.flatnonzero(keep)))
        scores, positions = self._faiss.search(query, count, params=parameters)
        return scores[0], positions[0]

    def _search_exactly(
        self, query: NDArray[np.float32], count: int, keep: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The same without FAISS, for machines on which it cannot be loaded."""
        scores = self.matrix @ query[0]
        if keep is not None:
            scores = np.where(keep, scores, -np.inf)
        positions = np.argsort(-scores, kind="stable")[:count]
        return scores[positions], positions

    @cached_property
    def _faiss(self) -> Any:
        try:
            import faiss
        except ImportError:
            return None
        index = faiss.IndexFlatIP(self.matrix.shape[1])
        index.add(self.matrix)
        return index


def to_blob(vector: NDArray[np.float32]) -> bytes:
    """A vector as it is stored: little-endian float32."""
    return vector.astype(DTYPE).tobytes()
