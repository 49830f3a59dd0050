"""Measured tables in the pages of docs/, between markers that name them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    marks = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [columns, marks, *rows])


def sections(page: Path) -> dict[str, str]:
    """What stands between the markers of a page, by their names."""
    found = _marked().finditer(page.read_text(encoding="utf-8"))
    return {each["name"]: each["body"].strip() for each in found}


def rows_of(text: str) -> list[list[str]]:
    """The cells of a Markdown table below its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def write_sections(page: Path, measured: Mapping[str, str]) -> None:
    """Put measured text between the markers of a page; every name must have its markers there."""
    text = page.read_text(encoding="utf-8")
    missing = measured.keys() - sections(page).keys()
    if missing:
        raise ValueError(f"{page} has no markers for {', '.join(sorted(missing))}")

    def fill(found: re.Match[str]) -> str:
        body = measured.get(found["name"], found["body"].strip())
        return f"<!-- measured: {found['name']} -->\n{body}\n<!-- end -->"

    page.write_text(_marked().sub(fill, text), encoding="utf-8")


def _marked() -> re.Pattern[str]:
    return re.compile(r"<!-- measured: (?P<name>[\w-]+) -->\n(?P<body>.*?)<!-- end -->", re.DOTALL)
