"""Putting papers into collections, from any page."""

from collections.abc import Sequence

import streamlit as st

from app.state import open_library, reading
from graph.errors import AtlasError
from graph.shelf import add_to_collection, list_collections

_COLLECTED = "collected"


def collect_button(keys: Sequence[str], *, key: str, label: str = "Add to a collection") -> None:
    """A button that opens a small form: an old collection or a new one, and the papers go in."""
    with st.popover(label, icon=":material/bookmark_add:", key=f"collect-{key}"):
        with reading() as session:
            names = [entry.name for entry in list_collections(session)]
        chosen = st.selectbox(
            "Collection", names, index=0 if names else None, key=f"shelf-{key}", accept_new_options=True,
            placeholder="Type a name for a new one",
        )  # fmt: skip
        if st.button("Add", key=f"add-{key}", type="primary", disabled=not chosen) and chosen:
            collect(chosen, keys)


@st.dialog("Add to a collection")
def collect_dialog(keys: Sequence[str]) -> None:
    """The same form for papers of a list, over the page."""
    st.markdown(f"**{len(keys)}** paper{'' if len(keys) == 1 else 's'} to add:")
    with reading() as session:
        names = [entry.name for entry in list_collections(session)]
    chosen = st.selectbox(
        "Collection", names, index=0 if names else None, accept_new_options=True,
        placeholder="Type a name for a new one",
    )  # fmt: skip
    if st.button("Add", type="primary", disabled=not chosen) and chosen:
        st.session_state[_COLLECTED] = (chosen, list(keys))
        st.rerun()  # which closes the dialog; what is said in this run would be lost


def finish_dialog() -> None:
    """Do what the dialog was closed with."""
    collected = st.session_state.pop(_COLLECTED, None)
    if collected is not None:
        collect(*collected)


def collect(collection: str, keys: Sequence[str]) -> None:
    """Put papers into a collection and say so on the page."""
    try:
        with open_library().writing() as session:
            added = add_to_collection(session, collection, list(keys))
    except AtlasError as error:
        st.toast(str(error), icon=":material/error:")
        return
    already = len(keys) - added
    words = f"{added} added" + (f", {already} were in it already" if already else "")
    st.toast(f"{words}: {collection}", icon=":material/bookmark_added:")
