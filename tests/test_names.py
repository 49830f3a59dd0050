"""Names are compared by what people mean; arXiv ids and DOIs are read in every spelling in use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.names import arxiv_id_of, doi_of, fold, is_text

ARXIV_IDS = ["2304.02643", "0705.1234", "cs/0112017", "math.GT/0309136", "hep-th/9901001"]
ARXIV_SPELLINGS = [
    "{}",
    "  {} ",
    "{}v3",
    "arXiv:{}",
    "arxiv:{}v2",
    "ARXIV: {}",
    "arXiv:{}v1 [cs.CV]",
    "arxiv.org/abs/{}",
    "http://arxiv.org/abs/{}v1",
    "https://arxiv.org/abs/{}/",
    "https://arxiv.org/abs/{}?context=cs.CV",
    "https://www.arxiv.org/abs/{}",
    "https://export.arxiv.org/abs/{}",
    "https://arxiv.org/pdf/{}",
    "https://arxiv.org/pdf/{}v4.pdf#page=3",
    "https://arxiv.org/html/{}v2",
    "10.48550/arXiv.{}",
    "https://doi.org/10.48550/ARXIV.{}",
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DINOv2", "DINO v2"),
        ("DINOv2", "dino-v2"),
        ("U-Net", "UNET"),
        ("Piotr Dollár", "piotr dollar"),
        ("Segment Anything", "segment_anything!"),
        ("\uff33\uff21\uff2d", "sam"),
        ("Straße", "strasse"),
    ],
)
def test_spellings_that_people_vary_fold_alike(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("SDEdit", "SDEdit+"), ("DINO", "DINOv2"), ("SAM 2", "SAM 3"), ("日本", "日")]
)
def test_names_of_different_things_fold_apart(one, other):
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_is_folding_once(name):
    assert fold(fold(name)) == fold(name)


@given(st.text(), st.sampled_from([" ", "-", "_", ".", ":", "\n", "\u2013"]), st.text())
def test_separators_do_not_count(before, separator, after):
    assert fold(before + separator + after) == fold(before) + fold(after)


@given(st.text())
def test_only_letters_digits_and_plus_remain(name):
    assert all(char.isalnum() or char == "+" for char in fold(name))


@given(st.text(st.characters(max_codepoint=127)))
def test_case_does_not_count(name):
    assert fold(name.upper()) == fold(name.lower()) == fold(name)


@pytest.mark.parametrize("spelling", ARXIV_SPELLINGS)
@pytest.mark.parametrize("arxiv_id", ARXIV_IDS)
def test_an_arxiv_id_is_read_in_every_spelling(arxiv_id, spelling):
    assert arxiv_id_of(spelling.format(arxiv_id)) == arxiv_id.lower()


@given(
    st.from_regex(r"([0-9]{4}\.[0-9]{4,5}|[a-z-]{2,8}(\.[A-Z]{2})?/[0-9]{7})", fullmatch=True),
    st.sampled_from(ARXIV_SPELLINGS),
)
def test_the_spelling_around_an_arxiv_id_never_changes_it(arxiv_id, spelling):
    assert arxiv_id_of(spelling.format(arxiv_id)) == arxiv_id.lower()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "SAM",
        "arXiv",
        "2304",
        "2304.026",
        "2304.026431",
        "12304.02643",
        "2304.02643 and more",
        "https://example.org/abs/2304.02643",
        "cs/011201",
        "10.1109/2304.02643",
    ],
)
def test_what_is_no_arxiv_id_is_not_read_as_one(name):
    assert arxiv_id_of(name) is None


@pytest.mark.parametrize(
    "spelling",
    ["{}", " {} ", "doi:{}", "DOI: {}", "https://doi.org/{}", "http://dx.doi.org/{}", "doi.org/{}"],
)
@pytest.mark.parametrize("doi", ["10.1109/CVPR.2009.5206848", "10.1007/978-3-031-19772-7_1"])
def test_a_doi_is_read_in_every_spelling(doi, spelling):
    assert doi_of(spelling.format(doi)) == doi.lower()


@pytest.mark.parametrize(
    "name", ["", "SAM", "10.1/x", "11.1109/x", "10.1109/", "10.1109/a b", "https://example.org/10.1109/x"]
)
def test_what_is_no_doi_is_not_read_as_one(name):
    assert doi_of(name) is None


def test_bytes_that_were_no_utf8_are_no_text():
    assert is_text("Dollár 日本 😀")
    assert not is_text(b"SAM \xff".decode(errors="surrogateescape"))
