"""Two to five papers side by side: their facts, and what they have in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from graph.brief import PaperBrief, list_briefs
from graph.errors import QueryError
from graph.network import CITES, PAPER_EDGES
from graph.papers import PaperCard, read_card
from graph.schema import Paper

FEWEST, MOST = 2, 5


@dataclass(frozen=True)
class Shared:
    """A paper that several of the compared ones are linked with, and the keys of these."""

    paper: PaperBrief
    by: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Papers side by side.

    Attributes:
        cards: everything known of each, in the order asked for.
        references: papers that two or more of them cite or build on, shared by most first.
        followers: papers that cite or build on two or more of them, likewise.
        direct: relations among the compared papers themselves: key, words, key.
    """

    cards: tuple[PaperCard, ...]
    references: tuple[Shared, ...]
    followers: tuple[Shared, ...]
    direct: tuple[tuple[str, str, str], ...]


def compare_papers(session: Session, keys: Sequence[str]) -> Comparison:
    """Compare papers by their keys, which must exist; QueryError for fewer than two or more than five."""
    distinct = list(dict.fromkeys(keys))
    if not FEWEST <= len(distinct) <= MOST:
        raise QueryError(f"cannot compare {len(distinct)} papers: {FEWEST} to {MOST} are allowed")
    cards = tuple(read_card(session, key) for key in distinct)
    built_from: dict[str, list[str]] = {}
    built_on_it: dict[str, list[str]] = {}
    direct: list[tuple[str, str, str]] = []
    for card in cards:
        for link in [*card.relations, *(card.cites or []), *card.cited_by]:
            ends = built_from if link.direction == "out" else built_on_it
            if link.key not in distinct:
                ends.setdefault(link.key, []).append(card.key)
            elif link.direction == "out":
                direct.append((card.key, PAPER_EDGES[link.relation], link.key))
    # A typed relation says more than the citation that comes with it.
    typed = {(start, end) for start, words, end in direct if words != PAPER_EDGES[CITES]}
    direct = [step for step in direct if step[1] != PAPER_EDGES[CITES] or (step[0], step[2]) not in typed]
    return Comparison(
        cards, _shared(session, built_from), _shared(session, built_on_it), tuple(dict.fromkeys(direct))
    )


def _shared(session: Session, linked: dict[str, list[str]]) -> tuple[Shared, ...]:
    common = {key: tuple(dict.fromkeys(by)) for key, by in linked.items() if len(set(by)) > 1}
    if not common:
        return ()
    papers = list_briefs(session, Paper.key.in_(list(common)))
    order = Counter({paper.key: len(common[paper.key]) for paper in papers})
    # Most shared first; among those list_briefs puts the most cited first, and sorting keeps that.
    ranked = sorted(papers, key=lambda paper: -order[paper.key])
    return tuple(Shared(paper, common[paper.key]) for paper in ranked)
