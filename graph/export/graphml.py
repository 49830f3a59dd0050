"""GraphML through networkx, mended in three places where readers stumble.

networkx numbers the keys d0, d1, ...; Gephi reads a node's `d3` and an edge's `d7` as its label, after yEd's
habit, so keys carry names here. networkx takes the kind of an edge as its id, but ids must differ. And it
writes Python's `True` where XML says `true`.
"""

from io import BytesIO
from pathlib import Path

import networkx as nx

from graph.export.document import Document
from graph.export.xmltext import parse, save, xml_network

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write the whole network; returns nodes and edges."""
    network = xml_network(document)
    written = BytesIO()
    nx.write_graphml_xml(network, written)
    root = parse(written, _NAMESPACE)
    root.set("xmlns", _NAMESPACE)
    names, booleans = {}, set()
    for key in root.iter("key"):
        name = f"{key.attrib['for']}_{key.attrib['attr.name']}"
        names[key.attrib["id"]] = name
        key.set("id", name)
        if key.attrib["attr.type"] == "boolean":
            booleans.add(name)
    for data in root.iter("data"):
        name = names[data.attrib["key"]]
        data.set("key", name)
        if name in booleans:
            data.text = str(data.text).lower()
    for number, edge in enumerate(root.iter("edge")):
        edge.set("id", f"e{number}")
    save(root, path)
    return network.number_of_nodes(), network.number_of_edges()
