"""Records come back from JSON as they were, hostile values are dropped, ids are read in every spelling."""

import json
import unicodedata
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.errors import UnreadableId
from ingest.record import (
    SCHEMES,
    Record,
    Reference,
    WorkId,
    count_of,
    ids_of,
    month_of,
    names_of,
    text_of,
    year_of,
)

NOW = datetime(2026, 2, 3, 4, 5, 6)
HASH = "0123456789abcdef0123456789abcdef01234567"

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
many = st.lists(texts, max_size=3).map(tuple)
numbers = st.none() | st.integers(0, 10**8)
work_ids = st.lists(st.builds(WorkId, st.sampled_from(SCHEMES), texts), max_size=3).map(tuple)
references = st.builds(
    Reference,
    ids=work_ids,
    title=st.none() | texts,
    contexts=many,
    intents=many,
    is_influential=st.none() | st.booleans(),
)
records = st.builds(
    Record,
    origin=texts,
    external_id=texts,
    title=texts,
    retrieved_at=st.datetimes(),
    ids=work_ids,
    authors=many,
    year=numbers,
    month=numbers,
    venue=st.none() | texts,
    published_year=numbers,
    abstract=st.none() | texts,
    code_url=st.none() | texts,
    citation_count=numbers,
    reference_count=numbers,
    references=st.none() | st.lists(references, max_size=3).map(tuple),
)

# Whatever JSON can hold, and some of what it cannot.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HAZARDS = {"Cc", "Cf", "Co", "Cs", "Cn"}


# --- records -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(record=records)
def test_a_record_comes_back_from_json_as_it_was(record):
    written = json.dumps(record.to_json())
    assert Record.from_json(json.loads(written), record.retrieved_at) == record


def test_json_holds_given_facts_only_and_no_date():
    bare = Record("arxiv", "2304.02643v1", "Segment Anything", NOW)
    assert bare.to_json() == {"origin": "arxiv", "external_id": "2304.02643v1", "title": "Segment Anything"}


def test_a_list_that_was_asked_for_and_is_empty_is_told_from_one_that_was_not():
    for listed in ((), None):
        record = Record("crossref", "x", "X", NOW, references=listed)
        assert Record.from_json(record.to_json(), NOW).references == listed
        assert ("references" in record.to_json()) == (listed is not None)


def test_an_id_is_found_by_its_scheme():
    record = Record("crossref", "x", "X", NOW, ids=ids_of(doi="10.1000/x", arxiv="2304.02643"))
    assert (record.id_of("doi"), record.id_of("arxiv"), record.id_of("s2")) == (
        "10.1000/x",
        "2304.02643",
        None,
    )


# --- values from outside -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(value=anything, kind=st.sampled_from(["title", "abstract", "venue", "name", "context"]))
@example(value="\u202egnp.exe", kind="title")
@example(value="a\ud800b", kind="title")
@example(value="\0\x1b[31m", kind="title")
def test_a_cleaned_text_is_one_line_without_hazards(value, kind):
    text = text_of(value, kind)
    assert text is None or (
        isinstance(value, str)
        and text == " ".join(text.split()) != ""
        and not {unicodedata.category(char) for char in text} & HAZARDS
    )


@given(text=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40))
def test_an_honest_text_stays_as_it_is(text):
    assert text_of(text) == text


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("  Segment\n\tAnything ", "Segment Anything"),
        ("Segment\x00 Any\u200bthing\u202e", "Segment Anything"),
        ("a\u2028b\u3000c", "a b c"),
        ("\ufeff", None),
        ("", None),
        (b"bytes", None),
        (["a list"], None),
        ("x" * 2_000, "x" * 2_000),
        ("x" * 2_001, None),
        ("x" * 10_000_000, None),
        ("x" + " " * 3_000, "x"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_texts_are_cleaned_and_bounded(value, cleaned):
    assert text_of(value, "title") == cleaned


@pytest.mark.parametrize(("kind", "most"), [("name", 300), ("venue", 500), ("abstract", 60_000)])
def test_each_kind_of_text_has_its_own_bound(kind, most):
    assert text_of("x" * most, kind) == "x" * most
    assert text_of("x" * (most + 1), kind) is None


@settings(deadline=None)
@given(values=anything)
def test_names_never_part_into_two(values):
    names = names_of(values)
    assert all(name and ";" not in name for name in names)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["Ada Small", None, "", 7, {"name": "x"}, " Bo\nTiny "], ("Ada Small", "Bo Tiny")),
        (("A; B",), ("A, B",)),
        ("Ada Small", ()),
        (None, ()),
        ([f"Author {number}" for number in range(5_000)], tuple(f"Author {n}" for n in range(5_000))),
        (["x"] * 5_001, ()),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_names_of_authors_are_cleaned_in_their_order(values, names):
    assert names_of(values) == names


@settings(deadline=None)
@given(value=anything | st.text(st.characters(categories=["N"])))
@example(value="²")
@example(value="9" * 5_000)
@example(value=10**5_000)
@example(value="٢٠٢٠")
@example(value=True)
@example(value=float("nan"))
def test_numbers_are_whole_and_within_bounds_or_none(value):
    for read, least, most in ((year_of, 1500, 2100), (month_of, 1, 12), (count_of, 0, 10**9 - 1)):
        number = read(value)
        assert number is None or (type(number) is int and least <= number <= most)


@pytest.mark.parametrize(
    ("read", "value", "number"),
    [
        (year_of, 2023, 2023),
        (year_of, " 2023 ", 2023),
        (year_of, "2023a", None),
        (year_of, 2023.0, None),
        (year_of, 1499, None),
        (year_of, 2101, None),
        (year_of, False, None),
        (month_of, "04", 4),
        (month_of, 12, 12),
        (month_of, 0, None),
        (month_of, 13, None),
        (month_of, True, None),
        (month_of, "April", None),
        (count_of, 0, 0),
        (count_of, -1, None),
        (count_of, 10**9, None),
        (count_of, True, None),
        (count_of, "3", None),
    ],
)
def test_numbers_are_read(read, value, number):
    assert read(value) == number


# --- ids ---------------------------------------------------------------------------------------------------

SPELLINGS = {
    "arXiv:2312.10163": [
        "2312.10163",
        "arXiv:2312.10163",
        "ARXIV:2312.10163v2",
        "arxiv: 2312.10163",
        " 2312.10163v12\n",
        "https://arxiv.org/abs/2312.10163",
        "http://arxiv.org/abs/2312.10163v1",
        "arxiv.org/pdf/2312.10163v2.pdf",
        "https://www.arxiv.org/pdf/2312.10163",
        "https://export.arxiv.org/abs/2312.10163?context=cs",
        "https://arxiv.org/html/2312.10163v1#S2",
        "2312.10163 [cs.CV]",
        "10.48550/arXiv.2312.10163",
        "https://doi.org/10.48550/ARXIV.2312.10163",
        "doi:10.48550/arxiv.2312.10163",
    ],
    "arXiv:cs/0112017": ["cs/0112017", "arXiv:cs/0112017v1", "https://arxiv.org/abs/cs/0112017"],
    "doi:10.1109/cvpr.2016.90": [
        "10.1109/CVPR.2016.90",
        "doi:10.1109/cvpr.2016.90",
        "DOI: 10.1109/CVPR.2016.90",
        "https://doi.org/10.1109/cvpr.2016.90",
        "http://dx.doi.org/10.1109/CVPR.2016.90",
        "dx.doi.org/10.1109/cvpr.2016.90",
    ],
    f"s2:{HASH}": [HASH, HASH.upper(), f"s2:{HASH}", f"SemanticScholar:{HASH}"],
    "CorpusId:215416146": ["CorpusId:215416146", "corpus:215416146", "CorpusID: 215416146"],
    "openalex:W2741809807": [
        "W2741809807",
        "w2741809807",
        "openalex:W2741809807",
        "https://openalex.org/W2741809807",
        "https://api.openalex.org/works/W2741809807",
        "openalex.org/works/w2741809807",
    ],
}


@pytest.mark.parametrize(
    ("written", "meant"), [(written, meant) for meant, every in SPELLINGS.items() for written in every]
)
def test_an_id_is_read_in_every_spelling(written, meant):
    parsed = WorkId.parse(written)
    assert str(parsed) == meant
    assert WorkId.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "attention is all you need",
        "2312.101",
        "arXiv:",
        "10.48550",
        "10.1109/",
        "doi:",
        HASH[:-1],
        HASH + "0",
        "CorpusId:",
        "215416146",
        "CorpusId:1234567890123",
        "W",
        "Walter",
        "CorpusId:١٢٣",
        "\uff12\uff13\uff11\uff12.10163",
        "10.1109/cvpr\u202e2016",
        "10.1109/a b",
        "10.1109/" + "x" * 1_000,
        "2312.10163\x00",
    ],
    ids=lambda text: repr(text)[:25],
)
def test_what_is_no_id_is_refused_in_one_line_that_names_what_is_allowed(text):
    with pytest.raises(UnreadableId, match="allowed are arXiv:") as caught:
        WorkId.parse(text)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 300
    assert repr(text[:20])[1:-1] in said
    assert caught.value.exit_code == 2


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_an_id_or_refused(text):
    try:
        parsed = WorkId.parse(text)
    except UnreadableId:
        return
    assert parsed.scheme in SCHEMES
    assert WorkId.parse(str(parsed)) == parsed


@settings(deadline=None)
@given(values=st.dictionaries(st.sampled_from([*SCHEMES, "mag"]), anything))
@example(values={"doi": "10.48550/arXiv.2304.02643", "arxiv": "2304.02643"})
def test_ids_from_outside_are_known_schemes_each_once_in_order(values):
    found = ids_of(**values)
    assert len(set(found)) == len(found)
    assert list(found) == sorted(found, key=lambda each: (SCHEMES.index(each.scheme), each.value))


def test_ids_are_read_under_their_own_scheme_only():
    links = {"openalex": "https://openalex.org/W1", "doi": "https://doi.org/10.1000/X"}
    assert ids_of(corpus=7, s2=HASH, arxiv="2304.02643v2", **links) == (
        WorkId("arxiv", "2304.02643"),
        WorkId("doi", "10.1000/x"),
        WorkId("s2", HASH),
        WorkId("corpus", "7"),
        WorkId("openalex", "W1"),
    )
    assert ids_of(doi="10.48550/arXiv.2304.02643") == (WorkId("arxiv", "2304.02643"),)
    assert ids_of(s2="2304.02643", arxiv="10.1000/x", openalex=HASH, corpus="x", doi=True, mag="W1") == ()
