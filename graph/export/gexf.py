"""GEXF 1.3 through networkx.

The kind of an edge is also its `kind` in the sense of GEXF 1.3: without it Gephi merges the edges between
the same two nodes into one. The date in the file is that of the facts, so that equal facts give equal files.
"""

from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import networkx as nx

from graph.export.document import Document
from graph.export.xmltext import parse, save, xml_network

_NAMESPACE = "http://gexf.net/1.3"


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write the whole network; returns nodes and edges."""
    network = xml_network(document)
    written = BytesIO()
    nx.write_gexf(network, written, version="1.3")
    root = parse(written, _NAMESPACE)
    root.attrib.clear()  # networkx names a schema by an address that is not XML Schema's
    root.attrib.update({"xmlns": _NAMESPACE, "version": "1.3"})
    _describe(root, network.graph)
    for element, kind in zip(root.iter("edge"), (kind for *_, kind in network.edges(keys=True)), strict=True):
        element.set("kind", kind)
    save(root, path)
    return network.number_of_nodes(), network.number_of_edges()


def _describe(root: Element, header: dict[str, str]) -> None:
    meta = next(root.iter("meta"))
    meta.clear()
    if "facts_date" in header:
        meta.set("lastmodifieddate", header["facts_date"])
    SubElement(meta, "creator").text = header["generator"]
    told = [f"{name}: {header[name]}" for name in ("snapshot", "survey", "filters") if name in header]
    SubElement(meta, "description").text = "; ".join(told)
