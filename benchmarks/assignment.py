"""`python -m benchmarks.assignment`: how well papers are placed in the taxonomy, and how sure that is.

Every curated paper of the shipped catalogue is placed as if its own place were not known. With --write the
tables go into docs/assignment.md.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.pages import DOCS, table, write_sections
from graph.analysis.assign import NEEDS_REVIEW_BELOW
from graph.analysis.calibration import calibrate
from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import links, text_vectors
from graph.analysis.communities import leiden
from graph.analysis.votes import Settings, Votes
from graph.library import Library
from graph.schema import Assignment, TaxonomyNode
from graph.vectors import VectorIndex
from ingest.build import build_shipped

PAGE = DOCS / "assignment.md"
FOLDS, SEED = 10, 2312
NEAREST_TRIED = (1, 3, 5, 10, 15, 20, 30)
BINS = (0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
GRID = {
    "company": (0.0, 0.25, 0.5, 0.75, 1.0),
    "temperature": (0.03, 0.05, 0.08),
    "nearest_weight": (0.0, 0.25, 0.5),
    "citation_weight": (0.0, 0.1, 0.25),
}
HALVES = 200
SEEDS = range(5)
RESOLUTIONS = (1.0, 3.0)

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The curated papers: their graph, text vectors, nodes (n,), and every node of each."""

    graph: CitationGraph
    texts: NDArray[np.float32]
    nodes: NDArray[np.str_]
    pillar_of: dict[str, str]
    every_node: list[set[str]]

    @classmethod
    def read(cls, session: Session) -> "Truth":
        """From a library in which every paper has a curated place."""
        graph = CitationGraph.read(session)
        texts = text_vectors(graph, VectorIndex.load(session))
        rows = session.execute(select(Assignment.paper_id, Assignment.node_id, Assignment.is_primary)).all()
        primary = {row.paper_id: row.node_id for row in rows if row.is_primary}
        every: dict[int, set[str]] = {}
        for row in rows:
            every.setdefault(row.paper_id, set()).add(row.node_id)
        ids = graph.paper_ids.tolist()
        pillars = dict(session.execute(select(TaxonomyNode.id, TaxonomyNode.pillar)).all())
        nodes = np.array([primary[paper_id] for paper_id in ids])
        return cls(graph, texts, nodes, pillars, [every[paper_id] for paper_id in ids])

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """The nodes that have papers, ascending."""
        return np.unique(self.nodes)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The number of each paper's node, (n,)."""
        return np.searchsorted(self.names, self.nodes)

    @cached_property
    def pillars(self) -> NDArray[np.str_]:
        """The pillar of each node."""
        return np.array([self.pillar_of[name] or name for name in self.names.tolist()])

    def votes(self, settings: Settings | None = None, *, citations: bool = True, text: bool = True) -> Votes:
        """The votes of all curated papers, or without citations or texts."""
        none = np.empty(0, dtype=np.int64)
        graph = self.graph if citations else replace(self.graph, citing=none, cited=none)
        texts = self.texts if text else self.texts[:, :0]
        return Votes.of(graph, texts, dict(enumerate(self.nodes.tolist())), settings)

    def shares(self, votes: Votes) -> Shares:
        """What the others say of each paper, (n, c)."""
        return votes.shares(votes.voters)

    def right(self, guess: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each guessed node, and its pillar, is the curated one."""
        return guess == self.places, self.pillars[guess] == self.pillars[self.places]

    def accuracy(self, guess: NDArray[np.int64]) -> tuple[float, float, float]:
        """The share of right pillars, right nodes, and nodes among all that the editors gave the paper."""
        node, pillar = self.right(guess)
        among = [self.names[at] in given for at, given in zip(guess.tolist(), self.every_node, strict=True)]
        return float(pillar.mean()), float(node.mean()), float(np.mean(among))


@contextmanager
def shipped_truth() -> Iterator[Truth]:
    """The curated papers of the shipped catalogue."""
    with TemporaryDirectory() as folder, Library.create(Path(folder) / "library.sqlite") as library:
        build_shipped(library)
        with library.reading() as session:
            yield Truth.read(session)


def majority(truth: Truth) -> NDArray[np.int64]:
    """The largest node for every paper, the largest pillar's largest node where that is larger."""
    return np.full(len(truth.places), np.bincount(truth.places).argmax())


def largest_pillar(truth: Truth) -> float:
    """The share of the largest pillar: what one does by always guessing it."""
    _names, counts = np.unique(truth.pillars[truth.places], return_counts=True)
    return float(counts.max() / counts.sum())


def nearest_centroid(truth: Truth) -> NDArray[np.int64]:
    """The node whose papers' mean text vector is nearest, the paper itself left out."""
    sums = np.eye(len(truth.names))[truth.places].T @ truth.texts
    guess = np.empty(len(truth.places), dtype=np.int64)
    for at, (vector, place) in enumerate(zip(truth.texts, truth.places, strict=True)):
        means = sums.copy()
        means[place] -= vector
        length = np.linalg.norm(means, axis=1)
        guess[at] = ((means @ vector) / np.where(length > 0, length, np.inf)).argmax()
    return guess


def nearest_papers(truth: Truth, count: int) -> NDArray[np.int64]:
    """The node that most of the nearest papers by text have; of equal ones that of the nearest."""
    cosines = truth.texts @ truth.texts.T
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    ballots = np.zeros((len(order), len(truth.names)))
    for rank in range(count):
        ballots[np.arange(len(order)), truth.places[order[:, rank]]] += 1 - 1e-6 * rank
    return ballots.argmax(axis=1)


def accuracies(truth: Truth) -> str:
    """The table of ours and the baselines."""
    best = max(NEAREST_TRIED, key=lambda count: truth.accuracy(nearest_papers(truth, count))[1])
    guesses: dict[str, Callable[[], NDArray[np.int64]]] = {
        "largest node": lambda: majority(truth),
        f"nearest papers by text, {best} vote": lambda: nearest_papers(truth, best),
        "nearest node by text": lambda: nearest_centroid(truth),
        "VFM Atlas, citations alone": lambda: truth.shares(truth.votes(text=False)).argmax(axis=1),
        "VFM Atlas, text alone": lambda: truth.shares(truth.votes(citations=False)).argmax(axis=1),
        "VFM Atlas": lambda: truth.shares(truth.votes()).argmax(axis=1),
    }
    rows = [[name, *(f"{value:.3f}" for value in truth.accuracy(guess()))] for name, guess in guesses.items()]
    rows.insert(0, ["largest pillar", f"{largest_pillar(truth):.3f}", "", ""])
    return table(["way", "pillar", "node", "node, any of the editors'"], rows)


def paired(truth: Truth) -> str:
    """Ours beside the best baseline, and how often the right node is among the first three."""
    shares = truth.shares(truth.votes())
    ours, theirs = truth.right(shares.argmax(axis=1)), truth.right(nearest_centroid(truth))
    (node, node_lost), (pillar, pillar_lost) = (
        ((mine & ~other).sum(), (other & ~mine).sum()) for mine, other in zip(ours, theirs, strict=True)
    )
    first = np.argsort(-shares, axis=1)[:, :3]
    among = (first == truth.places[:, None]).any(axis=1).mean()
    return (
        f"Of the papers on which this and the nearest node by text differ, {node} nodes are right here and "
        f"{node_lost} there\n(pillars: {pillar} and {pillar_lost}). The right node is among the first three "
        f"for {among:.0%} of the papers."
    )


def crossed(
    fit: Callable[[Shares, NDArray[np.bool_]], Callable[[Shares], Shares]],
    shares: Shares,
    right: NDArray[np.bool_],
) -> Shares:
    """Confidences of papers that had no part in fitting them: ten folds, drawn with a fixed seed."""
    fold = np.random.default_rng(SEED).permutation(len(shares)) % FOLDS
    found = np.empty_like(shares)
    for number in range(FOLDS):
        inside = fold != number
        found[~inside] = fit(shares[inside], right[inside])(shares[~inside])
    return found


def calibrations(truth: Truth) -> str:
    """The table of ways to get a confidence, each judged on papers that had no part in it."""
    from sklearn.isotonic import IsotonicRegression

    shares = truth.shares(truth.votes())
    right, _pillar = truth.right(shares.argmax(axis=1))
    top = shares.max(axis=1)
    isotonic = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1)
    ways = {
        "the same for all": crossed(lambda _s, r: lambda s: np.full(len(s), r.mean()), top, right),
        "the share itself": top,
        "isotonic": crossed(lambda s, r: isotonic.fit(s, r).predict, top, right),
        "logistic (ours)": crossed(calibrate, top, right),
    }
    rows = []
    for name, found in ways.items():
        inside = np.clip(found, 0.001, 0.999)
        loss = -np.where(right, np.log(inside), np.log(1 - inside)).mean()
        brier = ((found - right) ** 2).mean()
        rows.append([name, f"{brier:.3f}", f"{loss:.3f}", f"{_gap(found, right):.3f}"])
    return table(["confidence", "Brier score", "log loss", "calibration error"], rows)


def _gap(found: Shares, right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal size."""
    order = np.argsort(found, kind="stable")
    parts = np.array_split(order, 10)
    return float(sum(len(part) * abs(found[part].mean() - right[part].mean()) for part in parts) / len(found))


def reliability(truth: Truth) -> str:
    """The table of confidence against outcome."""
    shares = truth.shares(truth.votes())
    guess = shares.argmax(axis=1)
    right, pillar = truth.right(guess)
    found = crossed(calibrate, shares.max(axis=1), right)
    rows = []
    for low, high in itertools.pairwise(BINS):
        inside = (found >= low) & (found < high)
        if inside.any():
            rows.append([
                f"{low:.1f} to {high:.1f}", int(inside.sum()), f"{found[inside].mean():.2f}",
                f"{right[inside].mean():.2f}", f"{pillar[inside].mean():.2f}",
            ])  # fmt: skip
    return table(["confidence", "papers", "mean confidence", "node right", "pillar right"], rows)


def threshold(truth: Truth) -> str:
    """What the threshold of review divides."""
    shares = truth.shares(truth.votes())
    right, pillar = truth.right(shares.argmax(axis=1))
    unsure = crossed(calibrate, shares.max(axis=1), right) < NEEDS_REVIEW_BELOW
    rows = [
        [name, f"{part.mean():.2f}", f"{right[part].mean():.2f}", f"{pillar[part].mean():.2f}"]
        for name, part in (("to be reviewed", unsure), ("taken as it is", ~unsure))
    ]
    return table([f"threshold {NEEDS_REVIEW_BELOW}", "share of papers", "node right", "pillar right"], rows)


def settings(truth: Truth) -> str:
    """Accuracy over the grid of settings, and of those chosen on one half of the papers on the other half."""
    found = []
    for values in itertools.product(*GRID.values()):
        chosen = Settings(**dict(zip(GRID, values, strict=True)))
        node, pillar = truth.right(truth.shares(truth.votes(chosen)).argmax(axis=1))
        found.append((chosen, node, pillar))
    nodes = np.array([node for _chosen, node, _pillar in found])
    pillars = np.array([pillar for _chosen, _node, pillar in found])
    ours = next(at for at, (chosen, *_) in enumerate(found) if chosen == Settings())
    draw = np.random.default_rng(SEED)
    apart = []
    for _ in range(HALVES):
        half = draw.permutation(nodes.shape[1]) < nodes.shape[1] // 2
        best = (nodes[:, half].mean(axis=1) + pillars[:, half].mean(axis=1)).argmax()
        apart.append((pillars[best, ~half].mean(), nodes[best, ~half].mean()))
    best = (nodes.mean(axis=1) + pillars.mean(axis=1)).argmax()
    rows = [
        ["ours", pillars[ours].mean(), nodes[ours].mean()],
        ["best of the grid", pillars[best].mean(), nodes[best].mean()],
        ["chosen on one half, measured on the other", *np.mean(apart, axis=0)],
        ["worst of the grid", pillars.mean(axis=1).min(), nodes.mean(axis=1).min()],
    ]
    return table(["settings", "pillar", "node"], [[name, f"{p:.3f}", f"{n:.3f}"] for name, p, n in rows])


def agreements(truth: Truth) -> dict[str, NDArray[np.float64]]:
    """Communities by name: how many, and their agreement with pillars and nodes, (seeds, 3).

    One seed tells little: how well communities agree depends on it.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    none = np.empty(0, dtype=np.int64)
    alone = replace(truth.graph, citing=none, cited=none)
    both, text = links(truth.graph, truth.votes().context), links(alone, truth.texts)
    graphs: dict[str, tuple[NDArray[np.int64], NDArray[np.float64] | None]] = {
        "text and citations (ours)": (np.stack([both.first, both.second], axis=1), both.weight),
        "text": (np.stack([text.first, text.second], axis=1), text.weight),
        "citations": (np.stack([truth.graph.citing, truth.graph.cited], axis=1), None),
    }
    found = {}
    for resolution, (name, graph) in itertools.product(RESOLUTIONS, graphs.items()):
        rows = []
        for seed in SEEDS:
            members, _quality = leiden(len(truth.places), *graph, resolution=resolution, seed=seed)
            curated = (truth.pillars[truth.places], truth.nodes)
            rows.append([
                members.max() + 1, *(adjusted_mutual_info_score(names, members) for names in curated)
            ])  # fmt: skip
        found[f"{name}, resolution {resolution:g}"] = np.array(rows)
    return found


def proposals(truth: Truth) -> str:
    """How well communities agree with the curated taxonomy: by both, by text and by citations alone."""
    rows = []
    for name, values in agreements(truth).items():
        mean, low, high = values.mean(axis=0), values.min(axis=0), values.max(axis=0)
        cells = [f"{mean[at]:.3f} ({low[at]:.3f} to {high[at]:.3f})" for at in (1, 2)]
        rows.append([name, f"{mean[0]:.1f}", *cells])
    return table(["communities of", "how many", "with pillars", "with nodes"], rows)


MEASURED = {
    "accuracy": accuracies,
    "paired": paired,
    "reliability": reliability,
    "threshold": threshold,
    "calibration": calibrations,
    "settings": settings,
    "proposals": proposals,
}
"""Every table by the name of its markers in docs/assignment.md."""


def main() -> int:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assignment", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    chosen = parser.parse_args()
    with shipped_truth() as truth:
        found = {name: measure(truth) for name, measure in MEASURED.items()}
    for name, text in found.items():
        print(f"{name}\n\n{text}\n")
    if chosen.write:
        write_sections(PAGE, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
