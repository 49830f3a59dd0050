"""Mounts the map: papers as points, on the map of the field, along the years, or around one paper.

The modules beside this file draw, and nothing is loaded from elsewhere. A map and what is chosen on it
travel apart: the map itself is a message that does not change, so Streamlit sends it once; a link, which is
invisible, carries the choice in both directions and runs only the fragment that it stands in.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import streamlit as st

_MODULES = (
    "scene", "camera", "shapes", "words", "labels", "draw", "input", "brush", "panel", "list", "screen",
    "view",
)  # fmt: skip
_IMPORT = re.compile(r'^import [^;]*? from "\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """What is chosen on a map: a paper, a topic, years, only runnable papers, papers inside a lasso."""

    paper: str | None = None
    topic: str | None = None
    years: tuple[int, int] | None = None
    runnable: bool = False
    area: tuple[str, ...] = ()


def joined_module() -> str:
    """The modules of the map as one, as Streamlit takes one text: without their imports of each other."""
    here = files("app.components")
    parts = [(here / f"map_{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)


@st.cache_resource
def _component() -> Any:
    css = (files("app.components") / "map.css").read_text(encoding="utf-8")
    return st.components.v2.component(
        "vfm_atlas_map", html='<div class="map"></div>', css=css, js=joined_module()
    )


@st.cache_resource
def _link() -> Any:
    return st.components.v2.component(
        "vfm_atlas_map_link",
        html="<span></span>",
        js=(files("app.components") / "map_link.js").read_text(encoding="utf-8"),
    )


def draw_map(scene: bytes, *, key: str) -> None:
    """Draw a scene of app.components.mapdata; the scene's own name is what `link_map` finds it by."""
    _component()(key=key, data=scene)


def link_map(
    name: str,
    choice: Choice,
    on_choice: Callable[[Choice], None],
    *,
    hits: list[str] | None = None,
    note: str = "",
) -> None:
    """Show a choice on the map of this name, and call `on_choice` before the run that another one begins.

    Args:
        name: of the map's scene.
        choice: what the map shows as chosen, unless people have chosen otherwise meanwhile.
        on_choice: takes what people chose.
        hits: keys of the papers that a search found, best first; None while nobody searches.
        note: what is said below the map.
    """
    state = {
        "map": name,
        "seq": st.session_state.get(f"{name}-seq", 0),
        "paper": choice.paper,
        "topic": choice.topic,
        "years": choice.years,
        "runnable": choice.runnable,
        "area": choice.area,
        "hits": hits,
        "note": note,
    }
    key = f"{name}-link"

    def chosen() -> None:
        told = st.session_state[key].get("chosen")
        if isinstance(told, dict):
            st.session_state[f"{name}-seq"] = int(told.get("seq", 0))
            on_choice(_choice(told))

    # A text, because Streamlit asks pandas about every list it is given.
    _link()(key=key, data={"state": json.dumps(state)}, on_chosen_change=chosen)


def _choice(told: dict[str, Any]) -> Choice:
    years = told.get("years")
    return Choice(
        paper=told.get("paper") or None,
        topic=told.get("topic") or None,
        years=(int(years[0]), int(years[1])) if years else None,
        runnable=bool(told.get("runnable")),
        area=tuple(map(str, told.get("area") or ())),
    )
