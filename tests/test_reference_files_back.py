"""What we export as BibTeX, JSON and tables is read back as the same works; so are rows of one's own."""

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from references import DAY, read

from graph.export import export
from graph.export.bibtex import write as write_bibtex
from graph.export.document import Document, Header
from graph.library import Library
from graph.network import build_network
from ingest.files import read_file
from ingest.record import WorkId, ids_of, names_of, text_of


@pytest.fixture(scope="module")
def papers(built_path):
    """The papers of the catalogue as the exports know them."""
    with Library.open(built_path) as library, library.reading() as session:
        nodes = build_network(session).nodes(data=True)
        return {key: paper for key, paper in nodes if paper["kind"] == "paper"}


def same_work(record, paper):
    assert record.title == text_of(paper["title"])
    assert record.authors == tuple(
        name for name in paper.get("authors", "").split("; ") if name not in ("", "et al.")
    )
    assert record.ids == ids_of(arxiv=paper.get("arxiv_id"), doi=paper.get("doi"))
    venue_year = int(paper["venue"].rpartition(" ")[2]) if paper.get("venue") else None
    assert record.published_year == venue_year
    return venue_year


def test_our_bibtex_read_back_gives_the_same_works(library, papers, tmp_path):
    with library.reading() as session:
        export(session, "bibtex", tmp_path / "atlas.bib")
    found = read_file(tmp_path / "atlas.bib", DAY)
    assert found.problems == ()
    assert len(found.records) == len(papers) > 500
    dated = 0
    for record in found.records:
        paper = papers[record.external_id.partition("#")[2]]
        venue_year = same_work(record, paper)
        preprint = "arxiv_id" in paper or venue_year is None
        # BibTeX has one year; where a venue took it, only an arXiv id still tells that of the preprint.
        assert record.year == (paper.get("year") if preprint else venue_year)
        assert record.month == (paper.get("month") if preprint else None)
        dated += preprint and venue_year not in (None, record.year)
    assert dated > 50


@pytest.mark.parametrize(("name", "file"), [("json", "atlas.json"), ("csv", "atlas/nodes.csv")])
def test_our_json_and_our_table_of_nodes_read_back_give_the_same_works(library, papers, tmp_path, name, file):
    with library.reading() as session:
        export(session, name, tmp_path / file.partition("/")[0])
    found = read_file(tmp_path / file, DAY)
    assert found.problems == ()
    assert len(found.records) == len(papers)
    for record in found.records:
        paper = papers[record.external_id.partition("#")[2]]
        same_work(record, paper)
        assert (record.year, record.month) == (paper.get("year"), paper.get("month"))
        assert record.venue == paper.get("venue")


hostile = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>", "=1+1", "'=1+1", "@SUM(A1)", "a\r\nb", "nul\0 bell\a esc\x1b[0m",
            "}", "{", "\\", "100% of $5 & #1_a^b~c", "a\n@article{evil,\n title={x}\n}", "Smith, Jr.",
            "Fish and Chips", "others", "\U0001d4b3-Net \u2603 é ł", "\u2028line\u2029", "\u202eevil",
            "--- `` '' ?` << >> ,,", '"',
        ]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    st.text(st.sampled_from("\\{}@%$#&_^~\"'`-=,<>|\n aZ"), min_size=1, max_size=20),
)  # fmt: skip
titles = hostile.filter(lambda title: text_of(title) is not None)
names = st.lists(hostile.filter(lambda name: ";" not in name and text_of(name, "name")), max_size=3)


def document(title, authors):
    network = nx.MultiDiGraph()
    known = {"authors": "; ".join(authors)} if authors else {}
    network.add_node("first", kind="paper", title=title, year=2020, month=3, **known)
    network.add_node(
        "second", kind="paper", title="Another", year=2021, venue="ICML 2022", doi="10.1000/x_{1}"
    )
    return Document(network, Header("VFM Atlas 0", None, None, None, {}))


@settings(deadline=None, max_examples=300)
@given(title=titles, authors=names)
@example(title="x", authors=["Fish and Chips", "Smith, Jr.", "others", "."])
def test_any_title_and_any_names_come_back_from_our_bibtex(title, authors):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "atlas.bib"
        write_bibtex(document(title, authors), path)
        found = read_file(path, DAY)
    assert found.problems == ()
    first, second = found.records
    one_line = text_of(title.translate(dict.fromkeys([*range(32), *range(127, 160)], " ")))
    assert first.title == one_line
    assert list(first.authors) == [
        text_of(name.translate(dict.fromkeys([*range(32), *range(127, 160)], " ")), "name")
        for name in authors
    ]
    assert (first.year, first.month, first.published_year) == (2020, 3, None)
    assert (second.year, second.published_year) == (2022, 2022)
    assert second.ids == (WorkId("doi", "10.1000/x_{1}"),)


plain_names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters=";,"), min_size=1, max_size=20).filter(
        lambda name: text_of(name, "name") and name.strip(" .").lower() not in ("others", "et al")
    ),
    max_size=3,
)
works = st.fixed_dictionaries(
    {"title": titles},
    optional={
        "year": st.integers(1990, 2029),
        "abstract": hostile,
        "arxiv_id": st.from_regex(r"3[0-9](0[1-9]|1[0-2])\.[0-9]{5}", fullmatch=True),
        "doi": st.from_regex(r"10\.[0-9]{4,9}/[a-z0-9()/_-]{1,20}", fullmatch=True),
        "s2_id": st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
        "openalex_id": st.from_regex(r"W[0-9]{1,10}", fullmatch=True),
    },
)


def expected_work(work, authors):
    schemes = {"arxiv_id": "arxiv", "doi": "doi", "s2_id": "s2", "openalex_id": "openalex"}
    ids = tuple(WorkId(scheme, work[name]) for name, scheme in schemes.items() if name in work)
    year = work.get("year") or (2000 + int(work["arxiv_id"][:2]) if "arxiv_id" in work else None)
    return text_of(work["title"]), names_of(authors), year, text_of(work.get("abstract"), "abstract"), ids


def as_tuple(record):
    return record.title, record.authors, record.year, record.abstract, record.ids


@settings(deadline=None)
@given(st.lists(st.tuples(works, plain_names), min_size=1, max_size=4))
def test_rows_and_lines_of_ones_own_come_back(entries):
    columns = ["title", "authors", "year", "abstract", "arxiv_id", "doi", "s2_id", "openalex_id"]
    table, lines = io.StringIO(newline=""), []
    writer = csv.DictWriter(table, columns)
    writer.writeheader()
    for work, authors in entries:
        # As our own tables protect a text from being taken for a formula.
        protected = {
            name: f"'{value}"
            if isinstance(value, str) and value.lstrip("'")[:1] in tuple("=+-@\t\r\n")
            else value
            for name, value in work.items()
        }
        writer.writerow(protected | ({"authors": "; ".join(authors) + ";"} if authors else {}))
        lines.append(json.dumps(work | {"authors": authors}))
    with TemporaryDirectory() as folder:
        rows = read(folder, "x.csv", table.getvalue())
        objects = read(folder, "x.jsonl", "\n".join(lines))
    expected = [expected_work(work, authors) for work, authors in entries]
    assert [as_tuple(record) for record in rows.records] == expected
    assert [as_tuple(record) for record in objects.records] == expected
    assert rows.problems == objects.problems == ()
