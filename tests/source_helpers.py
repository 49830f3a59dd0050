"""What the tests of the sources share: transports to local services or to a script; what a record must be."""

import copy
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from services.universe import Universe
from services.works import Work
from services.world import World

from ingest.record import Record, Reference, WorkId, count_of, month_of, text_of, year_of
from ingest.sources.answers import ReferenceList
from ingest.transport.message import Answer, Request
from ingest.transport.services import services_from_environment
from ingest.transport.store import ResponseStore
from ingest.transport.transport import Transport

WHEN = datetime(2026, 2, 3, 4, 5, 6)

Path_ = tuple[str | int, ...]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["10.1/\x00", "2304.02643", "W12", "a" * 40, "2023-02-30", "2023-W01-1", "0000-01-01", "x" * 9_000]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class SkippingClock:
    """The machine's time, but a sleep is over at once; for every such clock, so that time only goes on."""

    skipped = 0.0

    def now(self) -> float:
        return time.time() + SkippingClock.skipped

    def sleep(self, seconds: float) -> None:
        SkippingClock.skipped += seconds

    def moment(self) -> datetime:
        """Now, as dates are kept."""
        return datetime.fromtimestamp(self.now(), UTC).replace(tzinfo=None)


class ScriptedTransport(Transport):
    """A transport that is answered by a script: a document (status 200), or a status and a document.

    A function is asked for one with each request.
    """

    def __init__(self, reply: Any) -> None:
        self.services = services_from_environment()
        self.reply = reply
        self.asked: list[Request] = []

    def fetch(self, request: Request) -> Answer:
        self.asked.append(request)
        said = self.reply(request) if callable(self.reply) else self.reply
        status, body = said if isinstance(said, tuple) else (200, said)
        kind = "application/json" if request.expects == "json" else "application/atom+xml"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(status, {"content-type": kind}, content, WHEN)


@contextmanager
def transport_to(universe: Universe, folder: Path, *, refresh: bool = False) -> Iterator[Transport]:
    """The real transport to the local services, with a store in the folder; waits are skipped."""
    folder.mkdir(exist_ok=True)
    urls = {service.name: service.url for service in universe.services}
    services = {
        name: replace(rules, base_url=urls[name]) for name, rules in services_from_environment().items()
    }
    store = ResponseStore(folder / "responses.sqlite")
    clock = SkippingClock()
    since = clock.moment() if refresh else None
    transport = Transport(services, store, gates=folder / "gates", clock=clock, refresh_since=since)
    try:
        yield transport
    finally:
        transport.close()


def work(key: str, **facts: Any) -> Work:
    """A work of a small world."""
    settings: dict[str, Any] = {
        "title": f"The Work Called {key}",
        "kind": "outside",
        "authors": ("Ada Small",),
    }
    settings |= {"abstract": f"About {key}.", "year": 2021, "month": 5}
    return Work(key, **(settings | facts))


def world_of(*works: Work) -> World:
    """A world of these works only; the first is the survey."""
    world = World(works[0].key)
    for each in works:
        world.add(each)
    return world


def arxiv(value: str) -> WorkId:
    return WorkId("arxiv", value)


def doi(value: str) -> WorkId:
    return WorkId("doi", value)


def ids_in(listed: ReferenceList) -> list[WorkId]:
    """An id of each entry that has one."""
    return [reference.ids[0] for reference, _record in listed.entries if reference.ids]


def identity(number: int) -> str:
    """A hash of Semantic Scholar."""
    return f"{number:040x}"


def paper(number: int, **facts: object) -> dict[str, object]:
    """A paper in the form of Semantic Scholar."""
    return {"paperId": identity(number), "title": f"Paper {number}", "referenceCount": 3} | facts


def asked_ids(body: bytes) -> list[str]:
    """The ids that a batch of Semantic Scholar was asked for."""
    return json.loads(body)["ids"]


def paths_in(document: Any, above: Path_ = ()) -> Iterator[Path_]:
    """Where a value stands in a JSON document, the document itself included."""
    yield above
    if isinstance(document, dict):
        for name, value in document.items():
            yield from paths_in(value, (*above, name))
    if isinstance(document, list):
        for place, value in enumerate(document):
            yield from paths_in(value, (*above, place))


def replaced(document: Any, path: Path_, value: Any) -> Any:
    """The document with another value at that place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def assert_sound(record: Record) -> None:
    """Every value is of its type, clean and bounded, and the record survives being stored."""
    assert text_of(record.title) == record.title
    assert record.external_id
    assert record.external_id.isprintable()
    assert isinstance(record.retrieved_at, datetime)
    assert record.retrieved_at.tzinfo is None
    assert all(text_of(name, "name") == name for name in record.authors)
    assert record.year is None or year_of(record.year) == record.year
    assert record.published_year is None or year_of(record.published_year) == record.published_year
    assert record.month is None or month_of(record.month) == record.month
    assert record.venue is None or text_of(record.venue, "venue") == record.venue
    assert record.abstract is None or text_of(record.abstract, "abstract") == record.abstract
    for count in (record.citation_count, record.reference_count):
        assert count is None or count_of(count) == count
    assert_ids_sound(record.ids)
    for reference in record.references or ():
        assert_reference_sound(reference)
    stored = json.loads(json.dumps(record.to_json()))
    assert Record.from_json(stored, record.retrieved_at) == record


def assert_reference_sound(reference: Reference) -> None:
    assert_ids_sound(reference.ids)
    assert reference.ids or reference.title
    assert reference.title is None or text_of(reference.title) == reference.title
    assert all(text_of(each, "context") == each for each in reference.contexts)
    assert all(text_of(each, "name") == each for each in reference.intents)
    assert reference.is_influential in (None, True, False)


def assert_ids_sound(ids: tuple[WorkId, ...]) -> None:
    assert len(set(ids)) == len(ids)
    for each in ids:
        assert WorkId.parse(str(each)) == each
        assert each.value.encode("utf-8")
