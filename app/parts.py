"""Pieces that several pages are made of. Text from papers is escaped here, in one place."""

import re

import streamlit as st

from graph.brief import PaperBrief
from graph.coverage import UNKNOWN
from graph.palette import look_of

# A web or mail address would become a link even when escaped; an invisible joiner inside keeps it text.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^=&@\"'/])")


def plain(text: str) -> str:
    """A text that Streamlit's Markdown shows as it is: no link, formula, colour, icon or HTML comes of it."""
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub("\u2060", " ".join(text.split())))


def pages() -> dict[str, st.Page]:
    """The explorer's pages by name, as the entry script made them."""
    return st.session_state["pages"]  # type: ignore[no-any-return]


def named_in_url(parameter: str, otherwise: str = "") -> str:
    """The value of a URL parameter that names what the page shows."""
    value = st.query_params.get(parameter, otherwise)
    before = st.session_state.get("shown")
    now = st.session_state["shown"] = (parameter, value)
    if before is not None and before != now:
        first_page()
        if before[0] == parameter:
            # A link from a page to itself changes what is shown but not the address; setting it again does.
            st.query_params[parameter] = value
    return value


def first_page() -> None:
    """Begin lists at their first page again: what they list has changed."""
    st.session_state["page"] = 1


def paper_link(key: str, label: str, *, pillar: str | None = None, as_title: bool = False) -> None:
    """A link to a paper's page, with the sign of its pillar or as the title of a search result."""
    shown = f":primary[**{plain(label)}**]" if as_title else signed(pillar, label)
    st.page_link(pages()["paper"], label=shown, query_params={"key": key}, width="stretch")


def node_link(node_id: str, label: str, *, pillar: str | None = None, strong: bool = False) -> None:
    """A link to a taxonomy node."""
    shown = signed(pillar, label)
    st.page_link(
        pages()["taxonomy"],
        label=f"**{shown}**" if strong else shown,
        query_params={"node": node_id},
        width="stretch",
    )


def signed(pillar: str | None, text: str) -> str:
    """A text behind the coloured shape of a pillar, as Markdown; without a pillar just the text."""
    look = look_of(pillar)
    return f":{look.name}[{look.sign}] {plain(text)}" if pillar else plain(text)


def brief_line(paper: PaperBrief) -> str:
    """Year, venue, place in the taxonomy and counts of a paper, in one line of Markdown."""
    parts = [plain(str(paper.year or f"year {UNKNOWN}"))]
    if paper.venue:
        parts.append(plain(paper.venue))
    if paper.label:
        parts.append(signed(paper.pillar, paper.label))
    parts.append(f"cited by {paper.cited_by} here")
    if paper.checkpoints:
        parts.append(f"{paper.checkpoints} checkpoint{'s' if paper.checkpoints > 1 else ''}")
    return " · ".join(parts)


def paper_list(papers: list[PaperBrief], *, empty: str = "None.") -> None:
    """Links with a year each, close together."""
    if not papers:
        st.caption(empty)
    with st.container(gap=None):
        for paper in papers:
            year = f" ({paper.year})" if paper.year else ""
            paper_link(paper.key, paper.short_name + year, pillar=paper.pillar)
