"""Lanes along the years: the date is x, the pillar is the lane, nothing overlaps, citing papers are near."""

from itertools import pairwise

import numpy as np
import pytest
from analysis_helpers import add_papers, add_tree, cite, named, put
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.analysis.citegraph import CitationGraph
from graph.analysis.lanes import DOT, UNASSIGNED, lanes, read_lanes
from graph.errors import QueryError
from graph.library import Library
from graph.schema import Paper

PILLARS = [("g", "Generative"), ("d", "Discriminative")]


def graph_of(dates, edges=(), pillars=None):
    keys = named(len(dates))
    return CitationGraph.from_edges(
        keys,
        [(keys[a], keys[b]) for a, b in edges],
        dates={key: date for key, date in zip(keys, dates, strict=True) if date is not None},
        pillars={key: name for key, name in zip(keys, pillars or [], strict=False) if name},
    )


def rows(found):
    return np.round(found.y / found.row_height - 0.5).astype(int)


def overlaps(found):
    """Pairs of papers that share a row and lie closer than a dot."""
    row = rows(found)
    order = np.lexsort((found.x, row))
    return [
        (a, b)
        for a, b in pairwise(order.tolist())
        if row[a] == row[b] and found.x[b] - found.x[a] < found.dot - 1e-12
    ]


def height(found, graph):
    """How far in y papers of the same lane are from what they cite, on average."""
    same = found.lane[graph.citing] == found.lane[graph.cited]
    return np.abs(found.y[graph.citing] - found.y[graph.cited])[same].mean()


@pytest.fixture(scope="module")
def shipped_lanes(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        return read_lanes(session), CitationGraph.read(session)


def test_unified_work_runs_between_generative_and_discriminative_work(shipped_lanes):
    found, _graph = shipped_lanes
    assert [lane.pillar for lane in found.lanes] == [
        "foundation", "generative", "unified", "discriminative", "multimodal", "resource", "challenge",
    ]  # fmt: skip
    assert found.lanes[2].label == "Unified models"


def test_the_shipped_papers_follow_their_dates_and_do_not_overlap(shipped_lanes):
    found, graph = shipped_lanes
    order = np.argsort(graph.dates[~found.undated], kind="stable")
    assert (np.diff(found.x[~found.undated][order]) >= 0).all()
    assert overlaps(found) == []
    assert found.undated.sum() == 1
    assert [tick.year for tick in found.ticks] == list(range(2009, 2026))


def test_citing_papers_are_nearer_than_in_any_order(shipped_lanes):
    found, graph = shipped_lanes
    draw = np.random.default_rng(1)
    shuffled = []
    for _ in range(20):
        y = found.y.copy()
        for lane in range(len(found.lanes)):
            inside = np.flatnonzero(found.lane == lane)
            y[inside] = draw.permutation(y[inside])
        same = found.lane[graph.citing] == found.lane[graph.cited]
        shuffled.append(np.abs(y[graph.citing] - y[graph.cited])[same].mean())
    assert height(found, graph) < 0.7 * min(shuffled)


def test_a_tick_is_where_its_year_begins():
    found = lanes(graph_of([2020.0, 2021.5, 2022.25]), PILLARS)
    by_year = {tick.year: tick.x for tick in found.ticks}
    assert found.x[0] == pytest.approx(by_year[2020])
    assert found.x[1] == pytest.approx((by_year[2021] + by_year[2022]) / 2)
    assert by_year.keys() == {2020, 2021, 2022}


def test_papers_of_one_day_stand_above_one_another():
    found = lanes(graph_of([2020.5] * 5, pillars="ggggg"), PILLARS)
    assert len(set(found.y.tolist())) == 5
    assert len(set(found.x.tolist())) == 1
    assert [lane.rows for lane in found.lanes] == [7]


def test_papers_that_cite_each_other_share_a_row_where_there_is_room():
    # Two lines of work in one lane, each paper citing the one before it in its own line.
    dates = [2010 + number // 2 for number in range(12)]
    edges = [(number, number - 2) for number in range(2, 12)]
    found = lanes(graph_of(dates, edges, "g" * 12), PILLARS)
    assert len(set(rows(found)[0::2])) == 1
    assert len(set(rows(found)[1::2])) == 1


def test_a_paper_of_unknown_date_stands_in_the_margin():
    found = lanes(graph_of([2020.5, None, 2021.5]), PILLARS)
    assert found.undated.tolist() == [False, True, False]
    assert found.x[1] + DOT < min(found.x[0], found.ticks[0].x)


def test_without_any_date_papers_stand_in_one_column():
    found = lanes(graph_of([None, None]), PILLARS)
    assert found.x.tolist() == [0.5, 0.5]
    assert len(set(found.y.tolist())) == 2
    assert found.ticks == ()


def test_a_paper_without_a_place_has_the_last_lane():
    found = lanes(graph_of([2020.5, 2020.5, 2020.5], pillars=["d", None, "none of them"]), PILLARS)
    assert [lane.pillar for lane in found.lanes] == ["d", UNASSIGNED]
    assert found.lane.tolist() == [0, 1, 1]


@pytest.mark.parametrize("dot", [0, -1, 0.1, float("nan")])
def test_an_impossible_width_is_refused(dot):
    with pytest.raises(QueryError, match=r"above 0 and below 0\.1 is allowed"):
        lanes(graph_of([2020.5]), PILLARS, dot=dot)


def test_an_empty_library_has_no_lanes(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library, library.writing() as session:
        found = read_lanes(session)
        assert (found.keys, found.lanes, found.ticks) == ((), (), ())
        add_papers(session, ["one"])
        found = read_lanes(session)
    assert [lane.pillar for lane in found.lanes] == [UNASSIGNED]
    assert found.y.tolist() == [0.5]


CORPORA = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(1990, 1995), st.integers(0, 60).map(lambda n: 1990 + n / 12)),
        st.sampled_from(["g", "d", None]),
        st.lists(st.integers(0, 30), max_size=3),
    ),
    max_size=30,
)


def total_height(found, graph):
    return np.abs(found.y[graph.citing] - found.y[graph.cited]).sum()


def of(corpus):
    edges = [
        (at, other) for at, (_date, _pillar, cited) in enumerate(corpus) for other in cited
        if other < len(corpus)
    ]  # fmt: skip
    return graph_of([each[0] for each in corpus], edges, [each[1] for each in corpus])


@settings(deadline=None, max_examples=80)
@given(CORPORA, st.sampled_from([0.01, 0.05, 0.09]))
def test_papers_stay_in_their_lane_and_never_overlap(corpus, dot):
    found = lanes(of(corpus), PILLARS, dot=dot)
    assert overlaps(found) == []
    assert ((found.x >= dot / 2 - 1e-12) & (found.x <= 1 - dot / 2 + 1e-12)).all()
    for lane, y in zip(found.lane.tolist(), found.y.tolist(), strict=True):
        assert found.lanes[lane].top < y < found.lanes[lane].bottom
    for one, other in pairwise(found.lanes):
        assert one.bottom == other.top
    assert not found.lanes or (found.lanes[0].top, found.lanes[-1].bottom) == (0, 1)


@settings(deadline=None, max_examples=80)
@given(CORPORA)
def test_more_sweeps_never_make_it_worse(corpus):
    graph = of(corpus)
    with pytest.MonkeyPatch.context() as patch:
        heights = []
        for sweeps in (1, 2, 3, 12):
            patch.setattr("graph.analysis.lanes._SWEEPS", sweeps)
            heights.append(total_height(lanes(graph, PILLARS, dot=0.05), graph))
    assert heights == sorted(heights, reverse=True)


@settings(deadline=None, max_examples=20)
@given(CORPORA)
def test_lanes_of_a_library_are_those_of_its_graph(tmp_path_factory, corpus):
    graph = of([(None if date is None else int(date), *rest) for date, *rest in corpus])
    with Library.create(tmp_path_factory.mktemp("lanes") / "library.sqlite") as library:
        with library.writing() as session:
            add_tree(session, {"root": None, "g": "root", "d": "root"})
            ids = add_papers(session, graph.keys)
            for paper_id, date, pillar in zip(ids, graph.dates, graph.pillars, strict=True):
                session.get_one(Paper, paper_id).year = None if np.isnan(date) else int(date)
                if pillar:
                    put(session, paper_id, pillar)
            for a, b in zip(graph.citing.tolist(), graph.cited.tolist(), strict=True):
                cite(session, ids[a], ids[b])
        with library.reading() as session:
            found = read_lanes(session)
            expected = lanes(CitationGraph.read(session), [("g", "g"), ("d", "d")])
    assert found.keys == graph.keys
    assert found.x.tobytes() == expected.x.tobytes()
    assert found.y.tobytes() == expected.y.tobytes()
    assert [found.lanes[lane].pillar for lane in found.lane] == [each or UNASSIGNED for each in graph.pillars]
