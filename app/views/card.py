"""The card of a paper beside the map: what one wants to know before opening its page."""

from collections.abc import Callable

import streamlit as st

from app.components.copy import Copy, copy_buttons
from app.components.mapdata import map_name
from app.paperparts.keep import bibtex_of
from app.parts import node_link, pages, plain, shortened, signed
from app.shelving import collect_button
from app.state import reading, searcher
from graph.coverage import UNKNOWN
from graph.errors import ModelError, UnknownName
from graph.lookup import find_paper
from graph.papers import PaperCard, read_card

_AUTHORS = 6
_SUMMARY_CHARACTERS = 520
_SIMILAR = 4
_CHECKPOINTS = 3

Choose = Callable[[str | None], None]


def show_card(snapshot: str, name: str, *, back: str, choose: Choose) -> None:
    """The paper of this name; `choose` takes the key of another paper to show, or None for none."""
    st.button(back, icon=":material/arrow_back:", type="tertiary", on_click=choose, args=(None,))
    try:
        card = _card(snapshot, name)
    except UnknownName as error:
        near = f" Did you mean {', '.join(error.nearest)}?" if error.nearest else ""
        st.info(plain(f"The library has no paper called {name}.{near}"), icon=":material/search_off:")
        return
    with st.container(key="card"):
        st.subheader(plain(card.title), anchor=False)
        st.caption(plain(_authors(card)))
        st.markdown(plain(" · ".join(filter(None, (str(card.year or f"year {UNKNOWN}"), card.venue)))))
        _actions(card)
        text = card.summary or card.abstract
        if text:
            st.markdown(plain(shortened(text, _SUMMARY_CHARACTERS)))
        with st.container(gap=None):
            path = card.taxonomy[1:]
            for depth, (node_id, label) in enumerate(path):
                node_link(node_id, f"{'— ' * depth}{label}", pillar=None if depth else card.pillar)
        _counts(card)
        _checkpoints(card)
        _similar_papers(snapshot, card, choose)


def _authors(card: PaperCard) -> str:
    if not card.authors:
        return f"Authors {UNKNOWN}"
    more = len(card.authors) - _AUTHORS
    return ", ".join(card.authors[:_AUTHORS]) + (f" and {more} more" if more > 0 else "")


def _actions(card: PaperCard) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="card-actions"):
        st.page_link(
            pages()["paper"], label="Open paper page", icon=":material/article:",
            query_params={"key": card.key}, width="content",
        )  # fmt: skip
        collect_button([card.key], key=f"card-{card.key}")
    copies = [Copy("Copy link"), Copy("Copy BibTeX", bibtex_of(card))]
    copy_buttons(copies, key=f"copy-{card.key}")


def _counts(card: PaperCard) -> None:
    cites = f"not known ({card.references_note})" if card.cites is None else f"**{len(card.cites)}** here"
    st.markdown(
        f"Cited by **{len(card.cited_by)}** here · cites {cites if card.cites is not None else plain(cites)}"
    )


def _checkpoints(card: PaperCard) -> None:
    if not card.checkpoints:
        return
    names = [item.hub_id for item in card.checkpoints]
    more = f" and {len(names) - _CHECKPOINTS} more" if len(names) > _CHECKPOINTS else ""
    st.markdown(f"**Checkpoints** {plain(', '.join(names[:_CHECKPOINTS]) + more)}")


def _similar_papers(snapshot: str, card: PaperCard, choose: Choose) -> None:
    try:
        found = _similar(snapshot, card.key)
    except ModelError:
        return
    if not found:
        return
    st.markdown("**Similar**")
    with st.container(gap=None, key="choose-similar"):
        for key, name, pillar, reason in found:
            st.button(
                signed(pillar, name), type="tertiary", on_click=choose, args=(key,), key=f"similar-{key}",
                width="stretch", help=plain(reason),
            )  # fmt: skip


@st.cache_resource(max_entries=512)
def _card(snapshot: str, name: str) -> PaperCard:
    with reading() as session:
        return read_card(session, find_paper(session, name).key)


@st.cache_data(max_entries=512)
def _similar(snapshot: str, key: str) -> list[tuple[str, str, str | None, str]]:
    """Key, name, pillar and reason of the papers that resemble one."""
    return [
        (
            each.key,
            f"{map_name(each.paper.short_name, each.title, each.year)} ({each.year or f'year {UNKNOWN}'})",
            each.paper.pillar,
            each.reason,
        )
        for each in searcher().related(key, _SIMILAR)
    ]
