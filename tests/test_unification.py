"""Mixing against chance and distance in meaning: worked examples, simulated nulls, degenerate data."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from graph.analysis.citegraph import CitationGraph
from graph.analysis.store import read_kept
from graph.analysis.unification import (
    FEWEST_CITATIONS,
    PILLARS,
    VERSION,
    Coverage,
    Unification,
    coverage,
    distances,
    mixing,
    pairs,
    read_unification,
)
from graph.library import Library
from graph.schema import Analysis, Embedding

SIDES = {"g": "generative", "d": "discriminative", "u": "unified"}


def graph_of(edges, dates=None, lists_read=None):
    """Papers are named pillar, number, year: g1.2020; x is no pillar of the three."""
    names = {name for edge in edges for name in edge}
    pillars = {name: SIDES.get(name[0], "foundation") for name in names}
    dated = {name: float(name.split(".")[1]) for name in names if "." in name} | (dates or {})
    return CitationGraph.from_edges(names, edges, dates=dated, pillars=pillars, lists_read=lists_read)


def of(rows, year, *pair):
    return next(row for row in rows if row.year == year and row.pair == pair)


def test_a_worked_example():
    # In 2020, g cites 3 g and 1 d, and d cites 1 g and 3 d: S_g = S_d = T_g = T_d = 4, M = 8.
    old = [f"g{n}.2019" for n in range(4)], [f"d{n}.2019" for n in range(4)]
    edges = [("g9.2020", each) for each in (*old[0][:3], old[1][0])]
    edges += [("d9.2020", each) for each in (old[0][3], *old[1][1:])]
    rows = mixing(graph_of(edges))
    cross, same = of(rows, 2020, "generative", "discriminative"), of(rows, 2020, "generative", "generative")
    assert (cross.observed, cross.expected, cross.ratio) == (2, pytest.approx(4), pytest.approx(0.5))
    assert (same.observed, same.expected, same.ratio) == (3, pytest.approx(2), pytest.approx(1.5))
    assert (cross.citations, cross.papers, cross.enough) == (8, 2, False)


def test_the_expectation_is_the_mean_of_shuffled_graphs():
    draw = np.random.default_rng(3)
    old = [f"{side}{n}.2018" for side in "gdu" for n in range(6)]
    edges = []
    for n in range(12):
        side = "gdu"[n % 3]
        own = [name for name in old if name[0] == side]
        cited = {*draw.choice(own, 3), *draw.choice(old, 3)}
        edges += [(f"{side}{n}.2020", str(name)) for name in cited]
    rows = {row.pair: row for row in mixing(graph_of(edges))}
    totals = Counter()
    rounds = 3_000
    targets = [cited for _citing, cited in edges]
    for _ in range(rounds):
        for (citing, _), cited in zip(edges, draw.permutation(targets), strict=True):
            first, second = sorted((SIDES[citing[0]], SIDES[str(cited)[0]]), key=PILLARS.index)
            totals[first, second] += 1
    for pair, row in rows.items():
        assert row.expected == pytest.approx(totals[pair] / rounds, rel=0.03)


def test_pillars_that_never_meet_have_the_ratio_nought_and_those_that_only_meet_one_above_one():
    apart = [(f"{s}{n}.2020", f"{s}{n}.2019") for s in "gd" for n in range(20)]
    across = [(f"{s}{n}.2020", f"{'d' if s == 'g' else 'g'}{n}.2019") for s in "gd" for n in range(20)]
    for edges, ratio in ((apart, 0.0), (across, 2.0)):
        row = of(mixing(graph_of(edges)), 2020, "generative", "discriminative")
        assert row.ratio == pytest.approx(ratio)
        assert row.low == pytest.approx(ratio, abs=0.35)
        assert row.enough == (row.citations >= FEWEST_CITATIONS)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Papers that cite without regard to pillars: 1 lies in the 95% interval nearly always."""
    draw = np.random.default_rng(11)
    held = 0
    rounds = 60
    for _ in range(rounds):
        old = [f"{side}{n}.2018" for side in "gd" for n in range(30)]
        edges = [
            (f"{side}{n}.2020", str(cited))
            for side in "gd"
            for n in range(15)
            for cited in draw.choice(old, 8, replace=False)
        ]
        row = of(mixing(graph_of(edges), resamples=300), 2020, "generative", "discriminative")
        held += row.low <= 1 <= row.high
    assert held >= 0.85 * rounds


def test_only_what_is_known_counts():
    edges = [("g1.2020", "d1.2019"), ("g2.2020", "g3.2019"), ("g1.2020", "x1.2019"), ("x2.2020", "d1.2019")]
    graph = graph_of([*edges, ("g5", "d1.2019")], lists_read={"g1.2020", "x2.2020", "g5"})
    rows = mixing(graph)
    assert {row.year for row in rows} == {2020}
    assert sum(row.observed for row in rows) == 1
    assert (coverage(graph).papers, coverage(graph).covered) == (5, 2)


@pytest.mark.parametrize("edges", [[], [("x1.2020", "x2.2019")], [("g1", "d1")]])
def test_without_dated_citations_between_pillars_there_are_no_rows(edges):
    assert mixing(graph_of(edges)) == []


NAMES = [f"{side}{n}.{year}" for side in "gdux" for n in range(3) for year in (2019, 2020)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=50)


@given(EDGES)
def test_observed_and_expected_add_up_to_the_citations_of_the_year(edges):
    rows = mixing(graph_of(edges), resamples=20)
    for year in {row.year for row in rows}:
        of_year = [row for row in rows if row.year == year]
        assert [row.pair for row in of_year] == pairs()
        assert sum(row.observed for row in of_year) == of_year[0].citations
        assert sum(row.expected for row in of_year) == pytest.approx(of_year[0].citations)
        for row in of_year:
            assert (row.ratio is None) == (row.expected == 0)


@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_citations_changes_nothing(edges, shuffle):
    other = list(edges)
    shuffle.shuffle(other)
    assert mixing(graph_of(edges), resamples=20) == mixing(graph_of(other), resamples=20)


# --- meaning -----------------------------------------------------------------------------------------------


def cloud(centre, count, draw, spread=0.6):
    points = np.asarray(centre) + spread * draw.standard_normal((count, len(centre)))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def between(one, two, **options):
    vectors = np.concatenate([one, two])
    sides = ["generative"] * len(one) + ["discriminative"] * len(two)
    (row,) = distances(vectors, sides, [2020] * len(vectors), **options)[:1]
    return row


def test_the_distance_of_a_worked_example():
    # Within: likeness 1 in both; across: 0. 1 + 1 - 2 * 0 = 2, whatever is drawn again.
    one, two = np.array([[1, 0]] * 3, dtype=np.float32), np.array([[0, 1]] * 2, dtype=np.float32)
    row = between(one, two)
    assert (row.year, row.pair) == (2020, ("generative", "discriminative"))
    assert row.distance == pytest.approx(2)
    assert (row.low, row.high) == (pytest.approx(2), pytest.approx(2))
    assert (row.papers, row.enough) == ((3, 2), False)


def test_texts_from_one_cloud_are_no_distance_apart_however_few_they_are():
    draw = np.random.default_rng(0)
    centre = np.eye(16)[0]
    for count in (3, 6, 40):
        values = [
            between(cloud(centre, count, draw), cloud(centre, count, draw), resamples=10).distance
            for _ in range(120)
        ]
        assert np.mean(values) == pytest.approx(0, abs=0.03), count


def test_the_further_apart_the_clouds_the_larger_the_distance():
    draw = np.random.default_rng(1)
    centres = [np.eye(8)[0] * (1 - t) + np.eye(8)[1] * t for t in (0.0, 0.5, 1.0)]
    one = cloud(centres[0], 60, draw, 0.2)
    rows = [between(one, cloud(centre, 60, draw, 0.2)) for centre in centres]
    values = [row.distance for row in rows]
    assert values == sorted(values)
    assert all(row.low <= row.distance <= row.high for row in rows)
    assert rows[0].low < 0.02 < rows[2].low


def test_years_look_back_as_far_as_the_window():
    draw = np.random.default_rng(2)
    vectors = cloud(np.eye(4)[0], 6, draw)
    sides = ["generative"] * 3 + ["unified"] * 3
    years = [2019, 2019, 2020, 2020, 2020, None]
    rows = distances(vectors, sides, years, resamples=10)
    assert [(row.year, row.papers) for row in rows] == [(2020, (3, 2))]
    assert distances(vectors, sides, years, window=1, resamples=10) == []
    assert distances(vectors[:0], [], [], resamples=10) == []


def test_the_shipped_catalogue_says_that_the_pillars_keep_apart_and_on_how_much_that_rests(library):
    with library.reading() as session:
        graph = CitationGraph.read(session)
    row = of(mixing(graph), 2023, "generative", "discriminative")
    assert row.enough
    assert row.high < 0.5
    known = coverage(graph)
    assert 0 < known.covered < known.papers <= len(graph)


def test_what_is_read_is_computed_once_per_snapshot_and_comes_back_as_it_was(own_path):
    with Library.open(own_path) as library:
        first = read_unification(library)
        with library.reading() as session:
            graph = CitationGraph.read(session)
            kept = read_kept(session, "unification", version=VERSION)
        assert kept is not None
        assert read_unification(library) == first
    assert list(first.mixing) == mixing(graph)
    assert first.coverage == coverage(graph)
    assert {row.pair for row in first.distances} == {pair for pair in pairs() if pair[0] != pair[1]}


def test_a_library_without_vectors_has_no_distances_and_one_without_papers_nothing(own_path, tmp_path):
    with Library.open(own_path) as library:
        with library.writing() as session:
            session.execute(delete(Embedding))
            session.execute(delete(Analysis))
        found = read_unification(library)
        assert (found.distances, bool(found.mixing)) == ((), True)
    with Library.create(tmp_path / "empty.sqlite") as library:
        assert read_unification(library) == Unification(Coverage(0, 0), (), ())
