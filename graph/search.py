"""Search: lexical (FTS5) and dense (FAISS) scores, fused (graph.fusion); exact names and ids come first."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph import fusion, textindex
from graph.brief import PaperBrief, briefs_of
from graph.encoder import Encoder, SentenceEncoder
from graph.errors import ModelError, QueryError, UnknownName
from graph.filters import Filters, allowed_ids
from graph.library import Library
from graph.lookup import papers_named
from graph.names import arxiv_id_of, doi_of, is_text
from graph.schema import Citation, Paper
from graph.snapshot import current_snapshot_id
from graph.vectors import VectorIndex

if TYPE_CHECKING:
    from graph.analysis.similarity import Similar

Mode = Literal["hybrid", "lexical", "dense"]
MODES: tuple[Mode, ...] = get_args(Mode)
# Papers that a ranking contributes: a neighbour beyond the first hundred is no answer any more.
_NEIGHBOURS = 100
_MATCHES = 1000
# A paper that is named exactly stands above whatever the shares can add up to.
_NAMED = 2.0
_NO_VECTORS = "the library has no vectors yet: 'vfm-atlas build' makes them"


@dataclass(frozen=True)
class Why:
    """Why a paper was found: words it shares with the query, cosine similarity, and the name it matched."""

    lexical: list[str] = field(default_factory=list)
    dense: float | None = None
    exact: str | None = None


@dataclass(frozen=True)
class Hit:
    """A search result; `pillar` and `taxonomy` are of the paper's primary node, `paper` tells more of it."""

    rank: int
    key: str
    title: str
    year: int | None
    score: float
    why: Why
    pillar: str | None
    taxonomy: str | None
    checkpoints: int
    paper: PaperBrief


@dataclass(frozen=True)
class Results:
    """The best hits, and how many papers were found in all."""

    query: str
    mode: Mode
    total: int
    snapshot: str | None
    hits: list[Hit]


class Search:
    """Searches one library; reads its vectors once and keeps them until the library's facts change.

    Without an encoder, queries are encoded by the model that made the library's vectors.
    """

    def __init__(self, library: Library, encoder: Encoder | None = None) -> None:
        self._library = library
        self._given = encoder
        self._chosen: SentenceEncoder | None = None
        self._index: VectorIndex | None = None
        self._index_of: str | None = None

    def search(
        self, query: str, *, mode: Mode = "hybrid", limit: int = 10, filters: Filters | None = None
    ) -> Results:
        """Find papers. Raises QueryError for an empty query or unknown mode, ModelError without a model."""
        if mode not in MODES:
            raise QueryError(f"no search mode {mode!r}: {', '.join(MODES)} are allowed")
        if not query.strip():
            raise QueryError("the query is empty: write what the paper is about, or its name")
        if not is_text(query):
            raise QueryError(f"cannot read the query {query!r}: it is not valid UTF-8")
        _require_limit(limit)
        with self._library.reading() as session:
            allowed = allowed_ids(session, filters or Filters())
            named = _named(session, query, allowed)
            scores: dict[int, float] = {}
            cosines: dict[int, float] = {}
            if not (arxiv_id_of(query) or doi_of(query)):  # nothing is near to an identifier
                scores, cosines = self._scores(session, query, mode, allowed)
            for paper_id in named:
                scores[paper_id] = scores.get(paper_id, 0.0) + _NAMED
            order = fusion.ordered(scores)
            shown = order[:limit]
            terms = textindex.matched_terms(session, query, shown) if mode != "dense" else {}
            why = {
                paper_id: Why(terms.get(paper_id, []), cosines.get(paper_id), named.get(paper_id))
                for paper_id in shown
            }
            hits = _hits(session, shown, scores, why)
            return Results(query, mode, len(order), current_snapshot_id(session), hits)

    def similar(self, key: str, limit: int = 10) -> list[Hit]:
        """The papers whose texts mean most nearly the same; the score is the cosine similarity.

        Raises UnknownName for a key that no paper has, ModelError for a library without vectors.
        """
        _require_limit(limit)
        with self._library.reading() as session:
            paper_id = session.scalar(select(Paper.id).where(Paper.key == key))
            if paper_id is None:
                raise UnknownName("paper", key)
            index = self._vectors(session)
            if index is None:
                raise ModelError(_NO_VECTORS)
            vector = index.of(paper_id)
            if vector is None:
                return []
            near = dict(index.nearest(vector, limit + 1))
            near.pop(paper_id, None)
            why = {near_id: Why(dense=score) for near_id, score in near.items()}
            return _hits(session, list(near)[:limit], near, why)

    def related(self, key: str, limit: int = 10) -> list["Similar"]:
        """The papers that resemble a paper in citations and text, each with its reasons.

        See graph.analysis.similarity. A library without vectors, or without citations, goes by the other.
        Raises UnknownName for a key that no paper has, QueryError for a limit below 1.
        """
        from graph.analysis import similarity

        with self._library.reading() as session:
            return similarity.similar(session, key, limit, vectors=self._vectors(session))

    def _scores(
        self, session: Session, query: str, mode: Mode, allowed: set[int] | None
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Score and, where it was computed, cosine similarity of every paper found."""
        lexical = {} if mode == "dense" else _lexical(session, query, allowed)
        if mode == "lexical":
            return fusion.weighted((1.0, lexical)), {}
        index, vector = self._encoded(session, query)
        cosines = dict(index.nearest(vector, _NEIGHBOURS, allowed))
        if mode == "dense":
            return fusion.weighted((1.0, cosines)), cosines
        cosines |= index.cosines(vector, list(lexical.keys() - cosines.keys()))
        return fusion.hybrid(lexical, cosines, _cited(session, cosines)), cosines

    def _encoded(self, session: Session, query: str) -> tuple[VectorIndex, NDArray[np.float32]]:
        index = self._vectors(session)
        if index is None:
            raise ModelError(_NO_VECTORS)
        encoder = self._given or self._encoder_of(index)
        model = encoder.model
        if model.weights_sha256 != index.weights_sha256:
            raise ModelError(
                f"the library's vectors come from {index.model_name} ({index.weights_sha256[:12]}...), "
                f"not from {model.name} ({model.weights_sha256[:12]}...): "
                f"'vfm-atlas build --model {model.name}' makes them anew"
            )
        return index, encoder.encode([query])[0]

    def _encoder_of(self, index: VectorIndex) -> SentenceEncoder:
        if self._chosen is None or self._chosen.model.weights_sha256 != index.weights_sha256:
            self._chosen = SentenceEncoder(index.model_name)
        return self._chosen

    def _vectors(self, session: Session) -> VectorIndex | None:
        snapshot = current_snapshot_id(session)
        if self._index is None or self._index_of != snapshot:
            self._index, self._index_of = VectorIndex.load(session), snapshot
        return self._index


def _require_limit(limit: int) -> None:
    if limit < 1:
        raise QueryError(f"cannot show {limit} results: 1 or more are allowed")


def _lexical(session: Session, query: str, allowed: set[int] | None) -> dict[int, float]:
    found = textindex.match(session, query)
    hits = [(hit.paper_id, hit.score) for hit in found if allowed is None or hit.paper_id in allowed]
    return dict(hits[:_MATCHES])


def _cited(session: Session, paper_ids: Iterable[int]) -> dict[int, float]:
    """log(1 + papers of the library that cite it) of each paper; a paper nobody cites is left out."""
    times = func.count(Citation.citing_id.distinct())
    rows = session.execute(
        select(Citation.cited_id, times).where(Citation.cited_id.in_(paper_ids)).group_by(Citation.cited_id)
    )
    return {paper_id: math.log1p(count) for paper_id, count in rows}


def _named(session: Session, query: str, allowed: set[int] | None) -> dict[int, str]:
    """Papers that the whole query names, and what kind of name it is."""
    return {
        paper.id: _name_kind(query, paper)
        for paper in papers_named(session, query)
        if allowed is None or paper.id in allowed
    }


def _name_kind(query: str, paper: Paper) -> str:
    if query.strip() == paper.key:
        return "key"
    if arxiv_id_of(query):
        return "arXiv id"
    return "DOI" if doi_of(query) else "name"


def _hits(session: Session, order: list[int], scores: dict[int, float], why: dict[int, Why]) -> list[Hit]:
    return [
        Hit(
            rank, paper.key, paper.title, paper.year, scores[paper.id], why[paper.id],
            paper.pillar, paper.taxonomy, paper.checkpoints, paper,
        )
        for rank, paper in enumerate(briefs_of(session, order), start=1)
    ]  # fmt: skip
