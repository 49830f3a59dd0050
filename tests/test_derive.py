"""The best reading of a paper follows from a stated order of origins, and every other value stays."""

import itertools
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_helpers import told
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.lookup import find_paper
from graph.network import build_network
from graph.papers import PaperCard, read_card
from graph.schema import CATALOGUE, Author, FieldValue, Identifier, Note, Paper, Source
from ingest.derive import AUTHOR_SEPARATOR, ID_FIELDS, derive, place_of, trust
from ingest.stored import SOURCE_NAMES

NOW = datetime(2026, 2, 3, 4, 5, 6)
ORIGINS = {CATALOGUE, "file", *SOURCE_NAMES} - {"huggingface"}
READINGS = {
    "title": "title",
    "short_name": "short_name",
    "summary": "summary",
    "abstract": "abstract",
    "venue": "venue",
    "code_url": "code_url",
    "doi": "doi",
    "arxiv_id": "arxiv_id",
}
"""Fields of text, with what a card calls their best reading."""


def add_paper(session: Session, key: str = "sam") -> Paper:
    paper = Paper(key=key, title="No title", short_name="No name", is_core=False, after_survey=False)
    session.add(paper)
    session.flush()
    return paper


def say(session: Session, paper: Paper, origin: str, *, name: str | None = None, **fields: object) -> int:
    """State fields of a paper by one source of an origin."""
    name = name or f"source {origin}"
    source = session.scalar(select(Source).where(Source.origin == origin, Source.name == name))
    if source is None:
        source = Source(origin=origin, name=name)
        session.add(source)
        session.flush()
    session.add_all(
        FieldValue(paper_id=paper.id, field=field, value=str(value), source_id=source.id, retrieved_at=NOW)
        for field, value in fields.items()
    )
    session.flush()
    return source.id


def reading(session: Session, said: dict[str, dict[str, object]]) -> PaperCard:
    """The card of a paper of which origins say these fields."""
    paper = add_paper(session)
    for origin, fields in said.items():
        say(session, paper, origin, **fields)
    derive(session)
    return read_card(session, "sam")


# --- order of trust ----------------------------------------------------------------------------------------


def test_the_orders_name_origins_that_exist_each_once():
    assert "default" in trust()
    for order in trust().values():
        assert len(set(order)) == len(order)
        assert set(order) <= ORIGINS
    assert set(trust()["default"]) == ORIGINS


@pytest.mark.parametrize("field", READINGS)
def test_the_most_trusted_origin_is_shown_and_without_it_the_next(session, field):
    order = [*trust().get(field, trust()["default"]), "alpha", "beta"]
    paper = add_paper(session)
    values = {origin: f"10.1000/{origin}" for origin in order}
    for origin in reversed(order):
        say(session, paper, origin, **{field: values[origin]})
    for origin in order:
        derive(session)
        card = read_card(session, "sam")
        assert getattr(card, READINGS[field]) == values[origin]
        assert {item.value for item in card.provenance} == set(values.values())
        del values[origin]
        mine = select(FieldValue).join(Source).where(Source.origin == origin)
        session.delete(session.scalars(mine).one())
        session.flush()


@given(field=st.sampled_from([*READINGS, "year", "authors"]), origin=st.text())
def test_an_origin_that_is_not_named_comes_after_all_that_are(field, origin):
    order = trust().get(field, trust()["default"])
    assert place_of(field, origin) == (order.index(origin) if origin in order else len(order))


def test_sources_of_one_origin_are_taken_in_the_order_of_their_names(session):
    paper = add_paper(session)
    say(session, paper, "file", name="b.bib", title="Second")
    say(session, paper, "file", name="a.bib", title="First")
    derive(session)
    assert read_card(session, "sam").title == "First"


def test_deriving_leaves_every_value_and_may_be_repeated(session):
    paper = add_paper(session)
    for number, origin in enumerate(sorted(ORIGINS)):
        say(
            session,
            paper,
            origin,
            title=origin,
            year=2000 + number,
            authors=f"{origin}; B",
            doi=f"10.1/{origin}",
        )
    before = told(session, "field_value", "field", "value", "source_id", "retrieved_at")
    pictures = []
    for _ in range(2):
        derive(session)
        assert told(session, "field_value", "field", "value", "source_id", "retrieved_at") == before
        pictures.append(
            [
                told(session, "identifier", "scheme", "value", "position", "source_id"),
                told(session, "authorship", "position", "author_id", "source_id"),
                told(session, "version", "id", "kind", "venue", "year", "identifier"),
                session.execute(select(Paper.title, Paper.year)).all(),
            ]
        )
    assert pictures[0] == pictures[1]


def test_what_is_derived_names_the_source_that_it_rests_on(session):
    paper = add_paper(session)
    arxiv = say(session, paper, "arxiv", arxiv_id="2304.02643", authors="A; B", year=2023)
    crossref = say(session, paper, "crossref", doi="10.1/x", venue="ICCV", authors="C")
    derive(session)
    assert told(session, "identifier", "scheme", "source_id") == [
        ("sam", "arxiv", arxiv),
        ("sam", "doi", crossref),
    ]
    assert told(session, "version", "kind", "source_id") == [
        ("sam", "preprint", arxiv),
        ("sam", "published", crossref),
    ]
    assert told(session, "authorship", "position", "source_id") == [("sam", 0, arxiv), ("sam", 1, arxiv)]


# --- columns -----------------------------------------------------------------------------------------------


def test_a_paper_of_which_nothing_is_said_keeps_its_columns_and_claims_nothing_else(session):
    paper = add_paper(session)
    say(session, paper, CATALOGUE, title="T", year=2023, arxiv_id="2304.02643", authors="A", venue="ICCV")
    derive(session)
    for value in session.scalars(select(FieldValue)):
        session.delete(value)
    derive(session)
    card = read_card(session, "sam")
    assert (card.title, card.year, card.venue) == ("T", 2023, "ICCV")
    assert (card.authors, card.arxiv_id, card.versions) == ([], None, [])
    assert session.scalars(select(Author)).all() == []


def test_title_and_short_name_are_never_empty_and_other_columns_are_when_nobody_gives_them(session):
    paper = add_paper(session)
    paper.venue, paper.abstract, paper.month = "Old venue", "Old abstract", 3
    card = reading_of(session, paper, {"file": {"year": 2020}})
    assert (card.title, card.short_name, card.year) == ("No title", "No name", 2020)
    assert (card.venue, card.abstract, card.month) == (None, None, None)


def reading_of(session: Session, paper: Paper, said: dict[str, dict[str, object]]) -> PaperCard:
    for origin, fields in said.items():
        say(session, paper, origin, **fields)
    derive(session)
    return read_card(session, paper.key)


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ({"arxiv": {"year": 2021, "month": 12}}, (2021, 12)),
        ({"arxiv": {"year": 2021, "month": 12}, "crossref": {"year": 2022, "month": 6}}, (2021, 12)),
        ({"arxiv": {"year": 2021}, "crossref": {"year": 2022, "month": 6}}, (2021, None)),
        ({"catalogue": {"month": 3}, "crossref": {"year": 2022, "month": 6}}, (2022, 6)),
        ({"catalogue": {"month": 3}, "crossref": {"year": 2022}}, (2022, None)),
        ({"arxiv": {"month": 3}}, (None, None)),
        ({"arxiv": {"month": 3}, "crossref": {"published_year": 2022}}, (2022, None)),
        ({"file": {"published_year": 2020}, "crossref": {"published_year": 2022}}, (2022, None)),
        ({"file": {"year": 2020}, "crossref": {"published_year": 2022}}, (2020, None)),
        ({"file": {"title": "T"}}, (None, None)),
    ],
    ids=str,
)
def test_the_month_is_of_the_source_that_gives_the_year(session, said, date):
    card = reading(session, said)
    assert (card.year, card.month) == date


# --- authors -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    lists=st.dictionaries(
        st.sampled_from(sorted(ORIGINS)),
        st.lists(st.sampled_from(["A", "B", "C", "D", "E, F"]), min_size=1, max_size=4),
        min_size=1,
    )
)
def test_the_authors_are_those_of_the_most_trusted_list_as_a_whole(empty_library, lists):
    with empty_library.reading() as session:
        said = {origin: {"authors": AUTHOR_SEPARATOR.join(names)} for origin, names in lists.items()}
        best = min(lists, key=lambda origin: place_of("authors", origin))
        assert reading(session, said).authors == lists[best]
        assert set(session.scalars(select(Author.name))) == set(lists[best])


def test_an_author_stays_the_same_person_for_every_paper(session):
    first, second = add_paper(session, "one"), add_paper(session, "two")
    say(session, first, "arxiv", authors="A; B")
    say(session, second, "file", authors="B; A")
    derive(session)
    assert session.scalars(select(Author.name).order_by(Author.name)).all() == ["A", "B"]
    assert (read_card(session, "one").authors, read_card(session, "two").authors) == (["A", "B"], ["B", "A"])


# --- versions ----------------------------------------------------------------------------------------------

ARXIV = {"arxiv_id": "2112.10752", "year": 2021, "month": 12}
PREPRINT = ("preprint", "arXiv", 2021, 12, "arXiv:2112.10752")


@pytest.mark.parametrize(
    ("said", "versions"),
    [
        ({"arxiv": {"title": "T"}}, []),
        ({"arxiv": ARXIV}, [PREPRINT]),
        ({"arxiv": {"arxiv_id": "2112.10752"}}, [("preprint", "arXiv", None, None, "arXiv:2112.10752")]),
        ({"crossref": {"venue": "CVPR"}}, [("published", "CVPR", None, None, None)]),
        ({"crossref": {"doi": "10.1/x"}}, [("published", None, None, None, "doi:10.1/x")]),
        (
            {"arxiv": ARXIV, "crossref": {"venue": "CVPR", "published_year": 2022, "doi": "10.1/x"}},
            [("published", "CVPR", 2022, None, "doi:10.1/x"), PREPRINT],
        ),
        ({"arxiv": ARXIV | {"venue": "J. X 1"}}, [("published", "J. X 1", None, None, None), PREPRINT]),
        # A DOI alone does not tell that a preprint appeared elsewhere: repositories give them as well.
        ({"arxiv": ARXIV, "openalex": {"doi": "10.5281/zenodo.1"}}, [PREPRINT]),
        (
            {
                "semanticscholar": {"arxiv_id": "2112.10752", "year": 2022, "month": 6},
                "arxiv": {"year": 2021},
            },
            [("preprint", "arXiv", 2021, None, "arXiv:2112.10752")],
        ),
        (
            {"semanticscholar": {"venue": "CVPR 22"}, "catalogue": {"venue": "CVPR 2022"}},
            [("published", "CVPR 2022", None, None, None)],
        ),
    ],
    ids=str,
)
def test_versions_are_the_preprint_and_the_published_text(session, said, versions):
    reading(session, said)
    found = told(session, "version", "kind", "venue", "year", "month", "identifier")
    assert sorted(found, key=repr) == sorted((("sam", *version) for version in versions), key=repr)


# --- identifiers -------------------------------------------------------------------------------------------


def test_a_paper_is_found_by_every_id_that_anybody_gives_and_shows_the_best(session):
    card = reading(
        session,
        {
            "file": {"doi": "10.1/file", "arxiv_id": "2304.02643"},
            "openalex": {"doi": "10.1/first; 10.1/SECOND", "openalex_id": "W12"},
            "crossref": {"doi": "10.1/publisher"},
            "semanticscholar": {"s2_id": "f" * 40, "corpus_id": "12; 13"},
        },
    )
    assert (card.arxiv_id, card.doi) == ("2304.02643", "10.1/publisher")
    assert build_network(session).nodes["sam"]["doi"] == "10.1/publisher"
    assert told(session, "identifier", "scheme", "position", "value") == [
        ("sam", "arxiv", 0, "2304.02643"),
        ("sam", "corpus", 0, "12"),
        ("sam", "corpus", 1, "13"),
        ("sam", "doi", 0, "10.1/publisher"),
        ("sam", "doi", 1, "10.1/first"),
        ("sam", "doi", 2, "10.1/second"),
        ("sam", "doi", 3, "10.1/file"),
        ("sam", "openalex", 0, "W12"),
        ("sam", "s2", 0, "f" * 40),
    ]


@pytest.mark.parametrize("field", ID_FIELDS)
def test_an_id_that_two_papers_claim_goes_to_the_more_trusted_claim(session, field):
    one, two = add_paper(session, "one"), add_paper(session, "two")
    value = "W1" if field == "openalex_id" else "10.1000/x"
    order = trust().get(field, trust()["default"])
    for trusted, other in itertools.pairwise(order):
        for claims in ({one: trusted, two: other}, {one: other, two: trusted}):
            for paper, origin in claims.items():
                say(session, paper, origin, **{field: value})
            derive(session)
            owner = next(paper for paper, origin in claims.items() if origin == trusted)
            assert session.scalars(select(Identifier.paper_id)).all() == [owner.id]
            for said in session.scalars(select(FieldValue)):
                session.delete(said)
            session.flush()


def test_an_id_claimed_alike_goes_to_the_elder_paper_and_the_other_shows_its_next(session):
    one, two = add_paper(session, "one"), add_paper(session, "two")
    say(session, two, "crossref", doi="10.1000/x; 10.1000/y")
    say(session, one, "crossref", doi="10.1000/X")
    derive(session)
    assert find_paper(session, "10.1000/x").key == "one"
    assert (read_card(session, "one").doi, read_card(session, "two").doi) == ("10.1000/x", "10.1000/y")


def test_a_claim_that_was_taken_back_frees_the_id(session):
    one, two = add_paper(session, "one"), add_paper(session, "two")
    session.add(Note(paper_id=one.id, text="mine", created_at=NOW))
    say(session, one, CATALOGUE, arxiv_id="2304.02643")
    derive(session)
    session.delete(session.scalars(select(FieldValue)).one())
    say(session, two, "file", arxiv_id="2304.02643")
    derive(session)
    assert find_paper(session, "2304.02643").key == "two"


# --- reference lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "state", "entries"),
    [
        ({"file": {"title": "T"}}, "unread", None),
        ({"openalex": {"reference_list": "not_found"}}, "not_found", None),
        (
            {
                "catalogue": {"reference_list": "not_found"},
                "openalex": {"reference_list": "partial", "reference_entries": 3},
            },
            "partial",
            3,
        ),
        (
            {
                "catalogue": {"reference_list": "partial", "reference_entries": 50},
                "openalex": {"reference_list": "complete", "reference_entries": 40},
            },
            "complete",
            40,
        ),
        (
            {
                "semanticscholar": {"reference_list": "complete", "reference_entries": 41},
                "catalogue": {"reference_list": "complete", "reference_entries": 40},
            },
            "complete",
            40,
        ),
        (
            {
                "semanticscholar": {"reference_list": "partial", "reference_entries": 41},
                "catalogue": {"reference_list": "complete"},
            },
            "complete",
            None,
        ),
    ],
    ids=str,
)
def test_a_reference_list_is_in_the_best_state_that_any_source_reached(session, said, state, entries):
    reading(session, said)
    assert session.execute(select(Paper.reference_list, Paper.reference_entries)).all() == [(state, entries)]
