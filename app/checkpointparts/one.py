"""One checkpoint: what is known of it, whether it may run here, what it can be asked, and what came of it."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

import streamlit as st

from app.checkpointparts.numbers import (
    STAND_IN,
    duration,
    published_rows,
    result_row,
    with_interval,
)
from app.checkpointparts.rows import ICONS, WORDS, Linked, Row
from app.checkpointparts.running import other_checkpoint, show_progress
from app.evaluations import Ask
from app.parts import pages, paper_link, plain, when_words
from app.state import evaluations, reading
from evaluation import zoo
from evaluation.gate import size
from evaluation.plan import Plan, Planned, draw_up_plan
from evaluation.published import numbers_of
from evaluation.results import Run, list_runs
from evaluation.snippets import loading_snippet
from graph.checkpoints import ROLES, CheckpointFacts
from graph.coverage import UNKNOWN
from graph.settings import offline

_HUB = "https://huggingface.co/"
_ABOUT = {"allowed": "for your knowledge", "ask": "asks for your yes", "refused": "refuses it",
          "unknown": "not known"}  # fmt: skip
_NOT_ASKED = "the hub was not asked yet"
_SHIPPED = "ships with this program"


def show_checkpoint(rows: Sequence[Row]) -> None:
    """Draw one checkpoint; several rows are its loader classes, the one that runs best first."""
    row = rows[0]
    if row.is_bundled:
        st.info(
            "A small stand-in for the method, trained here; not the paper's model.", icon=":material/info:"
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        _papers(row.papers)
        _facts(row, rows[1:])
        _snippet(row)
    with right:
        _gate(row)
    _evaluate(row)


def _papers(papers: Sequence[Linked]) -> None:
    st.subheader("Paper" if len(papers) == 1 else f"Papers ({len(papers)})", anchor=False)
    if not papers:
        st.caption("Linked to no paper: 'vfm\\-atlas link' links it.")
    for each in papers:
        paper_link(each.key, each.short_name)
        item = each.item
        role = f"{item.role}: {ROLES.get(item.role, '')}" if item.role else f"role {UNKNOWN}"
        linked = f", {item.linked_at}" if item.linked_at else ""
        note = f" ({item.note})" if item.note else ""
        st.caption(plain(f"{role}{note}. Source: {item.source}{linked}"))


def _facts(row: Row, others: Sequence[Row]) -> None:
    facts = row.facts
    hub = _SHIPPED if row.is_bundled else _NOT_ASKED
    if facts.checked_at and not row.is_bundled:
        hub = f"the hub, {when_words(facts.checked_at.isoformat())} UTC"
    link = row.papers[0].item if row.papers else None
    ours = "the link to the paper" if link is None else f"{link.source}, {link.linked_at or UNKNOWN}"
    listed = [
        ("State", _SHIPPED if row.is_bundled else facts.state, hub),
        ("Licence", facts.licence or UNKNOWN, hub if facts.licence else ""),
        ("Parameters", f"{facts.params_millions:,.3g} million" if facts.params_millions else UNKNOWN, hub),
        ("Weights", size(_weights(facts)) if _weights(facts) else UNKNOWN, hub),
        ("Loaded by", f"{facts.library}, {facts.loader_class}", ours),
        ("Task", facts.task, ours),
        ("Pinned to", facts.revision or ("-" if row.is_bundled else "not pinned yet"), ""),
    ]
    if facts.gated is not None:
        listed.append(("Terms", "to be accepted on the hub" if facts.gated else "none to accept", hub))
    for name, values in (("Made from", facts.base_models or ()), ("Same weights at", facts.mirrors)):
        if values:
            listed.append((name, ", ".join(values), hub))
    if facts.moved_to:
        listed.append(("Moved to", facts.moved_to, hub))
    if others:
        listed.append(("Also loaded by", ", ".join(each.facts.loader_class for each in others), ours))
    st.subheader("What is known", anchor=False)
    st.table(
        [
            {"Fact": name, "Value": plain(value), "Source": plain("" if value == UNKNOWN else source)}
            for name, value, source in listed
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip
    if row.is_bundled:
        _trained(facts.hub_id)
    else:
        st.link_button(
            "Its page on the hub", _HUB + quote(facts.hub_id, safe="/"), icon=":material/open_in_new:"
        )


def _weights(facts: CheckpointFacts) -> int | None:
    """Bytes of the weights; None where the files that hold them are not known."""
    return (facts.choice.weight_bytes if facts.choice else None) or None


def _trained(hub_id: str) -> None:
    model = next((each for each in zoo.models() if each.hub_id == hub_id), None)
    if model is not None:
        st.caption(
            plain(
                f"{model.about} {model.steps:,} steps, {duration(model.cpu_seconds)} of one core, "
                f"seed {model.seed}; trained anew by 'vfm-atlas zoo train {PurePosixPath(hub_id).name}'."
            )
        )


def _snippet(row: Row) -> None:
    facts = row.facts
    st.subheader("How it is loaded", anchor=False)
    snippet = loading_snippet(
        hub_id=facts.hub_id, library=facts.library, loader_class=facts.loader_class, task=facts.task,
        revision=facts.revision,
    )  # fmt: skip
    if snippet.code:
        st.code(f"# {snippet.install}\n{snippet.code}", language="python", wrap_lines=True)
    if snippet.caution:
        st.caption(plain(snippet.caution))


def _gate(row: Row) -> None:
    verdict = row.verdict
    st.subheader("May it run here?", anchor=False)
    st.markdown(f"{ICONS[verdict.decision]} **{WORDS[verdict.decision].capitalize()}**")
    needs = [
        f"{words} {size(number)}"
        for words, number in (
            ("to download", None if row.is_bundled else verdict.download_bytes),
            ("memory about", verdict.memory_bytes),
        )
        if number is not None
    ]
    told = f"Needs: {', '.join(needs)}." if needs else ""
    st.caption(f"Judged from what is said of it, for this machine; nothing was downloaded. {plain(told)}")
    for each in verdict.reasons:
        st.markdown(f"- {plain(each.text)} ({plain(each.about)}: {_ABOUT[each.leads_to]})")
    if not verdict.reasons:
        st.markdown("- nothing speaks against it")
    if row.is_bundled or not row.papers:
        return
    busy = evaluations().is_running
    st.button(
        "Ask the hub about it", icon=":material/cloud_sync:", disabled=offline() or busy,
        on_click=evaluations().ask_hub, args=([row.papers[0].key],),
        help="Asks for state, licence, sizes and hashes of the checkpoints of its paper; downloads nothing.",
    )  # fmt: skip
    if offline():
        st.caption("Requests are switched off: unset VFM\\_ATLAS\\_OFFLINE to ask.")


def _evaluate(row: Row) -> None:
    facts = row.facts
    with reading() as session:
        runs = list_runs(session, hub_ids=[facts.hub_id])
    plan = draw_up_plan(
        facts.hub_id, facts.library, facts.loader_class, params_millions=facts.params_millions, earlier=runs
    )
    st.subheader("What it can be asked", anchor=False)
    if plan.reason is not None:
        st.markdown(plain(f"Nothing here: {plan.reason}."))
    else:
        _plan(plan)
        is_mine = any(ask.hub_id == facts.hub_id for ask in evaluations().state.asks)
        if not show_progress(shows_end=is_mine or not evaluations().state.asks):
            _form(row, plan)
        else:
            other_checkpoint(facts.hub_id)
    _results(facts.hub_id, runs)


def _plan(plan: Plan) -> None:
    st.table(
        [
            {"Task": plain(each.title), "Asked about": plain(_dataset(each)), "Examples": f"{each.n:,}",
             "Takes about": duration(each.seconds), "Estimated": plain(each.basis)}
            for each in plan.can
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip
    if plan.cannot:
        with st.expander(f"What it cannot be asked ({len(plan.cannot)})"):
            st.markdown("\n".join(f"- {plain(task)}: {plain(why)}" for task, why in plan.cannot.items()))


def _dataset(planned: Planned) -> str:
    return f"{planned.dataset} ({planned.split})" if planned.dataset else "data of your own"


def _form(row: Row, plan: Plan) -> None:
    hub_id, verdict = row.facts.hub_id, row.verdict
    by_title = {each.title: each for each in plan.can}
    with st.container(border=True):
        left, middle, right = st.columns([3, 1, 2], vertical_alignment="bottom")
        with left:
            planned = by_title[st.selectbox("Task", list(by_title), key=f"task-{hub_id}")]
        with middle:
            n = st.number_input("Examples", 2, 100_000, planned.n, key=f"n-{hub_id}-{planned.task}")
        with right:
            dataset = st.text_input(
                "Dataset", planned.dataset or "", key=f"data-{hub_id}-{planned.task}",
                placeholder="folder:PATH or coco:PATH.json",
            )  # fmt: skip
        agreed = False
        if verdict.decision == "ask":
            agreed = st.checkbox(f"Yes, although {plain(verdict.words)}", key=f"yes-{hub_id}")
        st.checkbox("Measure anew what was measured before", key=f"again-{hub_id}")
        blocked = _blocked(row, agreed, dataset)
        st.button(
            "Run it on this machine", type="primary", icon=":material/play_arrow:", disabled=bool(blocked),
            on_click=_start, args=(hub_id, plan.can),
        )  # fmt: skip
        rough = (planned.seconds - 6) / planned.n * int(n) + 6
        st.caption(
            plain(
                blocked or f"About {duration(max(rough, 6))}, in a process of its own; it can be cancelled."
            )
        )


def _start(hub_id: str, can: Sequence[Planned]) -> None:
    # An edit may arrive together with the click: what the form holds now counts, not what it held when drawn.
    state = st.session_state
    planned = next((each for each in can if each.title == state[f"task-{hub_id}"]), can[0])
    n = state.get(f"n-{hub_id}-{planned.task}", planned.n)
    dataset = state.get(f"data-{hub_id}-{planned.task}", planned.dataset) or ""
    agreed, again = state.get(f"yes-{hub_id}", False), state.get(f"again-{hub_id}", False)
    ask = Ask(hub_id, planned.task, dataset.strip() or None, int(n), agreed, again)
    evaluations().start([ask])


def _blocked(row: Row, agreed: bool, dataset: str) -> str:
    """Why it cannot be started at this moment; empty where it can."""
    decision = row.verdict.decision
    if decision == "refused":
        return f"Not started: {row.verdict.words}."
    if decision == "unknown":
        return "Its files were not looked at yet: ask the hub about it first."
    if decision == "ask" and not agreed:
        return "It waits for your yes."
    return "" if dataset.strip() else "This task has no dataset of its own: name yours."


def _results(hub_id: str, runs: Sequence[Run]) -> None:
    st.subheader("Results", anchor=False)
    done = [run for run in runs if run.state == "done"]
    if done:
        st.table([result_row(run, named=False) for run in done], border="horizontal", hide_index=True)
        st.page_link(pages()["leaderboard"], label="Beside other checkpoints", icon=":material/leaderboard:",
                     query_params={"task": done[0].task})  # fmt: skip
    for run in runs:
        if run.state != "done":
            st.caption(
                plain(f"{run.started_at:%Y-%m-%d} {run.task} on {run.dataset}: {run.state}, {run.reason}")
            )
    if not runs:
        st.caption("Not measured here yet.")
    reported = published_rows(done)
    if reported:
        st.table(reported, border="horizontal", hide_index=True)
    elif numbers_of(hub_id):
        st.markdown("**Reported by others**")
        st.markdown(
            "\n".join(
                f"- {plain(f'{each.task} on {each.dataset} ({each.split}): {each.metric} {each.value:g}')} "
                f"({plain(each.source)})"
                for each in numbers_of(hub_id)
            )
        )
    model = next((each for each in zoo.models() if each.hub_id == hub_id), None)
    if model is not None and model.measured:
        st.markdown("**Measured right after training, by this project**")
        st.table(
            [
                {"Task": plain(each.task), "On": plain(each.dataset), "Examples": f"{each.n:,}",
                 plain("Value (95%)"): plain(
                     f"{each.metric.replace('_', ' ')} {with_interval(each.value, each.low, each.high)}"
                 )}
                for each in model.measured
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip
    if model is not None:
        st.caption(plain(STAND_IN))
