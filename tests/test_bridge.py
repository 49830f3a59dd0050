"""The bridge score is the share of walks through a paper, both ways, and says what it cannot know."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.analysis.bridge import CONTINUE, bridge, bridge_scores
from graph.analysis.citegraph import CitationGraph

SIDES = {"g": "generative", "d": "discriminative", "u": "unified"}


def graph_of(edges, keys=(), lists_read=None):
    """A graph whose papers are named by their pillar's first letter: g1, d2, u1, x1 (none of them)."""
    names = {name for edge in edges for name in edge} | set(keys)
    pillars = {name: SIDES[name[0]] for name in names if name[0] in SIDES}
    return CitationGraph.from_edges(names, edges, pillars=pillars, lists_read=lists_read)


def walks(graph, start_side, end_side, *, alpha=CONTINUE, count=60_000, seed=5):
    """The definition itself, played out: the share of cross walks of two or more steps through each paper."""
    draw = random.Random(seed)
    names = dict(enumerate(graph.keys))
    references = {key: [] for key in graph.keys}
    for citing, cited in zip(graph.citing, graph.cited, strict=True):
        references[names[citing]].append(names[cited])
    starts = [key for key in graph.keys if key[0] == start_side]
    passed, total = dict.fromkeys(graph.keys, 0), 0
    for _ in range(count):
        path = [draw.choice(starts)]
        while references[path[-1]]:
            path.append(draw.choice(references[path[-1]]))
            if draw.random() > alpha:
                break
        else:
            continue  # it would have gone on where there is nothing to read
        if path[-1][0] == end_side and len(path) > 2:
            total += 1
            for name in path[1:-1]:
                passed[name] += 1
    return {name: value / total for name, value in passed.items()}


TWO_SIDES = [
    ("d3", "u1"), ("d4", "u1"), ("g3", "u1"), ("g4", "u1"), ("u1", "g1"), ("u1", "d1"),
    ("d3", "d1"), ("d4", "d2"), ("g3", "g1"), ("g4", "g2"), ("d2", "d1"), ("g2", "g1"),
]  # fmt: skip


def test_the_only_paper_between_two_sides_carries_all_their_traffic():
    graph = graph_of(TWO_SIDES)
    found = bridge_scores(graph)
    place = graph.position["u1"]
    assert found.to_generative[place] == pytest.approx(1.0)
    assert found.to_discriminative[place] == pytest.approx(1.0)
    assert graph.keys[int(np.nanargmax(found.scores))] == "u1"
    assert [graph.keys[i] for i in np.flatnonzero(found.scores > 0)] == ["u1"]


def test_the_shares_are_those_of_walks_that_are_played_out():
    edges = [*TWO_SIDES, ("d4", "g2"), ("g4", "d2"), ("d5", "d4"), ("g5", "g4"), ("u2", "u1"), ("d5", "u2")]
    graph = graph_of(edges)
    found = bridge_scores(graph)
    for start, end, part in (("d", "g", found.to_generative), ("g", "d", found.to_discriminative)):
        played = walks(graph, start, end)
        for name, share in played.items():
            assert part[graph.position[name]] == pytest.approx(share, abs=0.02), (name, start)


def test_a_popular_paper_of_one_side_is_no_bridge():
    star = [(f"d{n}", "g1") for n in range(2, 12)] + [("g1", "g0")]
    graph = graph_of(
        [*star, *[(f"d{n}", "u1") for n in range(2, 4)], ("g9", "u1"), ("u1", "d1"), ("u1", "g0")]
    )
    scores = bridge(graph)
    assert bridge_scores(graph).to_generative[graph.position["g1"]] > 0.5
    assert scores[graph.position["g1"]] == 0
    assert scores[graph.position["u1"]] > 0


def test_a_paper_whose_list_was_not_read_has_no_score_rather_than_none():
    graph = graph_of(TWO_SIDES, lists_read={"d3", "d4", "g3", "g4", "d2", "g2"})
    found = bridge_scores(graph)
    assert np.isnan(found.scores[graph.position["u1"]])
    assert (found.covered, found.papers) == (6, 9)
    assert not np.isnan(found.scores[graph.position["d3"]])


@pytest.mark.parametrize(
    "edges", [[], [("d1", "g1")], [("x2", "x1")], [("d1", "d2"), ("d2", "d1")], [("g1", "d1"), ("d1", "g1")]]
)
def test_graphs_without_traffic_through_anything_score_nothing(edges):
    graph = graph_of(edges, keys=["x1"])
    assert bridge(graph).tolist() == [0.0] * len(graph)


def test_no_paper_at_all_is_an_empty_answer():
    assert bridge(graph_of([])).shape == (0,)


def test_a_cycle_is_opened_before_walks_are_counted_so_that_parts_stay_shares():
    cycle = [("u1", "u2"), ("u2", "u1")]
    ends = [("d1", "u1"), ("g2", "u1"), ("d1", "u2"), ("g2", "u2"), ("u1", "g1"), ("u1", "d2")]
    graph = graph_of([*cycle, *ends, ("u2", "g1"), ("u2", "d2")])
    found = bridge_scores(graph)
    assert min(found.scores[graph.position["u1"]], found.scores[graph.position["u2"]]) > 0.2
    assert np.nanmax(found.to_generative) <= 1
    assert np.nanmax(found.to_discriminative) <= 1


PAPERS = [f"{side}{n}" for side in "gdux" for n in range(4)]
EDGES = st.lists(st.tuples(st.sampled_from(PAPERS), st.sampled_from(PAPERS)), max_size=40)


@given(EDGES, st.randoms(use_true_random=False))
def test_neither_order_nor_names_change_a_score(edges, shuffle):
    edges = [(a, b) for a, b in edges if PAPERS.index(a) > PAPERS.index(b)]  # names decide how cycles open
    graph = graph_of(edges, keys=PAPERS)
    other = list(edges)
    shuffle.shuffle(other)
    mirror = {name: f"{name[0]}{9 - int(name[1])}" for name in PAPERS}
    renamed = graph_of([(mirror[a], mirror[b]) for a, b in other], keys=mirror.values())
    scores, again = bridge(graph), bridge(renamed)
    for name in PAPERS:
        assert scores[graph.position[name]] == pytest.approx(again[renamed.position[mirror[name]]], abs=1e-9)


@given(EDGES)
def test_parts_are_shares_and_the_score_lies_between_them(edges):
    found = bridge_scores(graph_of(edges, keys=PAPERS))
    low = np.minimum(found.to_generative, found.to_discriminative)
    high = np.maximum(found.to_generative, found.to_discriminative)
    assert (low >= 0).all()
    assert (high <= 1 + 1e-9).all()
    assert (found.scores >= low - 1e-12).all()
    assert (found.scores <= high + 1e-12).all()


def test_the_order_of_bridges_survives_the_loss_of_a_fifth_of_the_citations(catalogue):
    """Reference lists are incomplete; the score must not hang on single edges."""
    pillars = {row.key: row.taxonomy.split(".")[0] for row in catalogue.papers}
    edges = [(row.citing, row.cited) for row in catalogue.citations]
    read = {row.paper for row in catalogue.reference_lists if row.status in ("complete", "partial")}

    def best(kept):
        graph = CitationGraph.from_edges(pillars, kept, pillars=pillars, lists_read=read)
        return np.nan_to_num(bridge(graph))

    whole = best(edges)
    top = set(np.argsort(-whole)[:10].tolist())
    shared, correlations = [], []
    for seed in range(10):
        kept = random.Random(seed).sample(edges, round(0.8 * len(edges)))
        part = best(kept)
        shared.append(len(top & set(np.argsort(-part)[:10].tolist())))
        correlations.append(np.corrcoef(whole, part)[0, 1])
    assert np.mean(shared) >= 7
    assert np.mean(correlations) > 0.9
