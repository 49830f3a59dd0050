"""Bringing papers in: what will be asked, a run with its stages, and what came of it."""

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from app.parts import origin_words, pages, plain, shortened, when_words
from app.runs import Kind, Plan, Wish, plan
from app.state import open_library, reading, runs
from graph.errors import AtlasError
from graph.runs import PastRun, list_runs
from graph.settings import offline

if TYPE_CHECKING:
    from ingest.pipeline import Job, RunReport
    from ingest.progress import Progress, Stage

EXAMPLE = "arXiv:2312.10163"
_KINDS: dict[str, Kind] = {"Survey": "survey", "Papers": "papers", "Update": "update"}
_WORDS: dict[Kind, str] = {
    "survey": "A survey, and every work that it cites with abstracts and the citations between them.",
    "papers": "Works that you name by their ids.",
    "update": "What is new since the last time: works that cite your surveys, changed facts, "
    "checkpoints that moved.",
}
STAGES = {
    "fetch": "Ask the services",
    "merge": "Make papers of the answers",
    "embed": "Encode new texts for search by meaning",
    "assign": "Find their places in the taxonomy",
    "index": "Index the words",
    "layout": "Find their places on the map",
    "link": "Look for models on the hub",
    "finish": "Take a snapshot",
}
_ICONS = {
    "waiting": ":material/radio_button_unchecked:",
    "running": ":material/pending:",
    "done": ":material/check_circle:",
    "skipped": ":material/check_circle:",
}
_NAMED = 10


def show() -> None:
    """Draw the page."""
    st.session_state["shown"] = ("ingest", "")
    st.title("Bring papers in", anchor=False)
    st.markdown(
        "Facts come from open services. Before anything is sent, this page says how much will be asked."
    )
    if offline():
        st.warning(
            "VFM_ATLAS_OFFLINE is set: no request leaves this machine, so nothing can be brought in. "
            "Unset it and open the explorer again.",
            icon=":material/cloud_off:",
        )
    progress = runs().progress()
    is_running = _is_running(progress)
    # The end of a run that was started here is looked for where the run was; that of an older one is not.
    is_older = not (is_running or runs().has_ended(progress))
    if is_older:
        _form()
    _watch(is_running)
    if not (is_older or is_running):
        _form()


def _is_running(progress: "Progress | None") -> bool:
    return runs().is_running or (progress is not None and progress.state == "running")


def _form() -> None:
    chosen = st.segmented_control(
        "What to bring in", list(_KINDS), default="Survey", required=True, key="what", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    kind = _KINDS[chosen or "Survey"]
    st.caption(_WORDS[kind])
    if kind == "survey":
        st.text_input(
            "Id of the survey: arXiv, DOI or Semantic Scholar", key="id", bind="query-params", live=True,
            placeholder=EXAMPLE,
        )  # fmt: skip
    elif kind == "papers":
        st.text_area(
            "Ids of the papers, one per line: arXiv, DOI, Semantic Scholar or OpenAlex", key="ids",
            placeholder=f"{EXAMPLE}\n10.1109/CVPR.2016.90", height=120,
        )  # fmt: skip
    _options(kind)
    wish = _wish()
    if kind == "update" or wish.text.strip():
        try:
            planned = plan(wish, open_library())
        except AtlasError as error:
            # No box of colour: while an id is typed it cannot be read yet.
            st.caption(f":material/info: {plain(str(error))}")
            return
        _budget(planned)
        st.button("Start", type="primary", disabled=offline(), on_click=_start, args=(wish, planned))


def _options(kind: Kind) -> None:
    with st.expander("Options"):
        st.checkbox("Ask arXiv, OpenAlex and Crossref for every work, not for gaps only", key="thorough")
        st.checkbox("Look for models on the hub whose cards name the works", True, key="hub")
        if kind == "update":
            st.checkbox("Ask the hub whether the linked checkpoints are still there", True, key="checkpoints")


def _wish() -> Wish:
    """What the form asks for at this moment."""
    state = st.session_state
    kind = _KINDS[state.get("what") or "Survey"]
    field = {"survey": "id", "papers": "ids"}.get(kind)
    text = state.get(field) if field else ""
    return Wish(
        kind, text or "", state.get("thorough", False), state.get("hub", True), state.get("checkpoints", True)
    )


def _start(wish: Wish, planned: Plan) -> None:
    # An edit may arrive together with the click; then its requests are shown first.
    if _wish() == wish:
        runs().start(planned)


def _budget(planned: Plan) -> None:
    budget = planned.budget
    st.markdown(
        f"**{_title(planned.job)}**: at most {budget.requests:,} requests, "
        f"about {_duration(budget.seconds)}. What was answered before is "
        f"{'asked again' if planned.refresh else 'not asked again'}."
    )
    st.table(
        [
            {
                "Service": line.service,
                "Requests": f"{line.requests:,}",
                "Time": _duration(line.seconds),
                "For": line.purpose,
            }
            for line in budget.lines
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip
    st.caption(plain(f"Assumed: {'; '.join(budget.assumptions)}."))


# A run of another program is seen, too: its state is in a file.
@st.fragment(run_every=1)
def _watch(was_running: bool) -> None:
    progress = runs().progress()
    if _is_running(progress) != was_running:
        st.rerun()
    if was_running:
        _under_way(progress)
    else:
        _ended(progress)


def _under_way(progress: "Progress | None") -> None:
    run = runs()
    if progress is None:
        st.caption("Starting ...")
        return
    st.subheader(_title(progress), anchor=False)
    _stages(progress)
    st.caption(plain(f"{progress.note or 'Working'} · {_requests(progress.requests)}"))
    if not run.is_running:
        st.caption("Started by another program; Ctrl-C ends it there.")
    elif run.is_stopping:
        st.caption("Stopping at the next step. What was fetched is kept.")
    else:
        st.button("Stop", icon=":material/stop:", on_click=run.stop)


def _title(run: "Progress | Job") -> str:
    kind = {"ids": "Papers"}.get(run.kind, run.kind.capitalize())
    return plain(f"{kind} {shortened(run.subject, 80)}")


def _stages(progress: "Progress") -> None:
    with st.container(gap="xsmall"):
        for stage in progress.stages:
            name = STAGES.get(stage.name, stage.name)
            st.markdown(f"{_ICONS[stage.state]} **{plain(name)}** · {plain(_state(stage, progress.state))}")
            if stage.state == "running" and stage.total and progress.state == "running":
                st.progress(min(1.0, stage.done / stage.total))


def _state(stage: "Stage", of_run: str) -> str:
    if stage.state == "waiting":
        return "waiting" if of_run == "running" else "not begun"
    if stage.state == "running":
        count = f", {stage.done} of {stage.total}" if stage.total else ""
        return ("running" if of_run == "running" else f"{of_run} here") + count
    done = "done by an earlier run" if stage.state == "skipped" else "done"
    return f"{done}, {stage.result}" if stage.result else done


def _requests(sent: dict[str, int]) -> str:
    told = ", ".join(f"{count} to {origin_words(name)}" for name, count in sent.items() if count)
    return f"requests sent: {told or 'none'}"


def _ended(progress: "Progress | None") -> None:
    run = runs()
    error = run.error if run.tells_of(progress) else None
    if error is None and progress is not None and progress.state == "failed":
        error = progress.note
    if error:
        st.error(plain(error), icon=":material/error:")
    if progress is None:
        return
    st.subheader("Last run", anchor=False)
    took = datetime.fromisoformat(progress.changed_at) - datetime.fromisoformat(progress.started_at)
    st.markdown(
        f"**{_title(progress)}** · {progress.state} · "
        f"{when_words(progress.started_at)} UTC, {_duration(took.total_seconds())} · "
        f"{plain(_requests(progress.requests))}"
    )
    _stages(progress)
    if progress.state == "stopped":
        st.info("What was fetched is kept: start it again to go on from here.", icon=":material/info:")
    if progress.state == "done":
        _outcome(progress, run.report if run.tells_of(progress) else None)


def _outcome(progress: "Progress", report: "RunReport | None") -> None:
    past = None if report else _past(progress)
    if report is not None and not report.changed:
        st.markdown(f"Nothing new: the library is as it was, snapshot {report.snapshot}.")
    elif report is not None:
        _changed(report.before, report.snapshot)
    elif past is not None and past.snapshot:
        _changed(None, past.snapshot)
    _named("Nobody answered for", report.unanswered if report else past.unanswered if past else [])
    conflicts = report.conflicts if report else []
    _named("Not merged", [f"{each.first} and {each.second}: {each.reason}" for each in conflicts])


def _changed(before: str | None, after: str) -> None:
    st.markdown(f"Snapshot {before} → **{after}**." if before else f"Snapshot **{after}**.")
    parameters = {"before": before, "after": after} if before else {"after": after}
    st.page_link(
        pages()["changes"], label="See what changed", icon=":material/difference:", query_params=parameters
    )


def _past(progress: "Progress") -> PastRun | None:
    """What the library's ledger says of the run."""
    with reading() as session:
        for run in list_runs(session, _NAMED):
            if (run.kind, run.subject) == (progress.kind, progress.subject) and run.finished_at:
                return run
    return None


def _named(title: str, lines: list[str]) -> None:
    if not lines:
        return
    st.markdown(f"**{title}** ({len(lines)})")
    st.markdown("\n".join(f"- {plain(line)}" for line in lines[:_NAMED]))
    if len(lines) > _NAMED:
        with st.expander(f"{len(lines) - _NAMED} more"):
            st.markdown("\n".join(f"- {plain(line)}" for line in lines[_NAMED:]))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
