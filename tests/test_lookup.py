"""A paper is found by any of its names; a name that is none, or several papers', is answered with what is."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from graph.errors import UnknownName
from graph.library import Library
from graph.lookup import find_paper, nearest_names, papers_named
from graph.schema import Identifier, Paper


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library:
        yield library


def keys_named(session, name):
    return [paper.key for paper in papers_named(session, name)]


def failure(session, name):
    with pytest.raises(UnknownName) as caught:
        find_paper(session, name)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return caught.value


def test_every_name_of_every_paper_finds_exactly_that_paper(session, catalogue):
    names = [(row.alias, row.key) for row in catalogue.aliases]
    for row in catalogue.papers:
        given_names = (row.key, row.short_name, row.title, row.arxiv_id, row.doi)
        names += [(name, row.key) for name in given_names if name]
    wrong = {name: keys_named(session, name) for name, key in names if keys_named(session, name) != [key]}
    assert len(names) > 2500
    assert wrong == {}


def test_case_and_hyphens_of_a_name_do_not_count(session, catalogue):
    for row in catalogue.papers[::12]:
        for name in (row.short_name.upper(), row.title.lower(), f" {row.short_name.replace(' ', '-')} "):
            assert keys_named(session, name) == [row.key], name


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("sam", "sam"),
        ("SAM", "sam"),
        ("Segment Anything", "sam"),
        ("segment-anything", "sam"),
        ("2304.02643", "sam"),
        ("arXiv:2304.02643v1", "sam"),
        ("https://arxiv.org/pdf/2304.02643v1.pdf", "sam"),
        ("10.48550/arXiv.2304.02643", "sam"),
        ("https://doi.org/10.1109/CVPR.2009.5206848", "imagenet"),
        ("DINO v2", "dinov2"),
        ("u net", "unet"),
    ],
)
def test_the_names_people_use_find_the_paper_they_mean(session, name, key):
    assert find_paper(session, name).key == key


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dinov", "dinov2"), ("segment anyting", "sam"), ("stable difusion", "ldm"), ("Clipp", "clip")],
)
def test_an_unknown_name_lists_near_misses_and_the_next_step(session, name, expected):
    error = failure(session, name)
    assert expected in error.nearest
    assert len(error.nearest) <= 5
    assert str(error).startswith(f"no paper {name!r}; nearest: {error.nearest[0]}, ")
    assert str(error).endswith("'vfm-atlas search' finds papers by topic")


def test_the_nearest_names_are_keys_each_once_the_nearest_first(session):
    near = nearest_names(session, "dinov22")
    assert near[0] == "dinov2"
    assert len(set(near)) == len(near)
    assert all(keys_named(session, key) == [key] for key in near)


@pytest.mark.parametrize("name", ["", "  ", "+", "--", "arXiv:9999.99999", "10.1109/nothing", "qqqqqqqq"])
def test_a_name_near_to_nothing_is_still_one_clear_line(session, name):
    assert failure(session, name).nearest == ()


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_is_a_paper_or_unknown(session, name):
    if len(papers_named(session, name)) == 1:
        assert find_paper(session, name).key
    else:
        str(failure(session, name)).encode()


@pytest.mark.parametrize("name", ["sam\udcff", "10.1109/\udcff"])
def test_bytes_that_are_no_utf8_name_no_paper(session, name):
    assert failure(session, name).value == name


def test_a_name_of_several_papers_lists_their_keys(own):
    with own.writing() as session:
        session.execute(update(Paper).where(Paper.key.in_(["vit", "mae"])).values(short_name="Twin"))
    with own.reading() as session:
        error = failure(session, "twin")
    assert error.nearest == ("mae", "vit")
    assert "use one of these keys" in str(error)


def test_a_key_wins_over_the_short_name_of_another_paper(own):
    with own.writing() as session:
        session.execute(update(Paper).where(Paper.key == "vit").values(short_name="SAM"))
    with own.reading() as session:
        assert find_paper(session, "sam").key == "sam"
        assert failure(session, "Sam").nearest == ("sam", "vit")


def test_an_arxiv_doi_finds_a_paper_that_is_known_by_its_doi_only(own):
    with own.writing() as session:
        paper_id = session.scalar(select(Paper.id).where(Paper.key == "textual-inversion"))
        session.execute(
            delete(Identifier).where(Identifier.paper_id == paper_id, Identifier.scheme == "arxiv")
        )
    with own.reading() as session:
        assert find_paper(session, "10.48550/arXiv.2208.01618").key == "textual-inversion"


def test_the_error_keeps_its_words_on_the_way_between_processes(session):
    error = failure(session, "dinov")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.nearest) == (str(error), error.nearest)


def test_no_identifier_of_the_catalogue_carries_an_escape_from_a_bibtex_file(session):
    values = session.scalars(text("SELECT value FROM identifier"))
    assert [value for value in values if "\\" in value or " " in value] == []
