"""A paper's page: what it is, where it stands, what it builds on, and the checkpoints to run."""

import streamlit as st

from app.components.ego import draw_ego
from app.parts import named_in_url, node_link, pages, paper_link, plain, signed
from app.state import reading, searcher, snapshot_id
from evaluation.snippets import loading_snippet
from graph.coverage import UNKNOWN
from graph.ego import EgoGraph, ego_graph
from graph.errors import UnknownName
from graph.lookup import find_paper
from graph.network import CITES, PAPER_EDGES, Neighbour
from graph.papers import PaperCard, PaperCheckpoint, read_card
from graph.search import Hit

_PER_LIST = 12


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
        _surroundings(card)
        _lists(card)
    with right:
        _facts(card)
        _checkpoints(card)


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
        links.append((f"arXiv {card.arxiv_id}", f"https://arxiv.org/abs/{card.arxiv_id}"))
    if card.doi:
        links.append(("DOI", f"https://doi.org/{card.doi}"))
    if card.code_url:
        links.append(("Code", card.code_url))
    with st.container(horizontal=True, gap="small"):
        for label, url in links:
            st.link_button(label, url, icon=":material/open_in_new:")


def _summary(card: PaperCard) -> None:
    if card.abstract or card.summary:
        st.markdown(plain(card.abstract or card.summary or ""))
    else:
        st.caption("No summary or abstract of this paper is in the library yet.")
    for note in card.notes:
        st.info(plain(note), icon=":material/edit_note:")


def _surroundings(card: PaperCard) -> None:
    graph = _ego(snapshot_id(), card.key)
    st.subheader("Around this paper", anchor=False)
    if len(graph.nodes) == 1:
        st.caption("No link to another paper of the library is known yet. " + plain(card.references_note))
        return
    opened = draw_ego(
        graph,
        label=f"{card.short_name} and {len(graph.nodes) - 1} papers around it, by year. "
        "Arrow keys walk from paper to paper, Enter opens one. The lists below hold the same facts.",
        key=f"ego-{card.key}",
    )
    st.markdown(f":small[{'&ensp; '.join(signed(pillar, pillar) for pillar in _pillars(graph))}]")
    st.caption(
        "Solid line: typed relation; dashed: citation. "
        f"{graph.shown} of {graph.total} links drawn, all of them in the lists."
    )
    if opened:
        st.switch_page(pages()["paper"], query_params={"key": opened})


def _pillars(graph: EgoGraph) -> list[str]:
    return list(dict.fromkeys(node.pillar for node in graph.nodes if node.pillar))


def _lists(card: PaperCard) -> None:
    built_on = [link for link in card.relations if link.direction == "out"]
    built_from_it = [link for link in card.relations if link.direction == "in"]
    cites = "?" if card.cites is None else str(len(card.cites))
    tabs = st.tabs(
        [
            f"Relations ({len(card.relations)})",
            f"Cites ({cites})",
            f"Cited by ({len(card.cited_by)})",
            "Similar",
        ]
    )
    with tabs[0]:
        _links("What it builds on or uses", built_on, "Not known from the sources read.")
        _links(
            "What builds on it or uses it",
            built_from_it,
            "Not known from the sources read.",
            key=f"relations-{card.key}",
        )
    with tabs[1]:
        st.caption(plain(card.references_note))
        _links("", card.cites or [], "", key=f"cites-{card.key}")
    with tabs[2]:
        st.caption(plain(card.cited_by_note))
        _links("", card.cited_by, "No paper whose list was read cites it.", key=f"cited-{card.key}")
    with tabs[3]:
        st.caption("Papers whose title and summary mean most nearly the same.")
        for hit in _similar(snapshot_id(), card.key):
            paper_link(hit.key, _label(hit.paper.short_name, hit.title, hit.year), pillar=hit.pillar)


def _links(heading: str, links: list[Neighbour], empty: str, *, key: str = "") -> None:
    if heading:
        st.markdown(f"**{plain(heading)}**")
    if not links and empty:
        st.caption(empty)
    everything = not key or len(links) <= _PER_LIST or st.session_state.get(key, False)
    with st.container(gap=None):
        for link in links if everything else links[:_PER_LIST]:
            label = _label(link.short_name, link.title, link.year)
            words = "" if link.relation == CITES else f"{PAPER_EDGES[link.relation]}: "
            paper_link(link.key, words + label, pillar=link.pillar)
    if key and len(links) > _PER_LIST:
        st.toggle(f"Show all {len(links)}", key=key)


def _label(short_name: str, title: str, year: int | None) -> str:
    name = title if title.startswith(short_name) else f"{short_name}: {title}"
    return f"{name} ({year or 'year ' + UNKNOWN})"


def _facts(card: PaperCard) -> None:
    st.subheader("Facts", anchor=False)
    path = card.taxonomy[1:]
    with st.container(gap=None):
        for depth, (node_id, label) in enumerate(path):
            node_link(node_id, f"{'— ' * depth}{label}")
        for node_id, label in card.also_in:
            node_link(node_id, f"also: {label}")
    when = f"{card.year}-{card.month:02d}" if card.year and card.month else card.year
    rows = {
        "Name": ", ".join([card.short_name, *card.aliases]),
        "Preprint" if card.arxiv_id else "Year": when,
        "Published": card.venue,
        "arXiv": card.arxiv_id,
        "DOI": card.doi,
        "Catalogue": "core paper" if card.core else "further paper, not core",
        "References": card.references_note,
    }
    st.table({plain(name): plain(str(value or UNKNOWN)) for name, value in rows.items()}, border="horizontal")
    with st.expander("Where these facts come from"):
        st.caption("Each value with its source and the day it was retrieved.")
        for item in card.provenance:
            st.markdown(f"**{plain(item.field)}** {plain(_cut(item.value))}")
            st.caption(f"{plain(item.source)} · {item.retrieved_at}")


def _cut(text: str, most: int = 90) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


def _checkpoints(card: PaperCard) -> None:
    st.subheader(f"Checkpoints ({len(card.checkpoints)})", anchor=False)
    if not card.checkpoints:
        st.caption("No checkpoint is linked to this paper.")
    with st.container(gap="xsmall"):
        for item in card.checkpoints:
            _checkpoint(item)


def _checkpoint(item: PaperCheckpoint) -> None:
    snippet = loading_snippet(
        hub_id=item.hub_id, library=item.library, loader_class=item.loader_class, task=item.task,
        revision=item.revision,
    )  # fmt: skip
    with st.expander(plain(item.hub_id)):
        size = f"{item.params_millions:g} M parameters" if item.params_millions else f"size {UNKNOWN}"
        facts = [
            f"{item.library} · {item.task}",
            f"licence {item.licence or UNKNOWN} · {size} · state: {item.state}",
            f"role {item.role or UNKNOWN}" + (f" ({item.note})" if item.note else ""),
        ]
        st.caption("  \n".join(map(plain, facts)))
        if snippet.code:
            st.code(f"# {snippet.install}\n{snippet.code}", language="python", wrap_lines=True)
        if snippet.caution:
            st.caption(plain(snippet.caution))
        st.caption("Source: " + plain(item.source))


def _card(key: str) -> PaperCard:
    # Not cached: a note is to be seen at once, and no snapshot tells of it.
    with reading() as session:
        return read_card(session, key)


@st.cache_data(max_entries=256)
def _ego(snapshot: str, key: str) -> EgoGraph:
    with reading() as session:
        return ego_graph(session, key)


@st.cache_data(max_entries=256)
def _similar(snapshot: str, key: str) -> list[Hit]:
    return searcher().similar(key, 8)
