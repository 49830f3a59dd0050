"""The formats that are text, each read back by a program that is not the one that wrote it."""

import csv
import json
import math
import re
import string
from collections import Counter
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree
from zipfile import ZipFile

import bibtexparser
import igraph
import networkx as nx
import pytest
from bibtexparser.middlewares import RemoveEnclosingMiddleware, SeparateCoAuthors, SplitNameParts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

from graph.export import FORMATS, bibtex, csv_tables, export
from graph.export.document import Document, Header
from graph.network import build_network

GEXF = "{http://gexf.net/1.3}"
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
HEADER = Header("VFM Atlas 0", "0123456789ab", "2026-01-31", "A survey @article{x, (arXiv:1)", {})

NASTY = [
    "<script>alert(1)</script>", "]]>&amp;<!--", '"quoted", and \'so\'', "=1+1", "'=1+1", "@SUM(A1)", "-1",
    "+1", "\tcell", "\rcell", "a\r\nb", "nul\0 bell\a escape\x1b[0m", "}", "{", "{{{", "\\", "\\}", "~", "#",
    "100% of $5 & #1_a^b~c", "@article{evil, title = {x}}", "a\n@article{evil,\n title={x}\n}", "Smith, Jr.",
    "Fish and Chips", "others", "\uff46ull \uff1d width", "\U0001d4b3-Net \u2603 é ł", "\u2028line\u2029",
    "\ufffe\uffff", "--- `` '' ?` !` << >> ,,", "% comment", '"', "U-Net", "\x85next", "a  b",
]  # fmt: skip

hostile = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    st.text(st.sampled_from("\\{}@%$#&_^~\"'`-=,;<>|\n aZ"), min_size=1, max_size=20),
)


@pytest.fixture(scope="module")
def network(built_path):
    from graph.library import Library

    with Library.open(built_path) as library, library.reading() as session:
        yield build_network(session)


@pytest.fixture(scope="module")
def written(built_path, tmp_path_factory):
    """The whole catalogue in every text format."""
    from graph.library import Library

    folder = tmp_path_factory.mktemp("written")
    with Library.open(built_path) as library, library.reading() as session:
        for name in ("graphml", "gexf", "json", "csv", "bibtex"):
            export(session, name, folder / name)
    return folder


@contextmanager
def written_document(name, document):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        FORMATS[name].write(document, path)
        yield path


def small_document(title, label="L", *, authors=None, venue=None, key="paper", provenance="somewhere"):
    """Two papers with two links between them, a taxonomy node, and whatever text is given."""
    known = {"title": title, "label": label, "authors": authors, "venue": venue}
    first = {name: value for name, value in known.items() if value is not None}
    network = nx.MultiDiGraph()
    network.add_node(key, kind="paper", year=2020, month=3, core=True, cited_by=0, pillar="p", **first)
    network.add_node("other", kind="paper", label="Other", title="Another", core=False, cited_by=1, year=2019)
    network.add_node("taxonomy:p", kind="taxonomy", label="P", definition="A pillar", pillar="p")
    network.add_edge(key, "other", key="cites", kind="cites", provenance=provenance)
    network.add_edge(key, "other", key="builds_on", kind="builds_on", provenance=provenance)
    network.add_edge(key, "taxonomy:p", key="in_taxonomy", kind="in_taxonomy", primary=True)
    return Document(network, HEADER)


def facts(network):
    """Nodes and edges of a network from the library, in the words of the exports."""
    nodes = {node: dict(attributes) for node, attributes in network.nodes(data=True)}
    edges = {}
    for start, end, kind, attributes in network.edges(keys=True, data=True):
        edges[start, end, kind] = {
            {"source": "provenance"}.get(name, name): value for name, value in attributes.items()
        }
    return nodes, edges


def unknown(value):
    """What igraph gives for an attribute that is absent."""
    return value in ("", False, None) or (isinstance(value, float) and math.isnan(value))


def same_known(found, expected):
    assert {name: found.get(name) for name in expected} == expected
    for name, value in found.items():
        assert name in expected or name == "id" or unknown(value), (name, value)


def test_igraph_reads_the_same_network_from_graphml(written, network, catalogue):
    read = igraph.Graph.Read_GraphML(str(written / "graphml"))
    nodes, edges = facts(network)
    assert read.is_directed()
    assert sorted(read.vs["id"]) == sorted(nodes)
    for vertex in read.vs:
        same_known(vertex.attributes(), nodes[vertex["id"]])
    found = {}
    for edge in read.es:
        ends = (read.vs[edge.source]["id"], read.vs[edge.target]["id"], edge["kind"])
        found[ends] = edge.attributes()
    assert read.ecount() == len(found) == len(edges)
    for ends, attributes in edges.items():
        same_known(found[ends], attributes)
    assert read["name"] == "VFM Atlas"
    assert read["facts_date"] == str(catalogue.manifest.collected_on)


def test_graphml_types_numbers_as_numbers_and_leaves_out_what_is_not_known(written, network):
    root = ElementTree.parse(written / "graphml").getroot()
    keys = {key.attrib["id"]: key.attrib for key in root.iter(f"{GRAPHML}key")}
    types = {(key["for"], key["attr.name"]): key["attr.type"] for key in keys.values()}
    assert types["node", "year"] == types["node", "cited_by"] == "long"
    assert types["node", "params_millions"] == "double"
    assert types["node", "core"] == types["edge", "primary"] == "boolean"
    assert types["node", "title"] == types["edge", "kind"] == "string"
    booleans = {id_ for id_, key in keys.items() if key["attr.type"] == "boolean"}
    for tag, wanted in (("node", network.nodes(data=True)), ("edge", network.edges(data=True))):
        counted = [len(item[-1]) for item in wanted]
        elements = list(root.iter(f"{GRAPHML}{tag}"))
        assert [len(element) for element in elements] == counted
        for element in elements:
            for data in element:
                assert data.text
                assert data.attrib["key"] not in booleans or data.text in ("true", "false")


def test_graphml_ids_are_unique_and_no_key_is_one_that_gephi_takes_for_a_label(written):
    """Gephi reads a node's d3 and an edge's d7 as labels; networkx would number the keys so."""
    root = ElementTree.parse(written / "graphml").getroot()
    for tag in ("key", "node", "edge"):
        ids = [element.attrib["id"] for element in root.iter(f"{GRAPHML}{tag}")]
        assert len(ids) == len(set(ids))
    assert not any(re.fullmatch(r"d\d+", key.attrib["id"]) for key in root.iter(f"{GRAPHML}key"))


def test_gexf_holds_the_same_network_by_its_schema(written, network, catalogue):
    root = ElementTree.parse(written / "gexf").getroot()
    assert root.tag == f"{GEXF}gexf"
    assert root.attrib["version"] == "1.3"
    meta = root.find(f"{GEXF}meta")
    assert meta.attrib["lastmodifieddate"] == str(catalogue.manifest.collected_on)
    assert [child.tag for child in meta] == [f"{GEXF}creator", f"{GEXF}description"]
    assert meta.findtext(f"{GEXF}creator").startswith("VFM Atlas ")
    assert "snapshot: " in meta.findtext(f"{GEXF}description")
    graph = root.find(f"{GEXF}graph")
    assert graph.attrib["defaultedgetype"] == "directed"
    nodes, edges = facts(network)
    found = {}
    for node in graph.find(f"{GEXF}nodes"):
        found[node.attrib["id"]] = gexf_values(graph, "node", node) | {"label": node.attrib["label"]}
    assert found == nodes
    links = {}
    for edge in graph.find(f"{GEXF}edges"):
        values = gexf_values(graph, "edge", edge)
        assert edge.attrib["kind"] == values["kind"] == values.pop("networkx_key")
        links[edge.attrib["source"], edge.attrib["target"], edge.attrib["kind"]] = values
    assert links == edges
    ids = [edge.attrib["id"] for edge in graph.find(f"{GEXF}edges")]
    assert len(ids) == len(set(ids)) == len(edges)


def gexf_values(graph, kind, element):
    readers = {"long": int, "double": float, "boolean": {"true": True, "false": False}.get, "string": str}
    declared = {
        attribute.attrib["id"]: (attribute.attrib["title"], readers[attribute.attrib["type"]])
        for attributes in graph.findall(f"{GEXF}attributes")
        if attributes.attrib["class"] == kind
        for attribute in attributes
    }
    values = {}
    for value in element.find(f"{GEXF}attvalues"):
        title, read = declared[value.attrib["for"]]
        values[title] = read(value.attrib["value"])
    return values


def test_json_holds_the_same_network_and_networkx_reads_it_back(written, network):
    contents = json.loads((written / "json").read_text(encoding="utf-8"))
    nodes, edges = facts(network)
    assert {node.pop("id"): node for node in contents["nodes"]} == nodes
    found = {}
    for edge in json.loads((written / "json").read_text(encoding="utf-8"))["edges"]:
        found[edge.pop("source"), edge.pop("target"), edge.pop("key")] = edge
    assert found == edges
    assert (contents["directed"], contents["multigraph"]) == (True, True)
    read = nx.node_link_graph(json.loads((written / "json").read_text(encoding="utf-8")), edges="edges")
    assert facts(read) == (nodes, edges)


def test_csv_holds_the_same_network_with_empty_cells_for_what_is_not_known(written, network):
    nodes, edges = facts(network)
    rows = read_csv((written / "csv" / "nodes.csv").read_text(encoding="utf-8"))
    assert {row.pop("id"): in_text(row) for row in rows} == {
        key: as_cells(node) for key, node in nodes.items()
    }
    rows = read_csv((written / "csv" / "edges.csv").read_text(encoding="utf-8"))
    found = {(row.pop("source"), row.pop("target"), row["kind"]): in_text(row) for row in rows}
    assert found == {ends: as_cells(edge) for ends, edge in edges.items()}
    assert len(rows) == len(edges)


def read_csv(text):
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def in_text(row):
    """A row without its empty cells, protection against formulas taken off."""
    return {name: unprotected(cell) for name, cell in row.items() if cell != ""}


def as_cells(attributes):
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in attributes.items()
    }


def unprotected(cell):
    bare = cell.lstrip("'")
    return cell[1:] if cell.startswith("'") and bare and bare[0] in "=+-@\t\r\n" else cell


def test_csv_in_a_zip_file_is_the_same_as_in_a_folder(library, written, tmp_path):
    with library.reading() as session:
        export(session, "csv", tmp_path / "atlas.zip")
    with ZipFile(tmp_path / "atlas.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["nodes.csv", "edges.csv"]
        for name in archive.namelist():
            assert archive.read(name) == (written / "csv" / name).read_bytes()


def test_csv_columns_stay_the_same_however_little_is_known():
    with written_document("csv", small_document("A title")) as folder:
        nodes, edges = ((folder / name).read_text(encoding="utf-8") for name in ("nodes.csv", "edges.csv"))
    assert nodes.splitlines()[0] == ",".join(csv_tables.NODE_COLUMNS)
    assert edges.splitlines()[0] == ",".join(csv_tables.EDGE_COLUMNS)


def test_links_between_the_same_two_papers_survive_with_their_kinds(written, network):
    pairs = Counter((start, end) for start, end in network.edges())
    start, end = next(pair for pair, times in pairs.items() if times > 2)
    kinds = sorted(network[start][end])
    read = igraph.Graph.Read_GraphML(str(written / "graphml"))
    ids = (read.vs.find(id=start).index, read.vs.find(id=end).index)
    assert sorted(edge["kind"] for edge in read.es.select(_source=ids[0], _target=ids[1])) == kinds
    edges = ElementTree.parse(written / "gexf").getroot().iter(f"{GEXF}edge")
    between = [edge for edge in edges if (edge.attrib["source"], edge.attrib["target"]) == (start, end)]
    assert sorted(edge.attrib["kind"] for edge in between) == kinds


def xml_can_hold(char):
    """The production Char of XML 1.0, section 2.2."""
    point = ord(char)
    return (
        point in (0x9, 0xA, 0xD)
        or 0x20 <= point <= 0xD7FF
        or 0xE000 <= point <= 0xFFFD
        or 0x10000 <= point <= 0x10FFFF
    )


def in_xml(text):
    return "".join(filter(xml_can_hold, text.replace("\r\n", "\n").replace("\r", "\n")))


@settings(deadline=None, max_examples=60)
@given(title=hostile, label=hostile, provenance=hostile)
def test_any_text_comes_back_from_graphml_and_gexf(title, label, provenance):
    document = small_document(title, label, provenance=provenance)
    with written_document("graphml", document) as path:
        root = ElementTree.parse(path).getroot()
        igraph.Graph.Read_GraphML(str(path))
    values = {data.attrib["key"]: data.text or "" for data in next(root.iter(f"{GRAPHML}node"))}
    assert values["node_title"] == in_xml(title)
    assert values["node_label"] == in_xml(label)
    edge = {data.attrib["key"]: data.text or "" for data in next(root.iter(f"{GRAPHML}edge"))}
    assert edge["edge_provenance"] == in_xml(provenance)
    with written_document("gexf", document) as path:
        graph = ElementTree.parse(path).getroot().find(f"{GEXF}graph")
    node = next(graph.iter(f"{GEXF}node"))
    assert gexf_values(graph, "node", node)["title"] == in_xml(title)
    assert node.attrib["label"] == in_xml(label)
    assert gexf_values(graph, "edge", next(graph.iter(f"{GEXF}edge")))["provenance"] == in_xml(provenance)


@settings(deadline=None)
@given(title=hostile, label=hostile, provenance=hostile)
def test_any_text_comes_back_from_json_and_csv(title, label, provenance):
    document = small_document(title, label, provenance=provenance)
    with written_document("json", document) as path:
        contents = json.loads(path.read_bytes())
    assert contents["nodes"][0]["title"] == title
    assert contents["nodes"][0]["label"] == label
    assert contents["edges"][0]["provenance"] == provenance
    with written_document("csv", document) as folder:
        row = read_csv((folder / "nodes.csv").read_bytes().decode())[0]
        edge = read_csv((folder / "edges.csv").read_bytes().decode())[0]
    assert unprotected(row["title"]) == title
    assert unprotected(row["label"]) == label
    assert unprotected(edge["provenance"]) == provenance
    for cell in (row["title"], row["label"], edge["provenance"]):
        assert cell[0] not in "=+-@\t\r\n"


MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def read_bibtex(text):
    library = bibtexparser.parse_string(text)
    assert library.failed_blocks == []
    return library


COMMANDS = {
    "textbraceleft": "{", "textbraceright": "}", "textless": "<", "textgreater": ">", "textbar": "|",
    "textasciicircum": "^",
}  # fmt: skip


def printed(latex):
    """What LaTeX would print, as pylatexenc understands it once it is told of the commands it lacks."""
    context = get_default_latex_context_db()
    macros = [MacroTextSpec(name, char) for name, char in COMMANDS.items()]
    context.add_context_category("lacking", macros=macros, prepend=True)
    return LatexNodes2Text(context, math_mode="text", strict_latex_spaces=True).latex_to_text(latex)


def one_line(text):
    """Text without control characters, in one line with single spaces."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


def test_bibtexparser_reads_one_entry_per_paper_with_its_facts(written, network):
    text = (written / "bibtex").read_text(encoding="utf-8")
    entries = {entry.key: entry for entry in read_bibtex(text).entries}
    papers = {key: paper for key, paper in network.nodes(data=True) if paper["kind"] == "paper"}
    assert entries.keys() == papers.keys()
    for key, paper in papers.items():
        fields = {name: field.value for name, field in entries[key].fields_dict.items()}
        assert printed(fields["title"]) == one_line(paper["title"])
        assert printed(fields.get("author", "")) == " and ".join(paper.get("authors", "").split("; "))
        assert fields.get("eprint") == paper.get("arxiv_id")
        assert fields.get("doi") == paper.get("doi")
        assert ("archivePrefix" in fields) == ("arxiv_id" in paper)
        assert not {"note", "primaryClass"} & fields.keys()
    assert sum("author" not in entry.fields_dict for entry in entries.values()) > 50


def test_an_entry_has_the_year_of_its_venue_or_of_its_preprint_and_never_a_mixture(written, network):
    entries = read_bibtex((written / "bibtex").read_text(encoding="utf-8")).entries
    moved = 0
    for entry in entries:
        paper = network.nodes[entry.key]
        fields = {name: field.value for name, field in entry.fields_dict.items()}
        if "venue" in paper:
            name, _, year = paper["venue"].rpartition(" ")
            place = "journal" if entry.entry_type == "article" else "booktitle"
            assert (entry.entry_type, fields[place], fields["year"]) == (entry.entry_type, name, year)
            assert entry.entry_type == ("article" if name in bibtex.JOURNALS else "inproceedings")
            assert "month" not in fields
            moved += year != str(paper["year"])
        else:
            assert entry.entry_type == "misc"
            assert fields.get("year") == (str(paper["year"]) if "year" in paper else None)
            month = paper.get("month") if "year" in paper else None
            assert fields.get("month") == (MONTHS[month - 1] if month else None)
    assert moved > 50  # otherwise the years could not be told apart


@pytest.mark.parametrize(
    ("venue", "kind", "place", "year"),
    [
        ("ICCV 2023", "inproceedings", "ICCV", "2023"),
        ("SIGGRAPH Asia 2023 Posters", "inproceedings", "SIGGRAPH Asia Posters", "2023"),
        ("TPAMI 2024", "article", "TPAMI", "2024"),
        ("Some Workshop", "inproceedings", "Some Workshop", None),
        ("arXiv.org", "misc", None, "2020"),
        ("CoRR abs/2001.1", "misc", None, "2020"),
        ("Corridors of Vision 2021", "inproceedings", "Corridors of Vision", "2021"),
    ],
)
def test_the_venue_decides_the_kind_of_entry_and_its_year(venue, kind, place, year):
    with written_document("bibtex", small_document("T", venue=venue)) as path:
        entry = read_bibtex(path.read_text(encoding="utf-8")).entries[0]
    fields = {name: field.value for name, field in entry.fields_dict.items()}
    assert entry.entry_type == kind
    assert fields.get("booktitle", fields.get("journal")) == place
    assert fields.get("year") == year


@settings(deadline=None, max_examples=100)
@given(title=hostile, venue=hostile)
@example(title="@article{evil, title = {x}}", venue="{")
def test_no_title_or_venue_breaks_a_bibtex_file_and_all_come_back(title, venue):
    with written_document("bibtex", small_document(title, venue=f"v {venue}")) as path:
        text = path.read_text(encoding="utf-8")
    first, second = read_bibtex(text).entries
    assert (first.key, second.key) == ("paper", "other")
    assert second.fields_dict["title"].value == "Another"
    assert printed(first.fields_dict["title"].value) == one_line(title)
    fields = first.fields_dict
    place = fields["journal" if "journal" in fields else "booktitle"].value
    year = fields["year"].value if "year" in fields else ""
    expected = one_line(f"v {venue}".strip())
    assert printed(place) == (" ".join(expected.replace(year, " ", 1).split()) if year else expected)


def test_braces_balance_in_every_value_even_for_readers_that_ignore_backslashes():
    """BibTeX itself counts braces whether or not a backslash stands before them."""
    for title in NASTY:
        with written_document("bibtex", small_document(title, authors=title)) as path:
            _, _, entries = path.read_text(encoding="utf-8").partition("\n\n")
            depth = 0
            for char in entries:
                depth += {"{": 1, "}": -1}.get(char, 0)
                assert depth >= 0, title
            assert depth == 0, title


names = st.lists(hostile.filter(lambda name: ";" not in name and one_line(name)), min_size=1, max_size=3)


@settings(deadline=None, max_examples=1000)
@given(names=names)
@example(names=["Fish and Chips", "Smith, Jr.", "others", "AND"])
@example(names=["Ludwig van Beethoven", "}{", "and"])
def test_every_author_stays_one_author(names):
    with written_document("bibtex", small_document("T", authors="; ".join(names))) as path:
        text = path.read_text(encoding="utf-8")
    stack = [RemoveEnclosingMiddleware(), SeparateCoAuthors()]
    library = bibtexparser.parse_string(text, parse_stack=stack)
    assert library.failed_blocks == []
    found = library.entries[0].fields_dict["author"].value
    assert [printed(name) for name in found] == [one_line(name) for name in names]


def test_a_name_is_split_into_first_and_last_and_an_organisation_is_not():
    authors = "Ludwig van Beethoven; Fish and Chips, Inc."
    with written_document("bibtex", small_document("T", authors=authors)) as path:
        text = path.read_text(encoding="utf-8")
    stack = [RemoveEnclosingMiddleware(), SeparateCoAuthors(), SplitNameParts()]
    entry = bibtexparser.parse_string(text, parse_stack=stack).entries[0]
    person, company = entry.fields_dict["author"].value
    assert (person.first, person.von, person.last) == (["Ludwig"], ["van"], ["Beethoven"])
    assert (company.first, company.last) == ([], ["{Fish and Chips, Inc.}"])


def test_a_paper_without_known_authors_has_no_author_field():
    with written_document("bibtex", small_document("T")) as path:
        entry = read_bibtex(path.read_text(encoding="utf-8")).entries[0]
    assert entry.fields_dict.keys() == {"title", "year", "month"}


def test_capitals_inside_words_are_kept_from_the_bibliography_style():
    with written_document(
        "bibtex", small_document("Segment Anything with SAM and U-Net in 3D: MaskGIT")
    ) as path:
        title = read_bibtex(path.read_text(encoding="utf-8")).entries[0].fields_dict["title"].value
    assert title == "Segment Anything with {SAM} and {U-Net} in {3D}: {MaskGIT}"


def test_a_key_is_safe_in_bibtex_whatever_it_is():
    with written_document("bibtex", small_document("T", key="a{b},c d=%")) as path:
        first, second = read_bibtex(path.read_text(encoding="utf-8")).entries
    assert set(first.key) <= set(string.ascii_letters + string.digits + "-_.:/+")
    assert second.key == "other"
