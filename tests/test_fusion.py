"""Fusion of rankings: worked examples."""

import numpy as np
import pytest

from graph import fusion


def test_reciprocal_rank_of_a_worked_example():
    found = fusion.reciprocal_rank([7, 8], [8, 9])
    assert found == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})
    assert fusion.ordered(found) == [8, 7, 9]
    assert fusion.reciprocal_rank([7], constant=1) == {7: 1 / 2}


def test_scores_are_divided_by_the_largest_of_their_kind():
    np.testing.assert_allclose(fusion.share(0.5, np.array([4.0, 2.0, -1.0])), [0.5, 0.25, -0.125])
    np.testing.assert_allclose(fusion.share(0.5, np.array([-0.2, 0.1])), [-0.5, 0.25])


def test_nothing_found_or_all_scores_zero_gives_no_error():
    assert fusion.share(1.0, np.zeros(0)).tolist() == []
    assert fusion.share(1.0, np.zeros(2)).tolist() == [0.0, 0.0]
    assert fusion.reciprocal_rank() == {}


def test_feedback_moves_the_query_towards_the_mean_of_the_first_papers():
    vector = np.array([1.0, 0.0], dtype=np.float32)
    others = np.array([[0.0, 1.0], [0.0, 1.0]], dtype=np.float32)
    moved = fusion.moved(vector, others, 1.0)
    np.testing.assert_allclose(moved, np.array([1.0, 1.0]) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_array_equal(fusion.moved(vector, others[:0]), vector)
    np.testing.assert_array_equal(fusion.moved(vector, -vector[None], 1.0), vector)


def test_a_group_is_as_good_as_its_three_best_members():
    scores = np.array([0.9, 0.6, 0.3, 0.1, 0.8, 0.0])
    members, groups = np.array([0, 1, 2, 3, 3, 4]), np.array([7, 7, 7, 7, 2, 2])
    first, second = (0.9 + 0.6 + 0.3) / 3, (0.8 + 0.1) / 3
    expected = [first, first, first, first, second, 0.0]
    np.testing.assert_allclose(fusion.by_group(scores, members, groups), expected)
    assert fusion.by_group(scores, members[:0], groups[:0]).tolist() == [0.0] * 6


def test_equal_scores_keep_the_order_of_the_library():
    assert fusion.ordered({3: 0.5, 1: 0.5, 2: 0.7}) == [2, 1, 3]
