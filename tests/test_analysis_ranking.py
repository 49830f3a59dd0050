"""Ranks equal independent implementations, are defined on odd graphs, and ignore the order of papers."""

import networkx as nx
import numpy as np
import pytest
from citation_graphs import ODD, as_networkx, by_position, citation_graphs, renamed, synthetic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graph.analysis import ranking
from graph.analysis.citegraph import CitationGraph
from graph.analysis.ranking import RANKINGS, best_first, rank, read_ranks
from graph.errors import UnknownName
from graph.library import Library

every_ranking = pytest.mark.parametrize("by", RANKINGS)


@pytest.fixture(scope="module")
def literature(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        return CitationGraph.read(session)


@every_ranking
@pytest.mark.parametrize("graph", ODD.values(), ids=ODD)
def test_every_ranking_is_defined_on_odd_graphs(by, graph):
    ranks = rank(graph, by)
    assert ranks.scores.shape == (len(graph),)
    assert ranks.scores.dtype == np.float64
    assert not np.isinf(ranks.scores).any()
    assert sorted(ranks.order.tolist()) == list(range(len(graph)))
    assert ranks.meaning
    assert f"{graph.lists_read.sum()} of {len(graph)} papers" in ranks.note


@every_ranking
@settings(deadline=None)
@given(graph=citation_graphs(), seed=st.integers(0, 9))
def test_the_order_of_papers_changes_no_score(by, graph, seed):
    other, places = renamed(graph, seed)
    compute = RANKINGS[by].compute
    np.testing.assert_allclose(compute(other)[places], compute(graph), atol=1e-9)


@every_ranking
def test_scores_are_the_same_every_time(by, literature):
    np.testing.assert_array_equal(rank(literature, by).scores, rank(literature, by).scores)


@settings(deadline=None)
@given(citation_graphs())
def test_pagerank_is_that_of_networkx_and_sums_to_one(graph):
    assume(len(graph))
    scores = ranking.pagerank(graph)
    expected = nx.pagerank(as_networkx(graph), alpha=0.85, tol=1e-14, max_iter=2000)
    np.testing.assert_allclose(scores, by_position(expected, graph), atol=1e-9)
    assert scores.sum() == pytest.approx(1)


def test_pagerank_of_the_shipped_catalogue_is_that_of_networkx(literature):
    expected = nx.pagerank(as_networkx(literature), alpha=0.85, tol=1e-12, max_iter=2000)
    np.testing.assert_allclose(ranking.pagerank(literature), by_position(expected, literature), rtol=1e-6)


def test_pagerank_of_a_well_known_example_is_as_published():
    """Rogers, The Google PageRank algorithm and how it works (2002): four pages, scores that sum to four."""
    links = [("a", "b"), ("a", "c"), ("b", "c"), ("c", "a"), ("d", "c")]
    scores = ranking.pagerank(CitationGraph.from_edges("abcd", links))
    np.testing.assert_allclose(4 * scores, [1.49, 0.78, 1.58, 0.15], atol=0.005)


@settings(deadline=None)
@given(citation_graphs())
def test_cited_counts_the_citing_papers(graph):
    expected = dict(as_networkx(graph).in_degree())
    np.testing.assert_array_equal(ranking.cited(graph), by_position(expected, graph))


@settings(deadline=None)
@given(citation_graphs())
def test_betweenness_is_that_of_networkx(graph):
    expected = nx.betweenness_centrality(as_networkx(graph), normalized=True)
    np.testing.assert_allclose(ranking.betweenness(graph), by_position(expected, graph), atol=1e-12)


def test_sampled_betweenness_is_scaled_to_the_exact_one_and_says_that_it_is_sampled(monkeypatch):
    graph = synthetic(600)
    exact = ranking.betweenness(graph)
    monkeypatch.setattr(ranking, "SAMPLED_SOURCES", 300)
    sampled = ranking.betweenness(graph, most_exact=0)
    assert not np.array_equal(sampled, exact)
    assert np.corrcoef(sampled, exact)[0, 1] > 0.95
    assert sampled.sum() == pytest.approx(exact.sum(), rel=0.2)
    np.testing.assert_array_equal(sampled, ranking.betweenness(graph, most_exact=0))
    assert "Estimated" not in rank(graph, "betweenness").note
    monkeypatch.setattr(ranking, "MOST_EXACT", 599)
    assert "Estimated from 300 of 600 starting papers." in rank(graph, "betweenness").note


def test_betweenness_from_every_source_is_the_exact_one(monkeypatch):
    graph = synthetic(60)
    np.testing.assert_allclose(ranking.betweenness(graph, most_exact=0), ranking.betweenness(graph))


@settings(deadline=None)
@given(citation_graphs())
def test_core_numbers_are_those_of_networkx(graph):
    expected = nx.core_number(as_networkx(graph).to_undirected())
    np.testing.assert_array_equal(ranking.core_number(graph), by_position(expected, graph))


@settings(deadline=None)
@given(citation_graphs(most=7))
def test_hits_is_what_equal_scores_become_in_the_leading_eigenspace(graph):
    """The limit of the iteration, from all eigenvectors; also where several are equally strong."""
    hubs, authorities = ranking.hits(graph)
    assume(graph.edges)
    matrix = graph.adjacency.toarray()
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    leading = values > values[-1] * (1 - 1e-9)
    assume(not len(values[~leading]) or values[~leading].max() < 0.97 * values[-1])
    expected = vectors[:, leading] @ (vectors[:, leading].T @ np.ones(len(graph)))
    np.testing.assert_allclose(hubs, expected / expected.sum(), atol=1e-8)
    np.testing.assert_allclose(authorities, matrix.T @ expected / (matrix.T @ expected).sum(), atol=1e-8)
    assert (hubs.sum(), authorities.sum()) == (pytest.approx(1), pytest.approx(1))


def test_hits_of_the_shipped_catalogue_is_that_of_networkx(literature):
    hubs, authorities = nx.hits(as_networkx(literature), tol=1e-12)
    found = ranking.hits(literature)
    np.testing.assert_allclose(found[0], by_position(hubs, literature), atol=1e-8)
    np.testing.assert_allclose(found[1], by_position(authorities, literature), atol=1e-8)


def rescaled_one_by_one(scores, dates, size):
    """By the definition: for each paper the papers nearest in order of date, whole dates at a time."""
    order = sorted(np.flatnonzero(~np.isnan(dates)), key=lambda at: dates[at])
    size = min(size, len(order))
    found = np.full(len(scores), np.nan)
    for at in order:
        same = [place for place, other in enumerate(order) if dates[other] == dates[at]]
        low = min(max((same[0] + same[-1] + 1 - size) // 2, 0), len(order) - size)
        first, last = dates[order[low]], dates[order[low + size - 1]]
        similar = np.array([scores[other] for other in order if first <= dates[other] <= last])
        spread = similar.std()
        found[at] = (scores[at] - similar.mean()) / spread if spread > 1e-12 else 0
    return found


@settings(deadline=None)
@given(citation_graphs(), st.integers(1, 10))
def test_rescaled_pagerank_is_as_defined(graph, size):
    expected = rescaled_one_by_one(ranking.pagerank(graph), graph.dates, size)
    np.testing.assert_allclose(ranking.rescaled_pagerank(graph, similar_age=size), expected, atol=1e-6)


def test_rescaling_gives_every_year_the_same_chance(literature):
    """Of the hundred best by PageRank most are old; by the rescaled one every year has about its share."""
    old = literature.dates < np.nanmedian(literature.dates)
    plain, rescaled = (best_first(RANKINGS[by].compute(literature))[:100] for by in ("pagerank", "rescaled"))
    assert old[plain].mean() > 0.9
    assert old[rescaled].mean() == pytest.approx(0.5, abs=0.15)


def test_rescaled_scores_of_papers_without_a_date_are_not_known(literature):
    ranks = rank(literature, "rescaled")
    assert np.isnan(ranks.scores).tolist() == np.isnan(literature.dates).tolist()
    assert np.isnan(ranks.scores[ranks.order[-1]])
    assert ranks.note.endswith("Not known for 1 papers without a date.")


def test_equal_scores_stand_in_the_order_of_keys_and_unknown_ones_last():
    assert best_first(np.array([1, np.nan, 3, 1 + 1e-15, 3, np.nan, 0])).tolist() == [2, 4, 0, 3, 6, 1, 5]
    assert best_first(np.array([np.nan, np.nan])).tolist() == [0, 1]
    assert best_first(np.zeros(0)).tolist() == []


def test_an_unknown_ranking_is_refused_with_all_there_are(literature):
    with pytest.raises(UnknownName, match=r"^no ranking 'h-index'; allowed: pagerank, cited, "):
        rank(literature, "h-index")


@every_ranking
def test_ranks_kept_in_the_library_are_those_computed(by, own_path, literature):
    with Library.open(own_path) as library:
        first, second = read_ranks(library, by), read_ranks(library, by)
    computed = rank(literature, by)
    for kept in (first, second):
        np.testing.assert_array_equal(kept.scores, computed.scores)
        np.testing.assert_array_equal(kept.paper_ids, literature.paper_ids)
        assert (kept.note, kept.meaning) == (computed.note, computed.meaning)
