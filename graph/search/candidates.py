"""Which papers take part in a search: what the query limits, what filters let through, what is found."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph import fusion, textindex
from graph.filters import Filters, allowed_ids, descendants
from graph.lookup import find_paper
from graph.schema import Citation, Paper
from graph.search.kept import Kept
from graph.search.query import Query
from graph.search.scoring import Found, Meaning
from graph.search.understanding import Understanding
from graph.vectors import VectorIndex

WHOLE, BEST = 5_000, 1_000
"""A library of up to WHOLE papers is searched whole; of a larger one, words contribute the BEST papers."""
_FACET_OF = {
    "pillar": "pillar", "taxonomy": "taxonomy", "years": "year", "venue": "venue",
    "has_checkpoint": "checkpoint",
}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """A query with everything that it, and whoever sent it, demands.

    `scope` are the papers that the query itself leaves to be found, None for all. `filters` all have to hold,
    their nodes are given by ids; `allowed` are the papers that each condition in them lets through, by the
    facet that counts its values or the name of the filter.
    """

    query: Query
    understood: Understanding
    scope: frozenset[int] | None
    filters: tuple[Filters, ...]
    allowed: tuple[tuple[str, frozenset[int]], ...]

    @classmethod
    def read(cls, session: Session, query: Query, understood: Understanding, given: Filters | None) -> "Ask":
        """Look up what is demanded; UnknownName for a name in it that is none."""
        by_venue = (Filters(venue=venue) for venue in query.venues)
        filters = tuple(
            replace(each, taxonomy=descendants(session, each.taxonomy)[0]) if each.taxonomy else each
            for each in (given, query.filters, *by_venue)
            if each
        )
        allowed = tuple(
            (_FACET_OF.get(name, name), frozenset(allowed_ids(session, one) or ()))
            for each in filters
            for name, one in _single(each)
        )
        return cls(query, understood, _scope(session, query), filters, allowed)

    @property
    def is_conditions_only(self) -> bool:
        """Whether there are no words to look for: an identifier that no paper has is no such query."""
        return not self.understood.words and (not self.query.words or bool(self.understood.conditions))

    def in_scope(self, paper_ids: Iterable[int]) -> set[int]:
        """Those of the papers that the query leaves."""
        return set(paper_ids) if self.scope is None else set(paper_ids) & self.scope

    def passing(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
        """By facet, or by filter where no facet counts its values, which of some papers pass."""
        passing: dict[str, NDArray[np.bool_]] = {}
        for name, allowed in self.allowed:
            passed = np.isin(ids, np.fromiter(allowed, dtype=np.int64, count=len(allowed)))
            passing[name] = passing[name] & passed if name in passing else passed
        return passing

    @property
    def narrowed(self) -> frozenset[int] | None:
        """What scope and filters leave together; None without filters."""
        if not self.allowed:
            return None
        return frozenset(self.in_scope(frozenset.intersection(*(ids for _, ids in self.allowed))))


def _single(filters: Filters) -> Iterator[tuple[str, Filters]]:
    """Each condition of some filters alone, with the name of its field."""
    nothing = Filters()
    for each in fields(Filters):
        value = getattr(filters, each.name)
        if value != getattr(nothing, each.name):
            yield each.name, replace(nothing, **{each.name: value})


def all_pass(passing: Mapping[str, NDArray[np.bool_]], count: int) -> NDArray[np.bool_]:
    """Which of so many papers pass every filter."""
    kept = np.ones(count, dtype=np.bool_)
    for passed in passing.values():
        kept &= passed
    return kept


def by_words(
    session: Session,
    kept: Kept,
    terms: Sequence[str],
    scope: frozenset[int] | None,
    narrowed: frozenset[int] | None,
) -> dict[int, float]:
    """BM25 scores of the papers that have any of the words.

    `narrowed` is given for a large library: of the first thousands none may pass the filters.
    """
    if kept.papers <= WHOLE:
        found = textindex.scores(session, terms)
        return found if scope is None else {each: found[each] for each in found.keys() & scope}
    frequencies = kept.frequencies if scope is None else None
    found = textindex.scores(session, terms, BEST, allowed=scope, frequencies=frequencies)
    if narrowed is not None:
        found |= textindex.scores(session, terms, BEST, allowed=narrowed)
    return found


def by_meaning(
    index: VectorIndex,
    vector: NDArray[np.float32],
    count: int,
    among: Iterable[frozenset[int] | None],
) -> Meaning:
    """The papers nearest to a query's vector in the library or, after the first, in parts of it."""
    near: dict[int, float] = {}
    for number, part in enumerate(among):
        if number == 0 or part is not None:
            near |= dict(index.nearest(vector, count, None if part is None else set(part)))
    return Meaning(index, vector, near)


def listed(session: Session, kept: Kept, scope: Collection[int] | None) -> Found:
    """What a query of conditions alone finds; the score says how often a paper is cited."""
    papers = session.scalars(select(Paper.id)) if scope is None else scope
    ids = np.array(sorted(papers), dtype=np.int64)
    cited = fusion.share(1.0, np.log1p(kept.cited(session, ids)))
    return Found(ids, {"cited": cited}, np.full(len(ids), np.nan))


def _scope(session: Session, query: Query) -> frozenset[int] | None:
    limits: list[set[int]] = []
    if query.phrases:
        limits.append(textindex.containing(session, query.phrases))
    limits.extend(textindex.containing(session, [author], "authors") for author in query.authors)
    for key, theirs, known in (
        (query.cites, Citation.citing_id, Citation.cited_id),
        (query.cited_by, Citation.cited_id, Citation.citing_id),
    ):
        if key is not None:
            limits.append(set(session.scalars(select(theirs).where(known == find_paper(session, key).id))))
    if query.excluded:
        left = set.intersection(*limits) if limits else set(session.scalars(select(Paper.id)))
        limits = [left - textindex.containing_any(session, query.excluded)]
    return frozenset(set.intersection(*limits)) if limits else None
