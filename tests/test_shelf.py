"""Notes and collections: what a user keeps comes back as it was written, and nothing else changes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest
from helpers import dump, write_small_library
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graph.shelf
from graph.errors import QueryError, UnknownName
from graph.library import Library
from graph.papers import read_card
from graph.shelf import (
    CollectionEntry,
    add_note,
    add_to_collection,
    list_collections,
    papers_in,
    remove_from_collection,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip)


@pytest.fixture
def small(tmp_path) -> Iterator[Library]:
    """A small library of the test's own."""
    with Library.open(write_small_library(tmp_path / "small.sqlite")) as library:
        yield library


def keys_in(library: Library, collection: str) -> list[str]:
    with library.reading() as session:
        return [paper.key for paper in papers_in(session, collection)]


def add(library: Library, collection: str, *names: str) -> int:
    with library.writing() as session:
        return add_to_collection(session, collection, list(names))


def remove(library: Library, collection: str, *names: str) -> int:
    with library.writing() as session:
        return remove_from_collection(session, collection, list(names))


def test_notes_come_back_in_the_order_of_writing_without_outer_space(small):
    for text in (" first ", "second\nwith a line", "first"):
        with small.writing() as session:
            assert add_note(session, "arXiv:2103.00020", text).key == "clip"
    with small.reading() as session:
        assert read_card(session, "clip").notes == ["first", "second\nwith a line", "first"]
        assert read_card(session, "ldm").notes == []


@given(text=texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_any_text_can_be_a_note_and_the_name_of_a_collection(small, text):
    with small.writing() as session:
        add_note(session, "clip", text)
        add_to_collection(session, text, ["clip"])
    with small.reading() as session:
        assert read_card(session, "clip").notes[-1] == text.strip()
        assert [paper.key for paper in papers_in(session, text)] == ["clip"]
        assert CollectionEntry(text, 1) in list_collections(session)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_note_is_refused(small, text):
    with pytest.raises(QueryError, match="the note is empty"), small.writing() as session:
        add_note(session, "clip", text)


def test_what_is_not_utf8_is_refused(small):
    for action in (
        lambda session: add_note(session, "clip", "a\udcff"),
        lambda session: add_to_collection(session, "a\udcff", ["clip"]),
    ):
        with pytest.raises(QueryError, match="is not valid UTF-8"), small.writing() as session:
            action(session)


def test_a_collection_keeps_the_order_in_which_papers_were_added(small):
    assert add(small, "mine", "ldm", "clip", "resnet") == 3
    assert add(small, "mine", "cfg") == 1
    assert keys_in(small, "mine") == ["ldm", "clip", "resnet", "cfg"]


def test_the_order_holds_when_the_clock_stands_still(small, monkeypatch):
    monkeypatch.setattr(graph.shelf, "_now", lambda: datetime(2026, 1, 2))
    add(small, "mine", "ldm", "clip", "resnet")
    assert keys_in(small, "mine") == ["ldm", "clip", "resnet"]


def test_a_paper_is_in_a_collection_once_by_whatever_names_it_is_added(small):
    assert add(small, "mine", "clip", "2103.00020", "CLIP") == 1
    assert add(small, "mine", "clip", "ldm") == 1
    assert keys_in(small, "mine") == ["clip", "ldm"]


def test_a_paper_may_be_in_several_collections(small):
    add(small, "one", "clip")
    add(small, "two", "clip", "ldm")
    with small.reading() as session:
        assert list_collections(session) == [CollectionEntry("one", 1), CollectionEntry("two", 2)]
    remove(small, "one", "clip")
    assert keys_in(small, "two") == ["clip", "ldm"]


def test_an_unknown_paper_adds_nothing_at_all(small, tmp_path):
    before = dump(small.path)
    with pytest.raises(UnknownName, match="no paper 'clipp'; nearest: clip"):
        add(small, "mine", "ldm", "clipp")
    assert dump(small.path) == before


@pytest.mark.parametrize("name", ["", "  "])
def test_a_collection_needs_a_name(small, name):
    with pytest.raises(QueryError, match="the collection needs a name"):
        add(small, name, "clip")


def test_removing_papers_counts_those_that_were_there(small):
    add(small, "mine", "clip", "ldm")
    assert remove(small, "mine", "clip", "cfg") == 1
    assert keys_in(small, "mine") == ["ldm"]
    assert remove(small, "mine", "ldm") == 1
    with small.reading() as session:
        assert list_collections(session) == [CollectionEntry("mine", 0)]


def test_removing_a_collection_leaves_its_papers_and_the_other_collections(small):
    add(small, "one", "clip", "ldm")
    add(small, "two", "clip")
    assert remove(small, "one") == 2
    with small.reading() as session:
        assert list_collections(session) == [CollectionEntry("two", 1)]
        assert read_card(session, "clip").key == "clip"
    with closing(sqlite3.connect(small.path)) as connection:
        assert connection.execute("SELECT count(*) FROM collection_item").fetchone() == (1,)


def test_a_collection_that_does_not_exist_is_named_with_those_spelled_like_it(small):
    add(small, "to-read", "clip")
    add(small, "elsewhere", "clip")
    for action in (keys_in, remove):
        with pytest.raises(UnknownName) as caught:
            action(small, "to-raed")
        assert caught.value.nearest == ("to-read",)
        assert "'vfm-atlas collection list' lists all" in str(caught.value)
    with pytest.raises(UnknownName, match="no collection"):
        keys_in(small, "to-read\udcff")


def test_names_of_collections_differ_by_case_and_space(small):
    add(small, "Mine", "clip")
    add(small, "mine", "ldm")
    assert keys_in(small, "Mine") == ["clip"]
    assert keys_in(small, "mine") == ["ldm"]
