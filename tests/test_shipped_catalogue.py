"""The shipped catalogue: complete, sourced, and its summaries in the form that data/README.md asks for."""

import csv
import itertools
import re
from collections import defaultdict

import pytest
from helpers import CATALOGUE_FILES

from ingest.catalogue import shipped_folder

CSV_FILES = [name for name in CATALOGUE_FILES if name.endswith(".csv")]


def test_the_shipped_catalogue_holds_what_is_promised(catalogue):
    assert sum(paper.core for paper in catalogue.papers) == 320
    assert len(catalogue.papers) == 571
    assert len(catalogue.taxonomy) == 48
    (survey,) = [paper for paper in catalogue.papers if paper.key == catalogue.manifest.survey]
    assert survey.arxiv_id == "2312.10163"


@pytest.mark.parametrize("name", CSV_FILES)
def test_every_row_of_the_shipped_files_is_read(name, catalogue):
    with (shipped_folder() / name).open(encoding="utf-8", newline="") as file:
        written = sum(1 for _row in csv.reader(file)) - 1
    rows = getattr(catalogue, name.removesuffix(".csv"))
    # The models of data/zoo are checkpoints, too, and stand in a file of their own.
    listed = [row for row in rows if not getattr(row, "hub_id", "").startswith("zoo/")]
    assert len(listed) == written > 0


def test_every_core_paper_has_a_summary(catalogue):
    core = {paper.key for paper in catalogue.papers if paper.core}
    assert core <= {row.key for row in catalogue.summaries}


def test_every_row_has_a_source(catalogue):
    """Its own column, or for files without one the manifest; a list that was not found has none to name."""
    for rows in (catalogue.papers, catalogue.citations, catalogue.relations, catalogue.checkpoints):
        assert all(row.source.strip() for row in rows)
    assert all(row.source or row.status == "not_found" for row in catalogue.reference_lists)
    named = catalogue.manifest.sources.model_dump()
    without_column = {
        name.removesuffix(".csv")
        for name in CSV_FILES
        if "source" not in CATALOGUE_FILES[name].split("\n")[0]
    }
    assert set(named) == without_column
    assert all(named.values())


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z(\"'])", text)


def test_summaries_are_two_or_three_sentences_of_45_to_90_words(catalogue):
    wrong = {
        row.key: (len(sentences(row.summary)), len(row.summary.split()))
        for row in catalogue.summaries
        if len(sentences(row.summary)) not in (2, 3) or not 45 <= len(row.summary.split()) <= 90
    }
    assert not wrong


def test_summaries_end_like_sentences(catalogue):
    assert not [row.key for row in catalogue.summaries if not re.fullmatch(r"[A-Z].*[.]", row.summary)]


def test_no_two_summaries_of_one_node_are_alike(catalogue):
    """Jaccard overlap of their words: a summary with a few words exchanged would be near 1."""
    node_of = {paper.key: paper.taxonomy for paper in catalogue.papers}
    by_node = defaultdict(list)
    for row in catalogue.summaries:
        by_node[node_of[row.key]].append((row.key, set(re.findall(r"[a-z]+", row.summary.lower()))))
    overlaps = {
        (one, other): len(words & others) / len(words | others)
        for rows in by_node.values()
        for (one, words), (other, others) in itertools.combinations(rows, 2)
    }
    assert len(overlaps) > 1000
    assert not {pair: overlap for pair, overlap in overlaps.items() if overlap > 0.35}


def loose_numbers(text: str) -> list[str]:
    """Numbers that are no part of a name: counts, scores and sizes, which a reader could not check here.

    A word with letters before or around its digits is a name (DINOv2, T5, SA-1B), and so is a number right
    after a capitalised word (SAM 2); a number with a unit is none.
    """
    words = [word.strip(".,;:()'\"") for word in text.split()]
    return [
        word
        for before, word in itertools.pairwise(["", *words])
        if re.fullmatch(r"[^A-Za-z]*\d[^A-Za-z]*([%xkKmMbB]|fps|ms|px|GB)?", word)
        and not (re.fullmatch(r"\d(\.\d)?", word) and before[:1].isupper())
    ]


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("Reaches 88.5% on ImageNet.", ["88.5%"]),
        ("Trained on 400 million pairs.", ["400"]),
        ("A 7B model that is 10x faster, on 1024 images.", ["7B", "10x", "1024"]),
        ("DINOv2, T5-XXL and LAION-5B, after SAM 2 and Stable Diffusion 3.", []),
        ("Lifts text-to-3D and YOLOv8-seg in 3D.", []),
        ("Uses Layers 12 and 24.", ["12", "24"]),
    ],
)
def test_numbers_outside_names_are_told_from_names(text, loose):
    assert loose_numbers(text) == loose


def test_summaries_state_no_numbers(catalogue):
    assert not {
        row.key: loose_numbers(row.summary) for row in catalogue.summaries if loose_numbers(row.summary)
    }
