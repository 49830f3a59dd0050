"""What a survey of 300 references costs its services, against one request per paper with a pause after each.

Both ask the local services of the tests (tests/services), and waits pass at once on a clock that counts them:
its seconds are those of the machine and of every wait together.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx

from benchmarks.comparison import Comparison
from ingest.collect import Collector, Services
from ingest.progress import Tracker
from ingest.record import Record, WorkId
from ingest.transport.services import services_from_environment
from ingest.transport.store import ResponseStore
from ingest.transport.transport import Transport

if TYPE_CHECKING:
    from services.universe import Universe

ALTERNATIVE = "one request per paper, and 3.05 s of pause after it, as litstudy makes them"
REFERENCES = 300
PAUSE = 3.05
MOST_RATIO = 1 / 50

_SURVEY = WorkId("arxiv", "2312.10163")
_FIELDS = "title,abstract,authors,year,venue,externalIds,references.paperId"


class CountingClock:
    """The machine's time, and every wait as if it had passed."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        """Seconds since 1970, ahead by all waits."""
        return time.time() + self.skipped

    def sleep(self, seconds: float) -> None:
        """Count a wait."""
        self.skipped += seconds


def measure(pairs: int) -> list[Comparison]:
    """Both cold, as often as said; ours brings titles, abstracts and lists of all works, theirs no more."""
    ours: list[float] = []
    theirs: list[float] = []
    asked: list[tuple[int, int, int]] = []
    with _services() as universe, TemporaryDirectory() as folder:
        for pair in range(pairs):
            place = Path(folder) / str(pair)
            universe.reset_counts()
            begin = (clock := CountingClock()).now()
            records = bring_in(place, universe, clock)
            ours.append(clock.now() - begin)
            cold = sum(universe.counts().values())
            universe.reset_counts()
            bring_in(place, universe, clock)
            warm = sum(universe.counts().values())
            universe.reset_counts()
            names = [each.external_id for each in records if each.references and each.id_of("s2")]
            begin = (clock := CountingClock()).now()
            found = one_by_one(universe.semantic_scholar.url, names, clock)
            theirs.append(clock.now() - begin)
            if found != len(names) or len(names) < REFERENCES:
                raise RuntimeError(f"{found} of {len(names)} works were found: the two cannot be compared")
            asked.append((cold, warm, universe.semantic_scholar.count))
    cold, warm, single = asked[0]
    print(f"a survey of {REFERENCES} references: {cold} requests cold, {warm} warm, against {single}\n")
    what = f"a survey of {REFERENCES} references, seconds with all waits"
    return [Comparison(what, ALTERNATIVE, ours, theirs, most_ratio=MOST_RATIO)]


def bring_in(folder: Path, universe: "Universe", clock: CountingClock) -> list[Record]:
    """All that the fetch stage of `ingest survey` asks for; the hub is counted apart, and left out."""
    rules = services_from_environment()
    addresses = {service.name: service.url for service in universe.services}
    moved = {name: replace(each, base_url=addresses[name]) for name, each in rules.items()}
    store = ResponseStore(folder / "answers.sqlite")
    with Transport(moved, store, gates=folder / "gates", clock=clock) as transport:
        collector = Collector(Services.on(transport), Tracker("survey", str(_SURVEY), ("fetch",)))
        return collector.survey(_SURVEY).records


def one_by_one(address: str, names: list[str], clock: CountingClock) -> int:
    """The access pattern of litstudy's refine_semanticscholar; returns how many works were described."""
    found = 0
    with httpx.Client(base_url=address) as client:
        for name in names:
            answer = client.get(f"/graph/v1/paper/{name}", params={"fields": _FIELDS})
            found += answer.status_code == httpx.codes.OK and bool(answer.json()["title"])
            clock.sleep(PAUSE)
    return found


@contextmanager
def _services() -> Iterator["Universe"]:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from services.universe import Universe
    from services.world import World

    world = World.from_catalogue(REFERENCES)
    for work in world.cited_by(world.survey)[:40]:
        # As in the real service, some abstracts are arXiv's to give.
        world.say("semanticscholar", work.key, abstract=None)
    with Universe(world) as universe:
        yield universe
