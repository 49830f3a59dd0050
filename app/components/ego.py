"""Mounts the drawing of an ego graph. The module beside this file draws; nothing is loaded from elsewhere."""

from dataclasses import asdict
from importlib.resources import files
from typing import Any

import streamlit as st

from graph.ego import EgoGraph
from graph.palette import look_of

ROW_HEIGHT = 33
_MARGIN = 64


@st.cache_resource
def _component() -> Any:
    here = files("app.components")
    return st.components.v2.component(
        "vfm_atlas_ego",
        html='<div class="ego"><canvas></canvas><p class="live" aria-live="polite"></p></div>',
        css=(here / "ego.css").read_text(encoding="utf-8"),
        js=(here / "ego.js").read_text(encoding="utf-8"),
    )


def draw_ego(graph: EgoGraph, *, label: str, key: str) -> str | None:
    """Draw the graph; returns the key of a paper that was chosen with click or Enter in this run."""
    nodes = [asdict(node) | {"look": asdict(look_of(node.pillar))} for node in graph.nodes]
    rows = 2 * max(abs(node.y) for node in graph.nodes) + 1
    result = _component()(
        key=key,
        data={
            "nodes": nodes,
            "edges": [asdict(edge) for edge in graph.edges],
            "columns": graph.columns,
            "label": label,
            "rows": rows,
            "height": int(rows * ROW_HEIGHT) + _MARGIN,
        },
        on_opened_change=lambda: None,
    )
    return result.get("opened")  # type: ignore[no-any-return]
