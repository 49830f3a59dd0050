"""Fusion of rankings: worked examples, and what search has always done."""

import pytest

from graph import fusion


def test_reciprocal_rank_of_a_worked_example():
    found = fusion.reciprocal_rank([7, 8], [8, 9])
    assert found == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})
    assert fusion.ordered(found) == [8, 7, 9]
    assert fusion.reciprocal_rank([7], constant=1) == {7: 1 / 2}


def test_scores_are_divided_by_the_largest_of_their_kind():
    found = fusion.weighted((0.5, {1: 4.0, 2: 2.0}), (0.5, {2: -0.2, 3: 0.1}))
    assert found == pytest.approx({1: 0.5, 2: 0.25 - 0.5, 3: 0.25})


def test_nothing_found_or_all_scores_zero_gives_no_error():
    assert fusion.weighted((1.0, {})) == {}
    assert fusion.weighted((1.0, {1: 0.0})) == {1: 0.0}
    assert fusion.reciprocal_rank() == {}


def test_a_hybrid_search_weighs_words_meaning_and_citations():
    found = fusion.hybrid({1: 2.0}, {1: 0.5, 2: 0.25}, {2: 3.0})
    shares = (fusion.LEXICAL, fusion.DENSE, fusion.CITED)
    assert found == pytest.approx({1: shares[0] + shares[1], 2: shares[1] / 2 + shares[2]})


def test_equal_scores_keep_the_order_of_the_library():
    assert fusion.ordered({3: 0.5, 1: 0.5, 2: 0.7}) == [2, 1, 3]
