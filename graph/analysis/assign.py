"""Places in the taxonomy for papers that nobody has placed, each with its reasons and how sure it is.

Papers with a curated place vote (graph.analysis.votes); how often such votes are right is learnt by taking
each curated paper's place away and guessing it. docs/assignment.md has the numbers.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from graph.analysis.calibration import Calibration, calibrate
from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import text_vectors
from graph.analysis.votes import Votes
from graph.errors import UnknownName
from graph.schema import Assignment, Citation, Paper, Source, TaxonomyNode
from graph.vectors import VectorIndex

ATLAS = "atlas"
"""Origin of what this program itself states."""
NAME = "assigned by text and citations"
"""Name of the source of these assignments."""
NEEDS_REVIEW_BELOW = 0.5
"""A place that is less likely right than this is for a person to look at."""
FEWEST = 30
"""Below this many curated papers it cannot be told how often a guess is right."""
_REASONS = 5
_ALTERNATIVES = 2
_MOST_TESTED = 4_000


@dataclass(frozen=True)
class Reason:
    """A paper of known place that speaks for it. `weight` is its part of the node's share.

    `text` is the cosine of the two text vectors, None where either has none; `citation` says who cites whom:
    "cites", "cited by" (the paper in question cites it, or is cited by it), "both" or None.
    """

    key: str
    node: str
    weight: float
    text: float | None
    citation: str | None


@dataclass(frozen=True)
class Suggestion:
    """The place of a paper, and why.

    `share` is the part of the votes; `confidence` how often such a guess is right, None where there are too
    few curated papers to tell; `pillar_confidence` the same for the pillar alone. `alternatives` are the next
    nodes with their shares.
    """

    key: str
    node: str
    pillar: str
    share: float
    confidence: float | None
    pillar_confidence: float | None
    alternatives: tuple[tuple[str, float], ...]
    reasons: tuple[Reason, ...]

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at it."""
        return needs_review(self.confidence)


@dataclass(frozen=True)
class AssignmentReport:
    """What `assign_missing` did: curated papers that voted, papers assigned, those of them to look at.

    `left` are the keys of papers about which nothing is known; `note` says why nothing was done, if so.
    """

    curated: int
    assigned: int
    review: int
    left: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return self.note
        parts = [f"{self.assigned} assigned"]
        if self.review:
            parts.append(f"{self.review} of them to be reviewed")
        if self.left:
            parts.append(f"{len(self.left)} with nothing to go by")
        return ", ".join(parts)


def needs_review(confidence: float | None) -> bool:
    """Whether a place of this confidence, assigned here, is for a person to look at."""
    return confidence is None or confidence < NEEDS_REVIEW_BELOW


def assign_missing(session: Session) -> AssignmentReport:
    """Give every paper without a primary place from elsewhere one, in the caller's transaction.

    Replaces what it assigned before and touches nobody else's assignments. Without curated places it does
    nothing and says so. The same facts give the same assignments.
    """
    forget_assignments(session)
    placed = _curated(session)
    papers = session.scalar(select(func.count()).select_from(Paper)) or 0
    if not placed:
        return AssignmentReport(0, 0, 0, note="no curated taxonomy, nothing assigned")
    if len(placed) == papers:
        return AssignmentReport(len(placed), 0, 0)
    model = _Model(session, placed)
    missing = np.setdiff1d(np.arange(len(model.graph)), model.votes.voters)
    taken = _taken(session)
    rows: list[dict[str, object]] = []
    left: list[str] = []
    fact = {"source_id": _source(session), "retrieved_at": _as_of(session), "is_primary": True}
    shares = model.votes.shares(missing)
    for at, share in zip(missing.tolist(), shares, strict=True):
        paper_id = int(model.graph.paper_ids[at])
        # Where somebody made a node a further one of the paper there is no row left for it.
        share[np.isin(model.votes.nodes, taken.get(paper_id, []))] = 0
        if not share.any():
            left.append(model.graph.keys[at])
            continue
        node = int(share.argmax())
        confidence = model.confidence(share, node)[0]
        name = model.votes.nodes[node]
        rows.append({**fact, "paper_id": paper_id, "node_id": name, "confidence": confidence})
    if rows:
        session.execute(insert(Assignment), rows)
    review = sum(needs_review(row["confidence"]) for row in rows)  # type: ignore[arg-type]
    return AssignmentReport(len(placed), len(rows), review, tuple(left))


def assign_stage(session: Session) -> str:
    """`assign_missing` as a stage of the ingest: its report in a line."""
    return str(assign_missing(session))


def forget_assignments(session: Session, paper_ids: Collection[int] | None = None) -> None:
    """Take back what `assign_missing` assigned, to all papers or to these."""
    mine = select(Source.id).where(Source.origin == ATLAS, Source.name == NAME)
    stale = delete(Assignment).where(Assignment.source_id.in_(mine))
    session.execute(stale if paper_ids is None else stale.where(Assignment.paper_id.in_(paper_ids)))


def suggest(session: Session, keys: Iterable[str]) -> list[Suggestion]:
    """Where these papers belong, with reasons; papers about which nothing is known are left out.

    A paper with a curated place is judged as if it had none. Empty without curated places. Raises
    UnknownName for a key that no paper has.
    """
    wanted = list(keys)
    known = set(session.scalars(select(Paper.key).where(Paper.key.in_(wanted))))
    for key in wanted:
        if key not in known:
            raise UnknownName("paper", key)
    placed = _curated(session)
    if not placed:
        return []
    model = _Model(session, placed)
    rows = np.array([model.graph.position[key] for key in wanted], dtype=np.int64)
    shares = model.votes.shares(rows)
    return [
        model.suggestion(row, share)
        for row, share in zip(rows.tolist(), shares, strict=True)
        if share.any()
    ]  # fmt: skip


class _Model:
    """The votes of a library's curated papers, and how far they are to be trusted."""

    def __init__(self, session: Session, placed: dict[int, str]) -> None:
        self.graph = CitationGraph.read(session)
        self.index = VectorIndex.load(session)
        texts = text_vectors(self.graph, self.index)
        at = {paper_id: position for position, paper_id in enumerate(self.graph.paper_ids.tolist())}
        by_position = {at[paper_id]: node for paper_id, node in placed.items()}
        self.votes = Votes.of(self.graph, texts, by_position)
        branches = dict(session.execute(select(TaxonomyNode.id, TaxonomyNode.pillar)).all())
        self.pillars = np.array([branches[node] or node for node in self.votes.nodes])
        self.trust = self._trust()

    def _trust(self) -> tuple[Calibration, Calibration] | None:
        """Calibrations of node and pillar, on guesses of the curated papers' own places."""
        shares, places = leave_one_out(self.votes)
        tested = np.flatnonzero(shares.any(axis=1))
        if len(tested) < FEWEST:
            return None
        shares, places = shares[tested], places[tested]
        guess = shares.argmax(axis=1)
        by_pillar = shares * (self.pillars[None, :] == self.pillars[guess][:, None])
        return (
            calibrate(shares.max(axis=1), guess == places),
            calibrate(by_pillar.sum(axis=1), self.pillars[guess] == self.pillars[places]),
        )

    def confidence(self, share: NDArray[np.float64], node: int) -> tuple[float | None, float | None]:
        """How likely the node and its pillar are right, rounded: the last digits differ between machines."""
        if self.trust is None:
            return None, None
        pillar = share[self.pillars == self.pillars[node]].sum()
        of_node, of_pillar = self.trust
        return round(float(of_node(share[node])), 2), round(float(of_pillar(pillar)), 2)

    def suggestion(self, row: int, share: NDArray[np.float64]) -> Suggestion:
        best, *others = np.argsort(-share, kind="stable")[: _ALTERNATIVES + 1].tolist()
        confidence, pillar_confidence = self.confidence(share, best)
        nodes = self.votes.nodes
        return Suggestion(
            self.graph.keys[row], nodes[best], str(self.pillars[best]), float(share[best]), confidence,
            pillar_confidence, tuple((nodes[at], float(share[at])) for at in others if share[at] > 0),
            tuple(self._reasons(row, best)),
        )  # fmt: skip

    def _reasons(self, row: int, node: int) -> Iterable[Reason]:
        weights = self.votes.evidence(row, node)
        graph = self.graph
        cites = set(graph.cited[graph.citing == row].tolist())
        cited_by = set(graph.citing[graph.cited == row].tolist())
        for voter in np.argsort(-weights, kind="stable")[:_REASONS].tolist():
            if weights[voter] <= 0:
                return
            other = int(self.votes.voters[voter])
            words = {(True, True): "both", (True, False): "cites", (False, True): "cited by"}
            yield Reason(
                graph.keys[other], self.votes.nodes[node], float(weights[voter]),
                self._cosine(row, other), words.get((other in cites, other in cited_by)),
            )  # fmt: skip

    def _cosine(self, one: int, other: int) -> float | None:
        vectors = [
            self.index.of(int(self.graph.paper_ids[at])) if self.index else None for at in (one, other)
        ]
        return None if vectors[0] is None or vectors[1] is None else float(vectors[0] @ vectors[1])


def leave_one_out(votes: Votes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Shares (k, c) of papers of known place as if theirs were not known, and their places (k,).

    All of them, or an even sample of some thousand where there are more.
    """
    step = -(-len(votes.voters) // _MOST_TESTED) or 1
    tested = slice(None, None, step)
    return votes.shares(votes.voters[tested]), votes.places[tested]


def _curated(session: Session) -> dict[int, str]:
    """The primary node of each paper to which another origin than this program gave one.

    Of several the one that a catalogue or file states first, so that the order of rows does not count.
    """
    rows = session.execute(
        select(Assignment.paper_id, Assignment.node_id)
        .join(Source, Source.id == Assignment.source_id)
        .where(Assignment.is_primary, Source.origin != ATLAS)
        .order_by(Source.origin.desc(), Source.name.desc(), Assignment.node_id.desc())
    )
    return dict(rows.all())


def _taken(session: Session) -> dict[int, list[str]]:
    """Nodes that others gave papers as further ones."""
    found: dict[int, list[str]] = {}
    for paper_id, node in session.execute(
        select(Assignment.paper_id, Assignment.node_id).where(Assignment.is_primary.is_(False))
    ):
        found.setdefault(paper_id, []).append(node)
    return found


def _source(session: Session) -> int:
    found = session.scalar(select(Source.id).where(Source.origin == ATLAS, Source.name == NAME))
    if found is None:
        source = Source(origin=ATLAS, name=NAME)
        session.add(source)
        session.flush()
        found = source.id
    return found


def _as_of(session: Session) -> datetime:
    """An inference is as old as the newest fact that it rests on; the clock would make builds differ."""
    newest: list[datetime | None] = [
        session.scalar(select(func.max(table.retrieved_at))) for table in (Assignment, Citation)
    ]
    return max(when for when in newest if when is not None)
