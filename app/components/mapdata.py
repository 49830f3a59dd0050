"""What the map component is given: one block of bytes, a header in JSON and arrays of numbers behind it.

Bytes, because Streamlit passes them on as they are: a table would first be made with pandas, whose import
alone takes longer than drawing the first page, and arrives no smaller.
"""

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.analysis.bridge import DISCRIMINATIVE, GENERATIVE
from graph.analysis.lanes import Lanes
from graph.ego import EgoGraph
from graph.mapview import KINDS, MapData
from graph.network import CITES, PAPER_EDGES
from graph.palette import UNKNOWN, Look, looks_of

UNIFIED = "unified"
_NAME_CHARACTERS = 34
_ALIGN = 8


def map_scene(data: MapData, name: str, label: str) -> bytes:
    """The map of the library, for the map of this name (app.components.map)."""
    header = _header(data, "map", name, label) | {
        "topics": [[topic.node, topic.x, topic.y, topic.reach] for topic in data.topics],
        "landmarks": list(data.landmarks),
    }
    return pack(header, _arrays(data))


def lanes_scene(data: MapData, lanes: Lanes, name: str, label: str) -> bytes:
    """The same papers along the years; those that have no lane have no place."""
    x, y = np.full(len(data), np.nan), np.full(len(data), np.nan)
    numbers = [data.number_of[key] for key in lanes.keys]
    x[numbers], y[numbers] = lanes.x, lanes.y
    order = {pillar: at for at, pillar in enumerate(data.pillars)}
    header = _header(data, "lanes", name, label) | {
        "bands": [[lane.label, lane.top, lane.bottom, order.get(lane.pillar, -1)] for lane in lanes.lanes],
        "ticks": [[str(tick.year), tick.x] for tick in lanes.ticks],
        "undated": bool(lanes.undated.any()),
        "rowHeight": lanes.row_height,
    }
    return pack(header, _arrays(data.at_places(x, y)))


def lanes_of_interest(pillars: tuple[str, ...]) -> list[str]:
    """The branches whose lanes are drawn: the three that the survey is about, or all of another taxonomy."""
    three = [GENERATIVE, UNIFIED, DISCRIMINATIVE]
    return three if set(three) <= set(pillars) else list(pillars)


def ego_scene(graph: EgoGraph, name: str, label: str) -> bytes:
    """A paper and the papers around it: columns are years, lines typed relations and citations."""
    looks = _looks(tuple(dict.fromkeys(node.pillar for node in graph.nodes if node.pillar)))
    place = {look["id"]: at for at, look in enumerate(looks)}
    number_of = {node.key: number for number, node in enumerate(graph.nodes)}
    kinds = list(PAPER_EDGES)
    header = {
        "mode": "ego",
        "name": name,
        "label": label,
        "keys": [node.key for node in graph.nodes],
        "names": [map_name(node.short_name, node.title, node.year) for node in graph.nodes],
        "titles": [node.title for node in graph.nodes],
        "looks": looks,
        "kinds": [PAPER_EDGES[kind] for kind in kinds],
        "columns": graph.columns,
        "center": next(number for number, node in enumerate(graph.nodes) if node.is_center),
        "nodes": [],
    }
    none = len(looks) - 1
    arrays: dict[str, NDArray[Any]] = {
        "x": np.array([node.x for node in graph.nodes], dtype=np.float32),
        "y": np.array([node.y for node in graph.nodes], dtype=np.float32),
        "year": np.array([node.year or 0 for node in graph.nodes], dtype=np.int16),
        "look": np.array([place.get(node.pillar, none) for node in graph.nodes], dtype=np.uint8),
        "depth": np.array([node.depth for node in graph.nodes], dtype=np.uint8),
        "start": np.array([number_of[edge.start] for edge in graph.edges], dtype=np.uint32),
        "end": np.array([number_of[edge.end] for edge in graph.edges], dtype=np.uint32),
        "kind": np.array([kinds.index(edge.relation) for edge in graph.edges], dtype=np.uint8),
    }
    return pack(header, arrays)


def pack(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Length of the header (uint32, little-endian), the header, then the arrays at multiples of 8.

    The header tells of each array its type, where it begins after the header's end, and its length. Its
    `version` is the hash of all the rest, by which the component knows data that it has.
    """
    body = bytearray()
    places = {}
    for name, values in arrays.items():
        body += bytes(-len(body) % _ALIGN)
        plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        places[name] = [plain.dtype.str[1:], len(body), len(plain)]
        body += plain.tobytes()
    told = json.dumps(header | {"arrays": places}, separators=(",", ":")).encode()
    version = hashlib.blake2b(told + body, digest_size=8).hexdigest()
    told = told[:-1] + f',"version":"{version}"}}'.encode()
    told += b" " * (-(len(told) + 4) % _ALIGN)
    return len(told).to_bytes(4, "little") + told + bytes(body)


def map_name(short_name: str, title: str, year: int | None) -> str:
    """What a paper is called on a map: its name, or the title's beginning where that is author and year."""
    made_up = year is not None and short_name.endswith(f" {year}")
    name = " ".join((title if made_up else short_name).split())
    if len(name) <= _NAME_CHARACTERS:
        return name
    return name[: _NAME_CHARACTERS - 1].rsplit(" ", 1)[0].rstrip(" ,:;-") + "…"


def _header(data: MapData, mode: str, name: str, label: str) -> dict[str, Any]:
    papers = zip(data.names, data.titles, data.year.tolist(), strict=True)
    return {
        "mode": mode,
        "name": name,
        "label": label,
        "keys": data.keys,
        "names": [map_name(name, title, year or None) for name, title, year in papers],
        "titles": data.titles,
        "looks": _looks(data.pillars, data),
        "nodes": [
            [node.id, node.label, node.parent, node.depth, node.papers, int(node.id == node.pillar)]
            for node in data.nodes
        ],
        "kinds": [PAPER_EDGES[kind] for kind in KINDS],
        "cites": KINDS.index(CITES),
    }


def _arrays(data: MapData) -> dict[str, NDArray[Any]]:
    few = np.uint16 if len(data) < 2**16 else np.uint32
    look = np.where(data.pillar_of < 0, len(data.pillars), data.pillar_of).astype(np.uint8)
    return {
        "x": data.x, "y": data.y, "year": data.year, "cited": data.cited, "node": data.node, "look": look,
        "runnable": data.runnable.astype(np.uint8),
        "start": data.start.astype(few), "end": data.end.astype(few), "kind": data.kind,
        "alsoPaper": data.also_paper.astype(few), "alsoNode": data.also_node,
    }  # fmt: skip


def _looks(pillars: tuple[str, ...], data: MapData | None = None) -> list[dict[str, Any]]:
    """How each branch is drawn, and last how a paper without one is."""
    label_of = {node.id: node.label for node in data.nodes} if data else {}
    looks = [
        _look(pillar, label_of.get(pillar, pillar.capitalize()), look)
        for pillar, look in looks_of(pillars).items()
    ]
    return [*looks, _look("", "No branch", UNKNOWN)]


def _look(pillar: str, label: str, look: Look) -> dict[str, Any]:
    return {"id": pillar, "label": label, "color": look.color, "shape": look.shape, "sign": look.sign}
