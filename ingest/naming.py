"""Keys and short names for papers that no editor has named."""

import re
from collections.abc import Collection

from graph.names import fold
from ingest.identity import family_name, last_name
from ingest.record import Record

_SMALL_WORDS = frozenset("a an the on of in for to and with from towards via is are how what".split())
_LONGEST_KEY = 60
_LONGEST_NAME = 40


def key_for(record: Record, taken: Collection[str]) -> str:
    """Family name, year and first telling word of the title, as in BibTeX; a number tells twins apart."""
    words = [fold(word) for word in re.findall(r"\w+", record.title)]
    telling = next((word for word in words if word and word not in _SMALL_WORDS), "work")
    author = family_name(record.authors[0]) if record.authors else ""
    year = record.year or record.published_year
    stem = f"{author or 'anonymous'}{year or ''}{telling}".replace("+", "")[:_LONGEST_KEY]
    key, twin = stem, 1
    while key in taken:
        twin += 1
        key = f"{stem}-{twin}"
    return key


def short_name_for(record: Record) -> str:
    """`Name` of a title `Name: what it does`, else the first author and year, else the title's beginning."""
    head, colon, _rest = record.title.partition(":")
    if colon and 1 < len(head) <= 30 and len(head.split()) <= 4:
        return head.strip()
    year = record.year or record.published_year
    if record.authors and year:
        others = " et al." if len(record.authors) > 1 else ""
        return f"{last_name(record.authors[0])}{others} {year}"
    title = record.title
    return title if len(title) <= _LONGEST_NAME else title[: _LONGEST_NAME - 1].rstrip() + "…"
