"""Mounts the list of a search's results: what was understood, what narrows it, and the papers with reasons.

It is one component, so that a letter typed changes what is shown in one step, and choosing papers needs no
server. Whatever comes from papers is set as text there, never as HTML.
"""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st


@st.cache_resource
def _component() -> Any:
    here = files("app.components")
    return st.components.v2.component(
        "vfm_atlas_results",
        html='<div class="found"></div>',
        css=(here / "results.css").read_text(encoding="utf-8"),
        js=(here / "results.js").read_text(encoding="utf-8"),
    )


def draw_results(document: dict[str, Any], on_act: Callable[[dict[str, Any]], None], *, key: str) -> None:
    """Draw a document of app.answers, and call `on_act` before the run that a press of a button begins.

    `on_act` takes what was done: `do` says what, `keys` to which papers, `value` names a value.
    """

    def acted() -> None:
        told = st.session_state[key].get("acted")
        if isinstance(told, dict):
            on_act(told)

    # A text, because Streamlit asks pandas about every list it is given.
    _component()(key=key, data={"told": json.dumps(document)}, on_acted_change=acted)
