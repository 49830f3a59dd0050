"""arXiv: titles, authors and abstracts as the authors gave them, 100 ids a request, through its client."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import arxiv
from lxml import etree

from graph.names import arxiv_id_of
from ingest.errors import ServiceRefused
from ingest.record import Record, WorkId, ids_of, month_of, names_of, text_of, year_of
from ingest.sources.answers import Found
from ingest.sources.asking import Tap, ask_twice, portions
from ingest.transport.adapters import arxiv_client, attempt
from ingest.transport.message import Answer, Request
from ingest.transport.transport import Transport

PAGE = 100

_ATOM = "{http://www.w3.org/2005/Atom}"
_NO_DATE = "0001-01-01T00:00:00Z"
_OLD_STYLE = re.compile(r"^([a-z-]+)\.[a-z]{2}/")


class ArxivSource:
    """arXiv's own description of its papers."""

    origin = "arxiv"
    label = "arXiv"

    def __init__(self, transport: Transport) -> None:
        self._tap = Tap(transport, _sound)
        self._client = arxiv_client(self._tap, page_size=PAGE)

    def records(self, ids: Iterable[WorkId]) -> Found:
        """Describe papers by their arXiv ids, 100 a request.

        arXiv passes over ids without a word; those are asked for once more together. A withdrawn paper has
        no abstract. Raises ServiceError.
        """

        def ask(open_ids: list[WorkId], number: int) -> dict[WorkId, Record]:
            with attempt(number):
                parts = [self._page(each) for each in portions(open_ids, PAGE)]
            return {work: record for part in parts for work, record in part.items()}

        return ask_twice(ids, ("arxiv",), ask)

    def _page(self, ids: list[WorkId]) -> dict[WorkId, Record]:
        names = {each: _name(each.value) for each in ids}
        search = arxiv.Search(id_list=list(names.values()), max_results=2 * PAGE)
        found: dict[str, Record] = {}
        seen: set[str] = set()
        try:
            for result in self._client.results(search):
                # A feed that starts again would be read for ever.
                if result.entry_id in seen:
                    break
                seen.add(result.entry_id)
                record = _record(result, self._tap.answer.retrieved_at)
                if record is not None:
                    found.setdefault(_name(record.ids[0].value), record)
        except arxiv.UnexpectedEmptyPageError:
            # The feed announced more than there is; what came is good.
            pass
        except arxiv.HTTPError as refusal:
            if refusal.status != 400:
                raise ServiceRefused(self.label, f"answers {refusal.status} to a list of ids") from None
            return self._without_malformed(ids)
        return {work: found[name] for work, name in names.items() if name in found}

    def _without_malformed(self, ids: list[WorkId]) -> dict[WorkId, Record]:
        """The page again without the id that arXiv names as malformed, or in halves if it names none."""
        named = _malformed(self._tap.answer)
        rest = [each for each in ids if _name(each.value) != named]
        if len(rest) < len(ids):
            return self._page(rest) if rest else {}
        if len(ids) == 1:
            return {}
        middle = len(ids) // 2
        return self._page(ids[:middle]) | self._page(ids[middle:])


def _name(value: str) -> str:
    """An id as arXiv lists it: old ones without the subject class (math.GT/0309136)."""
    return _OLD_STYLE.sub(r"\1/", value)


def _record(result: arxiv.Result, when: datetime) -> Record | None:
    base = arxiv_id_of(result.entry_id)
    title = text_of(result.title)
    ids = ids_of(arxiv=base, doi=((result.doi or "").split() or [None])[0])
    if base is None or title is None or not ids or ids[0].scheme != "arxiv":
        return None
    short = text_of(result.get_short_id(), "name")
    return Record(
        origin=ArxivSource.origin,
        external_id=short if short and arxiv_id_of(short) == base else base,
        title=title,
        retrieved_at=when,
        ids=ids,
        authors=names_of([author.name for author in result.authors]),
        year=year_of(result.published.year),
        month=month_of(result.published.month) if year_of(result.published.year) else None,
        venue=text_of(result.journal_ref, "venue"),
        abstract=text_of(result.summary, "abstract"),
    )


def _feed(body: bytes) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None


def _malformed(answer: Answer) -> str | None:
    """The id that a feed of errors names."""
    feed = _feed(answer.body)
    text = None if feed is None else feed.findtext(f"{_ATOM}entry/{_ATOM}summary")
    return (
        text.rpartition(" ")[2].strip()
        if text and text.strip().startswith("incorrect id format for")
        else None
    )


def _sound(_request: Request, answer: Answer) -> Answer:
    """The feed with a date in every entry: the client drops an entry without, and a page with a false one."""
    feed = _feed(answer.body)
    if feed is None:
        return answer
    changed = False
    for entry in feed.iterfind(f"{_ATOM}entry"):
        for name in ("updated", "published"):
            element = entry.find(_ATOM + name)
            if element is None:
                element = etree.SubElement(entry, _ATOM + name)
            if not _is_date(element.text):
                element.text = _NO_DATE
                changed = True
    return replace(answer, body=etree.tostring(feed, encoding="utf-8")) if changed else answer


def _is_date(text: str | None) -> bool:
    try:
        datetime.fromisoformat((text or "").strip().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True
