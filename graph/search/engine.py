"""Search: what a query names, what its words match and what it means; filtered, counted and explained."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from graph import textindex
from graph.brief import PaperBrief
from graph.encoder import Encoder
from graph.errors import ModelError, QueryError, UnknownName
from graph.filters import Filters
from graph.library import Library
from graph.lookup import find_paper
from graph.names import is_text
from graph.query_encoder import QueryEncoder, stored_samples
from graph.schema import Paper
from graph.search import facets, scoring, why
from graph.search.candidates import WHOLE, Ask, all_pass, by_meaning, by_words, listed
from graph.search.kept import Kept
from graph.search.query import parse, plainly
from graph.search.results import MODES, SORTS, Facet, Hit, Mode, Results, Sort, Why
from graph.search.scoring import Found
from graph.search.understanding import Understanding, literally, understand
from graph.vectors import VectorIndex

if TYPE_CHECKING:
    from graph.analysis.similarity import Similar

# Papers that meaning contributes: beside words a neighbour beyond the first hundred is no answer any more.
_NEIGHBOURS: dict[Mode, int] = {"hybrid": 100, "dense": 1000}
_SNAPSHOT = text("SELECT id FROM snapshot WHERE is_current")
_NO_VECTORS = "the library has no vectors yet: 'vfm-atlas build' makes them"


class Search:
    """Searches one library; what it reads once it keeps until the library's facts change.

    Without an encoder, queries are encoded by the model that made the library's vectors.
    """

    def __init__(self, library: Library, encoder: Encoder | None = None) -> None:
        self._library = library
        self._given = encoder
        self._chosen: QueryEncoder | None = None
        self._last: Kept | None = None

    def search(
        self,
        query: str,
        *,
        mode: Mode = "hybrid",
        limit: int = 10,
        offset: int = 0,
        sort: Sort = "relevance",
        filters: Filters | None = None,
        literal: bool = False,
        dropped: Collection[str] = (),
        cites: str | None = None,
        cited_by: str | None = None,
        with_facets: bool = False,
        relative_to: str | None = None,
    ) -> Results:
        """Find papers.

        Args:
            query: in the language of graph.search.query.
            mode: by words and meaning (`hybrid`), words alone, or meaning alone.
            limit: how many hits, 1 or more.
            offset: how many of the first to leave out.
            sort: by `relevance`, or all that was found by `citations`, `year` or `bridge`, highest first.
            filters: conditions besides those of the query.
            literal: take the text as it is: no query language, and nothing read into it.
            dropped: ids of chips (`Chip.id`) that are not to be read into it.
            cites, cited_by: a paper, by any name: only papers that cite it, or that it cites.
            with_facets: count by what the results can be narrowed.
            relative_to: key of a paper; the facets then tell which results cite it or are cited by it.

        Raises:
            QueryError: for an empty query, an unknown mode or sort, a condition that cannot be meant.
            UnknownName: for a node, pillar, venue or paper that a condition names and the library lacks.
            ModelError: when the model is missing, unless mode is lexical.
        """
        _require_choice("search mode", mode, MODES)
        _require_choice("sort", sort, SORTS)
        _require_limit(limit)
        if offset < 0:
            raise QueryError(f"cannot leave out {offset} results: 0 or more are allowed")
        if not is_text(query):
            raise QueryError(f"cannot read the query {query!r}: it is not valid UTF-8")
        if not (query.strip() or filters or cites or cited_by):
            raise QueryError("the query is empty: write what the paper is about, or its name")
        asked = plainly(query) if literal else parse(query)
        asked = replace(asked, cites=_inside(asked.cites, cites), cited_by=_inside(asked.cited_by, cited_by))
        with self._library.reading() as session:
            kept = self._kept(session)
            understood = (
                literally(asked) if literal else understand(session, asked, kept.names(session), dropped)
            )
            ask = Ask.read(session, asked, understood, filters)
            found = self._found(session, kept, ask, mode)
            passing = ask.passing(found.ids)
            remaining = found.kept(all_pass(passing, len(found.ids)))
            counted: tuple[Facet, ...] = ()
            if with_facets:
                counted = facets.count(kept.columns(session), found.ids, passing, ask.filters)
            if relative_to is not None:
                other = find_paper(session, relative_to)
                counted += (facets.relation(session, other.id, other.key, remaining.ids),)
            order = self._order(session, kept, remaining, sort)[offset : offset + limit]
            shown = [int(each) for each in remaining.ids[order]]
            reasons = _reasons(session, understood, mode, remaining, order)
            hits = [
                _hit(rank, paper, reason)
                for rank, (paper, reason) in enumerate(
                    zip(kept.briefs(session, shown), reasons, strict=True), start=offset + 1
                )
            ]
            return Results(
                query, mode, len(remaining.ids), kept.snapshot, hits, sort, offset, understood.words,
                understood.chips, counted,
            )  # fmt: skip

    def similar(self, key: str, limit: int = 10) -> list[Hit]:
        """The papers whose texts mean most nearly the same; the score is the cosine similarity.

        Raises UnknownName for a key that no paper has, ModelError for a library without vectors.
        """
        _require_limit(limit)
        with self._library.reading() as session:
            kept = self._kept(session)
            paper_id = session.scalar(select(Paper.id).where(Paper.key == key))
            if paper_id is None:
                raise UnknownName("paper", key)
            index = _existing(kept.vectors(session))
            vector = index.of(paper_id)
            if vector is None:
                return []
            near = dict(index.nearest(vector, limit + 1))
            near.pop(paper_id, None)
            shown = list(near)[:limit]
            return [
                _hit(rank, paper, Why(dense=near[paper.id], parts={"dense": near[paper.id]}))
                for rank, paper in enumerate(kept.briefs(session, shown), start=1)
            ]

    def related(self, key: str, limit: int = 10) -> list["Similar"]:
        """The papers that resemble a paper in citations and text, each with its reasons.

        See graph.analysis.similarity. A library without vectors, or without citations, goes by the other.
        Raises UnknownName for a key that no paper has, QueryError for a limit below 1.
        """
        return self.more_like([key], limit)

    def more_like(self, keys: Sequence[str], limit: int = 10) -> list["Similar"]:
        """The papers that resemble several papers taken together, each with its reasons; see `related`."""
        from graph.analysis import similarity

        with self._library.reading() as session:
            vectors = self._kept(session).vectors(session)
            if len(keys) == 1:
                return similarity.similar(session, keys[0], limit, vectors=vectors)
            return similarity.similar_to_all(session, keys, limit, vectors=vectors)

    def _found(self, session: Session, kept: Kept, ask: Ask, mode: Mode) -> Found:
        """What the query finds, with scores, before filters that facets count."""
        words, scope = ask.understood.words, ask.scope
        terms = textindex.query_terms(words)
        named = ask.in_scope(ask.understood.named)
        if ask.is_conditions_only and not named:
            found = listed(session, kept, scope)
            scoring.lift(session, found, ask.understood)
            return found
        narrowed = ask.narrowed if kept.papers > WHOLE else None
        lexical = None if mode == "dense" else by_words(session, kept, terms, scope, narrowed)
        meaning = None
        if mode != "lexical" and terms:
            index = _existing(kept.vectors(session))
            vector = self._encoded(index, words)
            meaning = by_meaning(index, vector, _NEIGHBOURS[mode], (scope, narrowed))
        # All papers of a family are found; what meets a condition is only if words or meaning find it.
        others = named | ask.in_scope(ask.understood.family)
        found = scoring.score(session, kept, lexical, meaning, others)
        called = kept.called(session, words) if named else set()
        nodes = kept.at_nodes(session, ask.understood.nodes)
        scoring.lift(session, found, ask.understood, called=called, on_nodes=nodes)
        return found

    def _order(self, session: Session, kept: Kept, found: Found, sort: Sort) -> NDArray[np.int64]:
        """Positions in `found`, first to last; of equal ones the better score, then the lower id."""
        keys: list[NDArray[np.float64] | NDArray[np.int64]] = [found.ids, -found.scores]
        if sort == "citations":
            keys.append(-kept.cited(session, found.ids))
        elif sort == "year":
            columns = kept.columns(session)
            keys.append(-columns.years[columns.positions(found.ids)])
        elif sort == "bridge":
            keys.append(-self._bridge_ranks(found.ids))
        return np.lexsort(keys)

    def _bridge_ranks(self, paper_ids: NDArray[np.int64]) -> NDArray[np.float64]:
        from graph.analysis.ranking import read_ranks

        ranks = read_ranks(self._library, "bridge")
        scores = dict(
            zip(ranks.paper_ids.tolist(), np.nan_to_num(ranks.scores, nan=-1.0).tolist(), strict=True)
        )
        return np.array([scores.get(each, -1.0) for each in paper_ids.tolist()], dtype=np.float64)

    def _encoded(self, index: VectorIndex, words: str) -> NDArray[np.float32]:
        encoder = self._given or self._encoder_of(index)
        model = encoder.model
        if model.weights_sha256 != index.weights_sha256:
            raise ModelError(
                f"the library's vectors come from {index.model_name} ({index.weights_sha256[:12]}...), "
                f"not from {model.name} ({model.weights_sha256[:12]}...): "
                f"'vfm-atlas build --model {model.name}' makes them anew"
            )
        vector: NDArray[np.float32] = encoder.encode([words])[0]
        return vector

    def _encoder_of(self, index: VectorIndex) -> QueryEncoder:
        if self._chosen is None or self._chosen.model.weights_sha256 != index.weights_sha256:
            self._chosen = QueryEncoder(index.model_name, stored_samples(self._library))
        return self._chosen

    def _kept(self, session: Session) -> Kept:
        last = self._last
        if last is None or last.snapshot != session.scalar(_SNAPSHOT):
            self._last = last = Kept(session)
        return last


def _require_choice(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise QueryError(f"no {what} {value!r}: {', '.join(allowed)} are allowed")


def _inside(said: str | None, given: str | None) -> str | None:
    """The one paper whose citations a search is limited to."""
    if said is not None and given not in (None, said):
        raise QueryError(f"the query is already inside the citations of {said!r}: leave out {given!r}")
    return given or said


def _require_limit(limit: int) -> None:
    if limit < 1:
        raise QueryError(f"cannot show {limit} results: 1 or more are allowed")


def _existing(vectors: VectorIndex | None) -> VectorIndex:
    if vectors is None:
        raise ModelError(_NO_VECTORS)
    return vectors


# What is told


def _reasons(
    session: Session, understood: Understanding, mode: Mode, found: Found, order: NDArray[np.int64]
) -> list[Why]:
    shown = [int(each) for each in found.ids[order]]
    words = understood.words
    terms = textindex.matched_terms(session, words, shown) if mode != "dense" else {}
    texts = why.explain(session, textindex.query_terms(words), shown)
    reasons = []
    for at, paper_id in zip(order.tolist(), shown, strict=True):
        cosine = float(found.cosines[at])
        reasons.append(
            Why(
                terms.get(paper_id, []),
                None if np.isnan(cosine) else cosine,
                understood.named.get(paper_id),
                {name: value for name, values in found.parts.items() if (value := float(values[at]))},
                texts[paper_id].title,
                texts[paper_id].sentence,
            )
        )
    return reasons


def _hit(rank: int, paper: PaperBrief, reason: Why) -> Hit:
    return Hit(
        rank, paper.key, paper.title, paper.year, sum(reason.parts.values()), reason, paper.pillar,
        paper.taxonomy, paper.checkpoints, paper,
    )  # fmt: skip
