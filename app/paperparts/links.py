"""The papers around a paper: lineage, references, citations, resemblance, and the way to another paper."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.parts import pages, paper_label, paper_link, plain, shortened
from app.state import reading, searcher, snapshot_id
from graph.analysis.lineage import Kin, Lineage
from graph.analysis.paths import PaperPath
from graph.analysis.similarity import Similar
from graph.contexts import read_contexts
from graph.errors import ModelError, UnknownName
from graph.lookup import find_paper
from graph.network import CITES, PAPER_EDGES, Neighbour
from graph.papers import PaperCard

_PER_LIST = 12
_MANY = 8
_SIMILAR = 10
_SENTENCES = 2
_SENTENCE_CHARACTERS = 300
_ORDERS = ("newest first", "oldest first", "by name")
_NOT_KNOWN = "Not known from the sources read."


def show_links(card: PaperCard) -> None:
    """The lists, each in a tab of its own."""
    lineage = _lineage(snapshot_id(), card.key)
    typed = [kin for kin in (*lineage.built_from, *lineage.built_on_it) if kin.relation != CITES]
    cites = "?" if card.cites is None else str(len(card.cites))
    tabs = st.tabs(
        [f"Lineage ({len(typed)})", f"Cites ({cites})", f"Cited by ({len(card.cited_by)})", "Similar", "Path"]
    )
    with tabs[0]:
        _descent(card, lineage)
    with tabs[1]:
        st.caption(plain(card.references_note))
        _list(card.cites or [], "", key="cites", said=lambda: _contexts(snapshot_id(), card.key, citing=True))
        _inside("citedby", card, "Search inside what it cites", card.cites)
    with tabs[2]:
        st.caption(plain(card.cited_by_note))
        none = "No paper whose list was read cites it."
        said = lambda: _contexts(snapshot_id(), card.key, citing=False)  # noqa: E731
        _list(card.cited_by, none, key="cited", said=said)
        _inside("cites", card, "Search inside what cites it", card.cited_by)
    with tabs[3]:
        _alike(card.key)
    with tabs[4]:
        _path(card)


def _descent(card: PaperCard, lineage: Lineage) -> None:
    """Typed relations with their words, nearest first; then what only compares or evaluates."""
    for heading, kin in (("Built from", lineage.built_from), ("Built on it", lineage.built_on_it)):
        st.markdown(f"**{heading}**")
        told = [each for each in kin if each.relation != CITES]
        if not told:
            st.caption(_NOT_KNOWN)
        with st.container(gap=None):
            for each in told:
                _kin(each)
    shown = {(each.key, each.relation) for each in (*lineage.built_from, *lineage.built_on_it)}
    others = [link for link in card.relations if (link.key, link.relation) not in shown]
    if others:
        st.markdown("**Other relations**")
        with st.container(gap=None):
            for link in others:
                words = PAPER_EDGES[link.relation]
                there = paper_label(link.short_name, link.title, link.year)
                label = f"{words} {there}" if link.direction == "out" else f"{there} {words} it"
                paper_link(link.key, label, pillar=link.pillar)
    if not lineage.references_known:
        st.caption(plain(card.references_note))


def _kin(kin: Kin) -> None:
    steps = "" if kin.depth == 1 else f" ({kin.depth} steps away)"
    paper_link(
        kin.key, f"{kin.words}{steps}: {kin.title} ({kin.year or 'year not known'})", pillar=kin.pillar
    )


def _list(
    links: Sequence[Neighbour], empty: str, *, key: str, said: Callable[[], dict[str, list[str]]]
) -> None:
    """Papers with a filter and an order where they are many, on demand with the sentences that join them."""
    if not links:
        if empty:
            st.caption(empty)
        return
    chosen = list(links)
    if len(links) > _MANY:
        words, order = st.columns([3, 2], vertical_alignment="bottom")
        asked = words.text_input(
            "Filter", key=f"filter-{key}", placeholder=f"Filter {len(links)} papers", live=True,
            label_visibility="collapsed",
        )  # fmt: skip
        by = order.selectbox("Order", _ORDERS, key=f"order-{key}", label_visibility="collapsed")
        chosen = _ordered(_filtered(links, asked or ""), by)
        if not chosen:
            st.caption("None of them has these words in its title or name.")
    sentences = said()
    told = sentences if sentences and st.toggle("Show the sentences around", key=f"said-{key}") else {}
    everything = len(chosen) <= _PER_LIST or st.session_state.get(f"all-{key}", False)
    with st.container(gap=None):
        for link in chosen if everything else chosen[:_PER_LIST]:
            paper_link(link.key, paper_label(link.short_name, link.title, link.year), pillar=link.pillar)
            for sentence in told.get(link.key, [])[:_SENTENCES]:
                st.caption(f"“{plain(shortened(sentence, _SENTENCE_CHARACTERS))}”")
    if len(chosen) > _PER_LIST:
        st.toggle(f"Show all {len(chosen)}", key=f"all-{key}")


def _filtered(links: Sequence[Neighbour], asked: str) -> list[Neighbour]:
    words = asked.casefold().split()
    return [
        link for link in links
        if all(word in f"{link.short_name} {link.title} {link.year}".casefold() for word in words)
    ]  # fmt: skip


def _ordered(links: list[Neighbour], by: str) -> list[Neighbour]:
    if by == _ORDERS[2]:
        return sorted(links, key=lambda link: (link.short_name.casefold(), link.key))
    newest = by == _ORDERS[0]
    # A year that is not known stands last either way.
    return sorted(
        links,
        key=lambda link: (
            link.year is None,
            (-1 if newest else 1) * (link.year or 0),
            link.short_name.casefold(),
        ),
    )


def _inside(field: str, card: PaperCard, label: str, links: Sequence[Neighbour] | None) -> None:
    if links:
        st.page_link(
            pages()["home"], label=label, icon=":material/search:",
            query_params={"q": f"{field}:{card.key}"},
        )  # fmt: skip


def _alike(key: str) -> None:
    st.caption("By text, by shared references and by being cited together; each with its reason.")
    try:
        found = _similar(snapshot_id(), key)
    except ModelError as error:
        st.caption(plain(str(error)))
        return
    if not found:
        st.caption("Nothing that is known of it resembles another paper.")
    for each in found:
        with st.container(gap=None):
            label = paper_label(each.paper.short_name, each.title, each.year)
            paper_link(each.key, label, pillar=each.paper.pillar)
            st.caption(plain(each.reason))


def _path(card: PaperCard) -> None:
    asked = st.text_input("Path to another paper", key="path-to", placeholder="CLIP, 2112.10752, a title ...")
    strongest = st.toggle("Prefer typed relations to citations", key="path-strongest")
    if not asked or not asked.strip():
        st.caption("How one gets from this paper to another, over relations and citations.")
        return
    try:
        with reading() as session:
            end = find_paper(session, asked).key
    except UnknownName as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    found = _way(snapshot_id(), card.key, end, strongest=strongest)
    if found is None:
        st.caption("No way leads there over the links that are known.")
        return
    if not found.steps:
        st.caption("That is this paper.")
    for step in found.steps:
        paper_link(step.end, f"{step.words}")


@st.cache_data(max_entries=256)
def _lineage(snapshot: str, key: str) -> Lineage:
    from graph.analysis.lineage import read_lineage

    with reading() as session:
        return read_lineage(session, key)


@st.cache_data(max_entries=256)
def _similar(snapshot: str, key: str) -> list[Similar]:
    return searcher().related(key, _SIMILAR)


@st.cache_data(max_entries=64)
def _way(snapshot: str, start: str, end: str, *, strongest: bool) -> PaperPath | None:
    from graph.analysis.paths import find_path

    with reading() as session:
        return find_path(session, start, end, strongest=strongest)


@st.cache_data(max_entries=64)
def _contexts(snapshot: str, key: str, *, citing: bool) -> dict[str, list[str]]:
    with reading() as session:
        return read_contexts(session, key, citing=citing)
