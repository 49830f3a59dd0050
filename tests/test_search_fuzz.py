"""No text breaks a search: it is answered, or refused in one line that names what was wrong."""

from dataclasses import replace

import pytest
from command_line import HAZARD, run
from helpers import HashEncoder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graph.errors import AtlasError
from graph.library import Library
from graph.search import MODES, Search
from graph.search.query import FIELDS

PIECES = [
    "segmentation", "the of and", "SAM", "sam 2", "arXiv:2304.02643", "10.1109/cvpr.2009.5206848", "naïve",
    "\x00", "\u202e", "\ufeff", "🐱", "👩\u200d🔬", "שלום", "数据", "e\u0301", "'", '"', "“", "-", "--", "- ",
    "*", "^", "(", ")", ":", "%", "_", "\\", "/", "{title}", "AND", "OR", "NOT", "NEAR(a b, 2)", "title:",
    "rowid", "$1", "?", "'; DROP TABLE paper; --", '" OR "1"="1', "UNION SELECT", "{{7*7}}", "<b>x</b>",
    "../../etc/passwd", "2021", "2020..2023", ">2020", "clip", "from 2022", "with weights", "by Kaiming He",
    "at CVPR", '-"a phrase"',
]  # fmt: skip
WRITTEN = st.lists(
    st.sampled_from([*PIECES, *(f"{name}:" for name in FIELDS), " ", "  ", "\n"]) | st.text(max_size=6),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def search(built_path, shipped):
    encoder = HashEncoder("arbitrary", dimension=384)
    encoder.model = replace(encoder.model, weights_sha256=shipped.weights_sha256)
    with Library.open(built_path) as library:
        yield Search(library, encoder)


@pytest.fixture
def atlas(built_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))


@settings(max_examples=150)
@given(WRITTEN, st.sampled_from(MODES), st.booleans())
@example("", "hybrid", False)
@example(" \t\n", "hybrid", False)
@example("the of and", "hybrid", False)
@example("🐱", "hybrid", False)
@example("שלום עולם", "hybrid", False)
@example("\u202esegmentation\u202c", "hybrid", False)
@example("seg\0mentation", "lexical", False)
@example('"', "lexical", True)
@example('""', "lexical", False)
@example("-", "lexical", False)
@example('"_" -"_"', "lexical", False)
@example("author:_", "lexical", False)
@example("\ud800", "hybrid", True)
@example("* ^ ( ) { } : + -", "lexical", True)
def test_any_text_is_answered_or_refused_in_one_line(search, query, mode, literal):
    try:
        results = search.search(query, mode=mode, literal=literal, limit=3, with_facets=True)
    except AtlasError as reason:
        said = str(reason)
        assert said
        assert "\n" not in said
    else:
        assert results.total >= len(results.hits)
        for hit in results.hits:
            assert all(0 <= a < b <= len(hit.title) for a, b in hit.why.title)
            assert hit.score == hit.score


@pytest.mark.parametrize(
    "query",
    [
        "segmentation " * 769,
        "x" * 10_000,
        "שלום " * 2000,
        "🐱" * 10_000,
        '"' * 10_000,
        "-a " * 3333,
        "a:" * 5000,
    ],
)
def test_a_query_of_ten_thousand_characters_is_answered(search, query):
    results = search.search(query[:10_000], limit=3)
    assert len(results.hits) == min(3, results.total)


@pytest.mark.parametrize("literal", [False, True])
def test_a_longer_query_is_refused_with_the_length_that_is_allowed(search, literal):
    with pytest.raises(AtlasError, match=r"^the query has 10001 characters: up to 10000 are allowed$"):
        search.search("x" * 10_001, literal=literal)


@pytest.mark.parametrize("query", ["🐱", "???", "- -- -", "…", "()"])
def test_a_query_without_a_word_finds_nothing(search, query):
    assert search.search(query).total == 0


def test_a_query_of_stop_words_alone_is_searched_for_them(search):
    results = search.search("what is the", mode="lexical")
    assert results.hits
    assert set(results.hits[0].why.lexical) <= {"what", "is", "the"}


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | WRITTEN)
@example("-segmentation")
@example('"segmentation"')
@example("\x1b[31mred")
def test_no_text_breaks_the_command(atlas_for_all, query):
    if "\0" in query or any("\ud800" <= char <= "\udfff" for char in query):
        return  # no argument of a process can hold these
    ended = run("search", "--mode", "lexical", "--limit", "2", "--", query)
    assert ended.code in (0, 1, 2)
    assert "Traceback" not in ended.err
    assert "fault of vfm-atlas" not in ended.err
    assert ended.err.count("\n") == (0 if ended.code == 0 else 1)
    assert not HAZARD.search(ended.out)


@pytest.fixture(scope="module")
def atlas_for_all(built_path):
    """The library for a test that Hypothesis runs many times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
        yield


def test_options_that_contradict_each_other_are_refused(atlas):
    ended = run("search", "sam", "--page", "2", "--offset", "10")
    assert (ended.code, ended.out) == (2, "")
    assert "--offset and --page say the same: give one of them" in ended.err


def test_pages_facets_and_citations_work_from_the_command_line(atlas):
    first = run("search", "segmentation", "--mode", "lexical", "--json", "--limit", "5").document
    second = run(
        "search", "segmentation", "--mode", "lexical", "--json", "--limit", "5", "--page", "2"
    ).document
    assert [each["rank"] for each in second["results"]] == [6, 7, 8, 9, 10]
    assert not {each["key"] for each in first["results"]} & {each["key"] for each in second["results"]}
    counted = run("search", "segmentation", "--mode", "lexical", "--json", "--facets").document
    assert [facet["name"] for facet in counted["facets"]] == [
        "pillar",
        "taxonomy",
        "year",
        "venue",
        "checkpoint",
    ]
    shown = run("search", "segmentation", "--mode", "lexical", "--facets", "--sort", "year").out
    assert "\nvenue\n" in shown
    inside = run("search", "segmentation", "--mode", "lexical", "--json", "--cites", "CLIP").document
    assert 0 < inside["total"] < first["total"]


def test_similar_takes_several_papers(atlas):
    document = run("similar", "SAM", "seem", "--json", "--limit", "3").document
    assert (document["key"], document["keys"]) == (None, ["sam", "seem"])
    assert len(document["similar"]) == 3
