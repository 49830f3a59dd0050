"""Two checkpoints on the same examples: their difference by the paired bootstrap, and who stands where."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.errors import TaskError
from evaluation.metrics.bootstrap import Estimate, difference
from evaluation.results import Run
from evaluation.tasks.kinds import KINDS
from evaluation.tasks.spec import find_task


@dataclass(frozen=True)
class Comparison:
    """First minus second, by every measure that both report; `verdict` says what the primary one tells."""

    first: Run
    second: Run
    differences: dict[str, Estimate]
    verdict: str


def compare(first: Run, second: Run) -> Comparison:
    """Compare two results with their outputs. Raises TaskError where they are not about the same examples."""
    for run in (first, second):
        if run.state != "done" or run.outputs is None:
            raise TaskError(
                f"run {run.id} of {run.hub_id} has no result ({run.state}): it cannot be compared"
            )
    for what in ("task", "task_version", "dataset_fingerprint", "seed"):
        ours, theirs = getattr(first, what), getattr(second, what)
        if ours != theirs:
            words = what.replace("_", " ")
            raise TaskError(
                f"runs {first.id} and {second.id} differ in their {words} ({ours} and {theirs}): "
                "only answers about the same examples can be paired"
            )
    spec = find_task(first.task)
    if str(spec.version) != first.task_version:
        raise TaskError(
            f"the runs are of version {first.task_version} of {first.task}, this release has {spec.version}: "
            "run both again"
        )
    measures = KINDS[spec.kind].measures
    found = {
        name: difference(measures[name](first.outputs or ()), measures[name](second.outputs or ()))
        for name in spec.metrics
    }
    return Comparison(
        first, second, found, _verdict(first, second, found[spec.primary], spec.higher_is_better)
    )


def _verdict(first: Run, second: Run, found: Estimate, higher_is_better: bool) -> str:
    if found.low is None or found.high is None:
        return "too few examples to say"
    if found.low <= 0 <= found.high:
        return "no difference that these examples show"
    ahead = first if (found.value > 0) == higher_is_better else second
    return f"{ahead.hub_id} is better on these examples"


@dataclass(frozen=True)
class Board:
    """Runs that may stand in one list: the same task, version, examples and seed; the best first.

    `not_run` are attempts at this task without a result, with their reasons.
    """

    task: str
    dataset: str
    split: str
    n: int | None
    fingerprint: str | None
    results: tuple[Run, ...]


@dataclass(frozen=True)
class Leaderboard:
    """The boards of a library, and what was tried without a result."""

    boards: tuple[Board, ...]
    not_run: tuple[Run, ...]


def leaderboard(runs: Sequence[Run]) -> Leaderboard:
    """Sort runs into boards: numbers about other examples never stand in one list."""
    groups: dict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in runs:
        if run.state == "done":
            groups[run.task, run.task_version, run.dataset, run.dataset_fingerprint, run.seed].append(run)
    boards = [_board(each) for _, each in sorted(groups.items(), key=lambda item: str(item[0]))]
    done = {run.spec_hash for run in runs if run.state == "done"}
    return Leaderboard(
        tuple(boards), tuple(run for run in runs if run.state != "done" and run.spec_hash not in done)
    )


def _board(runs: Sequence[Run]) -> Board:
    first = runs[0]
    sign = 1 if find_task(first.task).higher_is_better else -1
    ordered = sorted(runs, key=lambda run: (run.value is None, -sign * (run.value or 0.0), run.hub_id))
    return Board(first.task, first.dataset, first.split, first.n, first.dataset_fingerprint, tuple(ordered))
