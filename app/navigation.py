"""The explorer's pages by the names that links use."""

import streamlit as st

from app.views import (
    changes,
    checkpoints,
    collections,
    compare,
    coverage,
    exports,
    home,
    ingest,
    leaderboard,
    paper,
    story,
    taxonomy,
    timeline,
    unification,
)


def make_pages() -> dict[str, st.Page]:
    """Every page, in the order of the navigation."""
    return {
        "home": st.Page(home.show, title="Explore", url_path="explore", default=True),
        "taxonomy": st.Page(taxonomy.show, title="Taxonomy", url_path="taxonomy"),
        "timeline": st.Page(timeline.show, title="Timeline", url_path="timeline"),
        "unification": st.Page(unification.show, title="Unification", url_path="unification"),
        "checkpoints": st.Page(checkpoints.show, title="Checkpoints", url_path="checkpoints"),
        "leaderboard": st.Page(leaderboard.show, title="Leaderboard", url_path="leaderboard"),
        "story": st.Page(story.show, title="Story", url_path="story"),
        "compare": st.Page(compare.show, title="Compare", url_path="compare"),
        "collections": st.Page(collections.show, title="Collections", url_path="collections"),
        "exports": st.Page(exports.show, title="Exports", url_path="exports"),
        "coverage": st.Page(coverage.show, title="Data", url_path="data"),
        "changes": st.Page(changes.show, title="Changes", url_path="changes"),
        "ingest": st.Page(ingest.show, title="Ingest", url_path="ingest"),
        "paper": st.Page(paper.show, title="Paper", url_path="paper", visibility="hidden"),
    }


SECTIONS = {
    "": ("home", "taxonomy", "timeline", "unification", "paper"),
    "Models": ("checkpoints", "leaderboard", "story"),
    "Desk": ("compare", "collections", "exports"),
    "Library": ("coverage", "changes", "ingest"),
}
"""The navigation: pages under the empty name stand in the bar itself, the others in a menu each."""


def in_sections(pages: dict[str, st.Page]) -> dict[str, list[st.Page]]:
    """The pages as the navigation takes them."""
    return {section: [pages[name] for name in names] for section, names in SECTIONS.items()}
