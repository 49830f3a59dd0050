"""Two tables, nodes.csv and edges.csv, in a folder or a .zip file. UTF-8; an empty cell is a fact not known.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, so text
that begins so gets an apostrophe before it. So does text that has apostrophes of its own before such a
character: removing one apostrophe there gives every text back as it was.
"""

import csv
import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from graph.export.document import Document

NODE_COLUMNS = (
    "id", "label", "kind", "title", "year", "month", "venue", "authors", "arxiv_id", "doi", "code_url",
    "summary", "core", "after_survey", "reference_list", "taxonomy", "pillar", "cited_by", "definition",
    "library", "task", "loader_class", "params_millions", "licence", "revision", "state",
)  # fmt: skip
EDGE_COLUMNS = ("source", "target", "kind", "primary", "role", "provenance", "retrieved_at")

_FORMULA = re.compile("'*[=+\\-@\t\r\n]")
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that equal facts give equal files

Row = dict[str, object]


def write(document: Document, path: Path) -> tuple[int, int]:
    """Write both tables into the folder or .zip file; returns nodes and edges."""
    network = document.network
    nodes: list[Row] = [{"id": node, **attributes} for node, attributes in network.nodes(data=True)]
    edges: list[Row] = [
        {"source": start, "target": end, **attributes} for start, end, attributes in network.edges(data=True)
    ]
    tables = {"nodes.csv": _table(nodes, NODE_COLUMNS), "edges.csv": _table(edges, EDGE_COLUMNS)}
    if path.suffix.lower() == ".zip":
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, text in tables.items():
                entry = ZipInfo(name, _ZIP_EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text.encode(), ZIP_DEFLATED)
    else:
        path.mkdir()
        for name, text in tables.items():
            (path / name).write_bytes(text.encode())
    return len(nodes), len(edges)


def _table(rows: list[Row], columns: Iterable[str]) -> str:
    further = sorted({name for row in rows for name in row} - set(columns))
    text = StringIO(newline="")
    writer = csv.DictWriter(text, [*columns, *further], restval="")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value
