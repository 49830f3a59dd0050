"""A paper's page: every list holds what the library holds, and what a person writes is kept."""

import bibtexparser
import pytest
from helpers import write_small_library
from pages import (
    HOSTILE,
    add_paper,
    assert_text_stays_text,
    commit,
    fresh_server,
    links,
    run_view,
    says,
    texts,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.paperparts.keep import bibtex_of
from app.paperparts.links import _ordered
from graph.analysis.lineage import read_lineage
from graph.analysis.similarity import similar
from graph.library import Library
from graph.network import CITES, Neighbour
from graph.papers import read_card
from graph.schema import Note, Paper
from graph.vectors import VectorIndex


@pytest.fixture
def server(built_path, monkeypatch):
    with fresh_server(built_path, monkeypatch):
        yield


@pytest.fixture
def own_server(own_path, monkeypatch):
    with fresh_server(own_path, monkeypatch):
        yield own_path


@pytest.fixture
def small_path(tmp_path, monkeypatch):
    path = write_small_library(tmp_path / "shown.sqlite")
    with fresh_server(path, monkeypatch):
        yield path


def button(at, label):
    return next(each for each in at.button if each.label == label)


def field(at, label):
    return next(each for each in at.text_input if each.label == label)


@pytest.mark.parametrize("key", ["controlnet", "clip", "ldm"])
def test_the_lineage_lists_every_typed_relation_of_descent(server, library, key):
    at = run_view("paper", key=key)
    with library.reading() as session:
        lineage = read_lineage(session, key)
    typed = [kin for kin in (*lineage.built_from, *lineage.built_on_it) if kin.relation != CITES]
    assert typed
    assert at.tabs[0].label == f"Lineage ({len(typed)})"
    shown = " ".join(links(at))
    for kin in typed:
        assert kin.words in shown
        assert kin.title in shown


def test_relations_that_are_no_descent_stand_apart(server):
    at = run_view("paper", key="controlnet")
    assert says(at, "Other relations")
    assert any("compares with" in link for link in links(at))


def test_similar_papers_come_with_their_reasons(server, library):
    at = run_view("paper", key="clip")
    with library.reading() as session:
        found = similar(session, "clip", 10, vectors=VectorIndex.load(session))
    for each in found:
        assert says(at, each.reason)
        assert any(each.title in link for link in links(at))


def test_long_lists_are_filtered_by_words_in_any_order(server):
    at = run_view("paper", key="clip")
    (cited,) = [each for each in at.text_input if each.key == "filter-cited"]
    cited.set_value("diffusion LATENT").run()
    assert any("High-Resolution Image Synthesis with Latent Diffusion" in link for link in links(at))
    cited = next(each for each in at.text_input if each.key == "filter-cited")
    cited.set_value("nonsuch words").run()
    assert says(at, "None of them has these words")


def neighbour(key, year):
    return Neighbour(key, key, key, year, None, CITES, "in", "x", 1, ())


def test_orders_put_unknown_years_last_and_ties_by_name():
    papers = [neighbour(*each) for each in (("b", 2020), ("none", None), ("a", 2020), ("c", 2023))]
    for order, wanted in (
        ("newest first", "c a b none"), ("oldest first", "a b c none"), ("by name", "a b c none")
    ):  # fmt: skip
        assert [each.key for each in _ordered(papers, order)] == wanted.split()


def test_the_search_inside_its_citations_is_one_link_away(server):
    at = run_view("paper", key="clip")
    asked = {link.proto.label: link.proto.query_string for link in at.get("page_link")}
    assert "citedby%3Aclip" in asked["Search inside what it cites"]
    assert "cites%3Aclip" in asked["Search inside what cites it"]


def test_the_way_to_another_paper_is_shown_step_by_step(server):
    at = run_view("paper", key="sam")
    field(at, "Path to another paper").set_value("2112.10752").run()
    steps = [text for text in links(at) if "cites" in text or "builds on" in text]
    assert any("LDM" in step for step in steps)
    field(at, "Path to another paper").set_value("nonsuch").run()
    assert any("no paper" in warning.value for warning in at.warning)
    field(at, "Path to another paper").set_value("sam").run()
    assert says(at, "That is this paper")


def test_a_note_is_written_shown_and_removed(own_server):
    at = run_view("paper", key="sam")
    field(at, "Write a note").set_value("Compare with SEEM.").run()
    assert [info.value for info in at.info] == ["Compare with SEEM\\."]
    with Library.open(own_server) as library, library.reading() as session:
        assert session.scalars(select(Note.text)).all() == ["Compare with SEEM."]
    button(at, "Remove the note").click().run()
    assert not at.info
    field(at, "Write a note").set_value("   ").run()
    assert not at.info


def test_the_bibtex_that_is_copied_parses_and_names_the_paper(library):
    with library.reading() as session:
        for key in ("sam", "clip", "imagenet"):
            parsed = bibtexparser.parse_string(bibtex_of(read_card(session, key)))
            assert not parsed.failed_blocks
            (entry,) = parsed.entries
            assert entry.key == key


def test_a_fact_says_who_gives_it_since_when(server):
    at = run_view("paper", key="sam")
    told = {each.value: each.help for each in at.markdown if each.help}
    (year,) = [source for text, source in told.items() if text.startswith("**Preprint**")]
    assert "retrieved 2026" in year.replace("\\", "")


def test_checkpoints_say_what_is_not_known(server):
    at = run_view("paper", key="sam")
    said = " ".join(texts(at))
    for words in ("revision not pinned yet", "licence not known", "state: unchecked", "Not run here yet"):
        assert words in said


def test_a_paper_with_nothing_but_a_title_has_a_whole_page(small_path):
    with Library.open(small_path) as library, Session(library.engine) as session:
        add_paper(session, "bare", title="T" * 500)
        add_paper(session, "evil", title=HOSTILE, short_name=HOSTILE, summary=HOSTILE, venue=HOSTILE)
        commit(session)
    at = run_view("paper", key="bare")
    for words in ("Authors not known", "No summary or abstract", "No link to another paper",
                  "no place in the taxonomy yet", "No checkpoint is linked"):  # fmt: skip
        assert says(at, words), words
    assert_text_stays_text(run_view("paper", key="evil"))


def test_every_paper_of_the_small_library_has_a_page(small_path):
    with Library.open(small_path) as library, library.reading() as session:
        keys = list(session.scalars(select(Paper.key)))
    for key in keys:
        assert run_view("paper", key=key).title[0].value
