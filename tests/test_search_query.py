"""The query language: what is typed becomes words and conditions, or one line that says what is wrong."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graph.errors import QueryError
from graph.filters import Filters
from graph.search.query import FIELDS, HAS, LONGEST, Query, parse

OPERATORS = [
    '"',
    "-",
    ":",
    "author:",
    "year:",
    "year:2020..",
    "in:",
    "has:",
    "cites:",
    '-"',
    '"a b"',
    ">",
    "..",
    "“",
]


def test_plain_words_stay_as_they_are():
    text = "what the DAAM paper, interpreting stable diffusion?"
    assert parse(text) == Query(text, words=text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"segment anything" video', {"words": "segment anything video", "phrases": ("segment anything",)}),
        ("“segment anything” video", {"words": "segment anything video", "phrases": ("segment anything",)}),
        ('x"y z"w', {"words": "x y z w", "phrases": ("y z",)}),
        ("sam -video -text-to-image", {"words": "sam", "excluded": ("video", "text-to-image")}),
        ('sam -"image editing" -video', {"words": "sam", "excluded": ("image editing", "video")}),
        ("-sam", {"excluded": ("sam",)}),
        ("author:Kirillov author:Kirillov", {"authors": ("Kirillov",)}),
        ('author:"Alec Radford" author:He clip', {"words": "clip", "authors": ("Alec Radford", "He")}),
        ("venue:CVPR", {"venues": ("CVPR",)}),
        ("cites:clip", {"cites": "clip"}),
        ("citedby:dinov2 cites:clip", {"cites": "clip", "cited_by": "dinov2"}),
        ("cited-by:sam", {"cited_by": "sam"}),
        ("year:2021", {"filters": Filters(years=(2021, 2021))}),
        ("YEAR:2021", {"filters": Filters(years=(2021, 2021))}),
        ("year:2020..2023", {"filters": Filters(years=(2020, 2023))}),
        ("year:2020:2023", {"filters": Filters(years=(2020, 2023))}),
        ("year:2020-2023", {"filters": Filters(years=(2020, 2023))}),
        ("year:2020..", {"filters": Filters(years=(2020, None))}),
        ("year:..2020", {"filters": Filters(years=(None, 2020))}),
        ("year:>2020", {"filters": Filters(years=(2021, None))}),
        ("year:>=2020", {"filters": Filters(years=(2020, None))}),
        ("year:<2020", {"filters": Filters(years=(None, 2019))}),
        ("year:<=2020", {"filters": Filters(years=(None, 2020))}),
        ("year:>2018 year:<2021", {"filters": Filters(years=(2019, 2020))}),
        ("in:generative.editing", {"filters": Filters(taxonomy="generative.editing")}),
        ('in:"Image editing"', {"filters": Filters(taxonomy="Image editing")}),
        ("pillar:unified", {"filters": Filters(pillar="unified")}),
        ("has:checkpoint", {"filters": Filters(has_checkpoint=True)}),
        (
            "has:abstract has:Code",
            {"filters": Filters(has_abstract=True, has_code=True)},
        ),
    ],
)  # fmt: skip
def test_each_part_of_the_language_is_read(text, expected):
    assert parse(text) == Query(text, **expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arXiv:2304.02643", "arXiv:2304.02643"),
        ("https://arxiv.org/abs/2304.02643", "https://arxiv.org/abs/2304.02643"),
        ("DINO: DETR with DeNoising", "DINO: DETR with DeNoising"),
        ("in: a word", "in: a word"),
        ("subject:vision", "subject:vision"),
        ('subject:"two words"', "subject:two words"),
        ("text-to-image -- a survey", "text-to-image a survey"),
        ("Recognition - and more", "Recognition - and more"),
        ('"segment anything', "segment anything"),
        ('say "cheese', "say cheese"),
        ('"', ""),
        ('""', ""),
        ("se\0gment", "se gment"),
        ("\u202eclip\u202c", "clip"),
    ],
)
def test_what_is_no_operator_is_plain_words(text, words):
    assert parse(text) == Query(text, words=words)


def test_a_quote_that_is_never_closed_begins_the_value_of_a_field():
    assert parse('author:"Radford').authors == ("Radford",)


def test_no_title_of_the_catalogue_is_read_as_anything_but_words(catalogue):
    for row in catalogue.papers:
        query = parse(row.title)
        assert not query.has_conditions, row.title
        assert query.words.replace(" ", "") == row.title.replace(" ", "").replace('"', "").replace("--", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "year:abc",
            "cannot read 'year:abc': year:2021, year:2020..2023, year:2020.., year:>2020 are allowed",
        ),
        ("year:2023..2020", "the years '2023:2020' run backwards: write 2020:2023"),
        (
            "year:>2020 year:2020",
            "no year is left by 'year:2020' and the 'year:' before it: write one of them",
        ),
        ("has:money", "cannot read 'has:money': has:checkpoint, has:abstract, has:code are allowed"),
        ("-year:2020", "cannot exclude 'year:2020': '-' goes before a word or a \"phrase\" to leave out"),
        ("in:a in:b", "'in:' stands twice, for 'a' and for 'b': write one of them"),
        ("pillar:a pillar:b", "'pillar:' stands twice, for 'a' and for 'b': write one of them"),
        ("cites:a cites:b", "'cites:' stands twice, for 'a' and for 'b': write one of them"),
        ("x" * (LONGEST + 1), f"the query has {LONGEST + 1} characters: up to {LONGEST} are allowed"),
    ],
)
def test_what_cannot_be_meant_is_named_in_one_line(text, said):
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert str(caught.value) == said


def test_every_field_and_everything_to_have_is_read():
    values = {"year": "2020", "has": "code"}
    for name in FIELDS:
        assert parse(f"{name}:{values.get(name, 'x')}").has_conditions, name
    for name in HAS:
        assert parse(f"has:{name}").filters


@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(st.one_of(st.sampled_from(OPERATORS), st.text(max_size=5)), max_size=40).map("".join),
        st.lists(st.sampled_from(OPERATORS), max_size=20).map(" ".join),
    )
)
@example("\0" * 100)
@example("🦜" * 500 + ' -"🦜')
@example("\u202e" + "שלום עולם" + " author:כהן")
@example("- " * 5000)
@example('"' * LONGEST)
@example("a:" * 5000)
def test_no_text_breaks_the_parser(text):
    try:
        query = parse(text)
    except QueryError:
        return
    assert parse(text) == query
    assert "\0" not in query.words
    assert all(phrase in query.words for phrase in query.phrases)
    assert all(part.strip() for part in (*query.phrases, *query.excluded, *query.authors, *query.venues))


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_what_a_value_holds_survives_its_quotes(name):
    assert parse(f'author:"{name} x"').authors == (" ".join(f"{name} x".split()),)
