"""The taxonomy as an icicle: each node a rectangle beside its parent's, as tall as it has papers."""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.taxonomy import TaxonomyEntry


@dataclass(frozen=True)
class Tile:
    """The rectangle of a node: columns `depth` to `depth` + 1, rows `top` to `bottom`, from 0 to 1."""

    entry: TaxonomyEntry
    depth: int
    top: float
    bottom: float


def icicle(tree: Sequence[TaxonomyEntry], least: float = 0.01) -> list[Tile]:
    """Rectangles of a tree in reading order (see graph.taxonomy.read_taxonomy), parents before children.

    Every node takes at least the share `least` of the height, about, so that one without papers is still to
    be seen and chosen. A parent's papers that belong to none of its children leave free space below these.
    """
    children: dict[str | None, list[TaxonomyEntry]] = {}
    known = {entry.id for entry in tree}
    for entry in tree:
        children.setdefault(entry.parent if entry.parent in known else None, []).append(entry)
    roots = children.get(None, [])
    total = sum(entry.papers for entry in roots) or 1
    heights: dict[str, float] = {}
    for entry in reversed(tree):
        below = sum(heights[child.id] for child in children.get(entry.id, ()))
        heights[entry.id] = max(entry.papers / total, below, least)
    tiles: list[Tile] = []
    queue = [(entry, 0) for entry in reversed(roots)]
    tops = _stacked(roots, 0.0, heights)
    while queue:
        entry, depth = queue.pop()
        tiles.append(Tile(entry, depth, tops[entry.id], tops[entry.id] + heights[entry.id]))
        inside = children.get(entry.id, [])
        tops |= _stacked(inside, tops[entry.id], heights)
        queue.extend((child, depth + 1) for child in reversed(inside))
    most = max((tile.bottom for tile in tiles), default=1.0)
    return [Tile(tile.entry, tile.depth, tile.top / most, tile.bottom / most) for tile in tiles]


def _stacked(entries: Sequence[TaxonomyEntry], top: float, heights: dict[str, float]) -> dict[str, float]:
    """Where each of the entries begins, one below the other."""
    tops = {}
    for entry in entries:
        tops[entry.id] = top
        top += heights[entry.id]
    return tops
