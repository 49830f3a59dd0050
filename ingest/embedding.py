"""The embedding stage: which text stands for a paper, and vectors for exactly the texts that need one.

The vectors of the shipped catalogue are precomputed (data/vectors); a text whose hash differs from the one
that a vector was made from is encoded anew.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from graph.encoder import Encoder, SentenceEncoder
from graph.errors import ModelError
from graph.library import Library
from graph.papertext import sha256_of, text_of
from graph.schema import Embedding, EmbeddingModel, Paper
from graph.vectors import DTYPE, to_blob
from ingest.errors import CatalogueError, Problem

MANIFEST = "vectors/manifest.json"
MATRIX = "vectors/vectors.npy"
_BATCH = 64


@dataclass(frozen=True)
class ShippedVectors:
    """Precomputed vectors: row i of `matrix` (shape (n, dimension)) belongs to text `text_sha256[i]`."""

    model: str
    weights_sha256: str
    text_sha256: tuple[str, ...]
    matrix: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Traversable | Path) -> "ShippedVectors":
        """Read them from a catalogue's folder; raises CatalogueError when the two files do not fit."""
        try:
            values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            with (folder / MATRIX).open("rb") as file:
                matrix = np.load(file, allow_pickle=False)
            shipped = cls(
                values["model"],
                values["weights_sha256"],
                tuple(values["text_sha256"]),
                matrix.astype(np.float32),
            )
        except (OSError, EOFError, ValueError, TypeError, KeyError) as reason:
            raise CatalogueError([Problem(MANIFEST, 1, "-", f"cannot be read ({reason})")]) from reason
        if matrix.shape != (len(shipped.text_sha256), values["dimension"]):
            message = f"{matrix.shape} vectors for {len(shipped.text_sha256)} texts: 'make vectors' mends it"
            raise CatalogueError([Problem(MATRIX, 1, "-", message)])
        return shipped

    def by_text(self) -> dict[str, NDArray[np.float32]]:
        """The vector of each text, by the text's hash."""
        return dict(zip(self.text_sha256, self.matrix, strict=True))


@dataclass(frozen=True)
class EmbeddingReport:
    """How many vectors were taken from the shipped file, kept from before, and encoded now."""

    model: str
    shipped: int
    kept: int
    encoded: int


def embed_library(
    session: Session, shipped: ShippedVectors | None, encoder: Encoder | None = None, *, anew: bool = False
) -> EmbeddingReport:
    """Give every paper a current vector, all of one model, in the caller's transaction.

    Without an encoder the library keeps its model, or takes that of the shipped vectors. With `anew` nothing
    that was computed before is used. Raises ModelError when a text must be encoded and no model is there.
    """
    name, weights = _model_for(session, shipped, encoder)
    if anew and encoder is None:
        encoder = SentenceEncoder(name)
        weights = encoder.model.weights_sha256
    texts = {
        paper_id: text_of(title, summary, abstract)
        for paper_id, title, summary, abstract in session.execute(
            select(Paper.id, Paper.title, Paper.summary, Paper.abstract)
        )
    }
    hashes = {paper_id: sha256_of(text) for paper_id, text in texts.items()}
    ready = shipped.by_text() if shipped and shipped.weights_sha256 == weights and not anew else {}
    before = {} if anew else _stored(session, weights)
    vectors: dict[int, bytes] = {}
    counts = {"shipped": 0, "kept": 0}
    for paper_id, text_sha256 in hashes.items():
        if text_sha256 in ready:
            vectors[paper_id] = to_blob(ready[text_sha256])
            counts["shipped"] += 1
        elif before.get(paper_id, ("", b""))[0] == text_sha256:
            vectors[paper_id] = before[paper_id][1]
            counts["kept"] += 1
    missing = [paper_id for paper_id in texts if paper_id not in vectors]
    if missing:
        encoder = encoder or _encoder_of(name, weights)
        encoded = encoder.encode([texts[paper_id] for paper_id in missing])
        vectors.update((paper_id, to_blob(row)) for paper_id, row in zip(missing, encoded, strict=True))
    _store(session, name, weights, hashes, vectors)
    return EmbeddingReport(name, encoded=len(missing), **counts)


def embed_in_batches(
    library: Library,
    encoder: Encoder | None = None,
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EmbeddingReport:
    """Give every paper a current vector, a batch of texts and a transaction at a time.

    What was encoded stays when the process ends early. `progress` is told texts done and texts to do. An
    encoder with other weights than the library's vectors makes all of them anew, in one transaction: vectors
    of two models never stand side by side. Raises ModelError.
    """
    with library.reading() as session:
        name, weights = _model_for(session, None, encoder)
        other_model = session.scalar(
            select(EmbeddingModel).where(EmbeddingModel.weights_sha256 != weights).limit(1)
        )
        texts = {
            paper_id: text_of(title, summary, abstract)
            for paper_id, title, summary, abstract in session.execute(
                select(Paper.id, Paper.title, Paper.summary, Paper.abstract)
            )
        }
        stored = _stored(session, weights)
    if other_model is not None:
        with library.writing() as session:
            return embed_library(session, None, encoder)
    missing = [
        paper_id for paper_id, text in texts.items() if stored.get(paper_id, ("", b""))[0] != sha256_of(text)
    ]
    report = EmbeddingReport(name, shipped=0, kept=len(texts) - len(missing), encoded=len(missing))
    if not missing:
        return report
    progress(0, len(missing))
    encoder = encoder or _encoder_of(name, weights)
    # Texts of like length together: a batch is padded to its longest.
    missing.sort(key=lambda paper_id: (len(texts[paper_id]), paper_id))
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        vectors = encoder.encode([texts[paper_id] for paper_id in batch])
        with library.writing() as session:
            _put(session, name, weights, {i: texts[i] for i in batch}, vectors)
        progress(start + len(batch), len(missing))
    return report


def _put(
    session: Session, name: str, weights: str, texts: Mapping[int, str], vectors: NDArray[np.float32]
) -> None:
    model = session.scalar(select(EmbeddingModel).where(EmbeddingModel.weights_sha256 == weights))
    if model is None:
        model = EmbeddingModel(name=name, weights_sha256=weights, dimension=vectors.shape[1])
        session.add(model)
        session.flush()
    session.execute(delete(Embedding).where(Embedding.paper_id.in_(texts)))
    session.execute(
        insert(Embedding),
        [
            {
                "paper_id": paper_id,
                "model_id": model.id,
                "text_sha256": sha256_of(text),
                "vector": to_blob(row),
            }
            for (paper_id, text), row in zip(texts.items(), vectors, strict=True)
        ],
    )


def write_shipped(folder: Path, texts: Sequence[str], encoder: Encoder) -> ShippedVectors:
    """Encode texts and write the two files that ship; texts are ordered by hash so that diffs stay small."""
    by_hash = dict(sorted((sha256_of(text), text) for text in texts))
    matrix = encoder.encode(list(by_hash.values()))
    model = encoder.model
    shipped = ShippedVectors(model.name, model.weights_sha256, tuple(by_hash), matrix)
    (folder / MATRIX).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / MATRIX, matrix.astype(DTYPE), allow_pickle=False)
    values = asdict(shipped) | {"dimension": matrix.shape[1]}
    del values["matrix"]
    (folder / MANIFEST).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return shipped


def _model_for(session: Session, shipped: ShippedVectors | None, encoder: Encoder | None) -> tuple[str, str]:
    if encoder is not None:
        return encoder.model.name, encoder.model.weights_sha256
    stored = session.scalar(select(EmbeddingModel))
    if stored is not None:
        return stored.name, stored.weights_sha256
    if shipped is not None:
        return shipped.model, shipped.weights_sha256
    model = SentenceEncoder().model
    return model.name, model.weights_sha256


def _encoder_of(name: str, weights_sha256: str) -> Encoder:
    """The library's own model, if its weights are still those that the stored vectors come from."""
    encoder = SentenceEncoder(name)
    found = encoder.model.weights_sha256
    if found != weights_sha256:
        raise ModelError(
            f"the embedding model {name!r} has other weights than the library's vectors "
            f"(SHA-256 {found[:12]}..., not {weights_sha256[:12]}...): 'vfm-atlas build --reembed' "
            "makes all vectors anew"
        )
    return encoder


def _stored(session: Session, weights_sha256: str) -> dict[int, tuple[str, bytes]]:
    rows = session.execute(
        select(Embedding.paper_id, Embedding.text_sha256, Embedding.vector)
        .join(EmbeddingModel)
        .where(EmbeddingModel.weights_sha256 == weights_sha256)
    )
    return {paper_id: (text_sha256, vector) for paper_id, text_sha256, vector in rows}


def _store(
    session: Session, name: str, weights: str, hashes: Mapping[int, str], vectors: Mapping[int, bytes]
) -> None:
    session.execute(delete(Embedding))
    session.execute(delete(EmbeddingModel))
    if not vectors:
        return
    dimension = len(next(iter(vectors.values()))) // DTYPE.itemsize
    model = EmbeddingModel(name=name, weights_sha256=weights, dimension=dimension)
    session.add(model)
    session.flush()
    session.execute(
        insert(Embedding),
        [
            {"paper_id": paper_id, "model_id": model.id, "text_sha256": hashes[paper_id], "vector": vector}
            for paper_id, vector in vectors.items()
        ],
    )
