"""Papers beside the catalogue's, taken apart and joined again, and what new ones are called."""

import pytest
from helpers import keys, rebuild
from hypothesis import given, settings
from hypothesis import strategies as st
from record_helpers import (
    LATER,
    apart,
    links,
    many_records,
    paper_of,
    record,
    row_of,
    some_settings,
    take_in,
    told,
    works,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.lookup import find_paper
from graph.papers import read_card
from graph.schema import (
    Alias,
    Paper,
)
from graph.shelf import add_note, add_to_collection, papers_in
from graph.snapshot import take_snapshot
from ingest.merge import consolidate, rejoin, separate
from ingest.naming import key_for, short_name_for
from ingest.record import Record, text_of
from ingest.stored import store_records

# --- with the catalogue ------------------------------------------------------------------------------------


def test_a_record_joins_the_paper_of_the_catalogue_by_id_or_title(small_library):
    with small_library.writing() as session:
        report = take_in(
            session,
            record("a", "arxiv:2112.10752", abstract="An abstract.", title="Latent Diffusion Models (v2)"),
            record("b", title="Deep residual learning", authors=("He, K.",), year=2016, venue="CVPR"),
        )
        assert report.new == []
        assert paper_of(session, "a").key == "ldm"
        assert paper_of(session, "b").key == "resnet"
        assert (row_of(session, "a").matched_by, row_of(session, "b").matched_by) == (
            "arXiv:2112.10752",
            "title, first author and year",
        )
        card = read_card(session, "ldm")
        assert (card.title, card.abstract) == ("Latent Diffusion Models", "An abstract.")
        assert read_card(session, "resnet").venue == "CVPR 2016"


def test_no_record_joins_two_papers_of_the_catalogue(small_library):
    before = keys(small_library)
    with small_library.writing() as session:
        # The DOI of ResNet, the arXiv id of CLIP.
        report = take_in(session, record("a", "arxiv:2103.00020", "doi:10.1109/cvpr.2016.90"))
        assert paper_of(session, "a").key == "clip"
        (conflict,) = report.conflicts
        assert (conflict.first, conflict.second) == ("paper resnet", "record semanticscholar a")
        assert (report.new, report.folded) == ([], {})
        assert read_card(session, "resnet").doi == "10.1109/cvpr.2016.90"
        assert read_card(session, "clip").doi is None
    assert keys(small_library) == before


def test_the_catalogue_takes_over_a_paper_that_was_ingested_before(small_library, small):
    said = record("a", "arxiv:2304.02643", title="Segment Anything", abstract="An abstract.", year=2023)
    with small_library.writing() as session:
        take_in(session, said, record("b", "doi:x", cites=["arxiv:2304.02643"]))
        old = paper_of(session, "a").key
        add_note(session, old, "mine")
        add_to_collection(session, "reading", [old])
    small.add(
        "papers.csv", key="sam", title="Segment Anything!", short_name="SAM", arxiv_id="2304.02643",
        year="2023", month="4", authors="Alexander Kirillov", taxonomy="things.models",
        core="0", after_survey="0", source="list three",
    )  # fmt: skip
    rebuild(small_library, small)
    assert old != "sam"
    assert old not in keys(small_library)
    with small_library.reading() as session:
        card = read_card(session, "sam")
        assert (card.title, card.short_name) == ("Segment Anything!", "SAM")
        assert (card.abstract, card.notes) == ("An abstract.", ["mine"])
        assert [paper.key for paper in papers_in(session, "reading")] == ["sam"]
        assert find_paper(session, old).key == "sam"
        assert [link.key for link in card.cited_by] == [paper_of(session, "b").key]


def test_a_paper_of_the_catalogue_keeps_its_key_when_its_records_leave(small_library):
    with small_library.writing() as session:
        take_in(session, record("a", "arxiv:2112.10752"))
        assert paper_of(session, "a").key == "ldm"
        report = take_in(session, record("a", "arxiv:9999.00001", when=LATER))
        assert report.folded == {}
        assert paper_of(session, "a").key == report.new[0] != "ldm"
        assert read_card(session, "ldm").arxiv_id == "2112.10752"


# --- taking apart ------------------------------------------------------------------------------------------


def test_a_record_that_was_taken_out_stays_out_and_goes_back(own):
    said = [record("a", "doi:x", title="One"), record("b", "doi:x", title="Other"), record("c", "doi:x")]
    with own.writing() as session:
        take_in(session, *said)
        key, before = paper_of(session, "a").key, take_snapshot(session).id
        separated = separate(session, [row_of(session, "b")])
        assert works(session) == apart("ac", "b")
        assert paper_of(session, "b").key == separated != key
        assert paper_of(session, "a").key == key
        assert take_in(session, *said, record("d", "doi:x")).new == []
        assert works(session) == apart("acd", "b")
        add_note(session, separated, "mine")
    with own.writing() as session:
        assert rejoin(session, [row_of(session, "b")]) == key
        assert works(session) == apart("abcd")
        assert read_card(session, key).notes == ["mine"]
        session.delete(row_of(session, "d"))
        consolidate(session)
        assert take_snapshot(session).id == before


@some_settings
@given(said=many_records(), choice=st.data())
def test_separating_and_rejoining_gives_the_same_library(empty_library, said, choice):
    with empty_library.reading() as session:
        take_in(session, *said)
        together = choice.draw(st.sampled_from(sorted(map(sorted, works(session)))))
        some = choice.draw(st.lists(st.sampled_from(together), min_size=1, unique=True))
        origins = {each.external_id: each.origin for each in said}
        rows = [row_of(session, name, origins[name]) for name in some]
        before, at_first = picture(session), keys_of(session)
        separated = separate(session, rows)
        assert frozenset(some) in works(session)
        assert {row.paper_id for row in rows} == {find_paper(session, separated).id}
        meanwhile = keys_of(session)
        rejoin(session, rows)
        assert picture(session) == before
        # Others that came together or fell apart by that are still found by the keys that they had.
        folded = (at_first - meanwhile) | (meanwhile - keys_of(session) - {separated})
        assert set(session.scalars(select(Alias.name))) == folded


def keys_of(session: Session) -> set[str]:
    return set(session.scalars(select(Paper.key)))


def picture(session: Session) -> list[object]:
    """All facts but other names of papers, by natural keys."""
    columns = {
        "field_value": ("field", "value", "source_id"),
        "identifier": ("scheme", "value", "source_id", "position"),
        "version": ("kind", "venue", "year", "month", "identifier", "source_id"),
        "authorship": ("position", "source_id"),
        "source_record": ("external_id", "matched_by", "separate_group"),
    }
    papers = select(Paper.key, Paper.title, Paper.year, Paper.abstract, Paper.reference_list)
    facts = [told(session, table, *names) for table, names in columns.items()]
    return [sorted(session.execute(papers).all(), key=repr), links(session), *facts]


def test_the_paper_stays_with_what_was_not_taken_out_of_it(session):
    take_in(session, record("a", "doi:x"), record("b", "doi:x"))
    key = paper_of(session, "a").key
    assert separate(session, [row_of(session, "a")]) != key
    assert paper_of(session, "b").key == key


def test_what_was_set_apart_can_be_parted_further(session):
    take_in(session, *(record(name, "doi:x") for name in "abcd"))
    separate(session, [row_of(session, name) for name in "bcd"])
    assert works(session) == apart("a", "bcd")
    separate(session, [row_of(session, "b")])
    assert works(session) == apart("a", "b", "cd")
    rejoin(session, [row_of(session, "b")])
    assert works(session) == apart("ab", "cd")


def test_a_record_can_be_taken_out_of_a_paper_of_the_catalogue(small_library):
    with small_library.writing() as session:
        take_in(session, record("a", "arxiv:2112.10752", abstract="Of another work."))
        before = take_snapshot(session).id
        key = separate(session, [row_of(session, "a")])
        assert key != "ldm"
        assert read_card(session, "ldm").abstract is None
        assert find_paper(session, "2112.10752").key == "ldm"
        assert rejoin(session, [row_of(session, "a")]) == "ldm"
        assert take_snapshot(session).id == before


def test_a_former_key_that_was_known_before_is_still_known_after_a_round_trip(session):
    take_in(session, record("a", "doi:a"), record("b", "doi:b"))
    old = paper_of(session, "b").key
    take_in(session, record("c", "doi:a", "doi:b"))
    assert separate(session, [row_of(session, "b")]) == old
    assert find_paper(session, old).id == paper_of(session, "b").id
    rejoin(session, [row_of(session, "b")])
    assert find_paper(session, old).id == paper_of(session, "b").id
    assert works(session) == apart("abc")


# --- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"authors": ("Kaiming He", "Jian Sun"), "year": 2016}, "he2016deep"),
        ({"authors": ("He, Kaiming",), "year": 2016}, "he2016deep"),
        ({"authors": ("van der Maaten, Laurens",), "published_year": 2008}, "maaten2008deep"),
        ({"authors": ("Aäron van den Oord",), "year": 2017}, "oord2017deep"),
        ({"authors": ("O'Neill-Müller",), "year": 2017}, "oneillmuller2017deep"),
        ({"authors": ("何恺明",), "year": 2016}, "何恺明2016deep"),
        ({"authors": ("Ada Sm+all",), "year": 2016}, "small2016deep"),
        ({"authors": ("...",), "year": 2016}, "anonymous2016deep"),
        ({"year": 2016}, "anonymous2016deep"),
        ({}, "anonymousdeep"),
        ({"title": "On the Opportunities of Models", "year": 2021}, "anonymous2021opportunities"),
        ({"title": "深度 学习", "year": 2021}, "anonymous2021深度"),
        ({"title": "«Что делать?»", "year": 2021}, "anonymous2021что"),  # noqa: RUF001
        ({"title": "What is it for", "year": 2021}, "anonymous2021it"),
        ({"title": "?!", "year": 2021}, "anonymous2021work"),
        ({"title": "The of", "year": 2021}, "anonymous2021work"),
        ({"title": "C++ and _under_scores", "year": 2021}, "anonymous2021c"),
        ({"title": "x" * 500, "authors": ("y" * 300,)}, "y" * 60),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_new_paper_is_named_as_in_bibtex(session, facts, key):
    said = record("a", **{"title": "A Deep Network"} | facts)
    assert key_for(said, ()) == key
    assert take_in(session, said).new == [key]
    assert find_paper(session, key).title == said.title


names = st.text(min_size=1).map(text_of).filter(bool)


@settings(deadline=None)
@given(title=names, author=st.just("") | names, year=st.none() | st.integers(1500, 2100))
def test_a_key_is_one_short_word_whatever_the_names(title, author, year):
    said = record("a", title=title, authors=(author,), year=year)
    key = key_for(said, ())
    assert 0 < len(key) <= 60
    assert all(char.isalnum() for char in key)
    assert key_for(said, {key}) == f"{key}-2"
    assert short_name_for(said).strip()


def test_twins_are_told_apart_by_numbers_in_the_order_of_their_records(session):
    twins = [record(name, f"doi:{name}", title="Deep", authors=("K. He",), year=2016) for name in "cab"]
    for twin in twins:
        store_records(session, [Record(**{**vars(twin), "title": f"Deep {twin.external_id}"})])
    consolidate(session)
    assert [paper_of(session, name).key for name in "abc"] == ["he2016deep", "he2016deep-2", "he2016deep-3"]


def test_a_key_that_the_catalogue_has_is_not_given_again(small_library):
    with small_library.writing() as session:
        session.scalars(select(Paper).where(Paper.key == "cfg")).one().key = "he2016deep"
        report = take_in(session, record("a", title="Deep", authors=("K. He",), year=2016))
    assert report.new == ["he2016deep-2"]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"title": "DINOv2: Learning Robust Features"}, "DINOv2"),
        ({"title": "Grounding DINO : Marrying DINO", "authors": ("A B",), "year": 2023}, "Grounding DINO"),
        ({"title": "Deep", "authors": ("Kaiming He", "Jian Sun"), "year": 2016}, "He et al. 2016"),
        ({"title": "Deep", "authors": ("Kaiming He",), "published_year": 2016}, "He 2016"),
        ({"title": "A question of five words: and more", "authors": ("A B",), "year": 2023}, "B 2023"),
        ({"title": ": Nothing before", "authors": ("A B",), "year": 2023}, "B 2023"),
        ({"title": "Deep", "authors": ("Kaiming He",)}, "Deep"),
        ({"title": "x" * 41}, "x" * 39 + "…"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_new_paper_has_a_short_name(facts, name):
    assert short_name_for(record("a", **facts)) == name
