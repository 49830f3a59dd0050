"""Exports as downloads: a file is made when its button is pressed, not before."""

import tempfile
from pathlib import Path

import streamlit as st

from app.state import reading
from graph.filters import Filters


def export_button(
    format_name: str, label: str, name: str, filters: Filters, *, primary: bool = False
) -> None:
    """A button that downloads the papers that pass the filters in one of graph.export's formats.

    `name` is the file's, without its ending.
    """
    from graph.export import FORMATS

    suffix = FORMATS[format_name].suffix
    st.download_button(
        label,
        data=lambda: exported(format_name, filters),
        file_name=f"{_safe(name)}{suffix}",
        key=f"export-{format_name}-{name}",
        type="primary" if primary else "secondary",
        icon=":material/download:",
        on_click="ignore",
    )


def exported(format_name: str, filters: Filters) -> bytes:
    """The file as bytes."""
    from graph.export import FORMATS, export

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"export{FORMATS[format_name].suffix}"
        with reading() as session:
            export(session, format_name, path, filters)
        return path.read_bytes()


def _safe(name: str) -> str:
    """A name that every file system takes."""
    kept = "".join(char if char.isalnum() or char in "-_" else "-" for char in name)
    return kept.strip("-")[:60] or "vfm-atlas"
