"""Semantic Scholar: reference lists, citing papers, and records by the batch, through its Python client.

The client is kept on a short lead. It makes objects of whatever JSON comes (one odd value loses a page), it
drops the works that a batch does not know, and it stops paging silently; all three are seen to here.
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from semanticscholar.SemanticScholarException import (
    BadQueryParametersException,
    NoMorePagesException,
    ObjectNotFoundException,
)

from ingest.errors import ServiceRefused, UnknownWork
from ingest.record import (
    Record,
    Reference,
    WorkId,
    count_of,
    ids_of,
    names_of,
    text_of,
    year_of,
)
from ingest.sources.answers import Found, ReferenceList
from ingest.sources.asking import (
    Tap,
    ask_twice,
    day_of,
    dictionary,
    items,
    match,
    month_within,
    not_askable,
    portions,
    shaped,
    unknown,
    without_known,
)
from ingest.transport.adapters import attempt, semantic_scholar_client
from ingest.transport.message import Answer, Request
from ingest.transport.transport import Transport

# What it warns of, ids without an answer, is asked again here and then reported.
logging.getLogger("semanticscholar").addFilter(lambda record: not str(record.msg).startswith("IDs not found"))

PAGE = 1_000
BATCH = 500
NESTED = 9_000
"""References that one batch may bring: the service stops at 9,999 in all, and stated counts run behind."""

_ASSUMED_COUNT = 60
_MOST_CONTEXTS = 200
_WRITTEN = {"arxiv": "ARXIV:", "doi": "DOI:", "corpus": "CorpusId:", "s2": ""}
_NO_VENUES = {"arxiv.org", "arxiv", "corr"}
_PAPER_FIELDS = (
    "paperId", "externalIds", "title", "abstract", "authors", "year", "publicationDate", "venue",
    "citationCount", "referenceCount",
)  # fmt: skip
_EDGE_FIELDS = ("contexts", "intents", "isInfluential")
_NESTED_FIELDS = ("references.paperId", "references.externalIds")


class SemanticScholarSource:
    """Semantic Scholar's graph of papers."""

    origin = "semanticscholar"
    label = "Semantic Scholar"

    def __init__(self, transport: Transport) -> None:
        self._tap = Tap(transport, _sound)
        # Its synchronous face runs an event loop for each request; see _at_once.
        self._client = semantic_scholar_client(self._tap)._AsyncSemanticScholar

    def references(self, work: WorkId) -> ReferenceList:
        """List what a work refers to, 1,000 entries a request, at most 9,999.

        An entry that the service could not identify has a record without ids, named after its place in the
        list (from 0). Raises UnknownWork, ServiceError.
        """
        rows, complete = self._rows(self._client.get_paper_references, work)
        when = self._tap.answer.retrieved_at
        told = [row for row in rows if _ids(row["paper"]) or text_of(row["paper"]["title"])]
        entries = tuple(_entry(row, f"{work}#{place}", when) for place, row in enumerate(told))
        return ReferenceList(entries, complete, self.origin, when)

    def citing(self, work: WorkId, known: Collection[WorkId] = ()) -> list[Record]:
        """Describe the works that refer to a work and bear none of the known ids, at most 9,999.

        Raises UnknownWork, ServiceError.
        """
        rows, _complete = self._rows(self._client.get_paper_citations, work)
        when = self._tap.answer.retrieved_at
        records = [_record(row["paper"], when) for row in rows]
        return without_known([each for each in records if each is not None], known)

    def records(
        self,
        ids: Iterable[WorkId],
        *,
        references: bool = False,
        counts: Mapping[WorkId, int] | None = None,
    ) -> Found:
        """Describe works, 500 a request; with `references` their lists (ids only), 9,000 entries a request.

        `counts` tells how many references a work is said to have, which decides how many fit into a request.
        A work that lists fewer than its `reference_count` may have been cut short. Raises ServiceError.
        """
        stated = counts or {}
        known: list[WorkId] = []

        def ask(open_ids: list[WorkId], number: int) -> dict[WorkId, Record]:
            # A batch of unknown works only is refused, and refusals are not stored: a known one goes with it.
            wanted = [*known[:1], *open_ids]
            if not references:
                found = _union(self._batch(each, number) for each in portions(wanted, BATCH))
            else:
                large = [each for each in wanted if stated.get(each, 0) > NESTED]
                packed = _packed([each for each in wanted if each not in large], stated)
                found = _union(self._batch(each, number, nested=True) for each in packed)
                found |= self._one_by_one(large, number)
            known.extend(each for each in found if stated.get(each, 0) <= NESTED)
            return found

        return ask_twice(ids, tuple(_WRITTEN), ask)

    def _batch(self, ids: list[WorkId], number: int, *, nested: bool = False) -> dict[WorkId, Record]:
        try:
            return self._answered(ids, number, nested=nested)
        except _NoneKnown:
            return self._without_unreadable(ids, number, nested=nested)

    def _answered(self, ids: list[WorkId], number: int, *, nested: bool) -> dict[WorkId, Record]:
        try:
            return self._described(ids, number, nested=nested)
        except _TooLarge:
            if len(ids) > 1:
                return _union(self._batch(half, number, nested=nested) for half in _halves(ids))
            return self._one_by_one(ids, number)

    def _described(self, ids: list[WorkId], number: int, *, nested: bool) -> dict[WorkId, Record]:
        fields = [*_PAPER_FIELDS, *(_NESTED_FIELDS if nested else ())]
        try:
            with attempt(number):
                names = [_WRITTEN[each.scheme] + each.value for each in ids]
                papers = _at_once(self._client.get_papers(names, fields=fields))
        except BadQueryParametersException as refusal:
            if "no valid paper ids" in str(refusal).lower():
                raise _NoneKnown from None
            if _is_too_large(refusal) and (nested or len(ids) > 1):
                raise _TooLarge from None
            raise ServiceRefused(self.label, f"refuses to describe {_some(ids)}") from None
        except ObjectNotFoundException:
            raise ServiceRefused(self.label, "has no batches: is its address right?") from None
        answer = self._tap.answer
        described = [_record(paper.raw_data, answer.retrieved_at, nested=nested) for paper in papers]
        places = [dictionary(row).get("paperId") for row in json.loads(answer.body)]
        return _by_id_or_place(ids, [record for record in described if record], places)

    def _without_unreadable(self, ids: list[WorkId], number: int, *, nested: bool) -> dict[WorkId, Record]:
        """A batch refused for want of valid ids: because it knows none, or cannot read one of them.

        One half then still answers, and the other is halved again; if neither does, none is known.
        """
        found: dict[WorkId, Record] = {}
        while len(ids) > 1:
            refused = []
            for half in _halves(ids):
                try:
                    found |= self._answered(half, number, nested=nested)
                except _NoneKnown:
                    refused.append(half)
            if len(refused) != 1:
                break
            ids = refused[0]
        return found

    def _one_by_one(self, ids: list[WorkId], number: int) -> dict[WorkId, Record]:
        """Works with more references than a batch may bring: their lists are read by the page."""
        found = _union(self._batch(each, number) for each in portions(ids, BATCH))
        full: dict[WorkId, Record] = {}
        for work, record in found.items():
            try:
                entries = self.references(work).entries
            except UnknownWork:
                entries = ()
            full[work] = replace(record, references=tuple(each for each, _record in entries) or None)
        return full

    def _rows(
        self, ask: Callable[..., Coroutine[Any, Any, Any]], work: WorkId
    ) -> tuple[list[dict[str, Any]], bool]:
        """All rows of a paged list, and whether they are all that there are."""
        if work.scheme not in _WRITTEN:
            raise not_askable(self.label, work)
        name = quote(_WRITTEN[work.scheme] + work.value, safe=":/")
        fields = [*_EDGE_FIELDS, *_PAPER_FIELDS]
        try:
            try:
                pages = _paged(_at_once(ask(name, fields=fields, limit=PAGE)))
            except BadQueryParametersException as refusal:
                if not _is_too_large(refusal):
                    raise
                pages = _paged(_at_once(ask(name, fields=fields, limit=PAGE // 8)))
        except ObjectNotFoundException:
            raise unknown(self.label, work) from None
        except BadQueryParametersException:
            raise ServiceRefused(self.label, f"refuses to list what belongs to {work}") from None
        return [item.raw_data for item in pages.items], pages.offset >= 0 and not pages.next


class _NoneKnown(Exception):
    """A batch holds no id that the service knows."""


class _TooLarge(Exception):
    """The answer to a batch would be larger than the service sends."""


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that only waits for our transport, which answers in place.

    An event loop would hold Ctrl-C back until the answer is there, however long that takes, and lose the
    number of the attempt where another loop is running.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("the client of Semantic Scholar waits for something else than its transport")


def _is_too_large(refusal: BadQueryParametersException) -> bool:
    return bool(re.search(r"exceed|maximum size|too (?:many|large)", str(refusal), re.IGNORECASE))


def _paged(pages: Any) -> Any:
    """All pages of a list, as far as the client goes."""
    reached = -1
    # The client asks for the same page for ever if a service says so; the offset has to grow.
    while pages.next and pages.offset > reached:
        reached = pages.offset
        try:
            _at_once(pages.async_next_page())
        except NoMorePagesException:
            break
    return pages


def _halves(ids: list[WorkId]) -> tuple[list[WorkId], list[WorkId]]:
    middle = len(ids) // 2
    return ids[:middle], ids[middle:]


def _union(parts: Iterable[Mapping[WorkId, Record]]) -> dict[WorkId, Record]:
    return {work: record for part in parts for work, record in part.items()}


def _some(ids: Sequence[WorkId]) -> str:
    return str(ids[0]) if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} others"


def _packed(ids: Iterable[WorkId], counts: Mapping[WorkId, int]) -> list[list[WorkId]]:
    """The ids in as few batches as first-fit finds, the largest first."""
    bins: list[tuple[int, list[WorkId]]] = []
    for size, work in sorted(((counts.get(each, _ASSUMED_COUNT), each) for each in ids), reverse=True):
        for place, (held, batch) in enumerate(bins):
            if held + size <= NESTED and len(batch) < BATCH:
                batch.append(work)
                bins[place] = (held + size, batch)
                break
        else:
            bins.append((size, [work]))
    return [batch for _held, batch in bins]


def _by_id_or_place(
    ids: Sequence[WorkId], records: Sequence[Record], places: Sequence[str | None]
) -> dict[WorkId, Record]:
    """Records by the id asked for: by the ids they bear, else by the place of the question.

    A work is known under several DOIs and hashes, and answers show one of them. Places count only where the
    service kept the order for every other work.
    """
    found = match(ids, records)
    if len(places) != len(ids):
        return found
    by_hash = {record.external_id: record for record in records}
    if any(
        work in found and found[work].external_id != place for work, place in zip(ids, places, strict=True)
    ):
        return found
    taken = {record.external_id for record in found.values()}
    for work, place in zip(ids, places, strict=True):
        if work in found or place is None or place in taken or place not in by_hash:
            continue
        # arXiv gives no work two ids, so another one is another work.
        if work.scheme != "arxiv" or by_hash[place].id_of("arxiv") is None:
            found[work] = by_hash[place]
    return found


def _entry(row: Mapping[str, Any], place: str, when: datetime) -> tuple[Reference, Record | None]:
    record = _record(row["paper"], when, place=place)
    contexts = [
        text for value in items(row["contexts"])[:_MOST_CONTEXTS] if (text := text_of(value, "context"))
    ]
    intents = [text for value in items(row["intents"])[:_MOST_CONTEXTS] if (text := text_of(value, "name"))]
    influential = row["isInfluential"]
    reference = Reference(
        ids=_ids(row["paper"]),
        title=text_of(row["paper"].get("title")),
        contexts=tuple(contexts),
        intents=tuple(intents),
        is_influential=influential if isinstance(influential, bool) else None,
    )
    return reference, record


def _record(
    paper: Mapping[str, Any], when: datetime, *, place: str | None = None, nested: bool = False
) -> Record | None:
    """A paper as a record; None if it has no title, or neither a hash nor a place to be named by."""
    title = text_of(paper.get("title"))
    ids = _ids(paper)
    external_id = next((each.value for each in ids if each.scheme == "s2"), place)
    if title is None or external_id is None:
        return None
    year, venue = year_of(paper.get("year")), text_of(paper.get("venue"), "venue")
    if venue and venue.casefold() in _NO_VENUES:
        venue = None
    count = count_of(paper.get("referenceCount"))
    return Record(
        origin=SemanticScholarSource.origin,
        external_id=external_id,
        title=title,
        retrieved_at=when,
        ids=ids,
        authors=names_of([dictionary(author).get("name") for author in items(paper.get("authors"))]),
        year=year,
        month=month_within(paper.get("publicationDate"), year),
        venue=venue,
        published_year=year if venue else None,
        abstract=text_of(paper.get("abstract"), "abstract"),
        citation_count=count_of(paper.get("citationCount")),
        reference_count=count,
        references=_nested(paper.get("references"), count) if nested else None,
    )


def _nested(listed: object, count: int | None) -> tuple[Reference, ...] | None:
    """The identified works of a nested reference list; None where the service withholds the list."""
    references = tuple(Reference(ids=ids) for each in items(listed) if (ids := _ids(dictionary(each))))
    return references if references or (count == 0 and isinstance(listed, list)) else None


def _ids(paper: Mapping[str, Any]) -> tuple[WorkId, ...]:
    named = dictionary(paper.get("externalIds"))
    return ids_of(
        arxiv=named.get("ArXiv"), doi=named.get("DOI"), s2=paper.get("paperId"), corpus=named.get("CorpusId")
    )


def _sound(request: Request, answer: Answer) -> Answer:
    """An answer that the client reads without stumbling: a batch (asked by POST) or a page."""
    return shaped(answer, _batch_shape if request.method == "POST" else _page_shape)


def _batch_shape(value: object) -> list[dict[str, Any] | None]:
    return [paper if (paper := _paper_shape(row)).get("paperId") else None for row in items(value)]


def _page_shape(value: object) -> dict[str, Any]:
    page = dictionary(value)
    if not isinstance(page.get("data"), list):
        # null: the publisher had the list withheld. The client then never moves on from its start.
        return {}
    rows = [
        {
            "paper": _paper_shape(row.get("citedPaper", row.get("citingPaper"))),
            **{name: row.get(name) for name in _EDGE_FIELDS},
        }
        for row in page["data"]
        if isinstance(row, dict)
    ]
    shape: dict[str, Any] = {"offset": count_of(page.get("offset")) or 0, "data": rows}
    following = count_of(page.get("next"))
    return shape | ({"next": following} if following is not None else {})


def _paper_shape(value: object) -> dict[str, Any]:
    """The fields of a paper that were asked for, in the types that the client handles."""
    known = dictionary(value)
    hashes = ids_of(s2=known.get("paperId"))
    paper = {name: known.get(name) for name in _PAPER_FIELDS}
    paper["paperId"] = hashes[0].value if hashes else None
    paper["externalIds"] = dictionary(known.get("externalIds"))
    paper["authors"] = [{"name": dictionary(author).get("name")} for author in items(known.get("authors"))]
    # The client parses it and fails on any other form.
    paper["publicationDate"] = known.get("publicationDate") if day_of(known.get("publicationDate")) else None
    if isinstance(known.get("references"), list):
        paper["references"] = [
            {"paperId": dictionary(each).get("paperId"), "externalIds": dictionary(each).get("externalIds")}
            for each in known["references"]
        ]
    return paper
