"""HTML: the papers as one page with a picture and a table, which opens without a network.

Nodes, links and vis-network come from pyvis, the page around them from page.html: pyvis's own page fetches
bootstrap from elsewhere even with `cdn_resources="in_line"`. The page's content security policy names the
two scripts by their hash and forbids every request, so that nothing in a title can run or load anything.
"""

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from graph.export.document import Document
from graph.export.picture import Picture, by_citations, draw, pillar_label
from graph.network import PAPER_EDGES

_HERE = Path(__file__).parent
_VIS = "lib/vis-9.1.2/vis-network.min.js"
_OPTIONS = {
    "physics": {"enabled": False},
    "layout": {"improvedLayout": False},
    "interaction": {
        "hover": True, "tooltipDelay": 80, "hideEdgesOnDrag": True, "hideEdgesOnZoom": True,
        "keyboard": {"enabled": True, "bindToWindow": False}, "multiselect": False,
        "selectConnectedEdges": False,
    },
    "nodes": {
        "borderWidth": 1,
        "font": {
            "face": "system-ui, sans-serif", "color": "#1b2a41", "strokeWidth": 3, "strokeColor": "#ffffff",
        },
        "scaling": {"label": {"drawThreshold": 10, "maxVisible": 1000}},
    },
}  # fmt: skip


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write the page; returns papers and links, of which the picture draws a part at first."""
    links = Counter(kind for *_, kind in document.paper_edges())
    path.write_text(render(document, draw(document), links), encoding="utf-8", newline="\n")
    return len(document.papers()), links.total()


def render(document: Document, picture: Picture, links: Counter[str]) -> str:
    """The page as text."""
    from pyvis.network import Network

    network = Network(directed=True, cdn_resources="in_line")
    for node in picture.nodes:
        network.add_node(node["id"], **{name: value for name, value in node.items() if name != "id"})
    for link in picture.links:
        ends = (link["from"], link["to"])
        network.add_edge(*ends, **{name: link[name] for name in ("id", "kind", "hidden")})
    environment = network.templateEnv.overlay(autoescape=True)
    scripts = [_source(environment, _VIS), (_HERE / "page.js").read_text(encoding="utf-8")]
    data = {
        "nodes": network.nodes,
        "links": network.edges,
        "styles": picture.line_styles,
        "words": PAPER_EDGES,
        "options": _OPTIONS,
    }
    template = environment.from_string((_HERE / "page.html").read_text(encoding="utf-8"))
    return str(
        template.render(
            header=document.header,
            filters=document.header.filters_as_text(),
            papers=_table(document),
            picture=picture,
            links=links,
            policy=_policy(scripts),
            style=(_HERE / "page.css").read_text(encoding="utf-8"),
            scripts=scripts,
            data=_inert(data),
        )
    )


def _source(environment: Any, name: str) -> str:
    """A script that pyvis ships, found by the loader of its templates, without the hint to its source map."""
    text, _, _ = environment.loader.get_source(environment, name)
    return str(text).partition("//# sourceMappingURL")[0]


def _inert(data: dict[str, Any]) -> str:
    """JSON that no HTML parser takes for anything but text."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _policy(scripts: list[str]) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return "; ".join(
        [
            "default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "base-uri 'none'",
            "form-action 'none'",
        ]
    )  # fmt: skip


def _table(document: Document) -> list[dict[str, Any]]:
    return [
        {"key": key, "pillar_label": pillar_label(document, paper), **paper}
        for key, paper in by_citations(document)
    ]
