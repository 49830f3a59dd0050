"""What the library holds, how complete it is, and where it comes from."""

import streamlit as st

from app.parts import plain
from app.state import open_library, reading, snapshot_id
from graph.coverage import UNKNOWN, share
from graph.network import PAPER_EDGES
from graph.stats import Stats, read_stats

_LISTS = {
    "complete": "read in full",
    "partial": "read in part",
    "not_found": "could not be found: what these papers cite is not known",
    "unread": "not read: what these papers cite is not known",
}


def show() -> None:
    """Draw the page."""
    facts = _stats(snapshot_id())
    papers = facts.counts["papers"]
    st.title("The data and how complete it is", anchor=False)
    st.markdown(
        f"Snapshot `{facts.snapshot or UNKNOWN}`, facts of {facts.facts_date or UNKNOWN}, "
        f"{papers} papers of which {facts.counts['core_papers']} are core. "
        f"Every fact carries its source; a paper's page shows it."
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Known of the papers", anchor=False)
        st.table(
            [
                {"Fact": name.replace("_", " "), "Papers": f"{count}", "Share": share(count, papers)}
                for name, count in facts.coverage.items()
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip
        st.subheader("Reference lists", anchor=False)
        st.table(
            [
                {"Papers": str(facts.reference_lists.get(status, 0)), "Reference list": words}
                for status, words in _LISTS.items()
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip
    with right:
        st.subheader("Links between papers", anchor=False)
        st.table(
            [{"Link": PAPER_EDGES[kind], "Count": f"{count:,}"} for kind, count in facts.edges.items()],
            border="horizontal", hide_index=True,
        )  # fmt: skip
        st.subheader("Papers per branch", anchor=False)
        st.table(
            [{"Branch": name, "Papers": str(count)} for name, count in facts.pillars.items()],
            border="horizontal", hide_index=True,
        )  # fmt: skip
    st.caption(f"Library file: {plain(str(open_library().path))}")


@st.cache_data(max_entries=4)
def _stats(snapshot: str) -> Stats:
    with reading() as session:
        return read_stats(session)
