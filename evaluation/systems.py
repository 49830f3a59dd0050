"""The rankings that are compared: the parts of search alone, their fusion by rank, and search as it is."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from graph import fusion, textindex
from graph.encoder import Encoder, Model
from graph.errors import ModelError, QueryError
from graph.library import Library
from graph.lookup import papers_named
from graph.schema import Paper
from graph.search import Search
from graph.vectors import VectorIndex

SYSTEMS = {
    "lexical": "words alone (FTS5, BM25)",
    "dense": "meaning alone (cosine)",
    "rrf": "both, by reciprocal rank fusion (k = 60)",
    "rrf-named": "the same, with papers that the query names exactly first",
    "hybrid": "search as it is",
}
OURS = "hybrid"
# How many documents of a ranking are kept, and how many of each part the fusion by rank is given.
_KEPT, _FUSED = 100, 1000


class Rankings:
    """Ranks the papers of one library by the chosen systems, or by all (`SYSTEMS`).

    `literal`: the queries are plain text, in which a quote asks for nothing; search takes them as they are.
    Raises QueryError for a system that does not exist, ModelError for a library without vectors.
    """

    def __init__(
        self,
        library: Library,
        encoder: Encoder,
        queries: Iterable[str],
        systems: Sequence[str] = (),
        *,
        literal: bool = False,
    ) -> None:
        unknown = [name for name in systems if name not in SYSTEMS]
        if unknown:
            raise QueryError(f"no ranking {unknown[0]!r}: {', '.join(SYSTEMS)} are allowed")
        self._systems = tuple(systems) or tuple(SYSTEMS)
        self._library, self._literal = library, literal
        with library.reading() as session:
            index = VectorIndex.load(session)
            self._keys = dict(session.execute(select(Paper.id, Paper.key)).all())
        if index is None:
            raise ModelError("the library has no vectors yet: 'vfm-atlas build' makes them")
        self._index = index
        self._encoder = _Remembering(encoder, queries)
        self._search = Search(library, self._encoder)

    def __call__(self, query: str) -> dict[str, list[str]]:
        """Keys of the first hundred papers by each system."""
        rankings = {}
        if set(self._systems) != {OURS}:
            rankings = self._parts(query)
        if OURS in self._systems:
            found = self._search.search(query, limit=_KEPT, literal=self._literal)
            rankings[OURS] = [hit.key for hit in found.hits]
        return {name: rankings[name] for name in self._systems}

    def _parts(self, query: str) -> dict[str, list[str]]:
        with self._library.reading() as session:
            lexical = [hit.paper_id for hit in textindex.match(session, query, _FUSED)]
            named = [paper.id for paper in papers_named(session, query)]
        vector = self._encoder.encode([query])[0]
        dense = [paper_id for paper_id, _ in self._index.nearest(vector, _FUSED)]
        fused = fusion.ordered(fusion.reciprocal_rank(lexical, dense))
        orders = {
            "lexical": lexical,
            "dense": dense,
            "rrf": fused,
            "rrf-named": list(dict.fromkeys([*named, *fused])),
        }
        return {name: [self._keys[each] for each in order[:_KEPT]] for name, order in orders.items()}


class _Remembering:
    """An encoder that encodes all queries at once, and each of them once."""

    def __init__(self, encoder: Encoder, queries: Iterable[str]) -> None:
        self._encoder = encoder
        texts = list(dict.fromkeys(queries))
        self._vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}

    @property
    def model(self) -> Model:
        return self._encoder.model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if all(text in self._vectors for text in texts):
            return np.stack([self._vectors[text] for text in texts])
        return self._encoder.encode(texts)
