"""What the explorer's pages share: the open library, the search, the embedding model behind it, and the runs.

Everything heavy is made once per server, the search once per embedding model: an ingest or a build may change
the model while the server runs. It is loaded in the background when the first query comes, in a fraction of a
second or, where torch is needed (graph.query_encoder), in several; until it is there, pages search by words
alone and say so.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from sqlalchemy.orm import Session

from app.evaluations import Evaluations
from app.runs import Runs
from graph.errors import ModelError
from graph.library import Library
from graph.query_encoder import QueryEncoder, stored_samples
from graph.search import Mode, Search
from graph.snapshot import current_snapshot_id


class Warmup:
    """Loads the embedding model once, in a thread of its own."""

    def __init__(self, encoder: QueryEncoder) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.error: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether queries can be encoded without waiting."""
        return self._encoder.is_loaded

    def begin(self) -> None:
        """Start loading, if nobody did yet."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="embedding-model", daemon=True)
                self._thread.start()

    def _load(self) -> None:
        try:
            self._encoder.encode(["warm up"])
        except ModelError as error:
            self.error = str(error)


@st.cache_resource
def open_library() -> Library:
    """The library that the server was started for."""
    return Library.open()


@st.cache_resource
def runs() -> Runs:
    """The ingests and updates that this server carries out."""
    return Runs(open_library().path)


@st.cache_resource
def evaluations() -> Evaluations:
    """The measurements that this server carries out."""
    return Evaluations(open_library().path)


def warmup() -> Warmup:
    """The loading of the library's embedding model."""
    return _warmup(*_model())


def searcher() -> Search:
    """The one search of the server."""
    return _searcher(*_model())


def _model() -> tuple[str | None, str]:
    """Name and weights of the model that the library's vectors are of, None and "" while it has none."""
    from sqlalchemy import select

    from graph.schema import EmbeddingModel

    with open_library().reading() as session:
        row = session.execute(select(EmbeddingModel.name, EmbeddingModel.weights_sha256)).first()
        return (row.name, row.weights_sha256) if row else (None, "")


# Weights are part of the key: a model may be another one under the same name. Only the last is kept.
@st.cache_resource(max_entries=1)
def _encoder(name: str | None, weights: str) -> QueryEncoder:  # noqa: ARG001
    return QueryEncoder(name, stored_samples(open_library()))


@st.cache_resource(max_entries=1)
def _warmup(name: str | None, weights: str) -> Warmup:
    return Warmup(_encoder(name, weights))


@st.cache_resource(max_entries=1)
def _searcher(name: str | None, weights: str) -> Search:
    return Search(open_library(), _encoder(name, weights))


def best_mode() -> Mode:
    """How to search right now: by words alone until the model is loaded."""
    warmup().begin()
    return "hybrid" if warmup().is_ready else "lexical"


@contextmanager
def reading() -> Iterator[Session]:
    """A session on the library."""
    with open_library().reading() as session:
        yield session


def snapshot_id() -> str:
    """The snapshot that the library is at; caches of what was read are keyed by it."""
    with reading() as session:
        return current_snapshot_id(session) or ""
