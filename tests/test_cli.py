"""The command line as people use it: help, the global options, and each command's readable output."""

import re
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from command_line import run, start, succeed

from app.cli import cli


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command, groups included, by the words that call it."""
    found: dict[tuple[str, ...], click.Command] = {path: group}
    for name, command in group.commands.items():
        here = (*path, name)
        found |= commands(command, here) if isinstance(command, click.Group) else {here: command}
    return found


COMMANDS = commands()
every_command = pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "vfm-atlas")


@pytest.fixture
def atlas(built_path, monkeypatch) -> Path:
    """The shared library as the one that commands use."""
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
    return built_path


@pytest.fixture
def own_atlas(own_path, monkeypatch) -> Path:
    """A library that commands may change."""
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(own_path))
    return own_path


# --- version and help --------------------------------------------------------------------------------------


def test_the_installed_program_tells_its_version():
    ended = start("--version")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"vfm-atlas, version {version('vfm-atlas')}\n"


@every_command
def test_every_command_explains_itself_and_each_of_its_options(path):
    ended = succeed(*path, "--help")
    assert ended.out.startswith(f"Usage: {' '.join(('vfm-atlas', *path))} ")
    assert ended.err == ""
    command = COMMANDS[path]
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.opts[-1] in ended.out
            assert option.metavar or option.is_flag, f"{option.name} shows a bare type"


@every_command
def test_no_summary_is_cut_in_the_list_of_commands(path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert not re.search(r"[^\]SDY]\.\.\.", succeed(*path, "--help").out)  # [ARGS]..., KEYS..., ID...


def test_help_has_a_short_option():
    assert succeed("search", "-h").out == succeed("search", "--help").out


@pytest.mark.parametrize("path", [(), ("collection",)])
def test_a_bare_group_shows_its_help_as_a_usage_error(path):
    ended = run(*path)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err == succeed(*path, "--help").out


def test_the_help_shows_a_newcomer_the_first_steps():
    steps = re.findall(r"^ +vfm-atlas (.+?)  ", succeed("--help").out.partition("First steps:")[2], re.M)
    assert [step.split()[0] for step in steps] == ["build", "search", "explore", "ingest"]


# --- global options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("path", [("stats",), ("collection", "list"), ("search", "vit", "--mode", "lexical")])
def test_global_options_may_stand_before_or_after_the_command(built_path, path, before):
    options = ("--library", built_path, "--json")
    arguments = (*options, *path) if before else (*path, *options)
    assert isinstance(succeed(*arguments).document, dict)


def test_global_options_may_stand_between_a_group_and_its_command(built_path):
    assert succeed("collection", "--library", built_path, "--json", "list").document == {"collections": []}


def test_one_call_does_not_inherit_the_options_of_another(atlas):
    assert succeed("--json", "list-formats").document
    assert not succeed("list-formats").out.startswith("{")


def test_the_library_of_the_environment_is_used(atlas):
    assert succeed("stats").out.startswith("Snapshot ")


def test_the_option_library_wins_over_the_environment(built_path, tmp_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(tmp_path / "elsewhere.sqlite"))
    assert succeed("--library", built_path, "stats").out.startswith("Snapshot ")
    assert run("stats").code == 1


def test_the_last_option_library_wins(built_path, tmp_path):
    assert succeed("--library", tmp_path / "elsewhere.sqlite", "stats", "--library", built_path).out


def test_a_library_may_be_named_by_a_url(built_path):
    assert succeed("--library", f"sqlite:///{built_path}", "stats").out.startswith("Snapshot ")


# --- what the commands print -------------------------------------------------------------------------------


def test_build_makes_a_library_tells_its_steps_on_stderr_and_then_finds_nothing_new(tmp_path):
    path = tmp_path / "new" / "folder" / "library.sqlite"
    first = start("build", "--library", path)
    assert first.code == 0, first.err
    assert first.err.splitlines() == [
        "build: 571 papers",
        "build: vectors",
        "build: places in the taxonomy and on the map",
        "build: search index",
    ]
    assert re.search(r"^  papers +571$", first.out, re.M)
    assert re.search(r"^  citations +3538$", first.out, re.M)
    assert first.out.splitlines()[-2].endswith(": 571 shipped, 0 kept, 0 encoded")
    assert first.out.splitlines()[-1].startswith("  queries are encoded by onnxruntime, within ")
    assert ", nothing new" not in first.out
    second = succeed("build", "--library", path)
    assert second.out.splitlines()[0] == f"{first.out.splitlines()[0]}, nothing new"


def test_stats_counts_pillars_nodes_edges_and_coverage(atlas):
    out = succeed("stats").out
    sections = re.findall(r"^(\S.*)$", out, re.M)
    assert sections[0].startswith("Snapshot ")
    assert [section.split(" (")[0] for section in sections[1:]] == [
        "Papers per pillar", "Papers per taxonomy node", "Edges", "Known of 571 papers", "Who gives it",
        "Reference lists",
    ]  # fmt: skip
    assert re.search(r"^  cites +3538$", out, re.M)
    assert re.search(r"^  abstract +0 +0%$", out, re.M)
    assert re.search(r"^  arxiv id +\d+ +\d+%$", out, re.M)


def test_search_prints_each_hit_with_its_key_and_the_reason(atlas):
    out = succeed("search", "promptable segmentation", "--mode", "lexical", "--limit", "3").out
    head, *hits = out.split("\n\n")
    first, *read = head.split("\n")
    assert re.fullmatch(r"3 of \d+ papers for 'promptable segmentation' \(lexical\)", first)
    assert read[0] == "'promptable segmentation' is read as Promptable segmentation (taxonomy)"
    assert len(hits) == 3
    for rank, hit in enumerate(hits, start=1):
        title, facts, *sentence, reason = hit.rstrip().split("\n")
        assert re.fullmatch(rf" +{rank}  \S.*", title)
        assert re.fullmatch(r" +\S+ · \d{4} · \S+ · (no checkpoint linked|\d+ checkpoint\(s\))", facts)
        assert re.fullmatch(r" +words: (promptable|segmentation|, )+", reason)
        assert len(sentence) == 1
        assert re.search("promptable|segment", sentence[0], re.IGNORECASE)


def test_search_by_an_identifier_says_by_which(atlas):
    out = succeed("search", "https://arxiv.org/abs/2304.02643v1").out
    assert "1 of 1 papers" in out
    assert "its arXiv id" in out


def test_search_that_finds_nothing_says_what_to_try(atlas):
    assert succeed("search", "qwertyuiop", "--mode", "lexical").out == (
        "Nothing found. Try other words, another --mode, or fewer filters.\n"
    )


def test_filters_of_the_command_line_choose_the_papers(atlas):
    options = ("--pillar", "generative", "--year", "2021:2022", "--has-checkpoint", "--core")
    found = succeed("search", "diffusion", "--mode", "lexical", "--json", "--limit", "99", *options).document
    unfiltered = succeed("search", "diffusion", "--mode", "lexical", "--json", "--limit", "99").document
    assert 0 < found["total"] < unfiltered["total"]
    for hit in found["results"]:
        assert hit["pillar"] == "generative"
        assert hit["year"] in (2021, 2022)
        assert hit["checkpoints"] > 0


def test_filter_by_taxonomy_node_takes_what_is_below_it(atlas):
    found = succeed(
        "search", "segmentation", "--mode", "lexical", "--json", "--taxonomy", "discriminative"
    ).document
    assert found["total"] > 0
    assert {hit["pillar"] for hit in found["results"]} <= {"discriminative", "unified", "foundation"}
    assert "discriminative" in {hit["pillar"] for hit in found["results"]}


@pytest.mark.parametrize("name", ["sam", "2304.02643", "arXiv:2304.02643v2", "Segment Anything", "SAM"])
def test_show_takes_any_name_of_a_paper(atlas, name):
    out = succeed("show", name).out
    assert out.startswith("Segment Anything\n")
    assert re.search(r"^key +sam$", out, re.M)
    assert re.search(r"^arXiv +2304\.02643$", out, re.M)
    assert re.search(r"^taxonomy +.* > ", out, re.M)
    for section in (r"Relations \(\d+\)", r"Cites \((\d+|\?)\)", r"Cited by \(\d+\)", r"Checkpoints \(\d+\)"):
        assert re.search(rf"^{section}$", out, re.M)
    assert "facebook/sam-vit-base" in out
    assert "not pinned yet" in out


def test_show_says_what_is_not_known_instead_of_leaving_it_blank(atlas, library):
    from sqlalchemy import select

    from graph.schema import Paper

    with library.reading() as session:
        unread = session.scalars(
            select(Paper.key).where(Paper.reference_list == "unread", Paper.venue.is_(None))
        ).first()
    out = succeed("show", unread).out
    assert "Cites (?)" in out
    assert re.search(r"^venue +\w+", out, re.M)


def test_neighbours_are_told_with_direction_and_distance(atlas):
    out = succeed("neighbours", "sam", "--depth", "2").out
    head, note, columns, *rows = out.splitlines()
    assert re.fullmatch(r"\d+ links around sam \(Segment Anything\)", head)
    assert note
    assert columns.split() == ["depth", "from", "link", "paper", "year", "title"]
    depths = [int(row.split()[0]) for row in rows]
    assert depths == sorted(depths)
    assert set(depths) == {1, 2}
    assert len(rows) == int(head.split()[0])


def test_neighbours_of_one_relation_have_no_other(atlas):
    rows = succeed("neighbours", "sam", "--relation", "cites", "--json").document["neighbours"]
    assert {row["relation"] for row in rows} == {"cites"}


def test_similar_papers_come_nearest_first_and_without_the_paper_itself(atlas):
    rows = [line.split()[:2] for line in succeed("similar", "sam", "--limit", "5").out.splitlines()]
    scores = [float(score) for score, _ in rows]
    assert scores == sorted(scores, reverse=True)
    assert len(rows) == 5
    assert "sam" not in [key for _, key in rows]


def test_taxonomy_prints_the_whole_tree_or_a_node_with_its_papers(atlas, catalogue):
    tree = succeed("taxonomy").out
    assert tree.splitlines()[0].split()[-1] == "vfm"
    assert len(tree.splitlines()) == len(catalogue.taxonomy)
    node = succeed("taxonomy", "discriminative.promptable").out
    assert node.splitlines()[0].split()[-1] == "discriminative.promptable"
    assert re.search(r"^sam +2023 +Segment Anything$", node, re.M)


def test_checkpoints_are_listed_whole_by_paper_and_by_task(atlas, catalogue):
    everything = succeed("checkpoints").out.splitlines()
    assert everything[0].split() == [
        "paper", "checkpoint", "library", "task", "role", "licence", "weights", "state", "revision",
    ]  # fmt: skip
    assert len(everything) == 1 + len(catalogue.checkpoints)
    of_sam = succeed("checkpoints", "--paper", "2304.02643").out.splitlines()[1:]
    assert {line.split()[0] for line in of_sam} == {"sam"}
    masks = succeed("checkpoints", "--task", "mask-generation").out.splitlines()[1:]
    assert len(of_sam) < len(masks) < len(everything)
    assert all("mask-generation" in line for line in masks)


def test_a_paper_without_checkpoint_is_said_to_have_none(atlas):
    assert succeed("checkpoints", "--paper", "seem").out == "No checkpoint linked.\n"
    assert "none linked to this paper" in succeed("show", "seem").out


def test_list_formats_names_what_export_writes(atlas, tmp_path):
    names = [line.split()[0] for line in succeed("list-formats").out.splitlines()]
    assert {"bibtex", "csv", "graphml", "html", "json"} <= set(names)
    for name in names:
        path = tmp_path / f"out-{name}"
        said = succeed("export", name, path, "--taxonomy", "discriminative.promptable").out
        assert re.match(rf"{re.escape(str(path))}: \d+ papers, \d+ nodes, \d+ edges, \d+ bytes$", said)
        assert path.exists()


def test_export_replaces_a_file_only_when_told_to(atlas, tmp_path):
    path = tmp_path / "papers.bib"
    path.write_text("mine")
    assert run("export", "bibtex", path).code == 1
    assert path.read_text() == "mine"
    succeed("export", "bibtex", path, "--force")
    assert "@article{" in path.read_text() or "@misc{" in path.read_text()


# --- what the user keeps -----------------------------------------------------------------------------------


def test_a_note_is_shown_with_its_paper_and_survives_a_build(own_atlas):
    assert succeed("note", "2304.02643", "read the appendix").out == "Noted on sam.\n"
    succeed("build")
    assert succeed("show", "sam").out.endswith("\nYour note: read the appendix\n")


def test_a_collection_is_filled_listed_emptied_and_removed(own_atlas):
    assert succeed("collection", "list").out.startswith("No collection yet: ")
    assert succeed("collection", "add", "to-read", "sam", "2010.11929").out == (
        "2 paper(s) added: collection 'to-read'.\n"
    )
    assert succeed("collection", "add", "to-read", "sam").out.startswith("0 paper(s) added")
    assert succeed("collection", "list").out.split() == ["to-read", "2", "papers"]
    shown = succeed("collection", "show", "to-read").out.splitlines()
    assert [line.split()[0] for line in shown] == ["sam", "vit"]
    assert succeed("collection", "remove", "to-read", "vit").out.startswith("1 paper(s) removed")
    assert succeed("collection", "remove", "to-read").out.startswith("1 paper(s) removed")
    assert succeed("collection", "list").out.startswith("No collection yet: ")
