"""Papers that belong together: by the references they share, by who cites them together, by their texts.

Co-citation and coupling of one paper are one row each, of whatever size the library is; the full products,
which at 170,000 papers take gigabytes, are made only where they are asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from graph.analysis.citegraph import CitationGraph
from graph.brief import PaperBrief, briefs_of
from graph.errors import QueryError, UnknownName
from graph.schema import Citation, Paper
from graph.vectors import VectorIndex

TEXT, COUPLING, COCITATION = 0.67, 0.13, 0.20
"""Weights of the three kinds of evidence.

Chosen on the shipped catalogue, on a coarse grid: of the ten papers nearest to a paper, 33% have its taxonomy
node (27% by text alone) and they hold 36% of the papers that typed relations join with it (32%).
"""


@dataclass(frozen=True)
class Strengths:
    """How strongly pairs of papers are linked, in two scipy CSR matrices of shape (n, n) or (1, n).

    `counts` are citing papers or references in common, `cosines` the same divided by the geometric mean of
    what both have in all (Salton), from 0 to 1. Papers are not linked with themselves.
    """

    counts: Any
    cosines: Any


def coupling(graph: CitationGraph, of: int | None = None) -> Strengths:
    """Bibliographic coupling [1]_: references in common, of all pairs or of the paper at one position.

    Parameters
    ----------
    graph : the citation graph.
    of : position of a paper, for its row alone; without it the full product is made, 1.4 GB at 170,000
        papers with 1.2 million citations.

    References
    ----------
    .. [1] Kessler: Bibliographic coupling between scientific papers. American Documentation 14 (1963).
    """
    return _strengths(graph.adjacency, of)


def cocitation(graph: CitationGraph, of: int | None = None) -> Strengths:
    """Co-citation [1]_: papers that cite both, of all pairs or of the paper at one position.

    See `coupling` for the parameters.

    References
    ----------
    .. [1] Small: Co-citation in the scientific literature. J. Am. Soc. Inf. Sci. 24 (1973).
    """
    return _strengths(graph.adjacency.T.tocsr(), of)


def _strengths(incidence: Any, of: int | None) -> Strengths:
    from scipy.sparse import diags_array

    norms = np.sqrt(incidence.sum(axis=1))
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    rows = slice(None) if of is None else slice(of, of + 1)
    counts = (incidence[rows] @ incidence.T).tocoo()
    others = counts.row + (of or 0) != counts.col
    kept = (counts.data[others], (counts.row[others], counts.col[others]))
    linked = type(counts)(kept, shape=counts.shape).tocsr()
    linked.sort_indices()
    return Strengths(linked, (diags_array(inverse[rows]) @ linked @ diags_array(inverse)).tocsr())


@dataclass(frozen=True)
class Similar:
    """A paper that resembles another one, and why.

    Attributes:
        score: weighted mean of the three strengths below; see `similar`.
        text: cosine similarity of the texts, None where either has no vector.
        coupling, shared_references: cosine-normalised and plain count of references in common.
        cocitation, cited_together: the same of papers that cite both.
        reason: the evidence in words.
    """

    key: str
    title: str
    year: int | None
    score: float
    text: float | None
    coupling: float
    shared_references: int
    cocitation: float
    cited_together: int
    reason: str
    paper: PaperBrief


def similar(
    session: Session, key: str, limit: int = 10, *, vectors: VectorIndex | None = None
) -> list[Similar]:
    """The papers that resemble a paper most, best first; of equal ones the smaller key.

    The score is TEXT, COUPLING and COCITATION times the three strengths, divided by the weights of what the
    paper itself has: a vector, references in the library, papers that cite it. What is not known of the
    others adds nothing. For a paper without citations it is the cosine of the texts alone.

    Args:
        session: of the library.
        key: of a paper; UnknownName where there is none.
        limit: how many, 1 or more, else QueryError.
        vectors: the library's, which are large; without them texts are not compared.
    """
    if limit < 1:
        raise QueryError(f"cannot show {limit} results: 1 or more are allowed")
    given = _evidence(session, key, vectors)
    texts = _texts(vectors, [given], limit)
    scores = {other: given.score(other, texts.get(other)) for other in texts.keys() | given.linked}
    return [
        _similar(
            given.short_name, paper, scores[paper.id], texts.get(paper.id),
            shared=given.coupled.get(paper.id, _NOTHING), together=given.cited.get(paper.id, _NOTHING),
        )
        for paper in _best(session, scores, limit)
    ]  # fmt: skip


def similar_to_all(
    session: Session, keys: Sequence[str], limit: int = 10, *, vectors: VectorIndex | None = None
) -> list[Similar]:
    """The papers that resemble several papers taken together, best first; these themselves are left out.

    The score is the mean of the scores against each of them (see `similar`), with the text compared with the
    centre of theirs. Counts in the result are sums over the papers given. QueryError without a key.
    """
    if limit < 1:
        raise QueryError(f"cannot show {limit} results: 1 or more are allowed")
    if not keys:
        raise QueryError("no paper is named: name the papers that others should be like")
    given = [_evidence(session, key, vectors) for key in dict.fromkeys(keys)]
    texts = _texts(vectors, given, limit)
    among = {each.paper_id for each in given}
    others = (texts.keys() | set[int]().union(*(each.linked for each in given))) - among
    scores = {
        other: sum(each.score(other, texts.get(other)) for each in given) / len(given) for other in others
    }
    found = []
    for paper in _best(session, scores, limit):
        shared = [each.coupled.get(paper.id, _NOTHING) for each in given]
        together = [each.cited.get(paper.id, _NOTHING) for each in given]
        names = [
            each.short_name
            for each, one, other in zip(given, shared, together, strict=True)
            if one.number or other.number
        ]
        told = _similar(
            " or ".join(names), paper, scores[paper.id], texts.get(paper.id), shared=_mean(shared),
            together=_mean(together),
        )  # fmt: skip
        found.append(told)
    return found


@dataclass(frozen=True)
class _Evidence:
    """What links a paper with others, and the weight of what is known of it."""

    paper_id: int
    short_name: str
    coupled: "dict[int, _Link]"
    cited: "dict[int, _Link]"
    weight: float

    @property
    def linked(self) -> set[int]:
        return self.coupled.keys() | self.cited.keys()

    def score(self, other: int, text: float | None) -> float:
        found = (
            TEXT * (text or 0.0)
            + COUPLING * self.coupled.get(other, _NOTHING).cosine
            + COCITATION * self.cited.get(other, _NOTHING).cosine
        )
        return found / self.weight if self.weight else 0.0


def _evidence(session: Session, key: str, vectors: VectorIndex | None) -> _Evidence:
    found = session.execute(select(Paper.id, Paper.short_name).where(Paper.key == key)).one_or_none()
    if found is None:
        raise UnknownName("paper", key)
    weight = sum(
        share
        for share, is_known in (
            (TEXT, vectors is not None and vectors.of(found.id) is not None),
            (COUPLING, _is_linked(session, Citation.citing_id, found.id)),
            (COCITATION, _is_linked(session, Citation.cited_id, found.id)),
        )
        if is_known
    )
    return _Evidence(
        found.id,
        found.short_name,
        _linked(session, found.id, Citation.citing_id, Citation.cited_id),
        _linked(session, found.id, Citation.cited_id, Citation.citing_id),
        weight,
    )


def _best(session: Session, scores: dict[int, float], limit: int) -> list[PaperBrief]:
    cut = sorted(scores.values(), reverse=True)[:limit]
    best = [other for other, score in scores.items() if score >= cut[-1]]
    return sorted(briefs_of(session, best), key=lambda paper: (-scores[paper.id], paper.key))[:limit]


class _Link(NamedTuple):
    """How many citing papers or references are in common, and their cosine."""

    number: int
    cosine: float


_NOTHING = _Link(0, 0.0)


def _mean(links: "Sequence[_Link]") -> "_Link":
    return _Link(sum(each.number for each in links), sum(each.cosine for each in links) / len(links))


def _texts(vectors: VectorIndex | None, given: "Sequence[_Evidence]", limit: int) -> dict[int, float]:
    """Cosines, with the centre of the papers given, of those linked and of as many nearest as can matter."""
    if vectors is None:
        return {}
    own = [vector for each in given if (vector := vectors.of(each.paper_id)) is not None]
    if not own:
        return {}
    centre = own[0]
    if len(own) > 1:
        total = np.sum(own, axis=0)
        centre = np.asarray(total / (np.linalg.norm(total) or 1.0), dtype=np.float32)
    linked = set[int]().union(*(each.linked for each in given))
    near = dict(vectors.nearest(centre, limit + len(given))) | vectors.cosines(centre, sorted(linked))
    for each in given:
        near.pop(each.paper_id, None)
    return near


def _linked(
    session: Session, paper_id: int, end: InstrumentedAttribute[int], other_end: InstrumentedAttribute[int]
) -> dict[int, _Link]:
    """Count and cosine per paper with which this one shares what stands at the other end of citations."""
    own, theirs = aliased(Citation), aliased(Citation)
    this, shared = getattr(own, end.key), getattr(own, other_end.key)
    that = getattr(theirs, end.key)
    joined = (
        select(that, func.count(shared.distinct()))
        .join_from(own, theirs, getattr(theirs, other_end.key) == shared)
        .where(this == paper_id, that != paper_id)
        .group_by(that)
    )
    counts: dict[int, int] = dict(session.execute(joined).all())
    if not counts:
        return {}
    candidates: Select[Any] = joined.with_only_columns(that)
    degree = (
        select(end, func.count(other_end.distinct()))
        .where(end.in_(candidates) | (end == paper_id))
        .group_by(end)
    )
    degrees: dict[int, int] = dict(session.execute(degree).all())
    own_degree = degrees[paper_id]
    return {
        other: _Link(count, count / math.sqrt(own_degree * degrees[other])) for other, count in counts.items()
    }


def _is_linked(session: Session, end: InstrumentedAttribute[int], paper_id: int) -> bool:
    return session.scalar(select(end).where(end == paper_id).limit(1)) is not None


def _similar(
    name: str, paper: PaperBrief, score: float, text: float | None, *, shared: _Link, together: _Link
) -> Similar:
    reasons = []
    if together.number:
        reasons.append(f"cited together with {name} by {_counted(together.number, 'paper')}")
    if shared.number:
        reasons.append(_counted(shared.number, "shared reference"))
    if text is not None:
        reasons.append(f"texts alike {text:.2f}")
    return Similar(
        paper.key, paper.title, paper.year, score, text, shared.cosine, shared.number, together.cosine,
        together.number, "; ".join(reasons), paper,
    )  # fmt: skip


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
