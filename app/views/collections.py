"""Reading lists: papers that somebody keeps together, with notes, out of the library again in one click."""

from collections.abc import Callable, Sequence

import streamlit as st
from sqlalchemy.orm import Session

from app.downloads import export_button
from app.parts import brief_line, named_in_url, pages, paper_link, plain, when_words
from app.state import open_library, reading
from graph.brief import PaperBrief, briefs_of
from graph.comparing import FEWEST, MOST
from graph.errors import AtlasError, UnknownName
from graph.filters import Filters
from graph.shelf import (
    CollectionEntry,
    NoteEntry,
    add_note,
    add_to_collection,
    list_collections,
    notes_on,
    papers_in,
    remove_from_collection,
    remove_note,
)

_FORMATS = {"bibtex": "BibTeX", "html": "HTML", "csv": "CSV", "graphml": "GraphML", "json": "JSON"}


def show() -> None:
    """Draw the page, at the collection that the URL names or at the first."""
    named = named_in_url("name")
    st.title("Collections", anchor=False)
    with reading() as session:
        shelves = list_collections(session)
    if not shelves:
        st.markdown(
            "No collection yet. A collection is a reading list of your own: it stays through every build and "
            "leaves the library as BibTeX or as a graph file."
        )
    left, right = st.columns([1, 3], gap="large")
    with left:
        _shelves(shelves, named)
        _make()
    if shelves:
        with right:
            _shelf(named or shelves[0].name)


def _shelves(shelves: Sequence[CollectionEntry], named: str) -> None:
    with st.container(gap=None):
        for shelf in shelves:
            label = plain(f"{shelf.name} ({shelf.papers})")
            is_shown = shelf.name == (named or shelves[0].name)
            st.page_link(
                pages()["collections"], label=f"**{label}**" if is_shown else label,
                query_params={"name": shelf.name},
            )  # fmt: skip


def _make() -> None:
    def make() -> None:
        name = st.session_state["new_shelf"].strip()
        if name and _changed(lambda session: add_to_collection(session, name, [])):
            st.query_params["name"] = name
            st.session_state["new_shelf"] = ""

    st.text_input("New collection", key="new_shelf", on_change=make, placeholder="related work")
    _refusal()


def _shelf(name: str) -> None:
    try:
        with reading() as session:
            ids = [paper.id for paper in papers_in(session, name)]
            papers, notes = briefs_of(session, ids), notes_on(session, ids)
    except UnknownName as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    st.subheader(plain(name), anchor=False)
    _add(name)
    if not papers:
        st.caption("Empty so far. Papers can also be added on their own pages and from search results.")
    else:
        _take_out(name, papers)
    for paper in papers:
        _paper(name, paper, notes.get(paper.id, []))
    with st.expander("Remove this collection", icon=":material/delete:"):
        st.caption("Its papers and their notes stay in the library.")
        st.button(f"Remove {plain(name)}", key="remove-shelf", on_click=_remove, args=(name, []))


def _add(name: str) -> None:
    def add() -> None:
        paper = st.session_state["add_paper"].strip()
        if paper and _changed(lambda session: add_to_collection(session, name, [paper])):
            st.session_state["add_paper"] = ""

    st.text_input("Add a paper", key="add_paper", on_change=add, placeholder="SAM, 2304.02643, a title ...")


def _take_out(name: str, papers: Sequence[PaperBrief]) -> None:
    """Everything that is done with the whole list."""
    with st.container(horizontal=True, gap="small"):
        for number, (format_name, words) in enumerate(_FORMATS.items()):
            export_button(format_name, words, name, Filters(collection=name), primary=number == 0)
    keys = ",".join(paper.key for paper in papers)
    if FEWEST <= len(papers) <= MOST:
        st.page_link(
            pages()["compare"], label="Compare these side by side", icon=":material/compare:",
            query_params={"papers": keys},
        )  # fmt: skip


def _paper(name: str, paper: PaperBrief, notes: Sequence[NoteEntry]) -> None:
    with st.container(border=True, gap="xsmall"):
        paper_link(paper.key, paper.title, as_title=True)
        st.caption(brief_line(paper))
        for note in notes:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f":material/edit_note: {plain(note.text)}")
                st.caption(when_words(note.created_at.isoformat()), width="content")
                st.button(
                    "Remove the note", key=f"unnote-{note.id}", type="tertiary", icon=":material/close:",
                    on_click=_forget, args=(note.id,),
                )  # fmt: skip
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            st.text_input(
                f"Note on {plain(paper.short_name)}", key=f"note-{paper.key}", on_change=_note,
                args=(paper.key,), label_visibility="collapsed", placeholder="Write a note",
            )  # fmt: skip
            st.button(
                "Take out", key=f"out-{paper.key}", icon=":material/bookmark_remove:", on_click=_remove,
                args=(name, [paper.key]),
            )  # fmt: skip


def _note(key: str) -> None:
    text = st.session_state[f"note-{key}"]
    if text.strip() and _changed(lambda session: add_note(session, key, text)):
        st.session_state[f"note-{key}"] = ""


def _forget(note_id: int) -> None:
    _changed(lambda session: remove_note(session, note_id))


def _remove(name: str, keys: list[str]) -> None:
    if _changed(lambda session: remove_from_collection(session, name, keys)) and not keys:
        st.query_params.pop("name", None)


def _changed(change: Callable[[Session], object]) -> bool:
    """Carry out a change; what speaks against it is said on the page."""
    try:
        with open_library().writing() as session:
            change(session)
    except AtlasError as error:
        st.session_state["refused"] = str(error)
        return False
    return True


def _refusal() -> None:
    refused = st.session_state.pop("refused", None)
    if refused:
        st.warning(plain(refused), icon=":material/warning:")
