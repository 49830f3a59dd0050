"""What checkpoints reach: measured on this machine, reported by others, and not run with the reason."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app.checkpointparts.numbers import (
    STAND_IN,
    checkpoint_link,
    interval_chart,
    published_rows,
    result_row,
    short,
    with_interval,
)
from app.checkpointparts.rows import WORDS, Row, read_rows
from app.parts import named_in_url, pages, plain
from app.state import reading
from evaluation.compare import Board, Comparison, compare, leaderboard
from evaluation.errors import TaskError
from evaluation.published import reference_numbers
from evaluation.registry import capabilities_of
from evaluation.results import Run, list_runs, read_run
from evaluation.tasks.spec import TaskSpec, tasks
from graph.errors import UnknownName

_ALL = "all tasks"


def show() -> None:
    """Draw the boards, of all tasks or of the one that the URL names, `?task=classification`."""
    st.title("Leaderboard", anchor=False)
    st.markdown(
        "Every number stands beside its 95% interval, chance and a trivial baseline. Numbers stand in one "
        "list only where they are about the same examples."
    )
    named_in_url("task", _ALL)
    with reading() as session:
        runs = list_runs(session)
    measured = {run.task for run in runs}
    chosen = st.selectbox(
        "Task", [_ALL, *sorted(tasks(), key=lambda name: (name not in measured, name))], key="task",
        bind="query-params",
    )  # fmt: skip
    wanted = [run for run in runs if chosen in (_ALL, run.task)]
    found = leaderboard(wanted)
    if chosen in tasks():
        _about(tasks()[chosen])
    if not found.boards:
        st.markdown("Nothing measured here yet: a small model of the zoo takes some seconds.")
        checkpoint_link("zoo/clip-scenes", "Measure zoo/clip-scenes", icon=":material/play_arrow:")
    for number, board in enumerate(found.boards):
        _board(board, number)
    if any(run.is_stand_in for run in wanted):
        st.caption(plain(STAND_IN))
    _compare(found.boards)
    _not_run(found.not_run)
    if chosen in tasks():
        _not_tried(tasks()[chosen], {run.hub_id for run in wanted})
    _reported(chosen)


def _about(spec: TaskSpec) -> None:
    better = "higher is better" if spec.higher_is_better else "lower is better"
    st.markdown(plain(spec.question))
    st.caption(plain(f"Measure: {spec.primary.replace('_', ' ')}, {better}. Protocol: {spec.protocol}"))


def _board(board: Board, number: int) -> None:
    title = f"{tasks()[board.task].title}: {board.n or 0:,} examples of {board.dataset} ({board.split})"
    st.subheader(plain(title), anchor=False)
    if len(board.results) > 1:
        st.altair_chart(
            interval_chart(board.results, board.results[0].chance), width="stretch", key=f"board-{number}",
            alt=f"Values with their 95% intervals, {board.task}; the table below lists them",
        )  # fmt: skip
        st.caption("Dashed: chance. Lines: 95% intervals.")
    st.table([result_row(run, named=True) for run in board.results], border="horizontal", hide_index=True)
    reported = published_rows(board.results)
    if reported:
        st.markdown("**Reported by others about the same weights**")
        st.table(reported, border="horizontal", hide_index=True)
    with st.container(horizontal=True, gap="medium"):
        for hub_id in dict.fromkeys(run.hub_id for run in board.results):
            checkpoint_link(hub_id, icon=":material/deployed_code:")


def _compare(boards: Sequence[Board]) -> None:
    several = [run for board in boards if len(board.results) > 1 for run in board.results]
    if not several:
        return
    st.subheader("Compare two results", anchor=False)
    st.caption("Only answers about the same examples are paired: the examples are drawn once for both.")
    names = {_name(run): run for run in several}
    left, right = st.columns(2)
    with left:
        one = st.selectbox("First", list(names), key="first", bind="query-params")
    first = names[one]
    others = [name for name, run in names.items() if _pairs(first, run)]
    if not others:
        st.caption("No other result is about the same examples.")
        return
    with right:
        other = st.selectbox("Second", others, key="second", bind="query-params")
    try:
        with reading() as session:
            found = compare(*(read_run(session, run.id or 0) for run in (first, names[other])))
    except (TaskError, UnknownName) as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    show_comparison(found)


def _name(run: Run) -> str:
    return f"run {run.id}: {run.hub_id}, {run.task} on {run.dataset}, n = {run.n}"


def _pairs(first: Run, other: Run) -> bool:
    same = ("task", "task_version", "dataset_fingerprint", "seed")
    return first.id != other.id and all(getattr(first, each) == getattr(other, each) for each in same)


def show_comparison(found: Comparison) -> None:
    """Draw the difference of two results, measure by measure."""
    one, other = found.first, found.second
    # A checkpoint's id, which a verdict may begin with, is written as it is.
    begins = found.verdict if found.verdict.startswith((one.hub_id, other.hub_id)) else ""
    st.markdown(f"**{plain(begins or found.verdict.capitalize())}.**")
    names = (one.hub_id, other.hub_id)
    if names[0] == names[1]:
        names = (f"{one.hub_id} (run {one.id})", f"{other.hub_id} (run {other.id})")
    st.table(
        [
            {"Measure": plain(name.replace("_", " ")),
             **{plain(label): plain(short(run.metrics.get(name, {}).get("value")))
                for label, run in zip(names, (one, other), strict=True)},
             "First minus second (95%)": plain(with_interval(each.value, each.low, each.high))}
            for name, each in found.differences.items()
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip


def _not_run(runs: Sequence[Run]) -> None:
    if not runs:
        return
    st.subheader("Not measured, because", anchor=False)
    st.table(
        [
            {"Checkpoint": plain(run.hub_id), "Task": plain(run.task), "What": plain(run.state),
             "Because": plain(run.reason or "not known"), "When": f"{run.started_at:%Y-%m-%d}"}
            for run in runs
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip


def _not_tried(spec: TaskSpec, tried: set[str]) -> None:
    """Linked checkpoints that the task fits and that nobody ran here, with what stands in the way."""
    with reading() as session:
        rows = [row for row in read_rows(session) if row.facts.hub_id not in tried]
    can = [
        row
        for row in rows
        if set(spec.needs) <= set(capabilities_of(row.facts.library, row.facts.loader_class) or ())
    ]
    without = sum(capabilities_of(row.facts.library, row.facts.loader_class) is None for row in rows)
    st.subheader(f"Not tried here ({len(can)})", anchor=False)
    if can:
        with st.expander("What could be measured by this task"):
            st.table([_in_the_way(row) for row in can], border="horizontal", hide_index=True)
    st.caption(
        f"{without} more checkpoints have no adapter here: their pages name the library that they need. "
        "The others cannot be asked this task."
    )


def _in_the_way(row: Row) -> dict[str, str]:
    is_free = row.verdict.decision == "allowed"
    return {
        "Checkpoint": plain(row.facts.hub_id),
        "On this machine": WORDS[row.verdict.decision],
        "Because": "not tried yet" if is_free else plain(row.verdict.words),
    }


def _reported(task: str) -> None:
    """Numbers of others for the task, whether or not anything was measured here."""
    found = [each for each in reference_numbers() if task in (_ALL, each.task)]
    st.subheader(f"Reported by others ({len(found)})", anchor=False)
    if not found:
        st.caption("No number with a source is known for this task.")
        return
    with st.expander("The numbers, each with where it was read"):
        counts = Counter(each.dataset for each in found)
        dataset = st.selectbox(
            "On", [name for name, _ in counts.most_common()], key="reported_on", bind="query-params"
        )
        found = sorted(
            (each for each in found if each.dataset == dataset),
            key=lambda each: (each.task, each.metric, -each.value),
        )
        st.table(
            [
                {"Of": plain(each.hub_id or f"method of {each.paper}"), "Task": plain(each.task),
                 "On": plain(f"{each.dataset} ({each.split})"),
                 "Value": f"{each.metric.replace('_', ' ')} {each.value:g}".replace("_", " "),
                 "Source": plain(each.source)}
                for each in found
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip
    st.page_link(
        pages()["checkpoints"], label="Checkpoints that can be measured", icon=":material/deployed_code:"
    )
