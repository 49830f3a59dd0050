"""`python -m benchmarks.graph_time`: CPU time and memory of the graph analyses, beside plain networkx.

Synthetic literatures of 300, 10,000 and 170,000 papers with about seven references each: papers come year by
year and prefer what is new and what is cited much. Each size and each side runs in a process of its own, ours
and networkx in turn. An alternative is stopped when it has taken LONGEST times what ours took; its figure is
then a lower bound. With --topics papers mostly cite their own topic, --large runs ours on a million papers
too, --write puts the tables into docs/analysis.md.
"""

import argparse
import json
import math
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.comparison import Comparison
from benchmarks.pages import DOCS, table, write_sections

PAGE = DOCS / "analysis.md"
SIZES = (300, 10_000, 170_000)
GROWTH = (10_000, 40_000, 170_000)
"""Sizes to which the growth of ours is fitted."""
LARGE = 1_000_000
REFERENCES = 8
"""Drawn per paper; some are drawn twice."""
LONGEST = 22
LEAST_RATIO = 20
MOST_MEMORY = 0.5
_STOP_AT_LEAST = 6.0
_REPEATED_FOR = 0.3
_ITSELF = "benchmarks.graph_time"

Ends = tuple[NDArray[np.int64], NDArray[np.int64]]
Figures = dict[str, Any]


def literature(papers: int, topical: float = 0.0, seed: int = 7) -> tuple[Ends, NDArray[np.float64]]:
    """Citing and cited positions, sorted and distinct, and dates; papers in the order in which they come.

    The share `topical` of references goes to papers of the same one of many topics; with 0 there are none.
    """
    draw = np.random.default_rng(seed)
    topics = max(4, papers // 5_000) if topical else 1
    topic = draw.integers(topics, size=papers).tolist()
    written: list[list[int]] = [[] for _ in range(topics)]
    tickets: list[list[int]] = [[] for _ in range(topics)]
    pairs = set()
    for at in range(papers):
        chances = draw.random((REFERENCES, 3)).tolist()
        for within, habit, chance in chances:
            here = topic[at] if within < topical else int(chance * 1e6) % topics
            # Half go to papers by their citations so far (each is a ticket), half to the newest tenth.
            pool = tickets[here] if habit < 0.5 else written[here][-max(len(written[here]) // 10, 5) :]
            if pool:
                cited = pool[int(chance * len(pool))]
                pairs.add((at, cited))
                tickets[topic[cited]].append(cited)
        written[topic[at]].append(at)
        tickets[topic[at]].append(at)
    table_ = np.array(sorted(pairs), dtype=np.int64).reshape(len(pairs), 2)
    dates = np.floor(12 * (1990 + 35 * np.sqrt(np.arange(papers) / papers))) / 12
    return (table_[:, 0].copy(), table_[:, 1].copy()), dates


def ours(ends: Ends, dates: NDArray[np.float64]) -> dict[str, Callable[[], object]]:
    """What is timed of ours, in this order; the graph is made first."""
    import igraph  # noqa: F401  (loading a library is not its work)
    import scipy.sparse  # noqa: F401

    from graph.analysis.citegraph import CitationGraph
    from graph.analysis.communities import find_communities
    from graph.analysis.layout import draw
    from graph.analysis.mainpath import main_path
    from graph.analysis.ranking import betweenness, core_number, hits, pagerank, rescaled_pagerank
    from graph.analysis.similarity import cocitation, coupling

    papers = len(dates)
    made: list[CitationGraph] = []

    def make() -> None:
        graph = CitationGraph(
            tuple(f"{number:07}" for number in range(papers)), np.arange(papers), dates,
            (None,) * papers, np.ones(papers, dtype=np.bool_), *ends,
        )  # fmt: skip
        graph.igraph, graph.adjacency  # noqa: B018  (made when first asked for)
        made[:] = [graph]

    return {
        "graph": make,
        "PageRank": lambda: pagerank(made[0]),
        "communities": lambda: find_communities(made[0]),
        "core numbers": lambda: core_number(made[0]),
        "rescaled PageRank": lambda: rescaled_pagerank(made[0]),
        "HITS": lambda: hits(made[0]),
        "betweenness": lambda: betweenness(made[0]),
        "co-citation, all pairs": lambda: cocitation(made[0]),
        "co-citation, one paper": lambda: cocitation(made[0], papers // 2),
        "coupling, one paper": lambda: coupling(made[0], papers // 2),
        "main path": lambda: main_path(made[0]),
        "map": lambda: draw(made[0], np.zeros((papers, 0), dtype=np.float32)),
    }


def networkx_(ends: Ends, dates: NDArray[np.float64]) -> dict[str, Callable[[], object]]:
    """The same with networkx, where it has it."""
    import networkx as nx
    import scipy.sparse  # noqa: F401

    made: list[Any] = []

    def make() -> None:
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(dates)))
        graph.add_edges_from(zip(ends[0].tolist(), ends[1].tolist(), strict=True))
        made[:] = [graph, graph.to_undirected()]

    return {
        "graph": make,
        "PageRank": lambda: nx.pagerank(made[0]),
        "communities": lambda: nx.community.louvain_communities(made[1], seed=1),
        "core numbers": lambda: nx.core_number(made[1]),
        "HITS": lambda: nx.hits(made[0]),
        "betweenness": lambda: nx.betweenness_centrality(made[0]),
        "map": lambda: nx.spring_layout(made[1], seed=1),
    }


SIDES = {"ours": ours, "networkx": networkx_}


class _StoppedError(Exception):
    """The CPU time that was granted is used up."""


def run_side(side: str, papers: int, names: Sequence[str], granted: dict[str, float], topical: float) -> None:
    """Time one side in this process and print the figures; the times that are granted are CPU seconds."""
    ends, dates = literature(papers, topical)
    work = SIDES[side](ends, dates)
    before = _peak()
    figures: Figures = {"citations": len(ends[0]), "seconds": {}, "stopped": [], "before": before}
    for name in names:
        if name in work:
            spent, stopped = _timed(work[name], granted.get(name))
            figures["seconds"][name] = spent
            if stopped:
                figures["stopped"].append(name)
            if name == "PageRank":
                figures["memory"] = _peak() - before
    figures["memory_all"] = _peak() - before
    print(json.dumps(figures))


def _timed(run: Callable[[], object], granted: float | None) -> tuple[float, bool]:
    """Mean CPU time of a call, repeated while short (clocks can be coarse), and whether it was stopped."""

    def stop(*_: object) -> None:
        raise _StoppedError

    signal.signal(signal.SIGPROF, stop)
    begin, calls = time.process_time(), 0
    while not calls or time.process_time() - begin < _REPEATED_FOR:
        if granted is not None:
            signal.setitimer(signal.ITIMER_PROF, granted)
        try:
            run()
        except _StoppedError:
            return time.process_time() - begin, True
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        calls += 1
    return (time.process_time() - begin) / calls, False


def _peak() -> float:
    """The most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(
    side: str, papers: int, names: Sequence[str], granted: dict[str, float], topical: float = 0.0
) -> Figures:
    told = json.dumps([side, papers, names, granted, topical])
    command = [sys.executable, "-m", _ITSELF, "--child", told]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


_COMPARED = ("graph", "PageRank", "communities", "core numbers", "HITS")
_SMALL_ONLY = ("betweenness", "map")
_OURS_ONLY = (
    "rescaled PageRank", "co-citation, all pairs", "co-citation, one paper", "coupling, one paper",
    "main path",
)  # fmt: skip
_LARGE = (
    "graph", "PageRank", "communities", "core numbers", "co-citation, one paper", "main path", "map",
)  # fmt: skip
_EVERY = (*_COMPARED, *_SMALL_ONLY, *_OURS_ONLY)


def pair(papers: int, topical: float = 0.0) -> tuple[Figures, Figures]:
    """Figures of ours and of networkx for one size, taken directly after one another."""
    mine = _child("ours", papers, _EVERY, {}, topical)
    granted = {name: max(LONGEST * mine["seconds"][name], _STOP_AT_LEAST) for name in _EVERY}
    names = [*_COMPARED, *(_SMALL_ONLY if papers <= SIZES[1] else ())]
    theirs = _child("networkx", papers, names, granted, topical)
    return mine, theirs


def measure(pairs: int) -> list[Comparison]:
    """For `python -m benchmarks`: the two bounds at the largest size, once, as one pair takes two minutes."""
    del pairs
    papers = SIZES[-1]
    mine, theirs = pair(papers)
    print(f"Memory at {papers:,} papers, graph and PageRank: {_memory(mine, theirs)}\n")
    found = []
    for name, what in (("PageRank", "networkx.pagerank"), ("communities", "louvain_communities of networkx")):
        stopped = ", stopped" if name in theirs["stopped"] else ""
        found.append(
            Comparison(
                f"{name}, {papers:,} papers, CPU", what + stopped, [mine["seconds"][name]],
                [theirs["seconds"][name]], most_ratio=1 / LEAST_RATIO,
            )
        )  # fmt: skip
    return found


def exponent(citations: Sequence[int], seconds: Sequence[float]) -> float:
    """The b of seconds = a * citations^b, by least squares of logarithms."""
    return float(np.polyfit(np.log(citations), np.log(seconds), 1)[0])


def times_table(measured: dict[int, tuple[Figures, Figures]], growth: Sequence[Figures]) -> str:
    """A row per analysis, a column per size, and how ours grows."""
    citations = [each["citations"] for each in growth]
    rows = []
    for name in _EVERY:
        cells = [_cell(name, *figures) for figures in measured.values()]
        grows = exponent(citations, [each["seconds"][name] for each in growth])
        rows.append([name, *cells, f"{grows:.2f}"])
    memory = [_memory(*figures) for figures in measured.values()]
    rows.append(["memory, graph and PageRank", *memory, "-"])
    heads = [f"{papers:,} papers, {mine['citations']:,} citations" for papers, (mine, _) in measured.items()]
    return table(["analysis", *heads, "grows as citations to the power of"], rows)


def _cell(name: str, mine: Figures, theirs: Figures) -> str:
    own = mine["seconds"][name]
    if name not in theirs["seconds"]:
        return _seconds(own)
    other = theirs["seconds"][name]
    more = "> " if name in theirs["stopped"] else ""
    return f"{_seconds(own)} / {more}{_seconds(other)} ({more}{other / own:.{0 if other > 2 * own else 1}f}x)"


def _memory(mine: Figures, theirs: Figures) -> str:
    return f"{mine['memory']:.0f} / {theirs['memory']:.0f} MB ({mine['memory'] / theirs['memory']:.2f})"


def _seconds(value: float) -> str:
    if not math.isfinite(value) or value < 0.0005:
        return f"{value * 1e3:.2f} ms"
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.1f} s"


def main() -> int:
    """Measure, print, and write if asked; 1 if a bound is not met."""
    parser = argparse.ArgumentParser(prog=f"python -m {_ITSELF}", description=__doc__)
    parser.add_argument("--large", action="store_true", help=f"ours on {LARGE:,} papers too (minutes, 4 GB)")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument("--topics", action="store_true", help="half of the references stay in a topic")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        run_side(*json.loads(chosen.child))
        return 0
    topical = 0.5 if chosen.topics else 0.0
    measured = {papers: pair(papers, topical) for papers in SIZES}
    growth = [
        measured[papers][0] if papers in measured else _child("ours", papers, _EVERY, {}, topical)
        for papers in GROWTH
    ]
    found = {"times-topics" if chosen.topics else "times": times_table(measured, growth)}
    if chosen.large:
        large = _child("ours", LARGE, _LARGE, {})
        rows = [[name, _seconds(spent)] for name, spent in large["seconds"].items()]
        rows.append(["memory", f"{large['memory_all']:,.0f} MB"])
        found["large"] = table(["analysis", f"{LARGE:,} papers, {large['citations']:,} citations"], rows)
    for name, text in found.items():
        print(f"{name}\n\n{text}\n")
    if chosen.write:
        write_sections(PAGE, found)
    mine, theirs = measured[SIZES[-1]]
    fast = all(
        theirs["seconds"][name] >= LEAST_RATIO * mine["seconds"][name] for name in ("PageRank", "communities")
    )
    slim = mine["memory"] <= MOST_MEMORY * theirs["memory"]
    print(f"PageRank and communities {LEAST_RATIO}x faster: {fast}; at most half the memory: {slim}")
    return int(not (fast and slim))


if __name__ == "__main__":
    sys.exit(main())
