"""Trends: yearly counts lose nothing, growth of the whole is no rise, and beauty is as published."""

import numpy as np
import pytest
from citation_graphs import ODD, citation_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graph.analysis.citegraph import CitationGraph
from graph.analysis.trends import beauty, rising, sleeping_beauties, yearly_citations
from graph.errors import QueryError
from graph.library import Library

SERIES = arrays.arrays(np.int64, st.integers(1, 12), elements=st.integers(0, 30))


@pytest.fixture(scope="module")
def literature(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        return CitationGraph.read(session)


def cited_over_years(papers, **options):
    """Papers of 2010 with citations per year: {key: {year: how many}}, each by a paper of its own."""
    dates = dict.fromkeys(papers, 2010.5)
    edges = []
    for key, years in papers.items():
        for year, count in years.items():
            for number in range(count):
                citing = f"{key}-{year}-{number}"
                dates[citing] = year + 0.5
                edges.append((citing, key))
    return CitationGraph.from_edges(dates, edges, dates=dates, **options)


@settings(deadline=None)
@given(citation_graphs())
def test_yearly_citations_are_all_the_dated_ones(graph):
    yearly = yearly_citations(graph)
    expected = {}
    for citing, cited in zip(graph.citing.tolist(), graph.cited.tolist(), strict=True):
        if not np.isnan(graph.dates[citing]):
            place = cited, int(graph.dates[citing])
            expected[place] = expected.get(place, 0) + 1
    found = {
        (at, int(yearly.years[column])): int(yearly.counts[at, column])
        for at, column in zip(*np.nonzero(yearly.counts), strict=True)
    }
    assert found == expected
    assert yearly.undated == graph.edges - sum(expected.values())
    read = graph.lists_read & ~np.isnan(graph.dates)
    assert yearly.lists_read.sum() == read.sum()
    assert (np.diff(yearly.years) == 1).all()


@pytest.mark.parametrize("graph", ODD.values(), ids=ODD)
def test_odd_graphs_have_trends_without_papers(graph):
    assert rising(graph).papers == ()
    assert sleeping_beauties(graph).papers == ()
    assert yearly_citations(graph).counts.shape[0] == len(graph)


def test_who_grows_like_all_is_not_on_the_rise():
    graph = cited_over_years({key: {2019: 4, 2020: 8} for key in "abc"})
    found = rising(graph, window=1)
    assert (found.growth, found.papers, found.years) == (2.0, (), (2020, 2020))


def test_who_grows_faster_than_all_is_on_the_rise_by_so_many_deviations():
    graph = cited_over_years({"up": {2019: 2, 2020: 10}, "down": {2019: 10, 2020: 2}})
    (paper,) = rising(graph, window=1).papers
    assert (paper.key, paper.recent, paper.before, paper.expected) == ("up", 10, 2, 2.0)
    assert paper.score == pytest.approx((10 - 2) / np.sqrt(12))


def test_fewer_lists_of_late_do_not_make_everybody_fall():
    """Half as many citations in all, the same share: on the rise is who gained in share."""
    graph = cited_over_years({"a": {2019: 12, 2020: 6}, "b": {2019: 12, 2020: 3}, "c": {2019: 6, 2020: 6}})
    found = rising(graph, window=1)
    assert found.growth == 0.5
    (paper,) = found.papers
    assert (paper.key, paper.expected) == ("c", 3.0)
    assert paper.score == pytest.approx((6 - 3) / np.sqrt(0.5 * 12))


def test_new_papers_and_rarely_cited_ones_are_left_out():
    graph = cited_over_years({"old": {2019: 9, 2020: 3}, "rare": {2020: 2}, "late": {2020: 3}})
    dates = dict(zip(graph.keys, graph.dates, strict=True)) | {"new": 2020.2}
    citing = [key for key in graph.keys if key.startswith("old-2020")]
    edges = [(graph.keys[a], graph.keys[b]) for a, b in zip(graph.citing, graph.cited, strict=True)]
    graph = CitationGraph.from_edges(dates, edges + [(key, "new") for key in citing], dates=dates)
    assert [paper.key for paper in rising(graph, window=1).papers] == ["late"]


def test_windows_can_end_earlier_and_span_several_years():
    graph = cited_over_years({"a": {2015: 1, 2016: 1, 2017: 6, 2018: 6, 2020: 1}, "b": {2015: 6, 2017: 3}})
    found = rising(graph, window=2, until=2018)
    assert found.years == (2017, 2018)
    assert [(paper.key, paper.recent, paper.before) for paper in found.papers] == [("a", 12, 2)]
    assert rising(graph, window=2, until=2100).papers == ()


def test_equal_rises_stand_in_the_order_of_keys_and_the_limit_is_kept():
    graph = cited_over_years({key: {2019: 1, 2020: 5} for key in "dcba"} | {"z": {2019: 30, 2020: 10}})
    assert [paper.key for paper in rising(graph, window=1, limit=3).papers] == ["a", "b", "c"]


def test_a_window_of_no_years_is_refused():
    with pytest.raises(QueryError, match=r"^cannot compare 0 years: 1 or more are allowed$"):
        rising(ODD["empty"], window=0)


def test_coverage_counts_the_lists_of_the_years_compared(literature):
    found = rising(literature, window=1, until=2023)
    years = np.floor(literature.dates)
    assert found.recent_lists == (literature.lists_read & (years == 2023)).sum()
    assert found.before_lists == (literature.lists_read & (years == 2022)).sum()
    assert found.growth < 3


def beauty_by_definition(series):
    """Formula 2 of Ke et al. (2015), term by term."""
    peak = max(range(len(series)), key=lambda t: (series[t], -t))
    if peak == 0:
        return 0.0
    slope = (series[peak] - series[0]) / peak
    return sum((slope * t + series[0] - series[t]) / max(1, series[t]) for t in range(peak + 1))


@settings(deadline=None)
@given(SERIES)
def test_beauty_is_that_of_the_published_formula(series):
    assert beauty(series)[0] == pytest.approx(beauty_by_definition(series.tolist()))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([0, 1, 2, 3, 4], (0.0, 0)),  # on the line
        ([9, 3, 1], (0.0, 0)),  # its best year was the first
        ([0, 0, 0, 0, 10], (2.5 + 5 + 7.5, 3)),
        ([1, 1, 1, 7], (2 + 4, 2)),
        ([0, 5, 5, 6], ((2 - 5) / 5 + (4 - 5) / 5, 0)),  # above the line: no sleep
        ([], (0.0, 0)),
        ([0, 0], (0.0, 0)),
    ],
)
def test_beauty_and_awakening_of_series_that_can_be_worked_by_hand(series, expected):
    coefficient, awoke = beauty(np.array(series, dtype=np.int64))
    assert coefficient == pytest.approx(expected[0])
    assert awoke == expected[1]


def test_the_paper_that_slept_longer_is_the_greater_beauty():
    graph = cited_over_years(
        {
            "slept": {2019: 1, 2020: 8},
            "dozed": {2014: 4, 2015: 2, 2020: 5},
            "shone": {2010: 9, 2011: 3},
            "rare": {2020: 4},
        }
    )
    found = sleeping_beauties(graph)
    assert [paper.key for paper in found.papers] == ["slept", "dozed"]
    assert (found.papers[0].peak, found.papers[0].awoke, found.papers[0].citations) == (2020, 2018, 9)
    assert sleeping_beauties(graph, limit=1).papers == found.papers[:1]
    assert {paper.key for paper in sleeping_beauties(graph, fewest=4).papers} == {"slept", "dozed", "rare"}


def test_citations_from_before_its_year_count_for_its_first():
    graph = cited_over_years({"a": {2008: 6, 2009: 6, 2020: 7}})
    assert sleeping_beauties(graph).papers == ()


def test_sleeping_beauties_say_how_many_lists_were_read(literature):
    found = sleeping_beauties(literature)
    assert (found.covered, found.of) == (139, 571)
    scores = [round(paper.beauty, 9) for paper in found.papers]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
