"""How sources ask: answers in a shape that a client can read, a second question for what was passed over."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from ingest.errors import ServiceRefused, UnknownWork
from ingest.record import Record, WorkId
from ingest.sources.answers import Found
from ingest.transport.message import Answer, Request, Service
from ingest.transport.transport import Transport

Ask = Callable[[list[WorkId], int], Mapping[WorkId, Record]]
"""A question for ids, as the n-th attempt, and the records that came back by the id asked for."""


LONGEST_ADDRESS = 6_000
"""Letters of ids in the address of one request; servers refuse addresses of more than about 8,000."""

_SEPARATOR = len("%2Cdoi%3A")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Tap(Transport):
    """A transport as one client sees it.

    Clients build their objects from whatever JSON a service sends, and one odd value makes them lose a whole
    page. So `shape` brings the body of a good answer into the form that the client relies on in answer to
    this request, before it reads it.
    `last` is the latest answer, which clients do not hand on.
    """

    def __init__(self, inner: Transport, shape: Callable[[Request, Answer], Answer]) -> None:
        self._inner = inner
        self._shape = shape
        self.last: Answer | None = None

    def fetch(self, request: Request) -> Answer:
        """Ask the transport behind, and shape its answer."""
        answer = self._inner.fetch(request)
        self.last = self._shape(request, answer) if answer.status == 200 else answer
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def answer(self) -> Answer:
        """The latest answer. Raises LookupError before the first one."""
        if self.last is None:
            raise LookupError("nothing was asked yet")
        return self.last


def shaped(answer: Answer, shape: Callable[[Any], Any]) -> Answer:
    """The answer with its JSON body brought into shape."""
    return replace(answer, body=json.dumps(shape(json.loads(answer.body))).encode())


def ask_twice(ids: Iterable[WorkId], schemes: Sequence[str], ask: Ask) -> Found:
    """Ask for the ids of these schemes, once more for those without an answer, and name the rest."""
    asked = list(dict.fromkeys(ids))
    open_ids = [each for each in asked if each.scheme in schemes]
    records: dict[WorkId, Record] = {}
    for attempt in (1, 2):
        if open_ids:
            records.update(ask(open_ids, attempt))
            open_ids = [each for each in open_ids if each not in records]
    return Found(records, tuple(each for each in asked if each not in records))


def match(ids: Iterable[WorkId], records: Iterable[Record]) -> dict[WorkId, Record]:
    """Records by those of the ids that they bear; of two that bear one, the first."""
    bearers: dict[WorkId, Record] = {}
    for record in records:
        for each in record.ids:
            bearers.setdefault(each, record)
    return {each: bearers[each] for each in ids if each in bearers}


def portions(ids: Iterable[WorkId], size: int, letters: int | None = None) -> Iterator[list[WorkId]]:
    """The ids in lists of at most `size`, and of at most so many letters as an address writes them."""
    part: list[WorkId] = []
    used = 0
    for each in ids:
        cost = len(quote(each.value, safe="")) + _SEPARATOR
        if part and (len(part) == size or (letters is not None and used + cost > letters)):
            yield part
            part, used = [], 0
        part.append(each)
        used += cost
    if part:
        yield part


def without_known(records: Iterable[Record], known: Iterable[WorkId]) -> list[Record]:
    """The records that bear none of the known ids, each work once."""
    seen = set(known)
    new = []
    for record in records:
        if not seen.intersection(record.ids):
            new.append(record)
        seen.update(record.ids)
    return new


def unknown(label: str, work: WorkId) -> UnknownWork:
    """The error that a service does not know a work."""
    return UnknownWork(f"{label} does not know {work}")


def not_askable(label: str, work: WorkId) -> UnknownWork:
    """The error that a service cannot be asked by this kind of id."""
    return UnknownWork(f"{label} cannot look up {work}")


def get_json(
    transport: Transport, service: Service, path: str, params: Mapping[str, str], attempt: int = 1
) -> tuple[Any, Answer]:
    """Ask for a JSON document; None stands for one that does not exist (404). Raises ServiceError."""
    rules = transport.services[service]
    url = rules.base_url.rstrip("/") + path
    if params:
        url += "?" + urlencode(params)
    answer = transport.fetch(Request(service, url, attempt=attempt))
    if answer.status == 404:
        return None, answer
    if answer.status != 200:
        # What it says is not repeated: services have echoed keys.
        raise ServiceRefused(rules.label, f"answers {answer.status} to {path}")
    return json.loads(answer.body), answer


def dictionary(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The value if it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


def day_of(value: object) -> date | None:
    """A day written as 2023-12-15."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def month_within(value: object, year: int | None) -> int | None:
    """The month of a day, if the day is in that year and does not only stand for the year."""
    day = day_of(value)
    # Services write the first of January where they know the year only.
    if day is None or day.year != year or (day.month, day.day) == (1, 1):
        return None
    return day.month
