"""JSON files: CSL-JSON as Zotero, citeproc and Crossref write it, Zotero's own items, and plain objects.

The list of entries is walked, not loaded in one piece, so that each has its line, and so that a file that
breaks off still gives the entries before the break.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.files import columns
from ingest.files.entry import Entry, Flaw, date_of, month_named

_SPACE = re.compile(r"[ \t\n\r]*")
_LISTS = ("items", "nodes")
_ENVELOPE = "message"  # around what api.crossref.org answers
_OF_CSL = frozenset(("type", "author", "issued", "container-title", "DOI", "URL"))
_OF_COLUMNS = frozenset(("authors", "year", "arxiv_id", "doi"))
# What CSL defines as formatting, and the tags of the JATS abstracts that Crossref hands out.
_TAG = re.compile(r"</?(?:i|b|sc|sub|sup|span|jats:[a-z-]{1,30})(?:\s[^<>]{0,100})?/?>", re.IGNORECASE)
_BLOCK = re.compile(r"<jats:title>[^<]{0,40}</jats:title>|</?jats:(?:p|sec|title|list|list-item|break)\s?/?>")
_NO_WORK = frozenset(("attachment", "note", "annotation"))
_VENUES = ("container-title", "event-title", "collection-title")
_ZOTERO_VENUES = ("publicationTitle", "proceedingsTitle", "bookTitle", "conferenceName")
_DECODER = json.JSONDecoder()

Object = dict[str, Any]


def read(text: str) -> Iterator[Entry | Flaw]:
    """The entries of a JSON file, in their order."""
    line, counted = 1, 0
    for at, value in _elements(text):
        line, counted = line + text.count("\n", counted, at), at
        if isinstance(value, Flaw):
            yield Flaw(line, value.field, value.message)
        elif (entry := entry_of(value, line)) is not None:
            yield entry


def entry_of(value: object, line: int) -> Entry | Flaw | None:
    """The entry in a JSON value, in whichever of the forms it is; None for what is no work."""
    if not isinstance(value, dict):
        return Flaw(line, "entry", "is not an object in braces")
    data = value.get("data")
    if isinstance(data, dict) and "itemType" in data:  # as Zotero's web service wraps it
        value = data
    if "itemType" in value:
        return _zotero(value, line)
    if _OF_CSL & value.keys() and not _OF_COLUMNS & value.keys():
        return _csl(value, line)
    return columns.entry_of(value, line)


def _elements(text: str) -> Iterator[tuple[int, object]]:
    """Each entry with its place in the text, and a Flaw at the place where the text stops being JSON."""
    at = top = _space(text, 0)
    try:
        at, is_list = _find_list(text, top)
        if not is_list:
            value, end = _DECODER.raw_decode(text, at)
            yield at, value
            if at == top and _space(text, end) < len(text):
                yield (
                    end,
                    Flaw(0, "json", "holds several values; one object per line belongs in a .jsonl file"),
                )
            return
        at = _space(text, at + 1)
        while text[at : at + 1] != "]":
            value, end = _DECODER.raw_decode(text, at)
            yield at, value
            at = _space(text, end)
            if text[at : at + 1] == ",":
                at = _space(text, at + 1)
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("',' or ']' is missing", text, at)
    except json.JSONDecodeError as reason:
        yield max(at, reason.pos), Flaw(0, "json", f"not JSON ({reason.msg}); nothing is read from here on")
    except RecursionError:
        yield at, Flaw(0, "json", "is nested too deeply; nothing is read from here on")
    except ValueError:  # a whole number of thousands of digits
        yield at, Flaw(0, "json", "holds a number that is too large; nothing is read from here on")


def _find_list(text: str, start: int) -> tuple[int, bool]:
    """Where the list of entries begins, or else the object that is the only entry."""
    if text[start : start + 1] == "[":
        return start, True
    at = start
    while text[at : at + 1] in ("{", ","):
        at = _space(text, at + 1)
        if text[at : at + 1] != '"':
            break
        name, at = _DECODER.raw_decode(text, at)
        at = _space(text, at)
        if text[at : at + 1] != ":":
            break
        at = _space(text, at + 1)
        if name in _LISTS and text[at : at + 1] == "[":
            return at, True
        if name == _ENVELOPE and text[at : at + 1] == "{":
            start = at
            continue
        at = _space(text, _DECODER.raw_decode(text, at)[1])
    return start, False


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _csl(item: Object, line: int) -> Entry:
    year, month = _issued(item.get("issued") or item.get("published"))
    return Entry(
        line=line,
        key=_key(item.get("id") or item.get("citation-key")),
        title=_unformatted(item.get("title")),
        authors=columns.authors_of(item.get("author")),
        year=year,
        month=month,
        venue=next((venue for name in _VENUES if (venue := _unformatted(item.get(name)))), None),
        abstract=_unformatted(item.get("abstract")),
        ids={"doi": item.get("DOI")},
        links=[item.get("URL")],
        remarks=[item.get(name) for name in ("number", "publisher", "note", "archive_location", "archive")],
    )


def _zotero(item: Object, line: int) -> Entry | None:
    if str(item["itemType"]) in _NO_WORK:
        return None
    year, month = date_of(item.get("date"))
    creators = item.get("creators")
    people = [each for each in creators if isinstance(each, dict)] if isinstance(creators, list) else []
    authors = [each for each in people if each.get("creatorType", "author") == "author"]
    return Entry(
        line=line,
        key=next(
            (key for name in ("citationKey", "citekey", "key", "itemKey") if (key := _key(item.get(name)))),
            None,
        ),
        title=_unformatted(item.get("title")),
        authors=columns.authors_of(authors),
        year=year,
        month=month,
        venue=next((venue for name in _ZOTERO_VENUES if (venue := _unformatted(item.get(name)))), None),
        abstract=item.get("abstractNote"),
        ids={"doi": item.get("DOI")},
        links=[item.get("url")],
        remarks=[
            "\n".join(map(str, text)) if isinstance(text := item.get(name), list) else text
            for name in ("archiveID", "extra", "number", "reportNumber", "publicationTitle")
        ],
    )


def _key(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _unformatted(value: object) -> object:
    """A text without the tags that CSL and Crossref put in; the first one of a list."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if not isinstance(value, str):
        return value
    return html.unescape(_TAG.sub("", _BLOCK.sub(" ", value)))


def _issued(value: object) -> tuple[int | None, int | None]:
    """Year and month of a CSL date: date-parts of numbers or digits, or a text."""
    if not isinstance(value, dict):
        return date_of(value)
    parts = value.get("date-parts")
    if isinstance(parts, list) and parts and isinstance(parts[0], list) and parts[0]:
        year, _ = date_of(parts[0][0])
        return year, month_named(parts[0][1]) if year and len(parts[0]) > 1 else None
    for name in ("raw", "literal"):
        year, month = date_of(value.get(name))
        if year:
            return year, month
    return date_of(value.get("year"))[0], month_named(value.get("month"))
