"""Columns by which tables and plain JSON objects name what they hold, ours and those of other programs."""

import re
from collections.abc import Iterable, Mapping

from graph.names import fold
from ingest.files.entry import Entry, date_of, each_name, month_named, turned

# Names are compared folded: "Publication Year" and "publication_year" are one column. Of several columns
# of the same meaning, the first here that is filled counts.
_MEANINGS: dict[str, tuple[str, ...]] = {
    "key": ("key", "citationkey", "citekey", "id"),
    "title": ("title", "articletitle", "documenttitle", "label"),
    "authors": ("authors", "author", "authornames"),
    "year": ("year",),
    "month": ("month",),
    "volume_year": ("publicationyear", "publishedyear"),
    "date": ("date", "publicationdate"),
    "venue": ("venue",),
    "volume": ("publicationtitle", "sourcetitle", "journal", "journaltitle", "booktitle", "conferencename"),
    "abstract": ("abstract", "abstractnote"),
    "doi": ("doi",),
    "arxiv": ("arxivid", "arxiv", "archiveid"),
    "s2": ("s2id", "semanticscholarid", "paperid"),
    "corpus": ("corpusid", "s2corpusid"),
    "openalex": ("openalexid", "openalex"),
    "url": ("url", "link", "urls"),
    "extra": ("extra", "note", "notes"),
    "publisher": ("publisher",),
    "number": ("number", "reportnumber"),
}
_SCHEMES = ("arxiv", "doi", "s2", "corpus", "openalex")
_KINDS = ("kind", "itemtype")
_NO_WORK = frozenset("attachment note annotation taxonomy checkpoint".split())
_NAME_PARTS = (
    "given", "firstName", "dropping-particle", "non-dropping-particle", "family", "lastName", "suffix",
)  # fmt: skip
_AND = re.compile(r"\s+(?:and|&)\s+")
COLUMNS = frozenset(name for names in _MEANINGS.values() for name in names)
"""Every folded name that is understood."""


def known_columns(names: Iterable[str]) -> int:
    """How many of these column names are understood."""
    return sum(fold(name) in COLUMNS for name in names)


def entry_of(values: Mapping[str, object], line: int) -> Entry | None:
    """The entry that a row or object holds; None for what is no work, such as a note or an attachment.

    `year` and `month` are those of the earliest text, and `venue` may carry its own year (CVPR 2016); a
    column such as Publication Year, or a year beside a Publication Title, is that of the published text.
    """
    folded: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(name, str) and value not in (None, ""):
            folded.setdefault(fold(name), value)
    if any(str(folded.get(kind)).lower() in _NO_WORK for kind in _KINDS):
        return None
    found = {
        meaning: next((folded[name] for name in names if name in folded), None)
        for meaning, names in _MEANINGS.items()
    }
    year, month = date_of(found["year"])[0], month_named(found["month"])
    volume_year = date_of(found["volume_year"])[0]
    dated = date_of(found["date"])
    published = found["venue"] is None and found["volume"] is not None
    if year is None:
        year = (volume_year if found["venue"] is None else None) or dated[0]
    if month is None and dated[0] == year:
        month = dated[1]
    return Entry(
        line=line,
        key=_key(found["key"]),
        title=found["title"],
        authors=authors_of(found["authors"]),
        year=year,
        month=month,
        venue=found["venue"] or found["volume"],
        dates_venue=published,
        published_year=None if published else volume_year,
        abstract=found["abstract"],
        ids={scheme: found[scheme] for scheme in _SCHEMES},
        links=[found["url"]],
        remarks=[found["extra"], found["publisher"], found["number"], found["venue"], found["volume"]],
    )


def _key(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def authors_of(value: object) -> list[str]:
    """Names from a list (of names, or of objects that have one) or from a text.

    In a text, names stand between semicolons or the word `and`. Where there are neither, commas part full
    names (`Kaiming He, Jian Sun`) or the two halves of one (`He, Kaiming`).
    """
    if isinstance(value, list):
        return [name for each in value if (name := _name_in(each))]
    if not isinstance(value, str):
        return []
    if ";" in value:
        return each_name(value.split(";"))
    names = _AND.split(value)
    parts = [part.strip() for part in value.split(",")]
    if len(names) == 1 and len(parts) > 1 and all(" " in part for part in parts) and parts[0][0].isupper():
        return each_name(parts)
    return each_name(names)


def _name_in(value: object) -> str:
    """A name, or the one in an object as CSL, Crossref, Zotero and Semantic Scholar write it."""
    if isinstance(value, str):
        return next(iter(each_name([value])), "")
    if not isinstance(value, dict):
        return ""
    first, last = value.get("firstName"), value.get("lastName")
    if isinstance(first, str) and isinstance(last, str) and "," in first:
        return turned(f"{last}, {first}")  # Zotero has no place for a suffix but behind the first name
    parts = [value.get(name) for name in _NAME_PARTS]
    spoken = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    whole = value.get("literal") or value.get("name")
    return spoken or (whole if isinstance(whole, str) else "")
