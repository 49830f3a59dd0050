"""Commands that measure checkpoints: evaluate, leaderboard, compare-runs."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from app.console import Options, clean, emit_json, global_options, known, progress, say, table
from graph.library import Library

if TYPE_CHECKING:
    from evaluation.compare import Board, Comparison
    from evaluation.metrics.bootstrap import Estimate
    from evaluation.plan import Plan
    from evaluation.results import Run
    from evaluation.run import Progress
    from graph.checkpoints import CheckpointFacts

_GIB = 2**30
_STAND_IN = "zoo/... are small stand-ins for a method, trained by this project: none is a paper's model."


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT")
@click.option(
    "--task", "tasks", metavar="T", multiple=True, help="Only this task; may be given several times."
)
@click.option(
    "--dataset",
    metavar="D",
    help="What to ask about: scenes, digits, photos, folder:PATH or coco:PATH.json.",
)
@click.option("-n", "n", metavar="N", type=click.IntRange(min=1), help="How many examples.")
@click.option("--seed", metavar="S", type=click.IntRange(min=0), default=0, help="Draws the examples.")
@click.option(
    "--device", metavar="DEVICE", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
    help="Where to run: cpu or cuda.",
)  # fmt: skip
@click.option("--again", is_flag=True, help="Measure anew what was measured before.")
@click.option(
    "--plan", "only_plan", is_flag=True, help="List the tasks it can do and their cost; run nothing."
)
@click.option("--yes", "agreed", is_flag=True, help="Agree to what is asked before a download.")
@click.option(
    "--limit-seconds", metavar="S", type=click.FloatRange(min=1), help="End a run that takes longer."
)
@click.option(
    "--limit-memory", metavar="GIB", type=click.FloatRange(min=0.1), help="End a run that takes more memory."
)
@global_options
def evaluate(
    options: Options, checkpoint: str, tasks: tuple[str, ...], only_plan: bool, **asked: Any
) -> None:
    """Measure a checkpoint on tasks it can do.

    CHECKPOINT is zoo/NAME for a model that ships with VFM Atlas, an id on the hub, or a paper that has one
    checkpoint which runs here. Each run has a process of its own, with limits to its memory and time. What
    was measured before is shown, not measured again, unless --again.
    """
    from evaluation.choose import choose
    from evaluation.plan import draw_up_plan
    from evaluation.results import list_runs
    from evaluation.tasks.spec import find_task

    for name in tasks:
        find_task(name)
    with options.open() as library:
        with library.reading() as session:
            facts = choose(session, checkpoint)
            earlier = list_runs(session, hub_ids=[facts.hub_id])
        plan = draw_up_plan(
            facts.hub_id,
            facts.library,
            facts.loader_class,
            params_millions=facts.params_millions,
            earlier=earlier,
        )
        if only_plan:
            _print_plan(options, facts, plan)
            return
        runs = _carry_out(library, facts, _tasks_of(plan, tasks, facts, asked["dataset"]), asked)
    if options.as_json:
        emit_json({"checkpoint": facts.hub_id, "runs": [_plain(run) for run in runs]})
    else:
        _print_runs(runs)
    if any(run.state != "done" for run in runs):
        sys.exit(1)


def _tasks_of(
    plan: "Plan", named: tuple[str, ...], facts: "CheckpointFacts", dataset: str | None
) -> list[str]:
    """The tasks to run: those named, or all that the checkpoint can do on data that are here."""
    from evaluation.errors import NoAdapter

    if plan.reason is not None:
        raise NoAdapter(f"cannot run {facts.hub_id}: {plan.reason}")
    if named:
        return list(dict.fromkeys(named))
    without = [each.task for each in plan.can if each.dataset is None and dataset is None]
    if without:
        progress(f"evaluate: not run without --dataset: {', '.join(without)}")
    return [each.task for each in plan.can if each.task not in without]


def _carry_out(
    library: Library, facts: "CheckpointFacts", tasks: list[str], asked: dict[str, Any]
) -> "list[Run]":
    from evaluation.choose import files_of
    from evaluation.errors import ConsentNeeded, GateClosed, TaskError
    from evaluation.run import Limits, run
    from evaluation.tasks.request import draw_up

    try:
        files = files_of(
            library, facts, device=asked["device"], agreed=asked["agreed"], told=_tell_download()
        )
    except ConsentNeeded:
        raise
    except GateClosed as closed:
        return [_refuse(library, facts, task, str(closed)) for task in tasks]
    memory = asked["limit_memory"]
    limits = Limits(asked["limit_seconds"], int(memory * _GIB) if memory else None)
    runs = []
    for task in tasks:
        line = _Line(task)
        try:
            request = draw_up(
                files,
                task,
                dataset=asked["dataset"],
                n=asked["n"],
                seed=asked["seed"],
                device=asked["device"],
            )
            runs.append(run(library, request, limits=limits, again=asked["again"], told=line))
        except TaskError as error:
            if len(tasks) == 1:
                raise
            line.close()
            progress(f"{task}: {error}")
            continue
        finally:
            line.close()
        made = runs[-1]
        if made.state == "done":
            progress(f"{task}: {'done' if made.is_new else 'measured before'}, {_number(made)}")
        else:
            progress(f"{task}: {made.state}: {made.reason}")
    return runs


def _refuse(library: Library, facts: "CheckpointFacts", task: str, reason: str) -> "Run":
    from evaluation.results import record, refused

    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return record(library, refused(facts, task, reason, now))


class _Line:
    """Progress on stderr: one line that changes on a terminal, a line per stage elsewhere."""

    def __init__(self, task: str) -> None:
        self._task, self._said, self._open = task, "", False
        self._in_place = sys.stderr.isatty()

    def __call__(self, now: "Progress") -> None:
        if not self._in_place:
            if now.what != self._said:
                progress(f"{self._task}: {now.what}")
        else:
            text = f"{self._task}: {now.what} {now.done}/{now.total} ({now.seconds:.0f} s)"
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{clean(text)[:width]}", end="", file=sys.stderr, flush=True)  # noqa: T201
            self._open = True
        self._said = now.what

    def close(self) -> None:
        """Clear the line."""
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201
            self._open = False


def _tell_download() -> Any:
    fetched, told = 0, 0

    def tell(more: int) -> None:
        nonlocal fetched, told
        fetched += more
        if fetched - told >= 50 * 10**6:
            told = fetched
            progress(f"evaluate: {fetched / 10**6:.0f} MB fetched")

    return tell


def _print_plan(options: Options, facts: "CheckpointFacts", plan: "Plan") -> None:
    if options.as_json:
        emit_json({"checkpoint": facts.hub_id, **asdict(plan)})
        return
    if plan.reason is not None:
        say(f"{facts.hub_id} cannot be run here: {plan.reason}")
        return
    stand_in = " (a small stand-in for a method)" if facts.origin == "bundled" else ""
    say(f"{facts.hub_id}{stand_in} can be asked:")
    rows = [
        (
            f"  {each.task}",
            each.title,
            each.dataset or "name one",
            each.n,
            _duration(each.seconds),
            each.basis,
        )
        for each in plan.can
    ]
    table(rows, header=("  task", "what it is", "dataset", "n", "about", "as estimated"))
    if plan.cannot:
        say(f"It cannot be asked: {', '.join(f'{task} ({why})' for task, why in plan.cannot.items())}.")


def _print_runs(runs: "Sequence[Run]") -> None:
    if not runs:
        say("Nothing was run.")
        return
    _print_numbers([run for run in runs if run.state == "done"], first="task")
    _print_stand_in(runs)
    _print_not_run([run for run in runs if run.state != "done"])


def _print_numbers(runs: "Sequence[Run]", *, first: str) -> None:
    if not runs:
        return
    rows = [
        (
            run.task if first == "task" else run.hub_id, f"{run.dataset} ({run.split})", run.n,
            _measure(run), _number(run), _short(run.chance), _short(run.baseline),
            _duration(run.seconds or 0), run.environment.get("device", ""), run.id,
        )
        for run in runs
    ]  # fmt: skip
    header = (first, "dataset", "n", "measure", "value [95%]", "chance", "baseline", "took", "on", "run")
    table(rows, header=header)
    for run in runs:
        for each in run.published:
            verdict = "comparable" if each["comparable"] else "not comparable"
            say(
                f"  published for {run.hub_id}: {each['metric']} {each['value']:g} on {each['dataset']}; "
                f"{verdict}: {each['reason']} [{each['source']}]"
            )


def _print_not_run(runs: "Sequence[Run]") -> None:
    if runs:
        say("Not measured:")
        table([(f"  {run.task}", run.hub_id, run.state, known(run.reason)) for run in runs])


def _print_stand_in(runs: "Sequence[Run]") -> None:
    if any(run.is_stand_in for run in runs):
        say(_STAND_IN)


def _plain(run: "Run") -> dict[str, Any]:
    facts = {name: value for name, value in asdict(run).items() if name != "outputs"}
    return {**facts, "stand_in": run.is_stand_in}


def _measure(run: "Run") -> str:
    from evaluation.tasks.spec import find_task

    unit = find_task(run.task).unit
    return f"{known(run.metric)}{f' ({unit})' if unit else ''}".replace("_", " ")


def _number(run: "Run") -> str:
    if run.value is None:
        return "not defined"
    interval = "" if run.low is None or run.high is None else f" [{_short(run.low)}, {_short(run.high)}]"
    return f"{_short(run.value)}{interval}"


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@click.command()
@click.option("--task", metavar="T", help="Only this task.")
@click.option("--dataset", metavar="D", help="Only runs on this dataset.")
@global_options
def leaderboard(options: Options, task: str | None, dataset: str | None) -> None:
    """Show what was measured here, best first.

    Runs stand in one list only where they were asked about the same examples. What could not be run follows,
    with the reason.
    """
    from evaluation.compare import leaderboard as sort
    from evaluation.results import list_runs
    from evaluation.tasks.spec import find_task

    if task is not None:
        find_task(task)
    with options.open() as library, library.reading() as session:
        found = sort(list_runs(session, task=task, dataset=dataset))
    if options.as_json:
        emit_json(
            {
                "boards": [
                    {**_board_facts(board), "results": [_plain(run) for run in board.results]}
                    for board in found.boards
                ],
                "not_run": [_plain(run) for run in found.not_run],
            }
        )
        return
    if not found.boards and not found.not_run:
        say("Nothing measured yet: 'vfm-atlas evaluate zoo/clip-scenes' measures a small model.")
    for board in found.boards:
        say(f"{find_task(board.task).title} ({board.task}) on {known(board.n)} examples of {board.dataset}:")
        _print_numbers(board.results, first="checkpoint")
        say()
    _print_stand_in([run for board in found.boards for run in board.results])
    _print_not_run(found.not_run)


def _board_facts(board: "Board") -> dict[str, Any]:
    return {
        "task": board.task, "dataset": board.dataset, "split": board.split, "n": board.n,
        "dataset_fingerprint": board.fingerprint,
    }  # fmt: skip


@click.command("compare-runs")
@click.argument("first", metavar="RUN", type=int)
@click.argument("second", metavar="RUN", type=int)
@global_options
def compare_runs(options: Options, first: int, second: int) -> None:
    """Compare two runs on the same examples.

    RUN is a number from the leaderboard. Printed is first minus second by every measure, with its 95%
    interval by the paired bootstrap: examples are drawn once for both.
    """
    from evaluation.compare import compare
    from evaluation.results import read_run

    with options.open() as library, library.reading() as session:
        found = compare(read_run(session, first), read_run(session, second))
    if options.as_json:
        emit_json(
            {
                "first": _plain(found.first), "second": _plain(found.second),
                "differences": {name: asdict(each) for name, each in found.differences.items()},
                "verdict": found.verdict,
            }
        )  # fmt: skip
        return
    _print_comparison(found)


def _print_comparison(found: "Comparison") -> None:
    one, other = found.first, found.second
    say(f"{one.hub_id} (run {one.id}) minus {other.hub_id} (run {other.id}), {one.task}, n = {known(one.n)}")
    rows = []
    for name, difference in found.differences.items():
        values = [run.metrics.get(name, {}).get("value") for run in (one, other)]
        rows.append((name.replace("_", " "), *(_short(each) for each in values), _signed(difference)))
    table(rows, header=("measure", one.hub_id, other.hub_id, "difference [95%]"))
    say(f"{found.verdict[:1].upper()}{found.verdict[1:]}.")
    _print_stand_in((one, other))


def _signed(found: "Estimate") -> str:
    interval = "" if found.low is None or found.high is None else f" [{found.low:+.3f}, {found.high:+.3f}]"
    return f"{found.value:+.3f}{interval}"


COMMANDS = (evaluate, leaderboard, compare_runs)
