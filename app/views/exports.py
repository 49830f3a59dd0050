"""The graph as a file for other programs: choose the papers, take the format."""

import streamlit as st

from app.downloads import export_button
from app.parts import plain
from app.state import reading, snapshot_id
from graph.filters import Filters, allowed_ids
from graph.shelf import list_collections
from graph.stats import Stats, read_stats

_NAMES = {
    "graphml": "GraphML", "gexf": "GEXF", "json": "JSON", "csv": "CSV", "html": "HTML", "bibtex": "BibTeX",
}  # fmt: skip
_EVERYTHING = "all papers"


def show() -> None:
    """Draw the page."""
    from graph.export import FORMATS

    st.session_state["shown"] = ("exports", "")
    st.title("Exports", anchor=False)
    st.markdown(
        "Take the graph where you already work. Every file names the snapshot that it shows, every edge its "
        "source; nothing is sent anywhere."
    )
    filters = _filters(_stats(snapshot_id()))
    with reading() as session:
        allowed = allowed_ids(session, filters)
        papers = _stats(snapshot_id()).counts["papers"] if allowed is None else len(allowed)
    st.markdown(f"**{papers:,} papers** go into the file.")
    if not papers:
        st.caption("No paper passes these filters.")
        return
    for name, item in FORMATS.items():
        button, words = st.columns([1, 4], vertical_alignment="center")
        with button:
            export_button(name, _NAMES.get(name, name), "vfm-atlas", filters)
        with words:
            st.markdown(plain(item.description))
    st.caption(
        "On the command line: vfm-atlas export FORMAT PATH with the same filters; "
        "vfm-atlas list-formats names the formats."
    )


def _filters(facts: Stats) -> Filters:
    with st.container(border=True):
        pillar = None
        if facts.pillars:
            pillar = st.pills("Branch", list(facts.pillars), key="pillar", bind="query-params", wrap=True)
        left, middle, right = st.columns(3, gap="large", vertical_alignment="bottom")
        with left:
            years = _years(facts)
        with middle:
            shelf = _shelf()
        with right:
            runnable = st.toggle("With a checkpoint", key="runnable", bind="query-params")
            core = st.toggle("Core papers only", key="core", bind="query-params")
    return Filters(pillar, None, years, runnable, core, collection=shelf)


def _years(facts: Stats) -> tuple[int | None, int | None]:
    span = (min(facts.years, default=0), max(facts.years, default=0))
    if span[0] >= span[1]:
        return (None, None)
    chosen = st.slider("Years", *span, span, key="years", bind="query-params")
    # Papers whose year is not known stay in until the years are narrowed.
    return (None, None) if tuple(chosen) == span else (chosen[0], chosen[1])


def _shelf() -> str | None:
    with reading() as session:
        names = [entry.name for entry in list_collections(session)]
    if not names:
        return None
    chosen = st.selectbox("Collection", [_EVERYTHING, *names], key="shelf", bind="query-params")
    return None if chosen == _EVERYTHING else chosen


@st.cache_data(max_entries=4)
def _stats(snapshot: str) -> Stats:
    with reading() as session:
        return read_stats(session)
