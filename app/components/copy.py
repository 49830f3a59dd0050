"""Buttons that copy a text, or the address of what is shown, to the clipboard."""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import streamlit as st

from app.state import snapshot_id


@dataclass(frozen=True)
class Copy:
    """A button; without a text it copies the address of the page as it is when it is pressed.

    To the address comes the snapshot that it is of (app.linked).
    """

    label: str
    text: str = ""


@st.cache_resource
def _component() -> Any:
    here = files("app.components")
    return st.components.v2.component(
        "vfm_atlas_copy",
        html='<div class="copy"></div>',
        css=(here / "copy.css").read_text(encoding="utf-8"),
        js=(here / "copy.js").read_text(encoding="utf-8"),
    )


def copy_buttons(buttons: list[Copy], *, key: str) -> None:
    """Draw the buttons in a row."""
    # A text, because Streamlit asks pandas about every list it is given.
    told = json.dumps([asdict(button) for button in buttons])
    _component()(key=key, data={"buttons": told, "snapshot": snapshot_id()})
