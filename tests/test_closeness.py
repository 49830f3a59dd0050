"""Vectors in context and links: what is close, by text and by citations."""

import numpy as np
import pytest
from analysis_helpers import corpora, graph_of, named, topics, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.analysis.citegraph import CitationGraph
from graph.analysis.closeness import (
    COMPANY,
    company,
    links,
    nearest,
    text_vectors,
    vectors_in_context,
)
from graph.vectors import VectorIndex

EVERYONE = st.randoms(use_true_random=False)


def pairs(found):
    return dict(zip(zip(found.first.tolist(), found.second.tolist(), strict=True), found.weight, strict=True))


def test_a_paper_that_everybody_cites_weighs_less_than_one_that_few_cite():
    graph = graph_of(6, [(0, 1), (0, 2), (3, 1), (4, 1), (5, 1)])
    weights = company(graph).toarray()
    # Paper 1 has four neighbours and paper 2 has one: 1/sqrt(4) and 1, made to sum to 1.
    assert weights[0] == pytest.approx([0, 1 / 3, 2 / 3, 0, 0, 0])
    assert weights.sum(axis=1) == pytest.approx(np.ones(6))


def test_company_moves_a_vector_half_way():
    texts = unit([[1, 0], [0, 1], [0, 1]])
    moved = vectors_in_context(graph_of(3, [(0, 1)]), texts)
    assert moved[0] == pytest.approx(unit([[1, COMPANY]])[0])
    assert moved[2] == pytest.approx([0, 1]), "a paper without citations stays"


def test_a_paper_without_a_vector_takes_that_of_its_company():
    texts = np.array([[0, 0], [0, 1], [1, 0]], dtype=np.float32)
    moved = vectors_in_context(graph_of(3, [(0, 1)]), texts)
    assert moved[0] == pytest.approx([0, 1])


def test_text_vectors_follow_the_order_of_the_graph_and_are_zero_where_there_is_none():
    graph = graph_of(3)
    index = VectorIndex("m", "w", np.array([0, 2]), unit([[1, 0], [0, 1]]))
    found = text_vectors(graph, index)
    assert found[0] @ unit([[1, 0]])[0] > 0.9
    assert not found[1].any()
    assert found[2] @ unit([[0, 1]])[0] > 0.9
    assert text_vectors(graph, None).shape == (3, 0)
    assert text_vectors(graph_of(0), index).shape == (0, 2)


def test_what_all_texts_have_in_common_is_taken_away():
    shared = np.hstack([np.full((200, 1), 3.0), topics([100, 100], dimension=8)])
    index = VectorIndex("m", "w", np.arange(200), unit(shared))
    raw, found = index.matrix, text_vectors(graph_of(200), index)
    assert (raw[0] @ raw[150]) > 0.8
    assert (found[0] @ found[150]) < -0.5


@settings(deadline=None, max_examples=60)
@given(corpora(), st.integers(1, 5))
def test_the_nearest_are_those_that_a_plain_sort_finds(corpus, count):
    _graph, texts = corpus
    rows = np.flatnonzero(texts.any(axis=1))
    places, cosines = nearest(texts, count, rows, rows)
    for row, found, values in zip(rows, places, cosines, strict=True):
        expected = sorted(
            (round(-float(texts[row] @ texts[other]), 5), int(other)) for other in rows if other != row
        )[:count]
        assert len(found) == len(expected)
        assert -values == pytest.approx([value for value, _other in expected], abs=1e-4)
        assert row not in found


def test_of_equally_near_papers_the_first_is_taken():
    texts = unit([[1, 0], [1, 0], [1, 0], [1, 0]])
    everyone = np.arange(4)
    assert nearest(texts, 2, everyone, everyone)[0].tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_links_join_near_texts_and_citations():
    texts = topics([20, 20])
    found = pairs(links(graph_of(40, [(0, 39)]), texts))
    inside = [pair for pair in found if (pair[0] < 20) == (pair[1] < 20)]
    assert len(inside) == len(found) - 1
    assert found[0, 39] == pytest.approx(0.5), "a citation of papers without others weighs half a neighbour"


def test_a_citation_weighs_less_where_both_ends_have_many():
    # Each of 0 ... 8 cites each of 9 ... 17; 18 cites 19, and these have nobody else.
    edges = [(citing, cited) for citing in range(9) for cited in range(9, 18)]
    found = pairs(links(graph_of(20, [*edges, (18, 19)]), np.zeros((20, 0), dtype=np.float32)))
    assert found[0, 9] == pytest.approx(0.5 * 3 / 9)
    assert found[18, 19] == pytest.approx(0.5)


def test_the_weights_of_a_paper_sum_as_fuzzy_neighbours_should():
    # One paper's own weights sum to log2(15); the union of both directions can only add to them.
    found = links(graph_of(60), topics([60], noise=2.0))
    total = np.bincount(found.first, found.weight, 60) + np.bincount(found.second, found.weight, 60)
    assert (total >= np.log2(15) - 1e-3).all()
    assert found.weight.max() == pytest.approx(1, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(corpora())
def test_links_are_distinct_pairs_with_weights_above_zero(corpus):
    graph, texts = corpus
    found = links(graph, vectors_in_context(graph, texts))
    assert (found.first < found.second).all()
    assert len(pairs(found)) == len(found.first)
    assert np.isfinite(found.weight).all()
    assert (found.weight > 0).all()
    assert {(a, b) for a, b in zip(found.first.tolist(), found.second.tolist(), strict=True)} >= {
        (min(a, b), max(a, b)) for a, b in zip(graph.citing.tolist(), graph.cited.tolist(), strict=True)
    }


@settings(deadline=None, max_examples=60)
@given(corpora(), EVERYONE)
def test_the_order_in_which_citations_are_read_changes_nothing(corpus, draw):
    graph, texts = corpus
    edges = [(graph.keys[a], graph.keys[b]) for a, b in zip(graph.citing, graph.cited, strict=True)]
    draw.shuffle(edges)
    other = CitationGraph.from_edges(reversed(named(len(graph))), edges)
    assert pairs(links(graph, vectors_in_context(graph, texts))) == pairs(
        links(other, vectors_in_context(other, texts))
    )
