"""The taxonomy: the tree with counts, and the papers of the node that is chosen."""

import streamlit as st

from app import charts
from app.parts import brief_line, named_in_url, node_link, paged, paper_link, plain, signed
from app.state import reading, snapshot_id
from graph.brief import PaperBrief
from graph.errors import UnknownName
from graph.icicle import icicle
from graph.taxonomy import TaxonomyEntry, papers_under, read_taxonomy

PER_PAGE = 12
_HEIGHT = 860
# Making room for small nodes makes the whole taller, and is shrunk with it.
_SPARE = 1.25
_COLUMNS = 4


def show() -> None:
    """Draw the page, at the node that the URL names or at the root."""
    tree = _tree(snapshot_id())
    if not tree:
        st.title("No taxonomy", anchor=False)
        st.markdown("This library has papers without a taxonomy; 'vfm-atlas build' adds the catalogue's.")
        return
    known = {entry.id: entry for entry in tree}
    chosen = named_in_url("node", tree[0].id)
    st.title("Taxonomy", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _icicle(tree, chosen)
    with right:
        if chosen in known:
            _node(known[chosen])
        else:
            st.subheader("No such node", anchor=False)
            st.markdown(f"The taxonomy has no node {plain(chosen)}; choose one from the outline.")
    st.subheader("Outline", anchor=False)
    _outlines(tree, chosen)


def _icicle(tree: list[TaxonomyEntry], chosen: str) -> None:
    """The picture of the tree; the outline below has the same nodes and counts as links."""

    def choose() -> None:
        points = st.session_state["icicle"]["selection"].get("node", [])
        if points:
            st.query_params["node"] = points[0]["id"]

    st.caption("As tall as a node has papers; a click chooses one. The outline below lists the same nodes.")
    tiles = icicle(tree, _SPARE * charts.LINE / _HEIGHT)
    drawn = charts.icicle_chart(tiles, chosen, height=_HEIGHT, dark=st.context.theme.type == "dark")
    st.altair_chart(
        drawn, width="stretch", key="icicle", on_select=choose, selection_mode="node",
        alt="The taxonomy as an icicle, listed in the outline below",
    )  # fmt: skip


def _outlines(tree: list[TaxonomyEntry], chosen: str) -> None:
    """The root, and its branches in columns."""
    roots = [entry for entry in tree if entry.depth == 0]
    branches = [entry for entry in tree if entry.depth == 1]
    with st.container(gap=None):
        for entry in roots:
            node_link(entry.id, f"{entry.label} ({entry.papers})", strong=entry.id == chosen)
    for row in range(0, len(branches), _COLUMNS):
        for column, branch in zip(st.columns(_COLUMNS), branches[row : row + _COLUMNS], strict=False):
            with column, st.container(gap=None):
                label = f"{branch.label} ({branch.papers})"
                node_link(branch.id, label, pillar=branch.pillar, strong=branch.id == chosen)
                _outline(tree, chosen, branch.id)


def _outline(tree: list[TaxonomyEntry], chosen: str, parent: str) -> None:
    """The nodes below a parent, each with its own children indented under it."""
    # The key gives the container the class that app.theme indents.
    with st.container(gap=None, key=f"below-{parent}"):
        for entry in tree:
            if entry.parent == parent:
                node_link(entry.id, f"{entry.label} ({entry.papers})", strong=entry.id == chosen)
                if any(other.parent == entry.id for other in tree):
                    _outline(tree, chosen, entry.id)


def _node(entry: TaxonomyEntry) -> None:
    st.subheader(plain(entry.label), anchor=False)
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
