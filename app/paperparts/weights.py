"""The checkpoints of a paper: what they are, how they are loaded, and what was measured with them."""

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from app.parts import pages, plain
from app.state import reading
from evaluation.results import Run, list_runs
from evaluation.snippets import loading_snippet
from graph.coverage import UNKNOWN
from graph.mentions import Mention, read_mentions
from graph.papers import PaperCard, PaperCheckpoint

_MENTIONS = 10
_RUNS = 4
_HUB = "https://huggingface.co/"
_BUNDLED = "bundled"


def show_checkpoints(card: PaperCard) -> None:
    """Linked checkpoints, each with its facts, and repositories of the hub that may be further ones."""
    st.subheader(f"Checkpoints ({len(card.checkpoints)})", anchor=False)
    if not card.checkpoints:
        st.caption("No checkpoint is linked to this paper.")
    with st.container(gap="xsmall"):
        runs = _runs([item.hub_id for item in card.checkpoints])
        for item in card.checkpoints:
            _checkpoint(item, [run for run in runs if run.hub_id == item.hub_id])
    _mentions(card.key)


def _checkpoint(item: PaperCheckpoint, runs: Sequence[Run]) -> None:
    snippet = loading_snippet(
        hub_id=item.hub_id, library=item.library, loader_class=item.loader_class, task=item.task,
        revision=item.revision,
    )  # fmt: skip
    with st.expander(plain(item.hub_id)):
        if item.origin == _BUNDLED:
            st.markdown(
                ":material/info: **A small stand-in for the method, trained here; not the paper's model.**"
            )
        st.caption("  \n".join(map(plain, _facts(item))))
        if snippet.code:
            st.code(f"# {snippet.install}\n{snippet.code}", language="python", wrap_lines=True)
        if snippet.caution:
            st.caption(plain(snippet.caution))
        _results(item, runs)
        st.caption("Source: " + plain(item.source) + (f", {item.linked_at}" if item.linked_at else ""))


def _facts(item: PaperCheckpoint) -> list[str]:
    size = f"{item.params_millions:g} M parameters" if item.params_millions else f"size {UNKNOWN}"
    weights = f", {item.weight_bytes / 1e6:,.0f} MB" if item.weight_bytes else ""
    checked = f", checked {item.checked_at[:10]}" if item.checked_at else ""
    gated = "asks for consent" if item.gated else "open to all"
    return [
        f"{item.library} · {item.task}",
        f"licence {item.licence or UNKNOWN} · {size}{weights}",
        f"state: {item.state}{checked}" + (f" · {gated}" if item.gated is not None else ""),
        f"revision {item.revision or 'not pinned yet'}",
        f"role {item.role or UNKNOWN}" + (f" ({item.note})" if item.note else ""),
        *([f"moved to {item.moved_to}"] if item.moved_to else []),
    ]


def _results(item: PaperCheckpoint, runs: Sequence[Run]) -> None:
    for run in runs[:_RUNS]:
        if run.state == "done" and run.value is not None and run.metric:
            interval = "" if run.low is None or run.high is None else f" ({run.low:.3f} to {run.high:.3f})"
            chance = "" if run.chance is None else f", chance {run.chance:.3f}"
            told = f"{run.task} on {run.dataset}: {run.metric} {run.value:.3f}{interval}{chance}, n = {run.n}"
            st.markdown(f":material/analytics: {plain(told)}")
            st.caption(plain(f"measured here on {run.started_at:%Y-%m-%d}"))
        else:
            st.caption(plain(f"{run.task} on {run.dataset}: {run.state}, {run.reason or UNKNOWN}"))
    if not runs:
        st.caption("Not run here yet.")
    if "checkpoints" in pages():
        st.page_link(
            pages()["checkpoints"], label="Quick evaluation", icon=":material/play_arrow:",
            query_params={"checkpoint": item.hub_id},
        )  # fmt: skip


def _runs(hub_ids: Sequence[str]) -> list[Run]:
    # Not cached: a run may have ended a moment ago.
    with reading() as session:
        return list_runs(session, hub_ids=hub_ids) if hub_ids else []


def _mentions(key: str) -> None:
    # Not cached: candidates are no facts, so the snapshot does not tell of them.
    with reading() as session:
        found = read_mentions(session, key)
    if not found:
        return
    st.markdown("**Models on the hub whose cards name this paper (not confirmed)**")
    with st.container(gap="xsmall", key="mentions"):
        for item in found[:_MENTIONS]:
            _mention(item)
    if len(found) > _MENTIONS:
        st.caption(f"and {len(found) - _MENTIONS:,} more, less likely")


def _mention(item: Mention) -> None:
    downloads = f"{item.downloads:,} downloads" if item.downloads is not None else f"downloads {UNKNOWN}"
    facts = [downloads, f"licence {item.licence or UNKNOWN}"]
    if item.base_models:
        facts.append("made from " + ", ".join(item.base_models))
    with st.container(gap=None):
        st.link_button(plain(item.hub_id), _HUB + quote(item.hub_id, safe="/"), type="tertiary")
        st.caption(plain(" · ".join(facts)))
