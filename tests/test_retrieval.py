"""Measures of ranking: equal to worked examples and to scikit-learn, and right on degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from evaluation.judged import JudgedQuery
from evaluation.retrieval import (
    METRICS,
    QueryResult,
    difference,
    estimate,
    evaluate,
    measure,
    ndcg,
    recall,
    reciprocal_rank,
    summarise,
)

GRADES = st.lists(st.integers(min_value=0, max_value=3), min_size=2, max_size=40)


def results(*values, kind="all"):
    """Results of one system with these values of nDCG@10."""
    return [
        QueryResult(JudgedQuery(f"{kind}{number}", "text", {"a": 1}, kind), {"ndcg@10": value}, ())
        for number, value in enumerate(values)
    ]


def drawn(size, seed=1):
    return list(np.random.default_rng(seed).random(size))


# One query


def test_ndcg_of_a_worked_example():
    """Grades 1, 0, 2 found, another 2 missed: (1 + 3/2) / (3 + 3/log2(3) + 1/2)."""
    found = ndcg(["a", "x", "b"], {"a": 1, "b": 2, "c": 2})
    assert found == pytest.approx((1 + 3 / 2) / (3 + 3 / math.log2(3) + 1 / 2))
    assert found == pytest.approx(2.5 / 5.392789, abs=1e-6)


@given(GRADES)
def test_ndcg_is_that_of_scikit_learn(grades):
    """There the gain is the grade itself, so it is given the exponential one; all documents are ranked."""
    names = [f"d{number:02d}" for number in range(len(grades))]
    judged = {name: grade for name, grade in zip(names, grades, strict=True) if grade}
    gains = [[2**grade - 1 for grade in grades]]
    falling = [list(range(len(grades), 0, -1))]
    theirs = ndcg_score(gains, falling, k=10)
    assert ndcg(names, judged) == pytest.approx(theirs)


def test_ndcg_is_one_for_the_best_order_and_falls_with_a_swap():
    grades = {"a": 2, "b": 1}
    assert ndcg(["a", "b", "x"], grades) == pytest.approx(1)
    assert ndcg(["b", "a", "x"], grades) < 1
    assert ndcg(["x", "y"], grades) == 0


def test_what_stands_below_the_tenth_place_does_not_count():
    ranked = [f"x{number}" for number in range(10)] + ["a"]
    assert measure(ranked, {"a": 1}) == {"ndcg@10": 0, "mrr@10": 0, "recall@20": 1, "recall@1": 0}


def test_the_best_order_is_cut_at_ten_too():
    """With twelve relevant documents ten in a row are perfect."""
    names = [f"d{number}" for number in range(12)]
    assert ndcg(names, dict.fromkeys(names, 1)) == pytest.approx(1)


def test_the_reciprocal_rank_is_that_of_the_first_wanted_document():
    assert reciprocal_rank(["x", "y", "a", "b"], {"a", "b"}) == pytest.approx(1 / 3)
    assert reciprocal_rank([], {"a"}) == 0


def test_recall_is_of_as_many_as_could_be_there():
    assert recall(["a", "x"], {"a", "b", "c"}, at=2) == pytest.approx(1 / 2)
    assert recall(["a", "x", "b"], {"a", "b", "c"}, at=20) == pytest.approx(2 / 3)
    assert recall(["a"], set(), at=20) == 0


def test_first_places_are_for_what_is_asked_for_and_gain_for_all_that_is_relevant():
    found = measure(["near", "asked"], {"asked": 2, "near": 1, "other": 1})
    assert found["mrr@10"] == pytest.approx(1 / 2)
    assert found["recall@1"] == 0
    assert found["recall@20"] == pytest.approx(2 / 3)
    assert 0 < found["ndcg@10"] < 1


def test_a_query_without_relevant_documents_has_no_gain():
    assert measure(["a"], {}) == dict.fromkeys(METRICS, 0)


def test_a_grade_below_zero_is_not_relevant():
    assert measure(["spam", "a"], {"spam": -1, "a": 1})["recall@20"] == 1
    assert ndcg(["spam", "a"], {"spam": -1, "a": 1}) == pytest.approx(1 / math.log2(3))


# All queries


def test_every_system_is_measured_on_every_query_in_order():
    queries = [JudgedQuery("q1", "one", {"a": 1}), JudgedQuery("q2", "two", {"b": 1})]
    told = []
    rankings = {"one": {"s": ["a", "b"], "t": ["b"]}, "two": {"s": ["a", "b"], "t": []}}
    found = evaluate(rankings.get, queries, lambda *progress: told.append(progress))
    assert [each.values["mrr@10"] for each in found["s"]] == [1, 1 / 2]
    assert [each.values["mrr@10"] for each in found["t"]] == [0, 0]
    assert [each.query for each in found["t"]] == queries
    assert told == [(1, 2), (2, 2)]


def test_types_are_summarised_apart_and_together():
    found = summarise(results(1.0, 0.5, kind="name") + results(0.0, kind="mixed"), "ndcg@10")
    assert {kind: each.mean for kind, each in found.items()} == {"name": 0.75, "mixed": 0, "all": 0.5}


def test_the_interval_is_the_normal_one_for_many_values():
    values = drawn(2000)
    found = estimate(values)
    half = 1.96 * np.std(values) / math.sqrt(len(values))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.low == pytest.approx(found.mean - half, abs=half / 10)
    assert found.high == pytest.approx(found.mean + half, abs=half / 10)


def test_the_same_values_give_the_same_interval_and_another_seed_another():
    values = drawn(30)
    assert estimate(values) == estimate(values)
    assert estimate(values, seed=1) != estimate(values, seed=2)


def test_equal_values_have_no_spread():
    found = estimate([0.25] * 5)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)


def test_a_difference_is_taken_query_by_query():
    """Both vary much from query to query, but ours is always a little better: the interval knows."""
    base = drawn(40)
    ours = results(*(value + 0.01 * (number % 3) for number, value in enumerate(base)))
    found = difference(ours, results(*base))
    assert found.mean == pytest.approx(np.mean([0.01 * (number % 3) for number in range(40)]))
    assert 0 < found.low < found.mean < found.high < 0.02
    assert estimate([each.values["ndcg@10"] for each in ours]).high - found.mean > 0.05


def test_results_for_other_queries_are_not_compared():
    with pytest.raises(ValueError, match="same queries in the same order"):
        difference(results(1.0, 0.0), results(1.0, 0.0)[::-1])
    with pytest.raises(ValueError, match="no query"):
        estimate([])
