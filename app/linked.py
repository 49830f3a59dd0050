"""Links name the snapshot that they were made at; a page says when the library has moved on since."""

import streamlit as st

from app.parts import pages, plain, shortened
from app.state import reading, snapshot_id
from graph.snapshot import list_snapshots

PARAMETER = "snapshot"
_CHARACTERS = 24


def say_snapshot() -> None:
    """Say so where the address names another snapshot than the library's, and lead to what changed."""
    asked = st.query_params.get(PARAMETER)
    now = snapshot_id()
    if not asked or asked == now:
        return
    with reading() as session:
        known = {entry.id for entry in list_snapshots(session)}
    name = plain(shortened(asked, _CHARACTERS))
    if asked in known:
        st.info(
            f"This link was made at snapshot {name}; the library is at {now} now.", icon=":material/history:"
        )
        st.page_link(
            pages()["changes"], label="What changed since", icon=":material/difference:",
            query_params={"before": asked, "after": now},
        )  # fmt: skip
    else:
        st.info(
            f"This link was made at snapshot {name} of another library; this one, at {now}, may know "
            "other facts.",
            icon=":material/history:",
        )
