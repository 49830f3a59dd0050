"""RIS files. Entries are cut apart here and read by rispy one by one.

rispy reads a whole file in one go, where an entry without its end swallows the next, a stray line may raise,
and a text of many lines takes the square of their time; one by one, a broken entry harms itself alone.
"""

import re
from collections.abc import Iterator
from typing import Any

import rispy
from rispy.config import LIST_TYPE_TAGS, TAG_KEY_MAPPING

from ingest.files.entry import Entry, Flaw, Unusable, date_of, each_name

_TAG = re.compile(r"([A-Z][A-Z0-9])[ \t]{1,3}-(?:[ \t]|$)")
_VENUES = (
    "secondary_title",
    "journal_name",
    "alternate_title3",
    "alternate_title2",
    "alternate_title1",
    "custom3",
)
_DATES = ("year", "publication_year", "date")
_REMARKS = (
    "notes", "note", "type_of_work", "publisher", "number", "accession_number", *_VENUES,
)  # fmt: skip


def read(text: str) -> Iterator[Entry | Flaw]:
    """The entries of a RIS file, in their order. Text between entries is left out."""
    start, lines, seen = 0, list[list[str]](), False
    for number, raw in enumerate(text.split("\n"), start=1):
        tag, content = _tagged(raw)
        if tag in ("TY", "ER") and lines:
            yield _entry(start, lines)
            lines = []
        if tag == "TY":
            start, seen = number, True
        if tag == "TY" or (lines and tag):
            lines.append([tag, content])
        elif lines and content:
            _go_on(lines, content)
    if lines:
        yield _entry(start, lines)
    if not seen:
        raise Unusable("no entry begins in it; in a .ris file each begins with a line such as 'TY  - JOUR'")


def _tagged(line: str) -> tuple[str, str]:
    """Tag and content of a line, whatever the space between them; without a tag, the line goes on."""
    found = _TAG.match(line)
    if found and found.group(1) in TAG_KEY_MAPPING:
        return found.group(1), line[found.end() :].strip()
    if found and line[2:5] == "  -":  # a tag that some program made up
        return "UK", ""
    return "", line.strip()


def _go_on(lines: list[list[str]], content: str) -> None:
    """Continue the last line. Where a tag may stand several times, what follows is one more of its kind."""
    tag = lines[-1][0]
    if tag in LIST_TYPE_TAGS:
        lines.append([tag, content])
    else:
        lines[-1].append(content)


def _entry(line: int, lines: list[list[str]]) -> Entry:
    text = "\n".join(f"{tag}  - {' '.join(parts)}" for tag, *parts in lines)
    return _from(line, rispy.loads(f"{text}\nER  - ")[0])


def _from(line: int, values: dict[str, Any]) -> Entry:
    year, month = next((date for name in _DATES if (date := date_of(values.get(name)))[0]), (None, None))
    if month is None and (dated := date_of(values.get("date")))[0] == year:
        month = dated[1]
    return Entry(
        line=line,
        key=values.get("id"),
        title=values.get("title") or values.get("primary_title"),
        authors=each_name(values.get("authors") or values.get("first_authors") or ()),
        year=year,
        month=month,
        venue=next((venue for name in _VENUES if (venue := values.get(name))), None),
        abstract=values.get("abstract") or values.get("notes_abstract"),
        ids={"doi": values.get("doi")},
        links=values.get("urls", ()),
        remarks=[text for name in _REMARKS for text in _texts(values.get(name))],
    )


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
