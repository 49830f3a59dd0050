"""The pages Collections and Exports: lists are kept, notes stay, files hold what was chosen."""

import zipfile
from io import BytesIO

import bibtexparser
import pytest
from helpers import paper_id, write_small_library
from pages import HOSTILE, add_paper, assert_text_stays_text, fresh_server, links, run_view, says
from sqlalchemy import select

from app.downloads import _safe, exported
from graph.errors import UnknownName
from graph.export import FORMATS
from graph.export.document import read_document
from graph.filters import Filters, allowed_ids
from graph.library import Library
from graph.schema import Paper
from graph.shelf import add_note, add_to_collection, list_collections, notes_on, papers_in, remove_note


@pytest.fixture
def path(tmp_path):
    return write_small_library(tmp_path / "shown.sqlite")


@pytest.fixture(autouse=True)
def _fresh_server(path, monkeypatch):
    with fresh_server(path, monkeypatch):
        yield


@pytest.fixture
def library_(path):
    with Library.open(path) as opened:
        yield opened


@pytest.fixture
def shelf(library_):
    with library_.writing() as session:
        add_to_collection(session, "related work", ["clip", "ldm"])
        add_note(session, "clip", "The baseline.")
    return "related work"


def in_library(library, function, *arguments):
    with library.reading() as session:
        return function(session, *arguments)


def keys_in(library, name):
    return in_library(library, lambda session: [paper.key for paper in papers_in(session, name)])


def button(at, label):
    return next(each for each in at.button if each.label == label)


def field(at, label):
    return next(each for each in at.text_input if each.label == label)


def test_without_a_collection_the_page_says_what_one_is_and_makes_one(library_):
    at = run_view("collections")
    assert says(at, "A collection is a reading list of your own")
    field(at, "New collection").set_value("to read").run()
    assert not at.exception
    assert [entry.name for entry in in_library(library_, list_collections)] == ["to read"]
    assert says(at, "Empty so far")
    assert at.query_params["name"] == "to read"


def test_a_paper_goes_in_by_any_of_its_names_and_out_by_a_button(library_, shelf):
    at = run_view("collections")
    field(at, "Add a paper").set_value("resnet").run()
    assert keys_in(library_, shelf) == ["clip", "ldm", "resnet"]
    button(at, "Take out").click().run()
    assert keys_in(library_, shelf) == ["ldm", "resnet"]
    assert field(at, "Add a paper").value == ""


def test_a_name_that_no_paper_has_is_said_and_changes_nothing(library_, shelf):
    at = run_view("collections")
    field(at, "Add a paper").set_value("nonsuch").run()
    assert any("no paper" in warning.value for warning in at.warning)
    assert keys_in(library_, shelf) == ["clip", "ldm"]


def test_notes_are_written_shown_with_their_day_and_removed(library_, shelf):
    at = run_view("collections", name=shelf)
    assert says(at, "The baseline.")
    field(at, "Note on LDM").set_value("Cite for the latent space.").run()
    assert says(at, "Cite for the latent space.")
    button(at, "Remove the note").click().run()
    assert not says(at, "The baseline.")
    with library_.reading() as session:
        left = notes_on(session, [paper_id(session, "ldm"), paper_id(session, "clip")])
    assert [note.text for notes in left.values() for note in notes] == ["Cite for the latent space."]


def test_removing_a_collection_keeps_its_papers_and_notes(library_, shelf):
    at = run_view("collections", name=shelf)
    button(at, f"Remove {shelf}").click().run()
    assert not at.exception
    assert in_library(library_, list_collections) == []
    with library_.reading() as session:
        assert notes_on(session, [paper_id(session, "clip")])


def test_two_to_five_papers_can_be_compared_from_here(shelf):
    assert "Compare these side by side" in links(run_view("collections"))


def test_an_unknown_collection_in_the_address_is_said_with_the_nearest(shelf):
    at = run_view("collections", name="related wrok")
    assert any("related work" in warning.value for warning in at.warning)


def test_hostile_names_notes_and_titles_stay_text(library_, path):
    with library_.writing() as session:
        add_paper(session, "new", title=HOSTILE, short_name=HOSTILE)
        add_to_collection(session, HOSTILE, ["new"])
        add_note(session, "new", HOSTILE)
    at = run_view("collections", name=HOSTILE)
    assert says(at, "evil")
    assert_text_stays_text(at)
    labels = [each.label for each in [*at.button, *at.text_input]]
    assert not [label for label in labels if "<img" in label.replace("\\<", "")]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_downloads_the_papers_of_the_collection_alone(shelf, format_name):
    content = exported(format_name, Filters(collection=shelf))
    if format_name == "csv":
        with zipfile.ZipFile(BytesIO(content)) as file:
            content = file.read("nodes.csv")
    text = content.decode()
    assert "clip" in text
    assert "resnet" not in text


def test_the_bibtex_of_a_collection_parses_and_carries_its_notes(shelf):
    parsed = bibtexparser.parse_string(exported("bibtex", Filters(collection=shelf)).decode())
    assert not parsed.failed_blocks
    assert {entry.key for entry in parsed.entries} == {"clip", "ldm"}
    (clip,) = [entry for entry in parsed.entries if entry.key == "clip"]
    assert clip.fields_dict["annote"].value == "The baseline."


def test_notes_stay_at_home_unless_a_collection_is_exported(library_, shelf):
    with library_.reading() as session:
        everything = read_document(session)
        chosen = read_document(session, Filters(collection=shelf))
    assert "notes" not in everything.network.nodes["clip"]
    assert chosen.network.nodes["clip"]["notes"] == "The baseline."
    assert chosen.header.filters == {"collection": shelf}


def test_the_filter_collection_knows_its_papers_and_refuses_an_unknown_name(library_, shelf):
    with library_.reading() as session:
        wanted = {paper_id(session, "clip"), paper_id(session, "ldm")}
        assert allowed_ids(session, Filters(collection=shelf)) == wanted
        assert allowed_ids(session, Filters(collection=shelf, years=(2021, 2021))) <= wanted
        with pytest.raises(UnknownName, match="related work"):
            allowed_ids(session, Filters(collection="related wrk"))


def test_removing_a_note_twice_is_no_error(library_, shelf):
    with library_.writing() as session:
        (note,) = notes_on(session, [paper_id(session, "clip")])[paper_id(session, "clip")]
        remove_note(session, note.id)
        remove_note(session, note.id)
        assert notes_on(session, [paper_id(session, "clip")]) == {}


def test_the_export_page_says_how_many_papers_its_filters_leave(library_, shelf):
    whole = run_view("exports")
    with library_.reading() as session:
        count = len(list(session.scalars(select(Paper.id))))
    assert says(whole, f"**{count} papers**")
    assert says(run_view("exports", shelf=shelf), "**2 papers**")
    assert {each.proto.label for each in whole.get("download_button")} == {
        "GraphML", "GEXF", "JSON", "CSV", "HTML", "BibTeX"
    }  # fmt: skip


def test_a_filter_that_leaves_nothing_offers_no_file(library_):
    with library_.writing() as session:
        add_to_collection(session, "empty", [])
    at = run_view("exports", shelf="empty")
    assert says(at, "No paper passes these filters")
    assert not at.get("download_button")


def test_a_file_name_keeps_only_what_every_file_system_takes():
    assert _safe("related work/2026: <b>") == "related-work-2026---b"
    assert _safe("../..") == "vfm-atlas"
