"""A paper's page: what it is, where it stands, what it builds on, and the checkpoints to run."""

import streamlit as st

from app.components.map import Choice, draw_map, link_map
from app.components.mapdata import ego_scene
from app.paperparts.facts import address, show_facts
from app.paperparts.keep import show_actions, show_notes
from app.paperparts.links import show_links
from app.paperparts.weights import show_checkpoints
from app.parts import named_in_url, pages, paper_link, plain
from app.state import reading, snapshot_id
from graph.coverage import UNKNOWN
from graph.ego import EgoGraph, ego_graph
from graph.errors import UnknownName
from graph.lookup import find_paper
from graph.papers import PaperCard, read_card

EGO = "ego"
DEPTHS = ("1 link", "2 links")


def show() -> None:
    """Draw the page of the paper that the URL names."""
    name = named_in_url("key")
    if not name:
        st.title("No paper chosen", anchor=False)
        st.page_link(pages()["home"], label="Search for one")
        return
    try:
        with reading() as session:
            key = find_paper(session, name).key
    except UnknownName as error:
        _unknown(name, error)
        return
    card = _card(key)
    _heading(card)
    left, right = st.columns([5, 3], gap="large")
    with left:
        _summary(card)
        show_notes(card)
        _surroundings(card)
        show_links(card)
    with right:
        show_facts(card)
        show_checkpoints(card)


def _unknown(name: str, error: UnknownName) -> None:
    st.title("No such paper", anchor=False)
    st.markdown(
        f"The library has no paper called {plain(name)}." + (" Did you mean:" if error.nearest else "")
    )
    for key in error.nearest:
        paper_link(key, key)
    st.page_link(pages()["home"], label="Search", icon=":material/search:")


def _heading(card: PaperCard) -> None:
    st.title(plain(card.title), anchor=False)
    authors = plain(", ".join(card.authors)) if card.authors else f"Authors {UNKNOWN}"
    st.markdown(authors)
    links = []
    if card.arxiv_id:
        links.append((f"arXiv {card.arxiv_id}", address(f"arXiv:{card.arxiv_id}")))
    if card.doi:
        links.append(("DOI", address(f"doi:{card.doi}")))
    if card.code_url and card.code_url.startswith(("https://", "http://")):
        links.append(("Code", card.code_url))
    with st.container(horizontal=True, gap="small"):
        for label, url in links:
            st.link_button(plain(label), url, icon=":material/open_in_new:")
    show_actions(card)


def _summary(card: PaperCard) -> None:
    if card.abstract or card.summary:
        st.markdown(plain(card.abstract or card.summary or ""))
    else:
        st.caption("No summary or abstract of this paper is in the library yet.")


def _surroundings(card: PaperCard) -> None:
    title, reach = st.columns([3, 2], vertical_alignment="bottom")
    title.subheader("Around this paper", anchor=False)
    alone = _ego(snapshot_id(), card.key, 1)
    if len(alone.nodes) == 1:
        st.caption("No link to another paper of the library is known yet. " + plain(card.references_note))
        return
    with reach:
        away = st.segmented_control(
            "How far away", DEPTHS, default=DEPTHS[0], key="depth", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    depth = DEPTHS.index(away or DEPTHS[0]) + 1
    graph = _ego(snapshot_id(), card.key, depth)
    draw_map(_ego_scene(snapshot_id(), card.key, depth), key=f"{EGO}-drawing")
    link_map(EGO, Choice(), _open)
    if opened := st.session_state.pop("ego-opened", None):
        st.switch_page(pages()["paper"], query_params={"key": opened})
    st.caption(
        "Bold line: typed relation; thin: citation. "
        f"{graph.shown} of {graph.total} links of this paper drawn, all of them in the lists."
    )


def _open(choice: Choice) -> None:
    st.session_state["ego-opened"] = choice.paper


def _card(key: str) -> PaperCard:
    # Not cached: a note is to be seen at once, and no snapshot tells of it.
    with reading() as session:
        return read_card(session, key)


@st.cache_data(max_entries=256)
def _ego(snapshot: str, key: str, depth: int) -> EgoGraph:
    with reading() as session:
        return ego_graph(session, key, depth=depth)


@st.cache_data(max_entries=256)
def _ego_scene(snapshot: str, key: str, depth: int) -> bytes:
    graph = _ego(snapshot, key, depth)
    name = next(node.short_name for node in graph.nodes if node.is_center)
    label = (
        f"{name} and {len(graph.nodes) - 1} papers around it, by year. "
        "Arrow keys walk from paper to paper, Enter opens one. The lists below hold the same facts."
    )
    return ego_scene(graph, EGO, label)
