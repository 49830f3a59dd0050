"""The lineage of a paper: what it is built from, and what was built from it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from graph.analysis.paths import WEAKNESS
from graph.brief import briefs_of
from graph.coverage import references_are_known
from graph.errors import QueryError, UnknownName
from graph.network import CITES, PAPER_EDGES
from graph.schema import Citation, Paper, Relation, Source

DESCENT = ("builds_on", "extends", "initialised_from", "distils", "trained_on")
"""Relations that say that something went into a paper; evaluations and comparisons do not."""
DEPTH = 3


@dataclass(frozen=True)
class Kin:
    """A paper of the lineage: over which relation it was reached, from which paper, how many steps away.

    `words` tell the last step as a sentence with short names; `sources` say who states it.
    """

    key: str
    short_name: str
    title: str
    year: int | None
    pillar: str | None
    relation: str
    words: str
    via: str
    depth: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """Ancestors and descendants of a paper, each paper once on a side.

    Typed relations come first, then citations; in each the nearest first, then by kind and key.
    `references_known` is False where the paper's reference list was not read, so that ancestors may be
    missing.
    """

    key: str
    built_from: tuple[Kin, ...]
    built_on_it: tuple[Kin, ...]
    references_known: bool


@dataclass(frozen=True)
class _Link:
    """An edge to a paper from `via`, which is nearer to the paper whose lineage it is; both are row ids."""

    paper_id: int
    relation: str
    via: int
    via_key: str
    source: str

    @property
    def rank(self) -> tuple[int, int, str]:
        return WEAKNESS[self.relation], list(WEAKNESS).index(self.relation), self.via_key


@dataclass(frozen=True)
class _Reached:
    link: _Link
    depth: int
    sources: tuple[str, ...]


def read_lineage(session: Session, key: str, *, depth: int = DEPTH, citation_depth: int = 1) -> Lineage:
    """The lineage of the paper with this key.

    Args:
        session: of the library.
        key: of a paper; UnknownName where there is none.
        depth: how many typed relations (DESCENT) away at most, 1 or more, else QueryError.
        citation_depth: how many citations away at most, 0 or more: far ones reach most of a library.
    """
    if depth < 1 or citation_depth < 0:
        raise QueryError(
            f"cannot go {depth} relations and {citation_depth} citations away: 1 and 0 or more are allowed"
        )
    paper = session.execute(select(Paper.id, Paper.reference_list).where(Paper.key == key)).one_or_none()
    if paper is None:
        raise UnknownName("paper", key)
    sides = []
    for backwards in (False, True):
        typed = _walk(session, paper.id, depth, backwards=backwards, typed=True)
        cited = _walk(session, paper.id, citation_depth, backwards=backwards, typed=False)
        known = {each.link.paper_id for each in typed}
        reached = typed + [each for each in cited if each.link.paper_id not in known]
        sides.append(_kin(session, reached, backwards=backwards))
    return Lineage(key, sides[0], sides[1], references_are_known(paper.reference_list))


def _walk(session: Session, start: int, depth: int, *, backwards: bool, typed: bool) -> list[_Reached]:
    """Every paper within some steps in one direction, over the strongest edge of its smallest depth."""
    found: list[_Reached] = []
    visited = {start}
    front = {start}
    for level in range(1, depth + 1):
        ways: dict[int, list[_Link]] = {}
        for link in _links(session, front, backwards=backwards, typed=typed):
            if link.paper_id not in visited:
                ways.setdefault(link.paper_id, []).append(link)
        for links in ways.values():
            best = min(links, key=lambda link: link.rank)
            told = dict.fromkeys(link.source for link in links if link.rank == best.rank)
            found.append(_Reached(best, level, tuple(told)))
        front = set(ways)
        visited |= front
    return found


def _links(session: Session, front: Collection[int], *, backwards: bool, typed: bool) -> Iterator[_Link]:
    """Edges from some papers to others, or backwards from others to them."""
    table = Relation if typed else Citation
    ends = [Relation.paper_id, Relation.target_id] if typed else [Citation.citing_id, Citation.cited_id]
    here, there = reversed(ends) if backwards else ends
    kind = Relation.kind if typed else literal(CITES)
    query = (
        select(kind, here, there, Paper.key, Source.name)
        .join_from(table, Paper, Paper.id == here)
        .join(Source, Source.id == table.source_id)
        .where(here.in_(front))
    )
    if typed:
        query = query.where(Relation.kind.in_(DESCENT))
    for relation, via, paper_id, via_key, source in session.execute(
        query.order_by(Paper.key, there, Source.name)
    ):
        yield _Link(paper_id, relation, via, via_key, source)


def _kin(session: Session, reached: Sequence[_Reached], *, backwards: bool) -> tuple[Kin, ...]:
    ids = {each.link.paper_id for each in reached} | {each.link.via for each in reached}
    papers = {paper.id: paper for paper in briefs_of(session, sorted(ids))}
    found = []
    for each in reached:
        paper, via = papers[each.link.paper_id], papers[each.link.via]
        subject, what = (paper, via) if backwards else (via, paper)
        words = f"{subject.short_name} {PAPER_EDGES[each.link.relation]} {what.short_name}"
        found.append(
            Kin(
                paper.key, paper.short_name, paper.title, paper.year, paper.pillar, each.link.relation, words,
                via.key, each.depth, each.sources,
            )
        )  # fmt: skip
    kinds = list(WEAKNESS)
    found.sort(key=lambda kin: (kin.relation == CITES, kin.depth, kinds.index(kin.relation), kin.key))
    return tuple(found)
