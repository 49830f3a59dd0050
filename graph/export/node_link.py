"""Node-link JSON: `networkx.node_link_graph` reads it back, and so does anything that knows JSON."""

import json
from dataclasses import asdict
from pathlib import Path

import networkx as nx

from graph.export.document import Document


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write the whole network under a header of its own; returns nodes and edges."""
    network = document.network
    contents = asdict(document.header) | nx.node_link_data(network, edges="edges")
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return network.number_of_nodes(), network.number_of_edges()
