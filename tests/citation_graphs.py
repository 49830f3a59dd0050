"""Citation graphs for the tests of analyses: odd, random and large ones, and the same in networkx."""

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from graph.analysis.citegraph import CitationGraph

ODD = {
    "empty": CitationGraph.from_edges([], []),
    "one paper": CitationGraph.from_edges("a", []),
    "two papers, no citation": CitationGraph.from_edges("ab", []),
    "one citation": CitationGraph.from_edges("ab", [("a", "b")], dates={"a": 2021.0, "b": 2020.0}),
    "each other": CitationGraph.from_edges("ab", [("a", "b"), ("b", "a")]),
    "a loop and a citation twice": CitationGraph.from_edges("ab", [("a", "a"), ("a", "b"), ("a", "b")]),
    "two equal halves": CitationGraph.from_edges("abcdef", [("a", "b"), ("c", "b"), ("d", "e"), ("f", "e")]),
    "all cite one": CitationGraph.from_edges("abcde", [(paper, "a") for paper in "bcde"]),
    "a ring": CitationGraph.from_edges("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]),
    "no list read": CitationGraph.from_edges("abc", [], lists_read=[], dates=dict.fromkeys("abc", 2020.0)),
    "two pillars": CitationGraph.from_edges(
        "abcd",
        [("d", "c"), ("c", "b"), ("b", "a")],
        pillars={"a": "generative", "b": "discriminative", "c": "generative", "d": "discriminative"},
        dates={"a": 2018.5, "b": 2019.5, "d": 2021.0},
    ),
}


@st.composite
def citation_graphs(draw, most=9, acyclic=False):
    """Small graphs with duplicates, cycles (unless acyclic), unknown dates and unread lists."""
    count = draw(st.integers(0, most))
    names = [f"p{number}" for number in range(count)]
    ends = st.integers(0, max(count - 1, 0))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=3 * count)) if count else []
    if acyclic:
        pairs = [(max(pair), min(pair)) for pair in pairs]
    when = st.sampled_from([2018.0, 2019.25, 2019.5, 2020.0, 2021.75, None])
    dates = {name: draw(when) for name in names}
    return CitationGraph.from_edges(
        names,
        [(names[a], names[b]) for a, b in pairs],
        dates={name: date for name, date in dates.items() if date is not None},
        lists_read=[name for name in names if draw(st.booleans())],
    )


def as_networkx(graph):
    """The same graph, nodes by position."""
    built = nx.DiGraph()
    built.add_nodes_from(range(len(graph)))
    built.add_edges_from(zip(graph.citing.tolist(), graph.cited.tolist(), strict=True))
    return built


def renamed(graph, seed):
    """The same graph under other names, and so in another order; and the new position of each old one."""
    places = np.random.default_rng(seed).permutation(len(graph))
    name = {key: f"q{place:03}" for key, place in zip(graph.keys, places, strict=True)}
    known = ~np.isnan(graph.dates)
    other = CitationGraph.from_edges(
        name.values(),
        [(name[graph.keys[a]], name[graph.keys[b]]) for a, b in zip(graph.citing, graph.cited, strict=True)],
        dates={
            name[key]: date
            for key, date, is_known in zip(graph.keys, graph.dates, known, strict=True)
            if is_known
        },
        lists_read=[name[key] for key, read in zip(graph.keys, graph.lists_read, strict=True) if read],
    )
    return other, places


def by_position(values, graph):
    """A dict of networkx as an array."""
    return np.array([values[at] for at in range(len(graph))], dtype=np.float64)


def synthetic(papers, references=7, seed=5):
    """A literature in which papers cite earlier ones, the much cited more often; years 2000 to 2024."""
    random = np.random.default_rng(seed)
    names = [f"p{number:06}" for number in range(papers)]
    drawn = [0]
    edges = []
    for at in range(1, papers):
        chosen = {int(drawn[random.integers(len(drawn))]) for _ in range(references)}
        edges += [(names[at], names[other]) for other in chosen]
        drawn += [*chosen, at]
    dates = {name: 2000 + 25 * at / papers for at, name in enumerate(names)}
    return CitationGraph.from_edges(names, edges, dates=dates)
