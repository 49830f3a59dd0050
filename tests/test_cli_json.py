"""`--json`: one document on stdout and nothing else, for every command, as other programs rely on it."""

import json
import sqlite3
from contextlib import closing

import pytest
from command_line import HAZARD, run, start, succeed

from graph.export import FORMATS

SEARCH_KEYS = ["query", "mode", "total", "snapshot", "sort", "offset", "words", "chips", "results"]
RESULT_KEYS = ["rank", "key", "title", "year", "score", "why", "pillar", "taxonomy", "checkpoints"]
HOSTILE = "\x1b[31mred\x1b]0;owned\x07 \x9b2J\u202egnp\u200b\x7f\r\n\tend \U000e0041 \"quoted' <b>é"


@pytest.fixture
def atlas(built_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
    return built_path


@pytest.fixture
def own_atlas(own_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(own_path))
    return own_path


@pytest.fixture
def hostile_atlas(own_atlas):
    """A library in which every text about one paper, its node and its checkpoint is hostile."""
    with closing(sqlite3.connect(own_atlas)) as connection, connection:
        (paper_id,) = connection.execute("SELECT id FROM paper WHERE key = 'sam'").fetchone()
        connection.execute(
            "UPDATE paper SET title = ?, summary = ?, venue = ?, short_name = ? WHERE id = ?",
            (HOSTILE, HOSTILE, HOSTILE, HOSTILE, paper_id),
        )
        connection.execute(
            "UPDATE author SET name = ? || name "
            "WHERE id IN (SELECT author_id FROM authorship WHERE paper_id = ?)",
            (HOSTILE, paper_id),
        )
        connection.execute("UPDATE alias SET name = ? WHERE paper_id = ?", (HOSTILE, paper_id))
        connection.execute("UPDATE taxonomy_node SET label = ?, definition = ?", (HOSTILE, HOSTILE))
        connection.execute("UPDATE checkpoint SET licence = ?, task = task || ?", (HOSTILE, HOSTILE))
    succeed("note", "sam", HOSTILE)
    succeed("collection", "add", HOSTILE, "sam")
    return own_atlas


def test_search_has_the_keys_of_the_contract_and_no_other(atlas):
    ended = run("search", "promptable segmentation", "--json", "--mode", "lexical", "--limit", "4")
    assert (ended.code, ended.err) == (0, "")
    document = ended.document
    assert list(document) == SEARCH_KEYS
    assert document["query"] == "promptable segmentation"
    assert document["mode"] == "lexical"
    assert document["snapshot"] == succeed("stats", "--json").document["snapshot"]
    assert [result["rank"] for result in document["results"]] == [1, 2, 3, 4]
    assert document["total"] > 4
    for result in document["results"]:
        assert list(result) == RESULT_KEYS
        assert set(result["why"]) >= {"lexical", "dense"}
        assert result["why"]["lexical"]
        assert set(result["why"]["lexical"]) <= {"promptable", "segmentation"}
        assert isinstance(result["score"], float)
        assert isinstance(result["year"], int)
        assert isinstance(result["checkpoints"], int)
    scores = [result["score"] for result in document["results"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.model
def test_the_installed_program_searches_by_meaning_and_prints_nothing_but_the_document(atlas):
    ended = start("search", "which model cuts out any object from a click", "--json")
    assert (ended.code, ended.err) == (0, "")
    document = ended.document
    assert list(document) == SEARCH_KEYS
    assert document["mode"] == "hybrid"
    assert len(document["results"]) == 10
    for result in document["results"]:
        assert list(result) == RESULT_KEYS
        assert -1 <= result["why"]["dense"] <= 1
    assert {"sam", "sam2", "seem"} & {result["key"] for result in document["results"]}


def test_a_search_without_results_is_a_document_too(atlas):
    document = succeed("search", "qwertyuiop", "--json", "--mode", "lexical").document
    assert (document["total"], document["results"]) == (0, [])


def test_build_keeps_its_progress_out_of_the_document(tmp_path):
    ended = run("build", "--json", "--library", tmp_path / "library.sqlite")
    assert ended.code == 0
    assert ended.err.startswith("build: 571 papers\n")
    document = ended.document
    assert set(document) == {"library", "snapshot", "changed", "counts", "embedding", "query_encoder"}
    assert document["library"] == str(tmp_path / "library.sqlite")
    assert document["changed"] is True
    assert document["counts"]["papers"] == document["embedding"]["shipped"] == 571
    assert document["query_encoder"]["difference"] < 1e-5


def test_stats_counts_everything(atlas):
    document = succeed("stats", "--json").document
    assert set(document) == {
        "snapshot", "facts_date", "counts", "pillars", "taxonomy", "edges", "years", "reference_lists",
        "coverage", "origins",
    }  # fmt: skip
    assert sum(document["pillars"].values()) == document["counts"]["papers"]


def test_show_gives_the_whole_card_with_the_source_of_each_fact(atlas):
    document = succeed("show", "sam", "--json").document
    assert document["key"] == "sam"
    assert document["arxiv_id"] == "2304.02643"
    assert document["taxonomy"][0][0] == "vfm"
    assert all(fact["source"] and fact["retrieved_at"] for fact in document["provenance"])
    assert {link["relation"] for link in document["cited_by"]} == {"cites"}


def test_neighbours_and_similar_name_the_paper_and_list_the_others(atlas):
    around = succeed("neighbours", "SAM", "--json", "--depth", "2", "--relation", "cites").document
    assert (around["key"], around["depth"], around["relation"]) == ("sam", 2, "cites")
    assert around["references_note"]
    assert around["cited_by_note"]
    assert {"key", "relation", "direction", "depth", "via", "title", "year"} <= set(around["neighbours"][0])
    near = succeed("similar", "SAM", "--json", "--limit", "3").document
    assert near["key"] == "sam"
    assert len(near["similar"]) == 3
    for paper in near["similar"]:
        assert list(paper) == [
            "key", "title", "score", "text", "coupling", "shared_references", "cocitation", "cited_together",
            "reason",
        ]  # fmt: skip
        assert paper["reason"]


def test_taxonomy_gives_the_tree_and_for_a_node_its_papers(atlas, catalogue):
    tree = succeed("taxonomy", "--json").document
    assert set(tree) == {"nodes"}
    assert len(tree["nodes"]) == len(catalogue.taxonomy)
    node = succeed("taxonomy", "discriminative.promptable", "--json").document
    assert node["nodes"][0]["id"] == "discriminative.promptable"
    assert "sam" in {paper["key"] for paper in node["papers"]}


def test_every_checkpoint_comes_with_the_lines_that_load_it(atlas, catalogue):
    found = succeed("checkpoints", "--json").document["checkpoints"]
    assert len(found) == len(catalogue.checkpoints)
    for item in found:
        assert set(item["loading"]) == {"install", "code", "caution"}
        assert item["loading"]["install"].startswith("pip install ")
    (base,) = (item for item in found if item["hub_id"] == "facebook/sam-vit-base")
    assert base["paper"] == "sam"
    assert 'SamModel.from_pretrained("facebook/sam-vit-base"' in base["loading"]["code"]


def test_formats_and_the_report_of_an_export_are_documents(atlas, tmp_path):
    formats = succeed("list-formats", "--json").document["formats"]
    assert [item["name"] for item in formats] == list(FORMATS)
    assert all(item["description"] for item in formats)
    path = tmp_path / "graph.json"
    report = succeed("export", "json", path, "--json").document
    assert report["path"] == str(path)
    assert report["bytes"] == path.stat().st_size
    assert report["papers"] == 571


def test_notes_and_collections_are_documents(own_atlas):
    assert succeed("note", "SAM", " read it ", "--json").document == {"key": "sam", "note": "read it"}
    added = succeed("collection", "add", "mine", "sam", "vit", "--json").document
    assert added == {"collection": "mine", "added": 2}
    assert succeed("collection", "list", "--json").document == {
        "collections": [{"name": "mine", "papers": 2}]
    }
    papers = succeed("collection", "show", "mine", "--json").document["papers"]
    assert papers[0] == {"key": "sam", "title": "Segment Anything", "year": 2023}
    removed = succeed("collection", "remove", "mine", "--json").document
    assert removed == {"collection": "mine", "removed": 2}
    assert succeed("show", "sam", "--json").document["notes"] == ["read it"]


def test_an_error_leaves_stdout_empty(atlas):
    ended = run("show", "nonsense", "--json")
    assert (ended.code, ended.out) == (2, "")


# --- hostile text ------------------------------------------------------------------------------------------

ABOUT_THE_PAPER = pytest.mark.parametrize(
    "arguments",
    [
        ("search", "sam", "--mode", "lexical"),
        ("show", "sam"),
        ("neighbours", "seem", "--depth", "2"),
        ("similar", "sam2", "--limit", "50"),
        ("taxonomy",),
        ("taxonomy", "discriminative.promptable"),
        ("checkpoints", "--paper", "sam"),
        ("collection", "list"),
        ("collection", "show", HOSTILE),
        ("stats",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)


@ABOUT_THE_PAPER
def test_no_text_of_a_paper_commands_the_terminal(hostile_atlas, arguments):
    ended = succeed(*arguments)
    assert not HAZARD.search(ended.out)
    if arguments != ("stats",):
        assert "owned" in ended.out, "the hostile text was not even printed"


@ABOUT_THE_PAPER
def test_a_document_with_hostile_text_is_valid_and_keeps_the_text(hostile_atlas, arguments):
    ended = succeed(*arguments, "--json")
    assert not HAZARD.search(ended.out)
    if arguments != ("stats",):
        assert HOSTILE in strings_in(ended.document)


def strings_in(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for part in parts for text in strings_in(part)}


def test_a_hostile_argument_does_not_command_the_terminal_in_the_error(atlas, tmp_path):
    for arguments in (
        ("show", HOSTILE),
        ("search", "x", "--mode", HOSTILE),
        ("search", "x", "--limit", HOSTILE),
        ("taxonomy", HOSTILE),
        (HOSTILE,),
        ("stats", "--library", tmp_path / HOSTILE),
    ):
        ended = run(*arguments)
        assert ended.code in (1, 2)
        assert not HAZARD.search(ended.err)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_document_is_valid_in_every_encoding_of_the_terminal(hostile_atlas, encoding):
    ended = start("show", "sam", "--json", PYTHONIOENCODING=encoding)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["title"] == HOSTILE
