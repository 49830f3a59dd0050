"""`rank`, `path` and `unification`: the same answers as the functions behind them, as text and as JSON."""

import re

import pytest
from command_line import fail, run, succeed

from graph.analysis.citegraph import CitationGraph
from graph.analysis.paths import find_path
from graph.analysis.ranking import RANKINGS, rank
from graph.filters import Filters, allowed_ids
from graph.library import Library


@pytest.fixture
def atlas(own_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(own_path))
    return own_path


@pytest.fixture
def graph(library):
    with library.reading() as session:
        return CitationGraph.read(session)


@pytest.mark.parametrize("by", RANKINGS)
def test_rank_lists_the_best_papers_with_their_scores(atlas, graph, by):
    document = succeed("rank", "--by", by, "--limit", "7", "--json").document
    ranks = rank(graph, by)
    assert list(document) == ["by", "meaning", "note", "snapshot", "total", "papers"]
    assert (document["by"], document["meaning"], document["note"]) == (by, ranks.meaning, ranks.note)
    assert document["total"] == len(graph)
    assert [paper["key"] for paper in document["papers"]] == [graph.keys[at] for at in ranks.order[:7]]
    assert [paper["rank"] for paper in document["papers"]] == list(range(1, 8))
    assert [paper["score"] for paper in document["papers"]] == [
        pytest.approx(ranks.scores[at]) for at in ranks.order[:7]
    ]
    assert set(document["papers"][0]) == {"rank", "key", "title", "year", "score", "pillar", "cited_by"}


def test_rank_is_by_pagerank_unless_told_otherwise_and_the_same_when_kept(atlas):
    first, second = succeed("rank", "--json"), succeed("rank", "--by", "pagerank", "--json")
    assert first.out == second.out
    assert len(first.document["papers"]) == 20


def test_filters_choose_from_the_ranks_of_the_whole_library(atlas, library, graph):
    document = succeed(
        "rank", "--pillar", "generative", "--year", "2022:", "--limit", "999", "--json"
    ).document
    with library.reading() as session:
        allowed = allowed_ids(session, Filters(pillar="generative", years=(2022, None)))
    ranks = rank(graph)
    order = [graph.keys[at] for at in ranks.order if int(graph.paper_ids[at]) in allowed]
    assert [paper["key"] for paper in document["papers"]] == order
    assert document["total"] == len(order) == len(allowed)


def test_a_score_that_is_not_known_is_null_and_said_in_words(atlas):
    document = succeed("rank", "--by", "bridge", "--limit", "571", "--json").document
    assert document["papers"][-1]["score"] is None
    assert succeed("rank", "--by", "bridge", "--limit", "571").out.count("not known") > 400


def test_rank_in_words_says_what_it_means_and_rests_on(atlas):
    lines = succeed("rank", "--limit", "2").out.splitlines()
    assert lines[0] == f"2 of 571 papers by pagerank: {RANKINGS['pagerank'].meaning}."
    assert lines[1] == "Over the reference lists of 139 of 571 papers."
    assert lines[3].split()[:3] == ["1", "0.02528", "imagenet"]
    assert len(lines) == 5


def test_help_lists_every_ranking_with_its_meaning():
    text = " ".join(succeed("rank", "--help").out.split())
    for name, ranking in RANKINGS.items():
        assert f"{name}: {ranking.meaning}" in text


def test_rank_refuses_what_it_does_not_know(atlas):
    message = fail("rank", "--by", "fame", code=2)
    assert message == f"no ranking 'fame'; allowed: {', '.join(RANKINGS)}"
    assert "limit" in fail("rank", "--limit", "0", code=2)
    assert fail("rank", "--pillar", "magic", code=2).startswith("no pillar 'magic'; allowed: ")


def test_path_tells_each_step(atlas, library):
    document = succeed("path", "SAM", "arXiv:2112.10752", "--json").document
    with library.reading() as session:
        found = find_path(session, "sam", "ldm")
    assert (document["from"], document["to"], document["found"]) == ("sam", "ldm", True)
    assert document["keys"] == list(found.keys)
    assert document["strength"] == found.strength
    assert [step["words"] for step in document["steps"]] == [step.words for step in found.steps]
    assert set(document["steps"][0]) == {"start", "end", "relation", "forward", "strength", "words"}


def test_the_strongest_path_prefers_typed_relations(atlas):
    document = succeed("path", "sam", "ldm", "--strongest", "--json").document
    assert [step["relation"] for step in document["steps"]] == ["builds_on"] * 3
    lines = succeed("path", "sam", "ldm", "--strongest").out.splitlines()
    assert lines[0] == "From sam to ldm in 3 steps, strength 0.125"
    assert [re.split(r"\s{2,}", line.strip()) for line in lines[1:]] == [
        ["sam", "->", "vit", "SAM builds on ViT"],
        ["vit", "<-", "dit", "DiT builds on ViT"],
        ["dit", "->", "ldm", "DiT builds on LDM"],
    ]


def test_no_path_is_an_answer_not_an_error(atlas, small_library):
    at = ("--library", small_library.path)
    ended = run("path", "survey", "clip", "--json", *at)
    assert (ended.code, ended.err) == (0, "")
    assert (ended.document["found"], ended.document["steps"], ended.document["strength"]) == (False, [], None)
    assert succeed("path", "survey", "clip", *at).out.startswith("No way leads from survey to clip ")
    assert succeed("path", "clip", "clip", *at).out.splitlines()[0] == "clip and clip are the same paper."


@pytest.mark.parametrize("ends", [("clipp", "sam"), ("sam", "clipp")])
def test_path_names_the_nearest_of_unknown_papers(atlas, ends):
    assert fail("path", *ends, code=2).startswith("no paper 'clipp'; nearest: clip")


def test_ranking_works_on_a_library_that_cannot_be_written(atlas, tmp_path):
    with Library.open(atlas) as library, library.writing():
        ended = run("rank", "--limit", "1", "--json")
    assert (ended.code, ended.document["papers"][0]["key"]) == (0, "imagenet")


def test_unification_gives_every_pair_as_data_and_one_pair_as_tables(atlas):
    document = succeed("unification", "--json").document
    assert list(document) == ["snapshot", "coverage", "mixing", "distances"]
    row = next(
        row for row in document["mixing"]
        if row["year"] == 2023 and row["pair"] == ["generative", "discriminative"]
    )  # fmt: skip
    assert row["ratio"] == pytest.approx(row["observed"] / row["expected"])
    assert row["low"] <= row["ratio"] <= row["high"]
    shown = succeed("unification").out
    assert f"{document['coverage']['covered']} of {document['coverage']['papers']} papers" in shown
    line = next(line for line in shown.splitlines() if line.startswith("2023"))
    assert line.split()[1:4] == [str(row["observed"]), f"{row['expected']:.1f}", f"{row['ratio']:.2f}"]
    assert (
        succeed("unification", "--pair", "discriminative", "generative").out.splitlines()[1:]
        == (shown.splitlines()[1:])
    )


def test_a_pillar_that_unification_does_not_measure_is_named_with_those_it_does(atlas):
    message = fail("unification", "--pair", "generative", "resource", code=2)
    assert "no pillar 'resource'; allowed: generative, discriminative, unified" in message
