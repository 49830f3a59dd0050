"""The ego graph of a paper, laid out on a time axis: what it comes from on the left, what came of it right.

The layout is plain and deterministic: one column a year (the oldest years share the first one), and within a
column the papers of one pillar stand together. Nothing overlaps and nothing moves between two visits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.brief import PaperBrief, briefs_of
from graph.errors import QueryError
from graph.filters import pillars_of
from graph.network import CITES, PAPER_EDGES, Direction, neighbours, paper_edges
from graph.schema import Paper

MOST_NODES = 28
MOST_FURTHER = 16
"""Papers two links away that are added to these, where they are asked for."""
MOST_COLUMNS = 7


@dataclass(frozen=True)
class EgoNode:
    """A paper at column `x` and row `y`; rows are centred on 0. `is_center` marks the paper itself.

    `depth` is how many links away it is, 0 for the paper itself.
    """

    key: str
    short_name: str
    title: str
    year: int | None
    pillar: str | None
    x: int
    y: float
    is_center: bool
    depth: int = 1


@dataclass(frozen=True)
class EgoEdge:
    """An edge between two nodes that are shown; `words` join them in a sentence."""

    start: str
    end: str
    relation: str
    words: str


@dataclass(frozen=True)
class EgoGraph:
    """Nodes, edges and columns' labels; `shown` of `total` links of the paper are drawn."""

    nodes: list[EgoNode]
    edges: list[EgoEdge]
    columns: list[str]
    shown: int
    total: int


def ego_graph(session: Session, key: str, most_nodes: int = MOST_NODES, *, depth: int = 1) -> EgoGraph:
    """The paper with its typed relations first, then its most cited neighbours over citations.

    With `depth` 2 also the papers that most of these are linked with, QueryError for any other than 1 or 2.
    """
    if depth not in (1, 2):
        raise QueryError(f"cannot draw papers {depth} links away: 1 or 2 are allowed")
    center = session.scalars(select(Paper.id).where(Paper.key == key)).one()
    links = neighbours(session, key)
    ids = dict(
        session.execute(select(Paper.key, Paper.id).where(Paper.key.in_({link.key for link in links}))).all()
    )
    around = {paper.key: paper for paper in briefs_of(session, sorted(ids.values()))}
    typed = {link.key for link in links if link.relation != CITES}
    chosen = sorted(typed, key=lambda name: (-around[name].cited_by, name))[: most_nodes - 1]
    directions: dict[Direction, list[str]] = {"out": [], "in": []}
    for direction in directions:
        cited = {link.key for link in links if link.relation == CITES and link.direction == direction}
        directions[direction] = sorted(cited - set(chosen), key=lambda name: (-around[name].cited_by, name))
    chosen += _fairly(directions["out"], directions["in"], most_nodes - 1 - len(chosen))
    first = [*briefs_of(session, [center]), *(around[name] for name in chosen)]
    further = _further(session, [paper.id for paper in first]) if depth > 1 else []
    papers = [*first, *further]
    shown = {paper.id: paper.key for paper in papers}
    edges = {
        EgoEdge(shown[start], shown[end], kind, PAPER_EDGES[kind])
        for kind, start, end, _, _ in paper_edges(session, list(shown))
        if start in shown and end in shown
    }
    away = {paper.key: 2 for paper in further} | {key: 0}
    columns, nodes = _place(papers, away, pillars_of(session))
    own = [edge for edge in edges if key in (edge.start, edge.end)]
    ordered = sorted(edges, key=lambda edge: (edge.relation, edge.start, edge.end))
    return EgoGraph(nodes, ordered, columns, len(own), len(links))


def _further(session: Session, inside: list[int]) -> list[PaperBrief]:
    """The papers with most links to those inside, typed ones first; equal ones by citations, then key."""
    counts: dict[int, tuple[int, int]] = {}
    known = set(inside)
    joined = {(kind, start, end) for kind, start, end, _, _ in paper_edges(session, inside[1:])}
    for kind, start, end in joined:
        for paper_id in {start, end} - known:
            typed, all_links = counts.get(paper_id, (0, 0))
            counts[paper_id] = (typed + (kind != CITES), all_links + 1)
    found = briefs_of(session, list(counts))
    found.sort(key=lambda paper: (*(-count for count in counts[paper.id]), -paper.cited_by, paper.key))
    return found[:MOST_FURTHER]


def _fairly(first: Sequence[str], second: Sequence[str], count: int) -> list[str]:
    """As many from either side as the other leaves room for."""
    half = count // 2
    from_first = max(half, count - len(second))
    taken = list(first[:from_first])
    return taken + [name for name in second if name not in taken][: count - len(taken)]


def _place(
    papers: list[PaperBrief], away: dict[str, int], pillars: list[str]
) -> tuple[list[str], list[EgoNode]]:
    """Columns and nodes; `away` is how many links away a paper is, 1 where it says nothing."""
    years = sorted({paper.year for paper in papers if paper.year is not None})
    early, single = years[: -MOST_COLUMNS + 1], years[-MOST_COLUMNS + 1 :]
    columns = ([_span(early)] if early else []) + [str(year) for year in single]
    column_of = dict.fromkeys(early, 0) | {year: at + bool(early) for at, year in enumerate(single)}
    if any(paper.year is None for paper in papers):
        columns.append("year not known")
    order = {pillar: at for at, pillar in enumerate(pillars)}
    stacks: dict[int, list[PaperBrief]] = {}
    for paper in papers:
        x = len(columns) - 1 if paper.year is None else column_of[paper.year]
        stacks.setdefault(x, []).append(paper)
    nodes = []
    for x, stack in sorted(stacks.items()):
        stack.sort(key=lambda paper: (order.get(paper.pillar or "", len(order)), -paper.cited_by, paper.key))
        for row, paper in enumerate(stack):
            nodes.append(
                EgoNode(
                    paper.key, paper.short_name, paper.title, paper.year, paper.pillar,
                    x, row - (len(stack) - 1) / 2, away.get(paper.key) == 0, away.get(paper.key, 1),
                )
            )  # fmt: skip
    return columns, nodes


def _span(years: list[int]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"
