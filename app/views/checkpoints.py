"""Every checkpoint that papers link to: found by task, size, licence and whether it runs on this machine."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.checkpointparts.one import show_checkpoint
from app.checkpointparts.rows import (
    FILTERS,
    ICONS,
    NOT_REFUSED,
    WORDS,
    Filter,
    Row,
    options_of,
    passing,
    read_rows,
)
from app.parts import first_page, named_in_url, paged, pages, paper_link, plain
from app.state import reading
from evaluation.gate import size
from graph.coverage import UNKNOWN

_PER_PAGE = 20
_IN_FRONT = 3
_ANY = "any"
_PAPERS = 3
# Questions that people have, as what the filters would be set to.
_QUESTIONS = {
    "Promptable segmentation that runs on this machine": {"task": "mask-generation", "here": NOT_REFUSED},
    "Zero-shot classification that runs on this machine": {
        "task": "zero-shot-image-classification", "here": NOT_REFUSED,
    },
    "All that runs right now": {"here": WORDS["allowed"]},
}  # fmt: skip


def show() -> None:
    """Draw the list as the URL filters it, or the checkpoint that it names, `?checkpoint=zoo/clip-scenes`."""
    named = named_in_url("checkpoint")
    with reading() as session:
        rows = read_rows(session)
    if not named:
        _list(rows)
        return
    st.title(plain(named), anchor=False)
    st.page_link(pages()["checkpoints"], label="All checkpoints", icon=":material/arrow_back:")
    mine = [row for row in rows if row.facts.hub_id == named]
    if mine:
        show_checkpoint(mine)
    else:
        st.warning(
            "No paper links to a checkpoint of this name\\. 'vfm\\-atlas link' adds one\\.",
            icon=":material/warning:",
        )


def _list(rows: Sequence[Row]) -> None:
    st.title("Checkpoints", anchor=False)
    st.markdown(
        "Weights that belong to the papers: what they are, whether they may run on this machine, and what "
        "they reach here."
    )
    with st.container(horizontal=True, gap="medium", key="questions"):
        for number, (question, answers) in enumerate(_QUESTIONS.items()):
            # No links: one from a page to itself would set the filters but not the address.
            st.button(
                question, key=f"question-{number}", type="tertiary", icon=":material/search:", on_click=_ask,
                args=(answers,),
            )  # fmt: skip
    found = passing(rows, _chosen(rows))
    _summary(found, len(rows))
    if not found:
        st.caption("None passes these filters: take one of them back.")
    paged(found, _PER_PAGE, _row, key="checkpoints")


def _ask(answers: Mapping[str, str]) -> None:
    for which in FILTERS:
        st.session_state[which.name] = answers.get(which.name, _ANY)
    first_page()


def _chosen(rows: Sequence[Row]) -> dict[str, str]:
    """The filters that are set, by name."""
    chosen = {}
    for column, which in zip(st.columns(_IN_FRONT), FILTERS[:_IN_FRONT], strict=True):
        with column:
            chosen[which.name] = _select(rows, which)
    more = FILTERS[_IN_FRONT:]
    with st.expander("More filters", expanded=any(which.name in st.query_params for which in more)):
        for column, which in zip(st.columns(len(more)), more, strict=True):
            with column:
                chosen[which.name] = _select(rows, which)
    return {name: value for name, value in chosen.items() if value != _ANY}


def _select(rows: Sequence[Row], which: Filter) -> str:
    return (
        st.selectbox(which.label, [_ANY, *options_of(rows, which)], key=which.name, bind="query-params")
        or _ANY
    )


def _summary(found: Sequence[Row], count: int) -> None:
    counts = {decision: sum(row.verdict.decision == decision for row in found) for decision in WORDS}
    told = " · ".join(f"{ICONS[each]} {number} {WORDS[each]}" for each, number in counts.items() if number)
    st.markdown(f"**{len(found)} of {count} checkpoints** {told and '· ' + told}")
    if counts["unknown"]:
        st.caption(
            "Not looked at yet: an adapter is here, but the hub was not asked for files and licence. Ask "
            "from a checkpoint's page, or for all with 'vfm\\-atlas check\\-links'."
        )


def _row(row: Row) -> None:
    facts = row.facts
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="medium")
        with left, st.container(gap=None):
            st.page_link(
                pages()["checkpoints"], label=f":primary[**{plain(facts.hub_id)}**]",
                query_params={"checkpoint": facts.hub_id},
            )  # fmt: skip
            st.caption(plain(_line(row)))
        with right, st.container(gap=None):
            verdict = row.verdict
            told = f": {verdict.words}" if verdict.decision in ("ask", "refused") else ""
            st.caption(f"{ICONS[verdict.decision]} {WORDS[verdict.decision]}{plain(told)}")
            for each in row.papers[:_PAPERS]:
                paper_link(each.key, f"{each.short_name}{f', {each.item.role}' if each.item.role else ''}")
            if len(row.papers) > _PAPERS:
                st.caption(f"and {len(row.papers) - _PAPERS} more papers")


def _line(row: Row) -> str:
    facts = row.facts
    parameters = f"{facts.params_millions:,.3g} M parameters" if facts.params_millions else f"size {UNKNOWN}"
    weights = f" ({size(facts.choice.weight_bytes)})" if facts.choice and facts.choice.weight_bytes else ""
    checked = f" ({facts.checked_at:%Y-%m-%d})" if facts.checked_at and not row.is_bundled else ""
    state = "small stand-in, ships with this program" if row.is_bundled else f"{facts.state}{checked}"
    return " · ".join(
        [facts.task, facts.library, parameters + weights, f"licence {facts.licence or UNKNOWN}", state]
    )
