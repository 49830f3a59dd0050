"""Exports as a whole: which formats there are, where they may go, what a failure leaves, what filters do."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graph.errors import ExportError, UnknownName
from graph.export import FORMATS, export
from graph.filters import Filters
from graph.network import build_network
from graph.schema import Paper

ROOT = Path(__file__).parent.parent
FILES = sorted(name for name in FORMATS if name != "csv")


@pytest.fixture
def session(library):
    with library.reading() as opened:
        yield opened


def leftovers(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_the_six_formats_are_listed_with_a_description_and_a_suffix():
    assert sorted(FORMATS) == ["bibtex", "csv", "gexf", "graphml", "html", "json"]
    for name, each in FORMATS.items():
        assert each.name == name
        assert each.description
        assert each.suffix.startswith(".")


def test_an_unknown_format_is_answered_with_the_formats_there_are(session, tmp_path):
    with pytest.raises(UnknownName, match=r"no format 'gephi'.*graphml, gexf, json, csv, html, bibtex"):
        export(session, "gephi", tmp_path / "atlas.gephi")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_report_tells_what_the_file_holds(session, tmp_path, name):
    path = tmp_path / f"atlas{FORMATS[name].suffix}"
    report = export(session, name, path)
    network = build_network(session)
    assert (report.format, report.path, report.papers) == (name, path, session.query(Paper).count())
    assert report.bytes == path.stat().st_size > 10_000
    if name in ("graphml", "gexf", "json", "csv"):
        assert (report.nodes, report.edges) == (network.number_of_nodes(), network.number_of_edges())
    else:
        assert report.nodes == report.papers
    assert leftovers(tmp_path) == [path.name]


def test_a_path_in_a_missing_folder_is_refused_in_one_line(session, tmp_path):
    with pytest.raises(ExportError, match=r"^there is no folder .*nowhere: make it first.*$"):
        export(session, "json", tmp_path / "nowhere" / "atlas.json")


def test_a_folder_is_refused_where_a_file_is_written(session, tmp_path):
    with pytest.raises(ExportError, match="is a folder: name a file in it"):
        export(session, "graphml", tmp_path, force=True)


@pytest.mark.parametrize("name", FILES)
def test_an_existing_file_is_kept_unless_it_may_be_replaced(session, tmp_path, name):
    path = tmp_path / "mine"
    path.write_text("my own")
    with pytest.raises(ExportError, match="exists already: name another PATH, or replace it with --force"):
        export(session, name, path)
    assert path.read_text() == "my own"
    export(session, name, path, Filters(taxonomy="generative.gan"), force=True)
    assert path.read_text(encoding="utf-8") != "my own"
    assert leftovers(tmp_path) == ["mine"]


@pytest.mark.parametrize(
    "place",
    ["x" * 300, "nul\0.json", "taken/atlas.json"],
    ids=["name too long", "no name at all", "below a file"],
)
def test_a_place_that_cannot_be_written_is_an_export_error_of_one_line(session, tmp_path, place):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ExportError) as caught:
        export(session, "json", tmp_path / place)
    assert "\n" not in str(caught.value)
    assert leftovers(tmp_path) == ["taken"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody may write")
def test_a_folder_that_nobody_may_write_is_an_export_error(session):
    with pytest.raises(ExportError, match=r"cannot write /proc/atlas\.json"):
        export(session, "json", "/proc/atlas.json")


def test_a_device_is_not_replaced_by_a_file(session):
    with pytest.raises(ExportError, match="neither a file nor a folder"):
        export(session, "json", os.devnull, force=True)


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(session, tmp_path, name):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix matter")
    path = tmp_path / f"atlas{FORMATS[name].suffix}"
    path.write_text("the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(ExportError, match=r"cannot write .*File too large"):
            export(session, name, path, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "the old one"
    assert leftovers(tmp_path) == [path.name]


def test_csv_into_a_folder_replaces_its_two_tables_and_touches_no_other_file(session, tmp_path):
    folder = tmp_path / "tables"
    report = export(session, "csv", folder)
    assert leftovers(folder) == ["edges.csv", "nodes.csv"]
    assert report.bytes == sum(file.stat().st_size for file in folder.iterdir())
    (folder / "thesis.txt").write_text("keep me")
    (folder / "nodes.csv").write_text("stale")
    with pytest.raises(ExportError, match="exists already"):
        export(session, "csv", folder)
    export(session, "csv", folder, force=True)
    assert leftovers(folder) == ["edges.csv", "nodes.csv", "thesis.txt"]
    assert (folder / "thesis.txt").read_text() == "keep me"
    assert (folder / "nodes.csv").read_text(encoding="utf-8").startswith("id,label,kind,title,year")


def test_csv_says_that_two_tables_do_not_fit_in_one_file(session, tmp_path):
    with pytest.raises(ExportError, match=r"atlas.csv cannot hold: name a folder or a .zip file"):
        export(session, "csv", tmp_path / "atlas.csv")
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ExportError, match="taken is a file: name a folder"):
        export(session, "csv", tmp_path / "taken", force=True)


def test_an_unknown_taxonomy_node_writes_nothing(session, tmp_path):
    with pytest.raises(UnknownName, match=r"no taxonomy node 'generative\.gam'; nearest: generative\.gan"):
        export(session, "json", tmp_path / "atlas.json", Filters(taxonomy="generative.gam"))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "filters",
    [
        Filters(taxonomy="discriminative.promptable"),
        Filters(years=(2021, 2022)),
        Filters(has_checkpoint=True),
        Filters(pillar="unified", years=(None, 2022), core_only=True),
    ],
    ids=["taxonomy", "years", "checkpoint", "several"],
)
def test_every_format_holds_exactly_the_papers_that_pass_the_filters(session, tmp_path, filters):
    network = build_network(session, filters)
    expected = {key for key, kind in network.nodes(data="kind") if kind == "paper"}
    assert 5 < len(expected) < 300

    for name in FORMATS:
        report = export(session, name, tmp_path / name, filters)
        assert report.papers == len(expected)

    nodes = json.loads((tmp_path / "json").read_text(encoding="utf-8"))["nodes"]
    assert {node["id"] for node in nodes if node["kind"] == "paper"} == expected
    with (tmp_path / "csv" / "nodes.csv").open(encoding="utf-8", newline="") as file:
        assert {row["id"] for row in csv.DictReader(file) if row["kind"] == "paper"} == expected
    for name in ("graphml", "gexf", "bibtex", "html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        found = {key for key in build_network(session) if mark(name, key) in text}
        assert {key for key in found if ":" not in key} == expected, name


def mark(name, key):
    """What stands in a file only where the paper itself is written."""
    return {
        "graphml": f'<node id="{key}">',
        "gexf": f'<node id="{key}" ',
        "bibtex": f"{{{key},\n",
        "html": f'data-key="{key}"',
    }[name]


def test_the_filters_and_the_state_of_the_facts_are_told_in_the_file(session, catalogue, tmp_path):
    filters = Filters(pillar="generative", years=(2020, None), has_checkpoint=True)
    export(session, "json", tmp_path / "atlas.json", filters)
    export(session, "bibtex", tmp_path / "atlas.bib", filters)
    export(session, "html", tmp_path / "atlas.html", filters)
    header = json.loads((tmp_path / "atlas.json").read_text(encoding="utf-8"))
    assert header["generator"].startswith("VFM Atlas ")
    assert len(header["snapshot"]) == 12
    assert header["facts_date"] == str(catalogue.manifest.collected_on)
    assert header["survey"].endswith("A Survey (arXiv:2312.10163)")
    assert header["filters"] == {"pillar": "generative", "years": "2020:", "has_checkpoint": "true"}
    told = "pillar=generative, years=2020:, has_checkpoint=true"
    assert f"% filters: {told}" in (tmp_path / "atlas.bib").read_text(encoding="utf-8")
    assert f"Only papers with {told}." in (tmp_path / "atlas.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_without_papers_is_still_a_file(session, tmp_path, name):
    path = tmp_path / f"atlas{FORMATS[name].suffix}"
    report = export(session, name, path, Filters(years=(1951, 1952)))
    assert report.papers == 0
    assert path.stat().st_size > 0
    if name == "html":
        assert "No paper passes these filters." in path.read_text(encoding="utf-8")


def test_equal_facts_give_equal_files_in_another_process_too(session, built_path, tmp_path):
    """With another hash seed, so that no order of a set can hide."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    for name, each in FORMATS.items():
        export(session, name, here / f"{name}{each.suffix}", Filters(pillar="generative"))
    code = (
        "import sys; from pathlib import Path; from graph.export import FORMATS, export\n"
        "from graph.filters import Filters; from graph.library import Library\n"
        "with Library.open(sys.argv[1]) as library, library.reading() as session:\n"
        "    for name, each in FORMATS.items():\n"
        "        path = Path(sys.argv[2]) / f'{name}{each.suffix}'\n"
        "        export(session, name, path, Filters(pillar='generative'))\n"
    )
    seeded = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, built_path, there], cwd=ROOT, env=seeded, check=True)
    assert digests(here) == digests(there)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
