"""The lexical index: any word of the query counts, word forms are one, names weigh more than running text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from graph.library import Library
from graph.schema import Paper
from graph.textindex import match, matched_terms, query_terms, rebuild

INVENTED = "zyzzyva"


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def ids(session):
    return dict(session.execute(select(Paper.key, Paper.id)).all())


@pytest.fixture
def own(own_path):
    with Library.open(own_path) as library, library.reading() as session:
        yield session


def keys(session, query):
    names = dict(session.execute(select(Paper.id, Paper.key)).all())
    return [names[hit.paper_id] for hit in match(session, query)]


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Segment Anything", ["segment", "anything"]),
        ("a model of the images", ["model", "images"]),
        ("to be or not", ["not"]),
        ("the of", ["the", "of"]),
        ("image image IMAGE", ["image"]),
        ('"U-Net" AND (vit*)', ["u", "net", "vit"]),
        ("Dollár", ["dollár"]),
        ("", []),
        (' "*^ -', []),
    ],
)
def test_a_query_becomes_its_words_each_once_without_function_words(query, terms):
    assert query_terms(query) == terms


def test_one_word_of_several_is_enough(session):
    both, one, other = (keys(session, query) for query in ("panoptic inpainting", "panoptic", "inpainting"))
    assert set(both) == set(one) | set(other)
    assert set(one) - set(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("segmenting", "segmentation"), ("Images", "image"), ("Dollar", "Dollár"), ("diffused", "diffusion")],
)
def test_forms_of_a_word_find_the_same_papers(session, one, other):
    assert match(session, one) == match(session, other) != []


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("residual learning recognition", "resnet"),  # title
        ("SwinV2", "swinv2"),  # key
        ("Kaiming", "mae"),  # author
        ("microscopy", "unet"),  # summary
    ],
)
def test_title_names_authors_and_summary_are_searched(session, query, key):
    assert key in keys(session, query)


def test_every_alias_is_searched(session, catalogue, ids):
    for row in catalogue.aliases:
        terms = query_terms(row.alias)
        assert terms
        assert matched_terms(session, row.alias, [ids[row.key]])[ids[row.key]] == terms, row


def test_a_word_in_the_title_weighs_more_than_one_in_the_summary(own):
    own.execute(update(Paper).where(Paper.key == "vit").values(summary=Paper.summary + f" {INVENTED}"))
    own.execute(update(Paper).where(Paper.key == "mae").values(title=Paper.title + f" {INVENTED}"))
    assert match(own, INVENTED) == []
    rebuild(own)
    assert keys(own, INVENTED) == ["mae", "vit"]


def test_rebuilding_again_changes_nothing(own):
    before = match(own, "diffusion models")
    rebuild(own)
    rebuild(own)
    assert match(own, "diffusion models") == before
    papers, rows = (
        own.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("paper", "paper_text")
    )  # fmt: skip
    assert papers == rows


def test_hits_come_best_first_and_as_many_as_asked(session):
    hits = match(session, "vision transformer")
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
    assert match(session, "vision transformer", limit=3) == hits[:3]


def test_each_found_paper_tells_which_words_it_shares(session, ids):
    query = "segmenting anything zebra"
    words = matched_terms(session, query, list(ids.values()))
    assert words[ids["sam"]] == ["segmenting", "anything"]
    assert words[ids["bert"]] == []
    found = {hit.paper_id for hit in match(session, query)}
    assert {paper_id for paper_id, shared in words.items() if shared} == found


@settings(deadline=None)
@given(st.text(st.characters()) | st.from_regex(r'[\w"*^():+\-. ]{0,20}(AND|OR|NOT|NEAR\(a b, 2\))[\w" ]*'))
def test_no_text_is_an_error_to_the_index(session, ids, query):
    hits = match(session, query)
    found = [hit.paper_id for hit in hits]
    shared = matched_terms(session, query, found)
    assert all(shared[paper_id] for paper_id in found)


@pytest.mark.parametrize("operator", ["AND", "OR", "NOT", "NEAR", "title:", "*", "^", '"', "-", "+", ")"])
def test_operators_of_the_index_are_plain_words(session, operator):
    plain = {hit.paper_id for hit in match(session, "panoptic")}
    assert plain <= {hit.paper_id for hit in match(session, f"panoptic {operator} inpainting")}


def test_a_very_long_query_is_answered(session):
    query = "panoptic " + " ".join(f"word{number}" for number in range(3000))
    assert [hit.paper_id for hit in match(session, query)] == [
        hit.paper_id for hit in match(session, "panoptic")
    ]
