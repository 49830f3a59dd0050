"""What a person does with a paper: note, collect, copy, compare."""

import streamlit as st

from app.components.copy import Copy, copy_buttons
from app.parts import pages, plain, when_words
from app.shelving import collect_button
from app.state import open_library, reading
from graph.errors import AtlasError
from graph.papers import PaperCard
from graph.schema import Paper
from graph.shelf import NoteEntry, add_note, notes_on, remove_note

_COPY_WIDTH = 270  # pixels: two buttons and the word that says what became of a press


def show_actions(card: PaperCard) -> None:
    """Buttons below the heading."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="paper-actions"):
        with st.container(width=_COPY_WIDTH):
            copy_buttons([Copy("Copy link"), Copy("Copy BibTeX", bibtex_of(card))], key=f"copy-{card.key}")
        collect_button([card.key], key=card.key)
        st.page_link(
            pages()["compare"], label="Compare with ...", icon=":material/compare:",
            query_params={"papers": card.key}, width="content",
        )  # fmt: skip


def bibtex_of(card: PaperCard) -> str:
    """The paper's BibTeX entry, as the export writes it."""
    from graph.export.bibtex import entry

    facts = {
        "title": card.title, "authors": "; ".join(card.authors), "year": card.year, "month": card.month,
        "venue": card.venue, "arxiv_id": card.arxiv_id, "doi": card.doi,
    }  # fmt: skip
    return entry(card.key, {name: value for name, value in facts.items() if value})


def show_notes(card: PaperCard) -> None:
    """The notes on the paper, and a field for another one."""
    for note in _notes(card.key):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.info(plain(note.text), icon=":material/edit_note:")
            st.caption(when_words(note.created_at.isoformat()), width="content")
            st.button(
                "Remove the note", key=f"unnote-{note.id}", type="tertiary", icon=":material/close:",
                on_click=_remove, args=(note.id,),
            )  # fmt: skip
    st.text_input(
        "Write a note", key=f"note-{card.key}", on_change=_write, args=(card.key,),
        label_visibility="collapsed", placeholder="Write a note; it stays through every build",
    )  # fmt: skip


def _notes(key: str) -> list[NoteEntry]:
    from sqlalchemy import select

    with reading() as session:
        paper_id = session.scalar(select(Paper.id).where(Paper.key == key))
        return [] if paper_id is None else notes_on(session, [paper_id]).get(paper_id, [])


def _write(key: str) -> None:
    text = st.session_state[f"note-{key}"]
    if text.strip():
        try:
            with open_library().writing() as session:
                add_note(session, key, text)
        except AtlasError as error:
            st.toast(plain(str(error)), icon=":material/error:")
            return
        st.session_state[f"note-{key}"] = ""


def _remove(note_id: int) -> None:
    try:
        with open_library().writing() as session:
            remove_note(session, note_id)
    except AtlasError as error:
        st.toast(plain(str(error)), icon=":material/error:")
