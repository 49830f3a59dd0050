"""Results in words: values with their intervals, and tables and charts of runs."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import charts
from app.parts import pages, plain
from evaluation.results import Run
from evaluation.tasks.spec import find_task
from graph.coverage import UNKNOWN

STAND_IN = "Small stand-ins for a method, trained by this project (zoo/...): none is a paper's model."
_ROW, _AXIS = 34, 56
"""Pixels of a line, and of the axis with its title."""


def short(value: float | None) -> str:
    """A number as tables show it."""
    if value is None:
        return "none"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A value and its 95% interval."""
    if value is None:
        return "not defined"
    return short(value) if low is None or high is None else f"{short(value)} ({short(low)} to {short(high)})"


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def measure(run: Run) -> str:
    """What a run's value is."""
    unit = find_task(run.task).unit
    return f"{run.metric or UNKNOWN}{f' in {unit}' if unit else ''}".replace("_", " ")


def checkpoint_link(hub_id: str, label: str | None = None, *, icon: str | None = None) -> None:
    """A link to a checkpoint's page."""
    st.page_link(
        pages()["checkpoints"], label=plain(label or hub_id), query_params={"checkpoint": hub_id}, icon=icon
    )


def result_row(run: Run, *, named: bool) -> dict[str, str]:
    """A result as a row of a table; `named` by its checkpoint, otherwise by its task."""
    first = {"Checkpoint": run.hub_id} if named else {"Task": find_task(run.task).title}
    row = {
        **first,
        "Measured here (95%)": with_interval(run.value, run.low, run.high),
        "Measure": measure(run),
        "Chance": short(run.chance),
        "Baseline": short(run.baseline),
        "Examples": f"{run.n or 0:,} of {run.dataset} ({run.split})",
        "When and where": f"{run.started_at:%Y-%m-%d}, {where(run)}",
        "Run": str(run.id),
    }
    return {name: plain(text) for name, text in row.items()}


def where(run: Run) -> str:
    """The device and the libraries of a run."""
    packages = run.environment.get("packages", {})
    used = [f"{name} {packages[name]}" for name in ("torch", run.library) if name in packages]
    return ", ".join(dict.fromkeys([str(run.environment.get("device", UNKNOWN)), *used]))


def published_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Numbers of others that stand beside these runs, and whether the two may be compared."""
    return [
        {
            "Checkpoint": plain(run.hub_id),
            "Reported": short(each["value"]),
            "Measure": plain(str(each["metric"]).replace("_", " ")),
            "On": plain(f"{each['dataset']} ({each['split']})"),
            "Comparable with ours": plain(f"{'yes' if each['comparable'] else 'no'}: {each['reason']}"),
            "Source": plain(str(each["source"])),
        }
        for run in runs
        for each in run.published
    ]


def interval_chart(runs: Sequence[Run], chance: float | None) -> Any:
    """Values with their intervals, one line each, and a dashed rule where chance is."""
    import altair

    rows = [
        {"checkpoint": run.hub_id, "value": run.value, "low": run.low, "high": run.high}
        for run in runs
        if run.value is not None
    ]
    base = altair.Chart(altair.Data(values=rows), height=_ROW * len(rows) + _AXIS).encode(  # type: ignore[no-untyped-call]
        y=altair.Y("checkpoint:N", title=None, sort=None, axis=altair.Axis(labelLimit=260)),
        tooltip=[altair.Tooltip("checkpoint:N")]
        + [altair.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")],
    )
    title = measure(runs[0])
    drawn = base.mark_rule(strokeWidth=2, color=charts.NEUTRAL).encode(
        x=altair.X("low:Q", title=title), x2="high:Q"
    ) + base.mark_point(filled=True, size=80, color="#3b7dd8", opacity=1).encode(
        x=altair.X("value:Q", title=title)
    )
    if chance is not None:
        rule = altair.Chart(altair.Data(values=[{"chance": chance}]))  # type: ignore[no-untyped-call]
        drawn += rule.mark_rule(strokeDash=[4, 4], color=charts.NEUTRAL).encode(
            x=altair.X("chance:Q", title=title)
        )
    return drawn
