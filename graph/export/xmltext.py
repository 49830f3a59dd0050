"""Text that XML 1.0 can hold, and networks made of nothing else."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx

from graph.export.document import Document

_FORBIDDEN = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text without the control characters that no XML file may hold; every line break becomes one."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def xml_network(document: Document) -> nx.MultiDiGraph:
    """A copy of the network that XML can hold, with the header as attributes of the graph."""
    network = nx.MultiDiGraph(name="VFM Atlas", **_clean(document.header.known()))
    for node, attributes in document.network.nodes(data=True):
        network.add_node(xml_text(node), **_clean(attributes))
    for start, end, kind, attributes in document.network.edges(keys=True, data=True):
        network.add_edge(xml_text(start), xml_text(end), key=kind, **_clean(attributes))
    return network


def parse(written: BytesIO, namespace: str) -> ElementTree.Element:
    """The root of what networkx wrote, its tags without their namespace."""
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314 - our own text of a moment ago
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{namespace}}}")
    return root


def save(root: ElementTree.Element, path: Path) -> None:
    """Write an XML document in UTF-8."""
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _clean(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: xml_text(value) if isinstance(value, str) else value for name, value in attributes.items()}
