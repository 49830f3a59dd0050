"""A paper's page: what it is, where it stands, what it builds on, and the checkpoints to run."""

from urllib.parse import quote

import streamlit as st

from app.components.ego import draw_ego
from app.parts import (
    field_words,
    named_in_url,
    node_link,
    pages,
    paper_label,
    paper_link,
    plain,
    shortened,
    signed,
)
from app.state import reading, searcher, snapshot_id
from evaluation.snippets import loading_snippet
from graph.contexts import read_contexts
from graph.coverage import UNKNOWN
from graph.ego import EgoGraph, ego_graph
from graph.errors import ModelError, UnknownName
from graph.lookup import find_paper
from graph.mentions import Mention, read_mentions
from graph.network import CITES, PAPER_EDGES, Neighbour
from graph.papers import PaperCard, PaperCheckpoint, PaperVersion, read_card
from graph.search import Hit

_PER_LIST = 12
_MENTIONS = 10
_HUB = "https://huggingface.co/"
_SENTENCES = 2
_SENTENCE_CHARACTERS = 300


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
        _mentions(key)


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
        links.append((f"arXiv {card.arxiv_id}", _address(f"arXiv:{card.arxiv_id}")))
    if card.doi:
        links.append(("DOI", _address(f"doi:{card.doi}")))
    if card.code_url and card.code_url.startswith(("https://", "http://")):
        links.append(("Code", card.code_url))
    with st.container(horizontal=True, gap="small"):
        for label, url in links:
            st.link_button(plain(label), url, icon=":material/open_in_new:")


def _address(identifier: str) -> str:
    """Where a text named by arXiv or DOI is read; empty for another identifier."""
    scheme, _, value = identifier.partition(":")
    place = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(scheme.lower())
    return place + quote(value, safe="/:;().-_") if place else ""


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
        said = _contexts(snapshot_id(), card.key, citing=True)
        _links("", card.cites or [], "", key=f"cites-{card.key}", said=said)
    with tabs[2]:
        st.caption(plain(card.cited_by_note))
        said = _contexts(snapshot_id(), card.key, citing=False)
        none = "No paper whose list was read cites it."
        _links("", card.cited_by, none, key=f"cited-{card.key}", said=said)
    with tabs[3]:
        _alike(card.key)


def _alike(key: str) -> None:
    st.caption("Papers whose title and summary mean most nearly the same.")
    try:
        hits = _similar(snapshot_id(), key)
    except ModelError as error:
        st.caption(plain(str(error)))
        return
    for hit in hits:
        paper_link(hit.key, paper_label(hit.paper.short_name, hit.title, hit.year), pillar=hit.pillar)


def _links(
    heading: str,
    links: list[Neighbour],
    empty: str,
    *,
    key: str = "",
    said: dict[str, list[str]] | None = None,
) -> None:
    """Papers, and with `said` (by key) on demand the sentences that join them with this one."""
    if heading:
        st.markdown(f"**{plain(heading)}**")
    if not links and empty:
        st.caption(empty)
    told = said if said and st.toggle("Show the sentences around", key=f"said-{key}") else {}
    everything = not key or len(links) <= _PER_LIST or st.session_state.get(key, False)
    with st.container(gap=None):
        for link in links if everything else links[:_PER_LIST]:
            label = paper_label(link.short_name, link.title, link.year)
            words = "" if link.relation == CITES else f"{PAPER_EDGES[link.relation]}: "
            paper_link(link.key, words + label, pillar=link.pillar)
            for sentence in told.get(link.key, [])[:_SENTENCES]:
                st.caption(f"“{plain(shortened(sentence, _SENTENCE_CHARACTERS))}”")
    if key and len(links) > _PER_LIST:
        st.toggle(f"Show all {len(links)}", key=key)


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
    _versions(card.versions)
    if card.missing:
        st.caption(plain(f"Not known of this paper: {', '.join(map(field_words, card.missing))}."))
    _origins(card)


def _versions(versions: list[PaperVersion]) -> None:
    if not any(version.identifier for version in versions):
        return
    st.markdown("**Versions**")
    with st.container(gap="xxsmall", key="versions"):
        for version in versions:
            words = _version_words(version)
            address = _address(version.identifier or "")
            if address:
                label = plain(f"{words}: {version.identifier}")
                st.link_button(label, address, type="tertiary", icon=":material/open_in_new:")
            else:
                st.markdown(f":small[{plain(words)}]")


def _version_words(version: PaperVersion) -> str:
    if version.kind == "preprint":
        when = f"{version.year}-{version.month:02d}" if version.year and version.month else version.year
        return f"preprint {when or ''}".strip()
    venue = version.venue or ""
    year = str(version.year) if version.year and str(version.year) not in venue else ""
    return " ".join(filter(None, (version.kind, venue, year)))


def _origins(card: PaperCard) -> None:
    from ingest.merges import list_merges

    with st.expander("Where this comes from"):
        with reading() as session:
            merges = list_merges(session, card.key)
        for merge in merges:
            count = len(merge.parts) + merge.in_catalogue
            catalogue = ", the catalogue's among them" if merge.in_catalogue else ""
            st.markdown(f"Made of {count} description{'s' if count > 1 else ''}{catalogue}:")
            for part in merge.parts:
                st.markdown(f"**{plain(part.source)}** {plain(shortened(part.title, 90))}")
                joined = f"joined by {part.matched_by}" if part.matched_by else "it began with this one"
                st.caption(plain(f"{part.record} · {'set apart' if part.separated else joined}"))
        st.caption("Each value with its source and the day it was retrieved.")
        for item in card.provenance:
            st.markdown(f"**{plain(field_words(item.field))}** {plain(shortened(item.value, 90))}")
            st.caption(f"{plain(item.source)} · {item.retrieved_at}")


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


def _mentions(key: str) -> None:
    # Not cached: candidates are no facts, so the snapshot does not tell of them.
    with reading() as session:
        found = read_mentions(session, key)
    if not found:
        return
    st.markdown("**Models on the hub whose cards name this paper (not confirmed)**")
    with st.container(gap="xsmall", key="mentions"):
        for item in found[:_MENTIONS]:
            _mention(item)
    if len(found) > _MENTIONS:
        st.caption(f"and {len(found) - _MENTIONS:,} more, less likely")


def _mention(item: Mention) -> None:
    downloads = f"{item.downloads:,} downloads" if item.downloads is not None else f"downloads {UNKNOWN}"
    facts = [downloads, f"licence {item.licence or UNKNOWN}"]
    if item.base_models:
        facts.append("made from " + ", ".join(item.base_models))
    with st.container(gap=None):
        st.link_button(plain(item.hub_id), _HUB + quote(item.hub_id, safe="/"), type="tertiary")
        st.caption(plain(" · ".join(facts)))


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


@st.cache_data(max_entries=64)
def _contexts(snapshot: str, key: str, *, citing: bool) -> dict[str, list[str]]:
    with reading() as session:
        return read_contexts(session, key, citing=citing)
