"""Measuring from a page: how far it is, and what came of it."""

import streamlit as st

from app.checkpointparts.numbers import checkpoint_link, with_interval
from app.evaluations import State
from app.parts import plain
from app.state import evaluations
from evaluation.results import Run
from evaluation.tasks.spec import find_task


def show_progress(*, shows_end: bool) -> bool:
    """Draw what is being measured, whoever began it; whether something is.

    `shows_end`: whether the end of the last one belongs on this page.
    """
    is_running = evaluations().is_running
    _watch(is_running, shows_end)
    return is_running


# A measurement of another tab is seen, too: there is one at a time per server.
@st.fragment(run_every=1)
def _watch(was_running: bool, shows_end: bool) -> None:
    work = evaluations()
    if work.is_running != was_running:
        st.rerun()
    if was_running:
        _under_way(work.state)
    elif shows_end:
        _ended(work.state)


def _under_way(state: State) -> None:
    with st.container(border=True):
        if state.asking is not None:
            number = len(state.ended) + 1
            count = f" ({number} of {len(state.asks)})" if len(state.asks) > 1 else ""
            title = find_task(state.asking.task).title
            st.markdown(f"**{plain(state.asking.hub_id)}**: {plain(title)}{count}")
        told = f"{state.what}, {state.done:,} of {state.total:,}" if state.total else f"{state.what} ..."
        st.progress(min(1.0, state.done / state.total) if state.total else 0.0, text=plain(told))
        if evaluations().is_stopping:
            st.caption("Ending it.")
        elif state.asks:
            st.button("Cancel", icon=":material/stop:", on_click=evaluations().stop)


def _ended(state: State) -> None:
    for run in state.ended:
        _outcome(run)
    if state.error:
        st.error(plain(state.error), icon=":material/error:")
    if not state.asks and not state.error and state.what:
        st.success("The hub has answered.", icon=":material/check_circle:")


def _outcome(run: Run) -> None:
    what = f"{run.hub_id}, {find_task(run.task).title}"
    if run.state == "done":
        before = "" if run.is_new else " It was measured before: the stored result is shown."
        value = with_interval(run.value, run.low, run.high)
        st.success(plain(f"{what}: {value}.{before}"), icon=":material/check_circle:")
    elif run.state == "cancelled":
        st.info(plain(f"{what}: cancelled, nothing is kept of it but that."), icon=":material/info:")
    else:
        st.error(plain(f"{what}: {run.state}, {run.reason}"), icon=":material/error:")


def other_checkpoint(hub_id: str) -> None:
    """Say that what is being measured is another checkpoint, where it is."""
    asking = evaluations().state.asking
    if asking is not None and asking.hub_id != hub_id:
        checkpoint_link(asking.hub_id, f"Being measured: {asking.hub_id}")
