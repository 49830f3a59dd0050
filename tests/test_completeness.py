"""Which facts are missing, paper by paper, and who gives those that are there."""

import pytest
from helpers import paper_id
from record_helpers import record, take_in
from sqlalchemy import select

from graph.completeness import count_known, facts, missing_of, origins, papers_missing
from graph.errors import UnknownName
from graph.schema import Paper
from ingest.record import Reference

FACTS = ("summary", "abstract", "authors", "venue", "year", "arxiv_id", "doi", "reference_list")


def test_known_and_missing_add_up_for_every_fact(small_library):
    with small_library.reading() as session:
        known = count_known(session)
        assert tuple(known) == tuple(facts()) == FACTS
        for fact in FACTS:
            assert known[fact] + len(papers_missing(session, fact)) == 6


def test_what_a_paper_lacks_is_what_it_is_listed_under(small_library):
    with small_library.reading() as session:
        listed = {fact: {paper.key for paper in papers_missing(session, fact)} for fact in FACTS}
        for key in session.scalars(select(Paper.key)):
            lacking = missing_of(session, paper_id(session, key))
            assert lacking == [fact for fact in FACTS if key in listed[fact]]


def test_each_fact_is_read_from_its_place(small_library):
    with small_library.reading() as session:
        assert [paper.key for paper in papers_missing(session, "summary")] == ["later"]
        assert {paper.key for paper in papers_missing(session, "venue")} == {"survey", "cfg", "later"}
        assert {paper.key for paper in papers_missing(session, "doi")} == {
            "survey",
            "clip",
            "ldm",
            "cfg",
            "later",
        }
        # A list that was looked for and not found is not known; one that was read in part is.
        lists = {paper.key for paper in papers_missing(session, "reference_list")}
        assert lists == {"survey", "resnet", "cfg", "later"}
        assert papers_missing(session, "arxiv_id") == []


def test_the_newest_papers_come_first_and_those_without_a_year_last(small_library):
    with small_library.writing() as session:
        session.execute(Paper.__table__.update().where(Paper.key == "clip").values(year=None))
    with small_library.reading() as session:
        found = papers_missing(session, "abstract")
        assert [paper.key for paper in found] == ["later", "survey", "cfg", "ldm", "resnet", "clip"]
        assert (found[0].title, found[0].year) == ("A Paper After the Survey", 2024)
        assert [paper.key for paper in papers_missing(session, "year")] == ["clip"]


def test_a_fact_that_nobody_counts_names_those_that_are(small_library):
    with small_library.reading() as session, pytest.raises(UnknownName, match=r"no fact 'colour'.*abstract"):
        papers_missing(session, "colour")


def test_an_ingest_closes_gaps(small_library):
    with small_library.writing() as session:
        take_in(
            session,
            record(
                "a", f"s2:{'1' * 40}", "arxiv:2103.00020", title="Learning Transferable Visual Models",
                abstract="About clip.", year=2021, cites=[Reference(title="something")],
            ),
        )  # fmt: skip
    with small_library.reading() as session:
        assert "abstract" not in missing_of(session, paper_id(session, "clip"))
        assert count_known(session)["abstract"] == 1


def test_origins_count_papers_per_field_and_links(small_library):
    with small_library.reading() as session:
        before = origins(session)
    assert before["title"] == {"catalogue": 6}
    assert before["citations"] == {"catalogue": 3}
    with small_library.writing() as session:
        take_in(
            session,
            record("a", "arxiv:2103.00020", title="Learning Transferable Visual Models", year=2021,
                   cites=["arxiv:1512.03385", "arxiv:2112.10752"]),
            record("2103.00020v1", "arxiv:2103.00020", title="Learning Transferable Visual Models",
                   origin="arxiv", abstract="About clip."),
        )  # fmt: skip
    with small_library.reading() as session:
        after = origins(session)
    assert after["title"] == {"arxiv": 1, "catalogue": 6, "semanticscholar": 1}
    assert after["abstract"] == {"arxiv": 1}
    assert after["year"]["semanticscholar"] == 1
    assert after["citations"] == {"catalogue": 3, "semanticscholar": 2}
    assert after["arxiv_id"] == {"arxiv": 1, "catalogue": 6, "semanticscholar": 1}
