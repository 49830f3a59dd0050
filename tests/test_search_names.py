"""Names in queries: which papers and families a text names, and that a version is never another."""

from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.library import Library
from graph.names import fold
from graph.search.families import is_part, read_families
from graph.search.names import NameIndex
from graph.search.spelling import Nearby, edits, is_common
from graph.search.terms import plain, read_terms


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def names(session):
    return NameIndex.load(session)


@pytest.fixture(scope="module")
def keys_of(names):
    return lambda ids: {names.table.keys[paper_id] for paper_id in ids}


# Names


def test_every_name_of_every_paper_is_in_the_table(names, keys_of, catalogue):
    given_names = [(row.alias, row.key) for row in catalogue.aliases]
    for row in catalogue.papers:
        given_names += [(name, row.key) for name in (row.key, row.short_name, row.title)]
    for name, key in given_names:
        found = names.table.papers(fold(name))
        assert names.table.keys[found[0]] == key, name


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("SAM 2", ["sam2"]),
        ("SAM v2", ["sam2"]),
        ("SAM", ["sam"]),
        ("sam v1", ["sam"]),
        ("BLIP 1", ["blip"]),
        ("beit 2", ["beitv2"]),
        ("dino 2", ["dinov2"]),
        ("moco v3", ["mocov3"]),
        ("SAM 9", []),
        ("clip 2", []),
        ("A Tale of Two Features", ["sd-dino"]),
        ("Tale of Two Features", ["sd-dino"]),
        ("DINO", ["dino", "dino-det"]),
        ("Emu", ["emu", "emu-gen"]),
        ("SDXL Turbo", ["add"]),
        ("What the DAAM", ["daam"]),
        ("Diffusion", []),
        ("", []),
    ],
)
def test_names_are_found_with_their_versions_and_parts(names, name, keys):
    assert [names.table.keys[paper_id] for paper_id in names.table.papers(fold(name))] == keys


def test_no_versioned_name_stands_for_another_paper_with_that_name(names):
    """The bare number is a fallback: what a paper is really called wins."""
    for folded, spellings in names.table.spellings.items():
        exact = {each.paper_id for each in spellings if each.exact}
        if exact:
            assert set(names.table.papers(folded)[: len(exact)]) == exact, folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arXiv:2304.02643", (["sam"], "arXiv id", "")),
        ("read https://arxiv.org/abs/2304.02643v2 please", (["sam"], "arXiv id", "read please")),
        ("(arxiv.org/pdf/2304.02643.pdf).", (["sam"], "arXiv id", "")),
        ("https://doi.org/10.48550/arXiv.2304.02643", (["sam"], "arXiv id", "")),
        ("10.1109/CVPR.2009.5206848", (["imagenet"], "DOI", "")),
        ("Facebook/SAM-vit-base", (["sam"], "checkpoint", "")),
        ("https://huggingface.co/facebook/sam-vit-base", (["sam"], "checkpoint", "")),
        ("2401.99999", ([], None, "")),
        ("image/text pairs", ([], None, "image/text pairs")),
        ("DALL-E 2.0", ([], None, "DALL-E 2.0")),
    ],
)
def test_identifiers_are_found_wherever_they_stand(session, names, text, expected):
    keys, kind, left = expected
    found, rest, any_identifier = names.table.identified(session, text)
    assert [names.table.keys[each.paper_id] for each in found] == keys
    assert {each.kind for each in found} == ({kind} if kind else set())
    assert rest == left
    assert any_identifier == (left != text)


def test_a_checkpoint_of_several_papers_names_them_all(session, names, keys_of):
    found, *_ = names.table.identified(session, "CompVis/stable-diffusion-v1-4")
    assert keys_of(each.paper_id for each in found) == {"ldm", "attend-and-excite", "ledits-pp"}


def test_words_that_people_use_are_told_from_names(session, names):
    table = names.table
    for ordinary in ("align", "flow matching", "vision transformer"):
        assert table.use(session, ordinary, table.papers(fold(ordinary))).is_ordinary, ordinary
    for name in ("imagebind", "dinov2", "stable diffusion"):
        assert not table.use(session, name, table.papers(fold(name))).is_ordinary, name


def test_an_empty_library_has_no_names_and_no_families(empty_library):
    with empty_library.reading() as session:
        names = NameIndex.load(session)
        assert names.table.papers("sam") == []
        assert names.families.of("sam") is None
        assert names.families.of("sd") is None
        assert names.table.identified(session, "2304.02643")[0] == []


# Families


@pytest.mark.parametrize(
    ("name", "members", "others"),
    [
        ("SAM", {"sam", "sam2", "sam3", "hq-sam", "fastsam", "mobilesam"}, {"sagan", "seem"}),
        ("CLIP", {"clip", "eva-clip", "mobileclip", "clipseg", "openclip"}, {"siglip", "glip", "flip"}),
        ("DINO", {"dino", "dinov2", "dinov3", "grounding-dino"}, {"ddim"}),
        ("BLIP", {"blip", "blip2", "instructblip"}, {"glip"}),
        ("ViT", {"vit", "vit-22b", "vitdet", "owl-vit"}, {"vits"}),
        ("SD", {"ldm", "sdxl", "sd3"}, {"sdedit"}),
        ("Stable Diffusion", {"ldm", "sdxl", "sd3"}, {"dit"}),
        ("StyleGAN", {"stylegan", "stylegan2", "stylegan-t"}, {"styleclip"}),
        ("JEPA", {"ijepa", "v-jepa"}, set()),
    ],
)
def test_a_family_is_what_carries_its_name(names, keys_of, name, members, others):
    family = names.families.of(fold(name))
    assert members <= keys_of(family.papers)
    assert not others & keys_of(family.papers)


@pytest.mark.parametrize(
    "name", ["CoCa", "no such family", "", "masked autoencoders are scalable vision learners"]
)
def test_what_has_no_relatives_is_no_family(names, name):
    assert names.families.of(fold(name)) is None


def test_listed_families_name_papers_that_there_are_and_say_why(catalogue):
    keys = {row.key for row in catalogue.papers}
    called = []
    for listed in read_families():
        assert set(listed.papers) <= keys, listed
        assert len(set(listed.papers)) == len(listed.papers) > 1
        assert listed.source
        assert listed.called
        called += map(fold, listed.called)
    assert len(called) == len(set(called)) > 10


def test_listed_families_say_names_that_their_papers_have(catalogue):
    """The source of each names what is seen in papers.csv and aliases.csv: it must be seen there."""
    seen = {row.key: {row.short_name, row.title} for row in catalogue.papers}
    for row in catalogue.aliases:
        seen[row.key].add(row.alias)
    for listed in read_families():
        for name in listed.source.partition(": ")[2].split(", "):
            assert any(name in names for key in listed.papers for names in seen[key]), (listed.family, name)


@pytest.mark.parametrize(
    ("name", "stem", "expected"),
    [
        ("SAM 2", "SAM", True),
        ("HQ-SAM", "SAM", True),
        ("FastSAM", "SAM", True),
        ("CLIPSeg", "CLIP", True),
        ("CLIPv2", "CLIP", True),
        ("SAM3D", "SAM", True),
        ("SAMA", "SAM", False),
        ("SigLIP", "LIP", True),
        ("SIGLIP", "LIP", False),
        ("RESAM", "SAM", False),
        ("SAMple", "SAM", False),
        ("T50", "T5", False),
        ("T5-XXL", "T5", True),
        ("mypix2pix", "pix2pix", False),
    ],
)
def test_a_name_is_a_part_of_another_where_a_new_word_or_version_begins(name, stem, expected):
    start = name.index(stem)
    assert is_part(name, start, start + len(stem)) is expected


# Terms of the taxonomy


def test_terms_are_used_so_by_a_paper_of_their_node(catalogue):
    nodes = {node.id: node for node in catalogue.taxonomy}
    papers = {row.key: row for row in catalogue.papers}
    summaries = {row.key: row.summary for row in catalogue.summaries}
    seen = set()
    for term in read_terms():
        assert term.node in nodes, term
        assert (term.node, term.term) not in seen
        seen.add((term.node, term.term))
        if term.source == "editors":
            continue
        if term.source in ("label", "definition"):
            texts = [nodes[term.node].label, nodes[term.node].definition]
        else:
            row = papers[term.source]
            assert term.node in (row.taxonomy, *row.taxonomy_secondary), term
            texts = [row.title, summaries.get(row.key, "")]
        wanted = plain(term.term.replace("-", " ").split())
        assert any(wanted in plain(text.replace("-", " ").split()).replace(",", "") for text in texts), term
    assert len(seen) > 100


@pytest.mark.parametrize(
    ("phrase", "nodes"),
    [
        ("Image editing", ["generative.editing"]),
        ("open-vocabulary detectors", ["discriminative.ovdet"]),
        ("open vocabulary detector", ["discriminative.ovdet"]),
        ("masked image modeling", ["discriminative.mim"]),
        ("Masked Image Modelling", ["discriminative.mim"]),
        ("self-supervised learning", ["discriminative.ssl", "discriminative.mim"]),
        ("survey", ["challenge.survey"]),
        ("image tokenizer", ["foundation.tokenizer"]),
        ("efficiency", []),
        ("visual foundation models", []),
        ("segmentation", []),
    ],
)
def test_a_phrase_denotes_its_node_in_any_spelling(names, phrase, nodes):
    assert names.terms.denoted(phrase.replace("-", " ").split()) == nodes


def test_a_heading_of_one_word_denotes_its_node_only_alone(names):
    assert names.terms.denoted(["efficiency"], alone=True) == ["challenge.efficiency"]


# Spelling


def reference_edits(one, other):
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    table[:, 0], table[0, :] = range(len(one) + 1), range(len(other) + 1)
    for i, a in enumerate(one, start=1):
        for j, b in enumerate(other, start=1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return int(table[-1, -1])


SHORT_WORDS = st.text("abc", min_size=1, max_size=8)


@given(SHORT_WORDS, st.lists(SHORT_WORDS, min_size=1, max_size=5), st.integers(1, 3))
def test_edits_are_those_of_the_textbook(word, others, limit):
    expected = [min(reference_edits(word, other), limit + 1) for other in others]
    assert edits(word, others, limit).tolist() == expected


@given(SHORT_WORDS, st.lists(SHORT_WORDS, max_size=20, unique=True), st.integers(1, 2))
def test_no_word_that_is_near_is_filtered_away(word, others, limit):
    def allowed(other):
        return limit if other[0] == word[0] else 1

    near = {other for other in others if reference_edits(word, other) <= allowed(other)}
    assert {other for other, _ in Nearby(others).near(word, limit)} == near


def test_common_words_are_told_by_the_embedding_models_vocabulary():
    for word in ("printed", "home", "intervals", "folder", "spilling"):
        assert is_common(word), word
    for word in ("segement", "conistency", "imagbind", "grouding"):
        assert not is_common(word), word


def test_the_data_files_are_plain_utf8_with_unix_lines():
    for name in ("families.csv", "taxonomy_terms.csv"):
        content = (files("data") / name).read_bytes()
        assert b"\r" not in content
        assert content.decode().endswith("\n")
