"""Papers side by side: what they share, how they are linked, and the page that shows it."""

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
    tables,
)
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from graph.comparing import compare_papers
from graph.errors import QueryError
from graph.library import Library
from graph.schema import Citation, Paper, Relation

KEYS = ("clip", "ldm", "dit")


def linked(session, key, forward=True):
    """Keys of papers that a paper cites or is related to, or the other way round, by plain queries."""
    other = aliased(Paper)
    found = set()
    for table, start, end in (
        (Citation, Citation.citing_id, Citation.cited_id), (Relation, Relation.paper_id, Relation.target_id)
    ):  # fmt: skip
        here, there = (start, end) if forward else (end, start)
        query = (
            select(other.key).select_from(table).join(Paper, Paper.id == here).join(other, other.id == there)
        )
        found |= set(session.scalars(query.where(Paper.key == key)))
    return found


@pytest.mark.parametrize("forward", [True, False])
def test_what_is_shared_is_what_two_or_more_are_linked_with(library, forward):
    with library.reading() as session:
        comparison = compare_papers(session, KEYS)
        sets = {key: linked(session, key, forward) for key in KEYS}
    shared = comparison.references if forward else comparison.followers
    everything = set().union(*sets.values()) - set(KEYS)
    wanted = {
        each: tuple(key for key in KEYS if each in sets[key])
        for each in everything
        if sum(each in group for group in sets.values()) > 1
    }
    assert {each.paper.key: each.by for each in shared} == wanted
    assert len(wanted) > 5
    counts = [(len(each.by), each.paper.cited_by) for each in shared]
    assert counts == sorted(counts, key=lambda pair: (-pair[0], -pair[1]))


def test_links_among_the_papers_are_told_once_and_typed_ones_before_citations(library):
    with library.reading() as session:
        comparison = compare_papers(session, KEYS)
    assert ("ldm", "builds on", "clip") in comparison.direct
    assert ("ldm", "cites", "clip") not in comparison.direct
    assert ("dit", "cites", "clip") in comparison.direct
    assert len(set(comparison.direct)) == len(comparison.direct)


def test_the_order_asked_for_is_kept_and_twice_the_same_is_once(library):
    with library.reading() as session:
        comparison = compare_papers(session, ("dit", "clip", "dit"))
    assert [card.key for card in comparison.cards] == ["dit", "clip"]


@pytest.mark.parametrize(
    "keys", [(), ("clip",), ("clip", "clip"), ("clip", "ldm", "dit", "sam", "mae", "dino")]
)
def test_fewer_than_two_or_more_than_five_are_refused(library, keys):
    with library.reading() as session, pytest.raises(QueryError, match="2 to 5 are allowed"):
        compare_papers(session, keys)


@pytest.fixture
def server(built_path, monkeypatch):
    with fresh_server(built_path, monkeypatch):
        yield


def test_the_address_names_the_papers_that_stand_side_by_side(server):
    at = run_view("compare", papers="clip,ldm,dit")
    assert any(row.startswith("0 | Year | 2021 | 2021 | 2022") for row in tables(at))
    assert says(at, "LDM builds on CLIP")
    assert links(at).count("Take out") == 3
    assert any(link.startswith("⬢ Transformer (2017, 3 of them)") or "Transformer (2017, 3 of them)" in link
               for link in links(at))  # fmt: skip


def test_papers_without_a_link_are_joined_by_the_shortest_way(server, library):
    at = run_view("compare", papers="sam,ldm")
    assert says(at, "No known link joins them directly")
    assert says(at, "From sam to ldm: sam, ")


def test_a_paper_is_added_by_any_of_its_names(server):
    at = run_view("compare", papers="clip")
    assert says(at, "Name one more paper")
    at.text_input[0].set_value("2112.10752").run()
    assert at.query_params["papers"] == "clip,ldm"
    assert tables(at)


def test_a_name_that_is_none_is_said_and_changes_nothing(server):
    at = run_view("compare", papers="clip,nonsuch")
    assert [warning.value for warning in at.warning]
    at.text_input[0].set_value("clipp").run()
    assert any("no paper" in warning.value for warning in at.warning)
    assert at.query_params["papers"] == "clip,nonsuch"


def test_more_than_five_are_cut_and_that_is_said(server):
    at = run_view("compare", papers="clip,ldm,dit,sam,mae,dino")
    assert any("first 5 papers" in warning.value for warning in at.warning)
    assert not at.text_input


def test_what_is_not_known_is_said_and_hostile_text_stays_text(tmp_path, monkeypatch):
    path = write_small_library(tmp_path / "shown.sqlite")
    with Library.open(path) as library, Session(library.engine) as session:
        add_paper(session, "bare", title=HOSTILE, short_name=HOSTILE)
        add_paper(session, "bare2", title="T" * 500, short_name="bare2")
        commit(session)
    with fresh_server(path, monkeypatch):
        at = run_view("compare", papers="bare,bare2,clip")
        assert_text_stays_text(at)
        assert any("Year | not known | not known" in row for row in tables(at))
        assert says(run_view("compare"), "Name two papers")
