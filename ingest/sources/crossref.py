"""Crossref: what publishers register under a DOI, the third source."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from graph.names import arxiv_id_of, doi_of
from ingest.record import (
    Record,
    Reference,
    WorkId,
    count_of,
    ids_of,
    month_of,
    names_of,
    text_of,
    year_of,
)
from ingest.sources.answers import Found, ReferenceList
from ingest.sources.asking import (
    LONGEST_ADDRESS,
    ask_twice,
    dictionary,
    get_json,
    items,
    match,
    not_askable,
    portions,
    unknown,
)
from ingest.sources.markup import plain
from ingest.transport.message import Answer
from ingest.transport.transport import Transport

PAGE = 100
"""DOIs in one request; the service allows more rows, but not an address of any length."""

_LONGEST_CITATION = 5_000
_ARXIV = re.compile(
    r"arxiv(?::|\.org/(?:abs|pdf)/|\.)\s*(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})", re.I | re.A
)
_DOI = re.compile(r"\b10\.[0-9]{4,9}/[^\s\"<>]+")
_FIELDS = (
    "DOI", "title", "author", "issued", "container-title", "type", "abstract", "is-referenced-by-count",
    "references-count",
)  # fmt: skip


class CrossrefSource:
    """Crossref's register of DOIs."""

    origin = "crossref"
    label = "Crossref"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def records(self, ids: Iterable[WorkId], *, references: bool = False) -> Found:
        """Describe works by DOI, 100 a request; arXiv's own DOIs are not registered here.

        Raises ServiceError.
        """
        fields = (*_FIELDS, "reference") if references else _FIELDS

        def ask(open_ids: list[WorkId], number: int) -> dict[WorkId, Record]:
            found: dict[WorkId, Record] = {}
            plain_ids = [each for each in open_ids if "," not in each.value]
            for part in portions(plain_ids, PAGE, LONGEST_ADDRESS):
                condition = ",".join(f"doi:{each.value}" for each in part)
                params = {"filter": condition, "rows": str(PAGE), "select": ",".join(fields)}
                value, answer = get_json(self._transport, "crossref", "/works", params, number)
                works = items(dictionary(dictionary(value).get("message")).get("items"))
                found |= match(part, _described(works, answer, references))
            # A filter would read the comma in a DOI as its own.
            for odd in [each for each in open_ids if "," in each.value]:
                message, answer = self._message(odd, number)
                found |= match([odd], _described([message], answer, references))
            return found

        return ask_twice(ids, ("doi",), ask)

    def references(self, work: WorkId) -> ReferenceList:
        """List what a work refers to, as its publisher registered it, in one request.

        An entry of which only the citation as printed is known has that as its title, the ids that can be
        read from it, and no record. Raises UnknownWork, ServiceError.
        """
        if work.scheme != "doi":
            raise not_askable(self.label, work)
        message, answer = self._message(work)
        if not _ids(message):
            raise unknown(self.label, work)
        listed = items(message.get("reference"))
        stated = _reference_count(message)
        entries = tuple(_entries(listed, str(work), answer.retrieved_at))
        # A publisher that registers no list does not say that there is none.
        complete = bool(entries) and stated is not None and stated <= len(listed)
        return ReferenceList(entries, complete, self.origin, answer.retrieved_at)

    def _message(self, work: WorkId, number: int = 1) -> tuple[dict[str, Any], Answer]:
        path = "/works/" + quote(work.value, safe="/")
        value, answer = get_json(self._transport, "crossref", path, {}, number)
        return dictionary(dictionary(value).get("message")), answer


def _ids(message: dict[str, Any]) -> tuple[WorkId, ...]:
    return ids_of(doi=message.get("DOI"))


def _reference_count(message: dict[str, Any]) -> int | None:
    count = count_of(message.get("references-count"))
    return count if count is not None else count_of(message.get("reference-count"))


def _described(works: Iterable[Any], answer: Answer, references: bool) -> list[Record]:
    records = [_record(dictionary(each), answer.retrieved_at, references) for each in works]
    return [record for record in records if record is not None]


def _record(message: dict[str, Any], when: datetime, references: bool) -> Record | None:
    ids, title = _ids(message), _first_text(message.get("title"), "title")
    if not ids or title is None:
        return None
    year, month = _issued(dictionary(message.get("issued")))
    posted = message.get("type") == "posted-content"
    record = Record(
        origin=CrossrefSource.origin,
        external_id=ids[0].value,
        title=title,
        retrieved_at=when,
        ids=ids,
        authors=names_of([_name(dictionary(author)) for author in items(message.get("author"))]),
        year=year,
        month=month,
        venue=None if posted else _first_text(message.get("container-title"), "venue"),
        published_year=None if posted else year,
        abstract=text_of(plain(message.get("abstract")), "abstract"),
        citation_count=count_of(message.get("is-referenced-by-count")),
        reference_count=_reference_count(message),
    )
    if not references:
        return record
    listed = _entries(items(message.get("reference")), ids[0].value, when)
    return replace(record, references=tuple(reference for reference, _record in listed) or None)


def _first_text(values: object, kind: str) -> str | None:
    """The first text of a list of them (a title and its translations)."""
    candidates = values if isinstance(values, list) else [values]
    return next((text for value in candidates[:10] if (text := text_of(plain(value), kind))), None)


def _name(author: dict[str, Any]) -> str | None:
    parts = [text for part in ("given", "family") if (text := text_of(author.get(part), "name"))]
    return " ".join(parts) or text_of(author.get("name"), "name")


def _issued(issued: dict[str, Any]) -> tuple[int | None, int | None]:
    dates = items(issued.get("date-parts"))
    parts = items(dates[0]) if dates else []
    year = year_of(parts[0]) if parts else None
    return year, month_of(parts[1]) if year and len(parts) > 1 else None


def _entries(listed: Sequence[Any], citing: str, when: datetime) -> Iterator[tuple[Reference, Record | None]]:
    """The entries that say anything; those without a DOI are named after their place (from 0)."""
    place = 0
    for value in map(dictionary, listed):
        title = text_of(plain(value.get("article-title"))) or text_of(plain(value.get("volume-title")))
        citation = text_of(plain(value.get("unstructured")), "context")
        ids = ids_of(doi=value.get("DOI")) or _ids_within(citation)
        if not (ids or title or citation):
            continue
        reference = Reference(ids=ids, title=title or citation)
        yield reference, _cited(value, title, ids, f"{citing}#{place}", when) if title else None
        place += 1


def _cited(value: dict[str, Any], title: str, ids: tuple[WorkId, ...], place: str, when: datetime) -> Record:
    written = value.get("year")
    return Record(
        origin=CrossrefSource.origin,
        external_id=next((each.value for each in ids if each.scheme == "doi"), place),
        title=title,
        retrieved_at=when,
        ids=ids,
        authors=names_of([value.get("author")]),
        # Publishers write 2016a to tell two works of an author apart.
        year=year_of(written[:4] if isinstance(written, str) else written),
    )


def _ids_within(citation: str | None) -> tuple[WorkId, ...]:
    """The arXiv id or DOI in a citation as printed; of several, which is whose cannot be told."""
    if citation is None or len(citation) > _LONGEST_CITATION:
        return ()
    dois = {each.rstrip(".,;:)]}'") for each in _DOI.findall(citation)}
    found = {work for each in _ARXIV.findall(citation) for work in ids_of(arxiv=arxiv_id_of(each))}
    found |= {work for each in dois for work in ids_of(doi=doi_of(each))}
    schemes = [each.scheme for each in found]
    return tuple(sorted(found)) if len(schemes) == len(set(schemes)) else ()
