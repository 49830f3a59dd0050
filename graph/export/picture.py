"""What an exported picture shows: papers with place, shape, colour and size, and the links drawn at first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graph import palette
from graph.export.document import Document
from graph.export.positions import place_papers
from graph.network import CITES, PAPER_EDGES

PAPER_BUDGET = 1200
"""A picture draws at most this many papers, the most cited ones; the table lists all."""

LINK_BUDGET = 2000
"""At most this many links are drawn at first; choosing a paper shows all of its own."""

LABEL_BUDGET = 40
"""At most this many papers carry their name at first; the others show it when the picture is enlarged."""

_SHAPES = {"circle": "dot", "down": "triangleDown"}
"""What vis-network calls a shape, where it is not the palette's word."""
_NO_PILLAR = "no pillar known"
_LABEL_FONT, _SMALL_FONT = 13, 5
_NAME_LENGTH = 28

_DASHES: dict[str, tuple[int, int]] = {"trained_on": (6, 4), "evaluated_on": (6, 4), "compares_with": (2, 3)}
# vis-network draws these larger than a dot of the same size.
_EXTENT = {"square": 0.85, "hexagon": 0.95}


@dataclass(frozen=True)
class Look:
    """How the papers of a pillar are drawn, and how many there are."""

    label: str
    colour: str
    shape: str
    papers: int


@dataclass(frozen=True)
class Line:
    """How links of some kinds are drawn, and how many there are."""

    label: str
    dashes: tuple[int, int] | None
    arrow: bool
    links: int


@dataclass(frozen=True)
class Picture:
    """Nodes and links in the terms of vis-network, and what a legend must say about them."""

    nodes: list[dict[str, Any]]
    links: list[dict[str, Any]]
    looks: list[Look]
    lines: list[Line]
    line_styles: dict[str, dict[str, Any]]
    drawn_at_first: int


def draw(document: Document) -> Picture:
    """The picture of a document's papers and of the links between them."""
    papers = by_citations(document)[:PAPER_BUDGET]
    scale = min(2.0, max(1.0, (400 / max(1, len(papers))) ** 0.35))  # few papers have more room each
    sizes = {key: scale * (3.5 + 1.7 * float(paper["cited_by"]) ** 0.5) for key, paper in papers}
    positions = place_papers(document, sizes)
    looks = _looks(document)
    labelled = _labelled(papers, positions, sizes)
    nodes = [
        _node(key, paper, looks, positions[key], sizes[key], named=key in labelled) for key, paper in papers
    ]
    links, drawn = _links(document, dict(papers))
    counted = [look for look in looks.values() if look.papers]
    styles = {kind: _style(kind, drawn) for kind in PAPER_EDGES}
    return Picture(nodes, links, counted, _lines(document), styles, drawn)


def by_citations(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """Papers with their attributes, the one most cited in the library first."""
    return sorted(document.papers(), key=lambda item: (-item[1]["cited_by"], item[0]))


def pillar_label(document: Document, paper: dict[str, Any]) -> str:
    """The name of a paper's pillar in words."""
    pillar = paper.get("pillar")
    nodes = document.network.nodes
    return str(nodes[f"taxonomy:{pillar}"]["label"]) if pillar else _NO_PILLAR


def _looks(document: Document) -> dict[str | None, Look]:
    nodes = document.network.nodes(data=True)
    branches = [
        (attributes["pillar"], attributes["label"])
        for node, attributes in nodes
        if node == f"taxonomy:{attributes.get('pillar')}"
    ]
    own = palette.looks_of([pillar for pillar, _ in branches])
    found = [paper.get("pillar") for _, paper in document.papers()]
    looks: dict[str | None, Look] = {
        pillar: Look(
            label, own[pillar].color, _SHAPES.get(own[pillar].shape, own[pillar].shape), found.count(pillar)
        )
        for pillar, label in branches
    }
    looks[None] = Look(_NO_PILLAR, palette.UNKNOWN.color, "dot", found.count(None))
    return looks


def _node(
    key: str,
    paper: dict[str, Any],
    looks: dict[str | None, Look],
    position: tuple[float, float],
    size: float,
    *,
    named: bool,
) -> dict[str, Any]:
    look = looks[paper.get("pillar")]
    year = str(paper.get("year", "year not known"))
    venue = f"published at {paper['venue']}" if "venue" in paper else "venue not known"
    return {
        "id": key,
        "label": _short(paper["label"]),
        "name": paper["label"],
        "title": f"{paper['title']}\n{year}, {venue}\n{look.label}, cited by {paper['cited_by']} here",
        "x": position[0],
        "y": position[1],
        "size": round(size * _EXTENT.get(look.shape, 1.0), 1),
        "shape": look.shape,
        "color": look.colour,
        "font": {"size": _LABEL_FONT if named else _SMALL_FONT},
    }


def _short(name: str) -> str:
    plain = " ".join(name.split())
    return plain if len(plain) <= _NAME_LENGTH else plain[: _NAME_LENGTH - 1] + "…"


def _labelled(
    papers: Iterable[tuple[str, dict[str, Any]]],
    positions: dict[str, tuple[float, float]],
    sizes: dict[str, float],
) -> set[str]:
    """The most cited papers whose names do not cover each other."""
    taken: dict[str, tuple[float, float, float, float]] = {}
    for key, paper in papers:
        x, top = positions[key][0], positions[key][1] + sizes[key]
        half = 0.5 * (_LABEL_FONT * 0.58 * len(_short(paper["label"])) + 8)
        box = (x - half, top, x + half, top + 1.5 * _LABEL_FONT)
        if not any(_meet(box, other) for other in taken.values()):
            taken[key] = box
        if len(taken) == LABEL_BUDGET:
            break
    return set(taken)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _links(document: Document, papers: dict[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Every link between papers of the picture, and how many of them are drawn at first.

    Typed relations come first, then for every paper the most cited one that it cites, then the second, and
    so on: a paper does not lose its links because others have more.
    """
    edges = [edge for edge in document.paper_edges() if edge[0] in papers and edge[1] in papers]
    rank: dict[tuple[str, str, str], int] = {}
    seen: dict[str, int] = {}
    for start, end, kind in sorted(edges, key=lambda edge: (-papers[edge[1]]["cited_by"], edge)):
        if kind != CITES:
            rank[start, end, kind] = -1
        else:
            seen[start] = rank[start, end, kind] = seen.get(start, -1) + 1
    ordered = sorted(edges, key=lambda edge: (rank[edge], -papers[edge[1]]["cited_by"], edge))
    links = [
        {"id": number, "from": start, "to": end, "kind": kind, "hidden": number >= LINK_BUDGET}
        for number, (start, end, kind) in enumerate(ordered)
    ]
    return links, min(len(links), LINK_BUDGET)


def _lines(document: Document) -> list[Line]:
    found = [kind for *_, kind in document.paper_edges()]
    groups: dict[tuple[bool, tuple[int, int] | None], list[str]] = {}
    for kind in PAPER_EDGES:
        if kind in found:
            groups.setdefault((kind != CITES, _DASHES.get(kind)), []).append(kind)
    return [
        Line(", ".join(PAPER_EDGES[kind] for kind in kinds), dashes, arrow, sum(map(found.count, kinds)))
        for (arrow, dashes), kinds in groups.items()
    ]


def _style(kind: str, links: int) -> dict[str, Any]:
    cites = kind == CITES
    opacity = min(0.5, 0.11 + 40 / max(1, links))  # the more links, the fainter each citation
    colour = f"rgba(70, 84, 104, {opacity:.2f})" if cites else "rgba(40, 48, 60, 0.38)"
    return {
        "color": {"color": colour, "hover": "#1b2a41"},
        "dashes": list(_DASHES.get(kind, ())) or False,
        "width": 0.8 if cites else 1.2,
        # A relation bends further than the citation between the same two papers, so that both are seen.
        "smooth": {"enabled": True, "type": "curvedCW", "roundness": 0.12 if cites else 0.26},
        "arrows": {"to": {"enabled": not cites, "scaleFactor": 0.3}},
    }
