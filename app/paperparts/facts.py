"""What is known of a paper, with who says so; its versions; and everything behind a merged description."""

from urllib.parse import quote

import streamlit as st

from app.parts import field_words, node_link, plain, shortened
from app.state import reading
from graph.coverage import UNKNOWN
from graph.papers import PaperCard, PaperVersion

_SOURCE_CHARACTERS = 160


def show_facts(card: PaperCard) -> None:
    """The paper's place in the taxonomy, its facts, its versions, and where all of that comes from."""
    st.subheader("Facts", anchor=False)
    _place(card)
    with st.container(gap="xsmall"):
        for name, field, value in _rows(card):
            told = "" if value is None else _source(card, field, value)
            st.markdown(f"**{plain(name)}** {plain(value or UNKNOWN)}", help=plain(told) if told else None)
    _versions(card.versions)
    if card.missing:
        st.caption(plain(f"Not known of this paper: {', '.join(map(field_words, card.missing))}."))
    _origins(card)


def _place(card: PaperCard) -> None:
    with st.container(gap=None):
        for depth, (node_id, label) in enumerate(card.taxonomy[1:]):
            node_link(node_id, f"{'— ' * depth}{label}", pillar=None if depth else card.pillar)
        for node_id, label in card.also_in:
            node_link(node_id, f"also: {label}")
    if not card.taxonomy:
        st.caption("It has no place in the taxonomy yet.")


def _rows(card: PaperCard) -> list[tuple[str, str, str | None]]:
    """What the fact is called here, its field in the library, its value."""
    when = f"{card.year}-{card.month:02d}" if card.year and card.month else card.year
    return [
        ("Name", "short_name", ", ".join([card.short_name, *card.aliases])),
        ("Preprint" if card.arxiv_id else "Year", "year", None if when is None else str(when)),
        ("Published", "venue", card.venue),
        ("arXiv", "arxiv_id", card.arxiv_id),
        ("DOI", "doi", card.doi),
        ("Catalogue", "is_core", "core paper" if card.core else "further paper, not core"),
        ("References", "reference_list", card.references_note),
    ]


def _source(card: PaperCard, field: str, value: str) -> str:
    """Who says so since when; of several sources the one whose value is shown."""
    told = [item for item in card.provenance if item.field == field]
    told.sort(key=lambda item: item.value not in (value, value[:4]))
    if not told:
        return ""
    return f"{shortened(told[0].source, _SOURCE_CHARACTERS)}, retrieved {told[0].retrieved_at}"


def _versions(versions: list[PaperVersion]) -> None:
    if not any(version.identifier for version in versions):
        return
    st.markdown("**Versions**")
    with st.container(gap="xxsmall", key="versions"):
        for version in versions:
            words = _version_words(version)
            place = address(version.identifier or "")
            if place:
                label = plain(f"{words}: {version.identifier}")
                st.link_button(label, place, type="tertiary", icon=":material/open_in_new:")
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


def address(identifier: str) -> str:
    """Where a text named by arXiv or DOI is read; empty for another identifier."""
    scheme, _, value = identifier.partition(":")
    place = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(scheme.lower())
    return place + quote(value, safe="/:;().-_") if place else ""
