"""Two to five papers side by side; the address names them, so that a comparison can be sent on."""

from collections.abc import Sequence
from itertools import pairwise

import streamlit as st

from app.parts import named_in_url, pages, paper_link, plain, shortened, signed
from app.state import reading, snapshot_id
from graph.comparing import MOST, Comparison, Shared, compare_papers
from graph.coverage import UNKNOWN
from graph.errors import UnknownName
from graph.lookup import find_paper
from graph.papers import PaperCard

_SHARED = 10
_AUTHORS = 3
_SUMMARY_CHARACTERS = 320
_EXAMPLE = ("clip", "ldm")


def show() -> None:
    """Draw the page for the papers that the URL names, `?papers=clip,ldm`."""
    named = named_in_url("papers")
    st.title("Compare papers", anchor=False)
    keys = _found(named)
    _adder(keys)
    if len(keys) < 2:
        more = "one more paper" if keys else "two papers"
        st.markdown(f"Name {more} by key, short name, arXiv id or title; up to {MOST} stand side by side.")
        _chosen(keys)
        if not keys and _known(_EXAMPLE):
            st.page_link(
                pages()["compare"], label="For example CLIP and latent diffusion",
                query_params={"papers": ",".join(_EXAMPLE)},
            )  # fmt: skip
        return
    comparison = _compared(snapshot_id(), tuple(keys))
    _side_by_side(comparison)
    _facts(comparison)
    _direct(comparison)
    left, right = st.columns(2, gap="large")
    with left:
        _common("What they are built from", "Cited or built on by more than one.", comparison.references)
    with right:
        _common("What followed from them", "Cites or builds on more than one.", comparison.followers)


def _found(named: str) -> list[str]:
    """Keys of the papers that the address names; what is no paper is said and left out."""
    keys: list[str] = []
    for name in filter(None, (each.strip() for each in named.split(","))):
        try:
            with reading() as session:
                keys.append(find_paper(session, name).key)
        except UnknownName as error:
            st.warning(plain(str(error)), icon=":material/warning:")
    distinct = list(dict.fromkeys(keys))
    if len(distinct) > MOST:
        st.warning(f"Only the first {MOST} papers are compared.", icon=":material/warning:")
    return distinct[:MOST]


def _adder(keys: Sequence[str]) -> None:
    if len(keys) >= MOST:
        return

    def add() -> None:
        name = st.session_state["add"].strip()
        if name:
            # A comma would read as two names; the key that is found has none.
            try:
                with reading() as session:
                    name = find_paper(session, name).key
            except UnknownName as error:
                st.session_state["refused"] = str(error)
                return
            st.query_params["papers"] = ",".join([*keys, name])
            st.session_state["add"] = ""

    st.text_input("Add a paper", key="add", on_change=add, placeholder="SAM 2, 2304.02643, a title ...")
    refused = st.session_state.pop("refused", None)
    if refused:
        st.warning(plain(refused), icon=":material/warning:")


def _known(keys: Sequence[str]) -> bool:
    with reading() as session:
        try:
            return all(find_paper(session, key) for key in keys)
        except UnknownName:
            return False


def _chosen(keys: Sequence[str]) -> None:
    for key in keys:
        paper_link(key, key)


def _side_by_side(comparison: Comparison) -> None:
    keys = [card.key for card in comparison.cards]
    for column, card in zip(st.columns(len(keys), gap="medium"), comparison.cards, strict=True):
        with column, st.container(border=True, height="stretch"):
            paper_link(card.key, card.title, as_title=True)
            st.caption(signed(card.pillar, card.taxonomy[-1][1]) if card.taxonomy else "No place yet")
            text = card.summary or card.abstract
            st.markdown(plain(shortened(text, _SUMMARY_CHARACTERS)) if text else f"Text {UNKNOWN}")
            if len(keys) > 1:
                st.page_link(
                    pages()["compare"], label="Take out", icon=":material/close:",
                    query_params={"papers": ",".join(key for key in keys if key != card.key)},
                )  # fmt: skip


def _facts(comparison: Comparison) -> None:
    names = [card.short_name for card in comparison.cards]
    columns = [name if names.count(name) == 1 else card.key for name, card in zip(
        names, comparison.cards, strict=True)]  # fmt: skip
    rows = {
        "Year": [str(card.year or UNKNOWN) for card in comparison.cards],
        "Authors": [_authors(card) for card in comparison.cards],
        "Venue": [card.venue or UNKNOWN for card in comparison.cards],
        "Branch": [card.pillar or UNKNOWN for card in comparison.cards],
        "Cites here": [UNKNOWN if card.cites is None else str(len(card.cites)) for card in comparison.cards],
        "Cited by here": [str(len(card.cited_by)) for card in comparison.cards],
        "Checkpoints": [_checkpoints(card) for card in comparison.cards],
        "Licences": [_licences(card) for card in comparison.cards],
    }
    st.table(
        [
            {"": name} | {plain(column): plain(value) for column, value in zip(columns, values, strict=True)}
            for name, values in rows.items()
        ],
        border="horizontal", hide_index=True,
    )  # fmt: skip


def _authors(card: PaperCard) -> str:
    if not card.authors:
        return UNKNOWN
    more = f" and {len(card.authors) - _AUTHORS} more" if len(card.authors) > _AUTHORS else ""
    return ", ".join(card.authors[:_AUTHORS]) + more


def _checkpoints(card: PaperCard) -> str:
    sizes = [item.params_millions for item in card.checkpoints if item.params_millions]
    if not card.checkpoints:
        return "none linked"
    smallest = f", the smallest {min(sizes):g} M parameters" if sizes else ""
    return f"{len(card.checkpoints)}{smallest}"


def _licences(card: PaperCard) -> str:
    if not card.checkpoints:
        return "-"
    return ", ".join(dict.fromkeys(item.licence or UNKNOWN for item in card.checkpoints))


def _direct(comparison: Comparison) -> None:
    names = {card.key: card.short_name for card in comparison.cards}
    if comparison.direct:
        lines = [f"{names[start]} {words} {names[end]}" for start, words, end in comparison.direct]
        st.markdown("Among themselves: " + plain("; ".join(lines)) + ".")
        return
    ways = _ways(snapshot_id(), tuple(names))
    if ways:
        st.markdown("No known link joins them directly. " + plain(" ".join(ways)))


def _common(heading: str, note: str, shared: Sequence[Shared]) -> None:
    st.subheader(f"{heading} ({len(shared)})", anchor=False)
    st.caption(note if shared else "No such paper is known from the reference lists that were read.")
    with st.container(gap=None):
        for each in shared[:_SHARED]:
            by = "" if len(each.by) == 2 else f", {len(each.by)} of them"
            paper_link(each.paper.key, f"{each.paper.short_name} ({each.paper.year or UNKNOWN}{by})",
                       pillar=each.paper.pillar)  # fmt: skip
    if len(shared) > _SHARED:
        with st.expander(f"{len(shared) - _SHARED} more"):
            for each in shared[_SHARED:]:
                paper_link(each.paper.key, f"{each.paper.short_name} ({each.paper.year or UNKNOWN})",
                           pillar=each.paper.pillar)  # fmt: skip


@st.cache_data(max_entries=32)
def _compared(snapshot: str, keys: tuple[str, ...]) -> Comparison:
    with reading() as session:
        return compare_papers(session, keys)


@st.cache_data(max_entries=32)
def _ways(snapshot: str, keys: tuple[str, ...]) -> list[str]:
    """The shortest way between each paper and the next, in words."""
    from graph.analysis.paths import find_path

    told = []
    with reading() as session:
        for start, end in pairwise(keys):
            found = find_path(session, start, end)
            if found is not None and len(found.steps) > 1:
                told.append(f"From {start} to {end}: {', '.join(found.keys)}.")
    return told
