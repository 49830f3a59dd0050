"""The library's vectors in memory, and the nearest ones to a query.

Exact, in numpy: at 100,000 vectors that takes some 10 ms, needs no second copy of them and no import. For
larger libraries graph.nearest keeps a graph that proposes which ones to compare.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.errors import LibraryDamaged
from graph.schema import Embedding, EmbeddingModel

if TYPE_CHECKING:
    from graph.nearest import Proposer

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
        if limit < 1:
            return []
        if allowed is not None:
            rows = np.flatnonzero(np.isin(self.ids, np.fromiter(allowed, dtype=np.int64, count=len(allowed))))
        elif self._proposer is not None:
            rows = np.sort(self._proposer.propose(vector, limit))
        else:
            return self._best(self.matrix @ vector, self.ids, limit)
        return self._best(self.matrix[rows] @ vector, self.ids[rows], limit)

    @staticmethod
    def _best(scores: NDArray[np.float32], ids: NDArray[np.int64], limit: int) -> list[tuple[int, float]]:
        if limit < len(scores):
            cut = np.partition(scores, -limit)[-limit]
            above = np.flatnonzero(scores > cut)
            kept = np.concatenate([above, np.flatnonzero(scores == cut)[: limit - len(above)]])
            scores, ids = scores[kept], ids[kept]
        order = np.lexsort((ids, -scores))
        return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))

    def cosines(self, vector: NDArray[np.float32], paper_ids: Sequence[int]) -> dict[int, float]:
        """Cosine similarity of a unit vector to given papers; a paper without a vector is left out."""
        positions = np.flatnonzero(np.isin(self.ids, np.asarray(paper_ids, dtype=np.int64)))
        scores = self.matrix[positions] @ vector
        return dict(zip(self.ids[positions].tolist(), scores.tolist(), strict=True))

    def similarities(self, vector: NDArray[np.float32], paper_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosine similarity of a unit vector to each of these papers, NaN for one without a vector."""
        found = np.full(len(paper_ids), np.nan)
        positions, is_known = self._positions(paper_ids)
        found[is_known] = self.matrix[positions[is_known]] @ vector
        return found

    def of_all(self, paper_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of those of the papers that have one, shape (at most n, dimension)."""
        positions, is_known = self._positions(paper_ids)
        return self.matrix[positions[is_known]]

    def _positions(self, paper_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not len(self.ids):
            return np.zeros(len(paper_ids), dtype=np.int64), np.zeros(len(paper_ids), dtype=np.bool_)
        positions = np.minimum(np.searchsorted(self.ids, paper_ids), len(self.ids) - 1)
        return positions, self.ids[positions] == paper_ids

    def of(self, paper_id: int) -> NDArray[np.float32] | None:
        """The vector of one paper, shape (dimension,), or None."""
        at = int(np.searchsorted(self.ids, paper_id))
        return self.matrix[at] if at < len(self.ids) and self.ids[at] == paper_id else None

    @property
    def fingerprint(self) -> str:
        """Another one for other papers, vectors or model; for the names of files."""
        digest = hashlib.sha256(self.weights_sha256.encode())
        digest.update(self.ids.tobytes())
        # Any changed vector changes the sums, and they are had much sooner than a hash of all.
        digest.update(self.matrix.sum(axis=0, dtype=np.float64).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _proposer(self) -> "Proposer | None":
        from graph.nearest import proposer_of

        return proposer_of(self)


def to_blob(vector: NDArray[np.float32]) -> bytes:
    """A vector as it is stored: little-endian float32."""
    return vector.astype(DTYPE).tobytes()
