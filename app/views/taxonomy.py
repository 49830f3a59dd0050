"""The taxonomy: the tree with counts, and the papers of the node that is chosen."""

import streamlit as st

from app.parts import brief_line, named_in_url, node_link, paged, paper_link, plain, signed
from app.state import reading, snapshot_id
from graph.brief import PaperBrief
from graph.errors import UnknownName
from graph.taxonomy import TaxonomyEntry, papers_under, read_taxonomy

PER_PAGE = 20


def show() -> None:
    """Draw the page, at the node that the URL names or at the root."""
    tree = _tree(snapshot_id())
    if not tree:
        st.title("No taxonomy", anchor=False)
        st.markdown("This library has papers without a taxonomy; 'vfm-atlas build' adds the catalogue's.")
        return
    known = {entry.id: entry for entry in tree}
    chosen = named_in_url("node", tree[0].id)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Taxonomy", anchor=False)
        _outline(tree, chosen)
    with right:
        if chosen in known:
            _node(known[chosen], known)
        else:
            st.title("No such node", anchor=False)
            st.markdown(f"The taxonomy has no node {plain(chosen)}; choose one from the outline.")


def _outline(tree: list[TaxonomyEntry], chosen: str, parent: str | None = None) -> None:
    """The nodes below a parent, each with its own children indented under it."""
    # The key gives the container the class that app.theme indents.
    with st.container(gap=None, key=f"below-{parent or 'nothing'}"):
        for entry in tree:
            if entry.parent == parent:
                label = f"{entry.label} ({entry.papers})"
                mark = entry.pillar if entry.id == entry.pillar else None
                node_link(entry.id, label, pillar=mark, strong=entry.id == chosen)
                if any(other.parent == entry.id for other in tree):
                    _outline(tree, chosen, entry.id)


def _node(entry: TaxonomyEntry, known: dict[str, TaxonomyEntry]) -> None:
    st.title(plain(entry.label), anchor=False)
    also = f", {entry.also} more belong here second" if entry.also else ""
    st.markdown(signed(entry.pillar, entry.definition))
    st.caption(f"{entry.papers} papers{also}. Most cited in this library first.")
    paged(_papers(snapshot_id(), entry.id), PER_PAGE, _paper, key="results")


def _paper(paper: PaperBrief) -> None:
    with st.container(gap=None):
        paper_link(paper.key, paper.title, as_title=True)
        st.caption(brief_line(paper))


@st.cache_data(max_entries=4)
def _tree(snapshot: str) -> list[TaxonomyEntry]:
    with reading() as session:
        return read_taxonomy(session)


@st.cache_data(max_entries=64)
def _papers(snapshot: str, node_id: str) -> list[PaperBrief]:
    try:
        with reading() as session:
            return papers_under(session, node_id)
    except UnknownName:
        return []
