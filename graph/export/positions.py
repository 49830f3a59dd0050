"""Where each paper stands in an exported picture: computed once, the same every time."""

from collections.abc import Container

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from graph.export.document import Document

WIDTH, HEIGHT = 1250.0, 620.0
"""Extent of a picture, in the pixels of a usual window."""

_SEED = 20231016
_EVENNESS = 0.45
_SEPARATING_ROUNDS = 60
_GAP = 2.5

Points = NDArray[np.float64]


def place_papers(document: Document, sizes: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Position of the centre of each paper in `sizes` (radii), no two closer than these allow.

    ForceAtlas2 on the papers and the taxonomy nodes, which hold together what no citation joins. Equal
    networks give equal pictures on one machine; elsewhere rounding may move them.
    """
    papers = list(sizes)
    if not papers:
        return {}
    graph = _simple_graph(document, sizes)
    rounds = max(100, min(1000, 60_000 // len(graph)))  # a small graph needs more of them, and they cost less
    # The logarithmic model tells groups apart best. It divides by the distance of a node to itself and
    # discards the result.
    with np.errstate(divide="ignore", invalid="ignore"):
        found = nx.forceatlas2_layout(graph, max_iter=rounds, linlog=True, scaling_ratio=0.5, seed=_SEED)
    points = np.array([found[key] for key in papers], dtype=np.float64)
    points = _separate(_spread(_upright(points)), np.array([sizes[key] for key in papers]))
    return {key: (round(float(x), 1), round(float(y), 1)) for key, (x, y) in zip(papers, points, strict=True)}


def _simple_graph(document: Document, papers: Container[str]) -> nx.Graph:
    graph = nx.Graph()
    for node, kind in document.network.nodes(data="kind"):
        if kind == "taxonomy" or node in papers:
            graph.add_node(node)
    edges = document.network.edges()
    graph.add_edges_from((start, end) for start, end in edges if start in graph and end in graph)
    return graph


def _upright(points: Points) -> Points:
    """Turned so that the longer axis lies flat; a point that the layout lost goes to the middle."""
    points = np.nan_to_num(points - np.nanmean(points, axis=0), posinf=0.0, neginf=0.0)
    if len(points) < 3:
        return points
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    # The sign of an axis is arbitrary: its largest component is made positive.
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
    return np.asarray(points @ (axes * signs[:, None]).T, dtype=np.float64)


def _spread(points: Points) -> Points:
    """Stretched over the picture, partly by rank, so that a few outliers do not crowd all others."""
    extent = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(extent > 0, extent, 1.0)
    ranks = points.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") / max(1, len(points) - 1)
    mixed = (1 - _EVENNESS) * scaled + _EVENNESS * ranks
    return np.asarray((mixed - 0.5) * [WIDTH, HEIGHT], dtype=np.float64)


def _separate(points: Points, sizes: Points) -> Points:
    """Pushed apart until no two papers overlap, or as far as that goes in a few rounds."""
    wanted = sizes[:, None] + sizes[None, :] + _GAP
    np.fill_diagonal(wanted, 0.0)
    # Two papers at the very same place need a direction to part in: a spiral gives each its own.
    turn = np.arange(len(points)) * 2.399963
    points = points + 1e-3 * np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(_SEPARATING_ROUNDS):
        apart = points[:, None, :] - points[None, :, :]
        distance = np.linalg.norm(apart, axis=2)
        overlap = np.clip(wanted - distance, 0.0, None)
        if not overlap.any():
            break
        share = 0.5 * overlap / np.where(distance > 0, distance, 1.0)
        points = points + np.einsum("ij,ijk->ik", share, apart)
    return points
