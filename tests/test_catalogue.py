"""Every rule of a catalogue reports what breaks it: file, line and field."""

import csv
from collections import Counter
from collections.abc import Callable

import pytest
from helpers import CATALOGUE_FILES, CatalogueFolder

from ingest.catalogue import read_catalogue
from ingest.errors import CatalogueError, Problem

CSV_FILES = [name for name in CATALOGUE_FILES if name.endswith(".csv")]
LATER = 7  # line of the paper that no other row mentions


def places(problems: list[Problem]) -> list[str]:
    return [f"{problem.file}:{problem.line} {problem.field}" for problem in problems]


# --- one broken cell ---------------------------------------------------------------------------------------


def test_the_small_catalogue_is_valid(small):
    assert small.problems() == []
    assert Counter(paper.core for paper in small.read().papers) == {True: 5, False: 1}


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        ("papers.csv", LATER, "key", ""),
        ("papers.csv", LATER, "key", "Upper Case"),
        ("papers.csv", LATER, "key", "x" * 61),
        ("papers.csv", LATER, "title", ""),
        ("papers.csv", LATER, "title", "   "),
        ("papers.csv", LATER, "short_name", ""),
        ("papers.csv", LATER, "arxiv_id", "2401.1"),
        ("papers.csv", LATER, "arxiv_id", "arXiv:2401.00001"),
        ("papers.csv", LATER, "doi", "doi.org/10.1109/x"),
        ("papers.csv", LATER, "year", "1949"),
        ("papers.csv", LATER, "year", "soon"),
        ("papers.csv", LATER, "month", "0"),
        ("papers.csv", LATER, "month", "13"),
        ("papers.csv", LATER, "taxonomy", ""),
        ("papers.csv", LATER, "taxonomy", "Things / Models"),
        ("papers.csv", LATER, "taxonomy", "things.nowhere"),
        ("papers.csv", LATER, "taxonomy_secondary", "things.nowhere"),
        ("papers.csv", LATER, "taxonomy_secondary", "things.models"),
        ("papers.csv", LATER, "core", ""),
        ("papers.csv", LATER, "core", "perhaps"),
        ("papers.csv", LATER, "after_survey", "2"),
        ("papers.csv", LATER, "code_url", "github.com/x/y"),
        ("papers.csv", LATER, "code_url", "javascript:alert(1)"),
        ("papers.csv", LATER, "code_url", "https://example.org/a b"),
        ("papers.csv", LATER, "code_url", 'https://example.org/"><script>'),
        ("papers.csv", LATER, "venue", "ICML 2023"),
        ("papers.csv", LATER, "source", ""),
        ("taxonomy.csv", 5, "id", "Things.Data"),
        ("taxonomy.csv", 5, "parent", "nowhere"),
        ("taxonomy.csv", 5, "parent", "things.data"),
        ("taxonomy.csv", 5, "parent", ""),
        ("taxonomy.csv", 5, "label", ""),
        ("taxonomy.csv", 5, "definition", ""),
        ("citations.csv", 2, "cited", "nobody"),
        ("citations.csv", 2, "cited", "clip"),
        ("citations.csv", 2, "match_kind", "guess"),
        ("citations.csv", 2, "match_kind", ""),
        ("citations.csv", 2, "source", ""),
        ("reference_lists.csv", 4, "paper", "nobody"),
        ("reference_lists.csv", 4, "status", "skimmed"),
        ("reference_lists.csv", 2, "entries_seen", "-1"),
        ("reference_lists.csv", 2, "source", ""),
        ("relations.csv", 2, "paper", "nobody"),
        ("relations.csv", 2, "relation", "admires"),
        ("relations.csv", 2, "target", "nobody"),
        ("relations.csv", 2, "target", "clip"),
        ("relations.csv", 2, "source", ""),
        ("checkpoints.csv", 2, "paper", "nobody"),
        ("checkpoints.csv", 2, "hub_id", "clip-base"),
        ("checkpoints.csv", 2, "library", "keras"),
        ("checkpoints.csv", 2, "task", ""),
        ("checkpoints.csv", 2, "loader_class", "os.system('x')"),
        ("checkpoints.csv", 2, "params_millions", "0"),
        ("checkpoints.csv", 2, "role", "fan"),
        ("checkpoints.csv", 2, "source", ""),
        ("aliases.csv", 2, "key", "nobody"),
        ("aliases.csv", 2, "alias", ""),
        ("aliases.csv", 2, "alias", "--"),
        ("aliases.csv", 2, "alias", "RESNET"),
        ("aliases.csv", 2, "alias", "Deep residual-learning"),
        ("later_citations.csv", 2, "reason", ""),
    ],
)
def test_a_broken_cell_is_reported_with_its_place(small, file, line, column, value):
    small.set(file, line, **{column: value})
    problems = small.problems()
    assert f"{file}:{line} {column}" in places(problems)
    # Rows that hang on a dropped row may follow, in other files only.
    assert [problem.field for problem in problems if problem.file == file] == [column]


@pytest.mark.parametrize("text", ["", "Too short.", "x" * 901])
def test_a_summary_of_the_wrong_length_is_reported(small, text):
    small.set("summaries.csv", 4, summary=text)
    assert places(small.problems()) == ["summaries.csv:4 summary", "papers.csv:4 key"]


def test_one_bad_entry_of_a_list_is_reported_by_its_position(small):
    small.set("papers.csv", LATER, authors="Ada Small;;Bo Tiny")
    assert places(small.problems()) == [f"papers.csv:{LATER} authors.1"]


def test_the_message_names_the_value_and_what_is_allowed(small):
    small.set("relations.csv", 2, relation="admires")
    small.set("checkpoints.csv", 2, library="keras")
    relation, checkpoint = (problem.message for problem in small.problems())
    assert "'admires'" in relation
    assert "builds_on" in relation
    assert "'keras'" in checkpoint
    assert "'transformers'" in checkpoint


def test_blank_cells_are_facts_not_known(small):
    small.set("papers.csv", LATER, arxiv_id="", authors="", year="", month="")
    later = small.read().papers[-1]
    assert (later.arxiv_id, later.authors, later.year, later.month) == (None, (), None, None)


# --- rows that contradict each other -----------------------------------------------------------------------


def add_paper(small: CatalogueFolder, **cells: str) -> None:
    fresh = {"key": "other", "title": "Another Title", "short_name": "Other", "arxiv_id": "", "doi": ""}
    small.add("papers.csv", **(small.rows("papers.csv")[LATER - 2] | fresh | cells))


def repeat(small: CatalogueFolder, file: str, line: int, **cells: str) -> None:
    small.add(file, **(small.rows(file)[line - 2] | cells))


CONTRADICTIONS: dict[str, tuple[Callable[[CatalogueFolder], object], list[str]]] = {
    "a key twice": (lambda c: add_paper(c, key="later"), ["papers.csv:8 key"]),
    "an arXiv id twice": (lambda c: add_paper(c, arxiv_id="2401.00001"), ["papers.csv:8 arxiv_id"]),
    "a DOI twice, in other case": (
        lambda c: add_paper(c, doi="10.1109/CVPR.2016.90"),
        ["papers.csv:8 doi"],
    ),
    "a title twice, spelled differently": (
        lambda c: add_paper(c, title="a paper after the SURVEY!"),
        ["papers.csv:8 title"],
    ),
    "a short name twice": (lambda c: add_paper(c, short_name="Res-Net"), ["papers.csv:8 short_name"]),
    "a key that is another's alias": (
        lambda c: add_paper(c, key="stable-diffusion"),
        ["aliases.csv:2 alias"],
    ),
    "a node twice": (lambda c: repeat(c, "taxonomy.csv", 5), ["taxonomy.csv:6 id"]),
    "a second root": (lambda c: repeat(c, "taxonomy.csv", 5, id="b", parent=""), ["taxonomy.csv:6 parent"]),
    "a circle of nodes, but not the node below it": (
        lambda c: (
            c.set("taxonomy.csv", 3, parent="things.data"),
            c.set("taxonomy.csv", 5, parent="things.models"),
            c.add("taxonomy.csv", id="x", parent="things.data", label="x", definition="x"),
        ),
        ["taxonomy.csv:3 parent", "taxonomy.csv:5 parent"],
    ),
    "a missing parent, but not the nodes further down": (
        lambda c: (
            c.set("taxonomy.csv", 5, parent="nowhere"),
            c.add("taxonomy.csv", id="x", parent="things.data", label="x", definition="x"),
        ),
        ["taxonomy.csv:5 parent"],
    ),
    "a citation twice": (lambda c: repeat(c, "citations.csv", 2), ["citations.csv:5 cited"]),
    "a relation twice": (lambda c: repeat(c, "relations.csv", 2), ["relations.csv:4 target"]),
    "a reference list twice": (
        lambda c: repeat(c, "reference_lists.csv", 2),
        ["reference_lists.csv:5 paper"],
    ),
    "a checkpoint of a paper twice": (
        lambda c: repeat(c, "checkpoints.csv", 2),
        ["checkpoints.csv:4 hub_id"],
    ),
    "an alias twice, spelled differently": (
        lambda c: repeat(c, "aliases.csv", 2, alias="stable diffusion"),
        ["aliases.csv:4 alias"],
    ),
    "a summary of a paper twice": (
        lambda c: repeat(c, "summaries.csv", 2, summary="Something else, " * 10),
        ["summaries.csv:7 key"],
    ),
    "one summary for two papers": (
        lambda c: repeat(c, "summaries.csv", 2, key="later"),
        ["summaries.csv:7 summary"],
    ),
    "a summary of no paper": (
        lambda c: c.add("summaries.csv", key="nobody", summary="Something else, " * 10),
        ["summaries.csv:7 key"],
    ),
    "an explanation twice": (
        lambda c: repeat(c, "later_citations.csv", 2),
        ["later_citations.csv:3 cited"],
    ),
    "a core paper without a summary": (lambda c: c.remove("summaries.csv", 4), ["papers.csv:4 key"]),
    "a citation by a paper whose list was not read": (
        lambda c: c.add("citations.csv", citing="later", cited="clip", match_kind="title", source="x"),
        ["citations.csv:5 citing"],
    ),
    "a citation by a paper whose list was not found": (
        lambda c: c.add("citations.csv", citing="survey", cited="clip", match_kind="title", source="x"),
        ["citations.csv:5 citing"],
    ),
    "a citation by nobody": (
        lambda c: c.add("citations.csv", citing="nobody", cited="clip", match_kind="title", source="x"),
        ["citations.csv:5 citing", "citations.csv:5 citing"],
    ),
    "a citation of a paper of years later": (
        lambda c: c.add("citations.csv", citing="clip", cited="later", match_kind="title", source="x"),
        ["citations.csv:5 cited"],
    ),
    "a late citation without its explanation": (
        lambda c: c.remove("later_citations.csv", 2),
        ["citations.csv:4 cited"],
    ),
    "an explanation of a citation in time": (
        lambda c: c.add("later_citations.csv", citing="ldm", cited="clip", reason="x"),
        ["later_citations.csv:3 cited"],
    ),
    "an explanation of no citation": (
        lambda c: c.add("later_citations.csv", citing="resnet", cited="later", reason="x"),
        ["later_citations.csv:3 cited"],
    ),
    "a survey that is no paper": (
        lambda c: c.write("catalogue.toml", c.text("catalogue.toml").replace('"survey"', '"nobody"')),
        ["catalogue.toml:1 survey"],
    ),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_rows_that_contradict_each_other_are_reported(small, what):
    contradict, expected = CONTRADICTIONS[what]
    contradict(small)
    assert places(small.problems()) == expected


@pytest.mark.parametrize(
    ("year", "month", "is_late"),
    [("2021", "8", False), ("2021", "9", True), ("2021", "", False), ("2022", "", True), ("", "", False)],
)
def test_a_reference_list_may_name_papers_of_the_next_six_months(small, year, month, is_late):
    """CLIP is of February 2021; a paper of unknown month counts as one of July."""
    small.set("papers.csv", LATER, year=year, month=month)
    small.add("citations.csv", citing="clip", cited="later", match_kind="title", source="x")
    assert places(small.problems()) == (["citations.csv:5 cited"] if is_late else [])


def test_a_venue_of_the_same_year_or_without_one_is_in_time(small):
    for venue in ("ICML 2024", "ICML 2025", "A Workshop", ""):
        small.set("papers.csv", LATER, venue=venue)
        assert small.problems() == []


# --- files as such -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOGUE_FILES)
def test_a_missing_file_is_reported_before_what_follows_from_it(small, name):
    (small.path / name).unlink()
    first = small.problems()[0]
    assert places([first]) == [f"{name}:1 -"]
    assert "No such file" in first.message


@pytest.mark.parametrize("name", CATALOGUE_FILES)
def test_a_file_that_is_not_utf_8_is_reported(small, name):
    (small.path / name).write_bytes(small.text(name).encode() + b"# \xe9")
    first = small.problems()[0]
    assert places([first]) == [f"{name}:1 -"]
    assert "utf-8" in first.message


@pytest.mark.parametrize("name", CSV_FILES)
def test_an_empty_file_is_not_taken_for_one_without_rows(small, name):
    columns = small.text(name).splitlines()[0].split(",")
    small.write(name, "")
    assert places(small.problems())[: len(columns)] == [f"{name}:1 {column}" for column in columns]


def test_a_file_with_a_header_only_is_a_file_without_rows(small):
    small.remove("aliases.csv", 2)
    small.remove("aliases.csv", 2)
    assert small.read().aliases == ()


def test_columns_may_stand_in_any_order(small):
    rows = small.rows("aliases.csv")
    small.write("aliases.csv", "alias,key\n" + "".join(f"{row['alias']},{row['key']}\n" for row in rows))
    assert small.problems() == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("key,name", ["alias", "name"]),
        ("key", ["alias"]),
        ("key,alias,comment", ["comment"]),
        ("key,alias,alias", ["alias"]),
        ("Key,alias", ["key", "Key"]),
    ],
)
def test_a_wrong_column_is_reported_once(small, header, expected):
    small.write("aliases.csv", small.text("aliases.csv").replace("key,alias", header))
    assert places(small.problems()) == [f"aliases.csv:1 {column}" for column in expected]


@pytest.mark.parametrize("column", ["doi", "venue", "month"])
def test_a_column_that_may_be_blank_may_not_be_missing(small, column):
    rows = small.rows("papers.csv")
    kept = [name for name in rows[0] if name != column]
    with (small.path / "papers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert places(small.problems())[0] == f"papers.csv:1 {column}"


@pytest.mark.parametrize("row", ["clip", "clip,One Name,another"])
def test_a_row_that_is_too_short_or_too_long_is_reported(small, row):
    small.write("aliases.csv", small.text("aliases.csv") + f"{row}\n")
    assert places(small.problems()) == ["aliases.csv:4 -"]


@pytest.mark.parametrize("row", ['clip,"never closed\nclip,x', 'clip,"closed" too early'])
def test_broken_quoting_is_reported_at_the_row_where_it_begins(small, row):
    small.write("aliases.csv", small.text("aliases.csv") + f"{row}\n")
    assert places(small.problems()) == ["aliases.csv:4 -"]
    assert "not valid CSV" in small.problems()[0].message


def test_lines_are_counted_right_around_a_quoted_line_break(small):
    small.set("taxonomy.csv", 2, definition="The\nroot\nof all")
    small.set("taxonomy.csv", 3, label="", definition="What is\ntrained")
    small.set("taxonomy.csv", 4, label="")
    broken = [place for place in places(small.problems()) if place.startswith("taxonomy.csv")]
    assert broken == ["taxonomy.csv:5 label", "taxonomy.csv:7 label"]


@pytest.mark.parametrize("char", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_line_feeds_end_a_line(small, char):
    """str.splitlines would end a line, and with it the row, at each of these."""
    small.set("taxonomy.csv", 2, definition=f"The{char}root")
    small.set("taxonomy.csv", 5, label="")
    assert places(small.problems()) == ["taxonomy.csv:5 label"]


def test_files_saved_on_windows_are_read(small):
    for name in CSV_FILES:
        text = small.text(name)
        (small.path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert small.problems() == []
    small.set("taxonomy.csv", 5, label="")
    assert places(small.problems()) == ["taxonomy.csv:5 label"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("name =", "name", "-"),
        ('name = "Small"\n', "", "name"),
        ("2026-01-31", '"soon"', "collected_on"),
        ('aliases = "editors: aliases"\n', "", "sources.aliases"),
        ('"editors: aliases"', '""', "sources.aliases"),
        ("[sources]", 'colour = "red"\n[sources]', "colour"),
    ],
)
def test_a_broken_manifest_is_reported(small, old, new, field):
    assert old in small.text("catalogue.toml")
    small.write("catalogue.toml", small.text("catalogue.toml").replace(old, new))
    assert places(small.problems()) == [f"catalogue.toml:1 {field}"]


def test_everything_broken_is_reported_at_once_and_the_message_stays_short(small):
    small.set("papers.csv", LATER, month="13")
    for number in range(30):
        small.add("aliases.csv", key="nobody", alias=f"Alias {number}")
    with pytest.raises(CatalogueError) as raised:
        read_catalogue(small.path)
    assert len(raised.value.problems) == 31
    lines = str(raised.value).splitlines()
    assert lines[1].startswith(f"papers.csv:{LATER}: month: '13'")
    assert lines[-1] == "and 11 more"
    assert len(lines) == 22
    assert raised.value.exit_code == 1
