"""Pieces that several pages are made of. Text from papers is escaped here, in one place."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from graph.brief import PaperBrief
from graph.coverage import UNKNOWN
from graph.palette import look_of

Item = TypeVar("Item")

ORIGINS = {
    "catalogue": "the catalogue",
    "arxiv": "arXiv",
    "semanticscholar": "Semantic Scholar",
    "openalex": "OpenAlex",
    "crossref": "Crossref",
    "huggingface": "Hugging Face",
    "file": "files",
}
"""Who gives facts, in words that people know."""

_FIELDS = {
    "arxiv_id": "arXiv id",
    "doi": "DOI",
    "s2_id": "Semantic Scholar id",
    "corpus_id": "Semantic Scholar corpus id",
    "openalex_id": "OpenAlex id",
    "code_url": "code",
    "published_year": "year of publication",
    "reference_entries": "length of the reference list",
    "params_millions": "million parameters",
}
_SCHEMES = {
    "arxiv": "arxiv_id",
    "doi": "doi",
    "s2": "s2_id",
    "corpus": "corpus_id",
    "openalex": "openalex_id",
}

_NAME_CHARACTERS = 60

# A web or mail address would become a link even when escaped; an invisible joiner inside keeps it text.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
# A text that turns the direction of writing would turn what the page says after it as well.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~^=&@\"'/])")


def plain(text: str) -> str:
    """A text that Streamlit's Markdown shows as it is: no link, formula, colour, icon or HTML comes of it."""
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub("\u2060", " ".join(_TURNS.sub("", text).split())))


def field_words(name: str) -> str:
    """The name of a field, or of an identifier such as `s2 id`, in words."""
    scheme = name.removesuffix(" id")
    name = _SCHEMES.get(scheme, name) if name.endswith(" id") else name
    return _FIELDS.get(name, name.replace("_", " "))


def origin_words(origin: str) -> str:
    """Who gives a fact, in words."""
    return ORIGINS.get(origin, origin)


def shortened(text: str, most: int) -> str:
    """A text of at most about so many characters, cut between words."""
    if len(text) <= most:
        return text
    head = text[:most]
    return (head.rsplit(" ", 1)[0] if " " in head else head) + " …"


def paper_label(short_name: str, title: str, year: int | str | None) -> str:
    """A paper in a list: its name where the title does not begin with it, the title, the year."""
    # A name that was made from a long title ends in dots.
    says_less = _is_made_up(short_name, year) or title.startswith(short_name.rstrip("… .,"))
    return f"{title if says_less else f'{short_name}: {title}'} ({year or 'year ' + UNKNOWN})"


def _is_made_up(short_name: str, year: int | str | None) -> bool:
    """Whether a short name is author and year, for want of a better one: less than the title says."""
    return year is not None and short_name.endswith(f" {year}")


def when_words(moment: str) -> str:
    """A moment in ISO form (UTC), to the minute."""
    return moment[:16].replace("T", " ")


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


def paged(
    items: Sequence[Item], per_page: int, draw: Callable[[Item], None], *, key: str, close: bool = False
) -> None:
    """Items a page at a time, `close` together or not; which page is part of the address.

    `key` names their container.
    """
    # The container is filled last: a page that the address names is known only from its widget.
    place = st.container(key=key, gap=None if close else "small")
    count = -(-len(items) // per_page)
    number = 1
    if count > 1:
        if st.session_state.get("page", 1) > count:
            first_page()
        number = st.pagination(count, key="page", bind="query-params")
    with place:
        for item in items[(number - 1) * per_page : number * per_page]:
            draw(item)


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
            is_made_up = _is_made_up(paper.short_name, paper.year)
            name = shortened(paper.title, _NAME_CHARACTERS) if is_made_up else paper.short_name
            paper_link(paper.key, name + year, pillar=paper.pillar)
