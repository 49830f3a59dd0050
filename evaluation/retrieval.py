"""How good a ranking is: measures of one query, their means with bootstrap intervals, and paired differences.

All measures lie between 0 and 1. A document's grade is 0 (not relevant) unless it was judged higher. Recall
is of as many documents as could stand there: recall@k divides by the number of relevant documents or k,
whichever is smaller (BEIR's capped recall).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.judged import JudgedQuery

METRICS = ("ndcg@10", "mrr@10", "recall@20", "recall@1")
MAIN = METRICS[0]
RESAMPLES = 10_000
SEED = 20231216

Ranker = Callable[[str], Mapping[str, Sequence[str]]]
"""Gives, for the text of a query, the ids of documents as each system ranks them, best first."""


@dataclass(frozen=True)
class Estimate:
    """A mean over queries with its 95% interval, by the percentile bootstrap over queries."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class QueryResult:
    """What one system achieved for one query: the value of each measure, and the first documents."""

    query: JudgedQuery
    values: dict[str, float]
    first: tuple[str, ...]


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], at: int = 10) -> float:
    """Normalised discounted cumulative gain: gain 2^grade - 1, discount log2(rank + 1).

    0 for a query without relevant documents. Järvelin and Kekäläinen, TOIS 2002, with the gain of Burges et
    al., ICML 2005.
    """
    best = _discounted(sorted(grades.values(), reverse=True)[:at])
    return _discounted([grades.get(document, 0) for document in ranked[:at]]) / best if best else 0.0


def reciprocal_rank(ranked: Sequence[str], wanted: set[str], at: int = 10) -> float:
    """1 / rank of the first wanted document, 0 where none is among the first."""
    places = (rank for rank, document in enumerate(ranked[:at], start=1) if document in wanted)
    return next((1 / rank for rank in places), 0.0)


def recall(ranked: Sequence[str], wanted: set[str], at: int) -> float:
    """Wanted documents among the first `at`, of as many as could be there; 0 where none is wanted."""
    possible = min(len(wanted), at)
    return len(wanted & set(ranked[:at])) / possible if possible else 0.0


def measure(ranked: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    """Every measure of one ranking.

    What a query asks for are the documents of its highest grade: mrr@10 and recall@1 look for these alone,
    ndcg@10 and recall@20 for all that is relevant.
    """
    relevant = {document for document, grade in grades.items() if grade > 0}
    highest = max(grades.values(), default=0)
    asked_for = {document for document in relevant if grades[document] == highest}
    values = (
        ndcg(ranked, grades),
        reciprocal_rank(ranked, asked_for),
        recall(ranked, relevant, 20),
        recall(ranked, asked_for, 1),
    )
    return dict(zip(METRICS, values, strict=True))


def evaluate(
    rank: Ranker, queries: Sequence[JudgedQuery], progress: Callable[[int, int], None] = lambda *_: None
) -> dict[str, list[QueryResult]]:
    """Rank and measure every query: the results of each system, in the order of the queries."""
    results: dict[str, list[QueryResult]] = {}
    for done, query in enumerate(queries, start=1):
        for system, ranked in rank(query.text).items():
            values = measure(ranked, query.grades)
            results.setdefault(system, []).append(QueryResult(query, values, tuple(ranked[:10])))
        progress(done, len(queries))
    return results


def estimate(values: Sequence[float], *, seed: int = SEED, resamples: int = RESAMPLES) -> Estimate:
    """The mean of one value per query, with its interval. The same values give the same interval."""
    if not values:
        raise ValueError("no query to take a mean over")
    data = np.asarray(values, dtype=np.float64)
    means = _resampled_means(data, seed, resamples)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(data.mean()), float(low), float(high))


def difference(
    ours: Sequence[QueryResult],
    theirs: Sequence[QueryResult],
    metric: str = MAIN,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean of ours minus theirs over the same queries: queries are drawn once for both (paired bootstrap)."""
    if [each.query.id for each in ours] != [each.query.id for each in theirs]:
        raise ValueError("both systems need results for the same queries in the same order")
    pairs = zip(ours, theirs, strict=True)
    return estimate(
        [mine.values[metric] - other.values[metric] for mine, other in pairs], seed=seed, resamples=resamples
    )


def summarise(results: Sequence[QueryResult], metric: str) -> dict[str, Estimate]:
    """A measure of one system for each type of query, in the order of first appearance, and for `all`."""
    by_type: dict[str, list[float]] = {}
    for each in results:
        by_type.setdefault(each.query.type, []).append(each.values[metric])
    by_type["all"] = [each.values[metric] for each in results]
    return {name: estimate(values) for name, values in by_type.items()}


def _discounted(grades: Sequence[int]) -> float:
    return math.fsum(
        (2.0 ** max(grade, 0) - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1)
    )


def _resampled_means(values: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    drawn = values[random.integers(0, len(values), size=(resamples, len(values)))]
    return np.asarray(drawn.mean(axis=1), dtype=np.float64)
