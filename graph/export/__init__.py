"""Exports: the network of papers, taxonomy and checkpoints as a file that other programs read.

One module per format. Each has a function that writes a document to a path and tells how many nodes and
edges the file holds; FORMATS names them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from graph.errors import ExportError, UnknownName
from graph.export.bibtex import write as write_bibtex
from graph.export.csv_tables import write as write_csv
from graph.export.document import Document, read_document
from graph.export.gexf import write as write_gexf
from graph.export.graphml import write as write_graphml
from graph.export.node_link import write as write_json
from graph.export.page import write as write_html
from graph.export.target import size_of, written_whole
from graph.filters import Filters

__all__ = ["FORMATS", "ExportReport", "Format", "export"]


@dataclass(frozen=True)
class Format:
    """A file format. `suffix` is the usual end of the file name; `write` returns nodes and edges written."""

    name: str
    description: str
    suffix: str
    write: Callable[[Document, Path], tuple[int, int]]


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote. `papers` counts papers alone, `nodes` and `edges` everything in the file."""

    format: str
    path: Path
    papers: int
    nodes: int
    edges: int
    bytes: int


FORMATS = {
    each.name: each
    for each in (
        Format("graphml", "whole network, for Gephi, yEd, igraph, Cytoscape", ".graphml", write_graphml),
        Format("gexf", "whole network as GEXF 1.3, for Gephi", ".gexf", write_gexf),
        Format("json", "whole network as node-link JSON, for networkx and D3", ".json", write_json),
        Format("csv", "nodes.csv and edges.csv in a folder or a .zip file", ".zip", write_csv),
        Format("html", "picture and table of the papers, one page that opens offline", ".html", write_html),
        Format("bibtex", "one entry per paper, for LaTeX, Zotero, JabRef", ".bib", write_bibtex),
    )
}
"""Every format by name."""


def export(
    session: Session,
    format_name: str,
    path: str | Path,
    filters: Filters | None = None,
    force: bool = False,
) -> ExportReport:
    """Write the papers that pass the filters, and what belongs to them, to a file.

    Args:
        session: an open session of the library.
        format_name: a name of FORMATS.
        path: the file to write; for csv a folder, or a file that ends in .zip.
        filters: which papers take part; all by default.
        force: replace a file that exists already. Other files of a folder are never touched.

    Raises UnknownName for a format, taxonomy node or pillar that does not exist, and ExportError for a path
    that cannot be written; then nothing is left there that was not there before.
    """
    chosen = FORMATS.get(format_name)
    if chosen is None:
        raise UnknownName(
            "format", format_name, list(FORMATS), "'vfm-atlas list-formats' explains them", allowed=True
        )
    path = Path(path)
    as_folder = chosen.name == "csv" and path.suffix.lower() != ".zip"
    if as_folder and path.suffix.lower() == ".csv":
        raise ExportError(f"csv writes two tables, which {path} cannot hold: name a folder or a .zip file")
    document = read_document(session, filters)
    with written_whole(path, as_folder=as_folder, force=force) as temporary:
        nodes, edges = chosen.write(document, temporary)
        size = size_of(temporary)
    return ExportReport(chosen.name, path, len(document.papers()), nodes, edges, size)
