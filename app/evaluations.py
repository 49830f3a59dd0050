"""Measurements that the explorer carries out: one after another, each in a process of its own.

The thread here only waits: checkpoints are loaded and asked in the worker that evaluation.run starts, never
in the explorer's process. What evaluation is made of is imported when something is to be measured.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import AtlasError
from graph.library import Library

if TYPE_CHECKING:
    from evaluation.results import Run
    from evaluation.run import Progress, Stop
    from graph.checkpoints import CheckpointFacts

_log = logging.getLogger("vfm_atlas.evaluations")
_MEGABYTE = 10**6


@dataclass(frozen=True)
class Ask:
    """A checkpoint and the task that it is put to; None is what the task's description says."""

    hub_id: str
    task: str
    dataset: str | None = None
    n: int | None = None
    agreed: bool = False
    again: bool = False


@dataclass(frozen=True)
class State:
    """How far measuring is. `ended` are the runs that are over, with or without a result.

    `error` is why no run could begin, `asking` what is under way.
    """

    asks: tuple[Ask, ...] = ()
    asking: Ask | None = None
    what: str = ""
    done: int = 0
    total: int = 0
    ended: tuple["Run", ...] = ()
    error: str | None = None


class _Cancelled(AtlasError):
    """Whoever asked does not want it any more."""


class Evaluations:
    """The measurements of one server on one library, one at a time."""

    def __init__(self, library: Path) -> None:
        self._path = library
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop: Stop | None = None
        self._state = State()

    @property
    def state(self) -> State:
        """How far the last measurement is, or how it ended."""
        with self._lock:
            return self._state

    @property
    def is_running(self) -> bool:
        """Whether something is being measured."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Whether the measurement was asked to end."""
        return self._stop is not None and self._stop.event.is_set()

    def start(self, asks: Sequence[Ask]) -> None:
        """Begin to measure, unless something is being measured."""
        self._begin(State(tuple(asks), what="beginning"), self._measure)

    def ask_hub(self, keys: Sequence[str]) -> None:
        """Ask the hub what it says of the checkpoints of papers, by their keys; downloads nothing."""
        self._begin(State(what="asking the hub"), lambda: self._check(keys))

    def stop(self) -> None:
        """Ask what is under way to end, and all that waits."""
        if self._stop is not None:
            self._stop.ask()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it has come."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_running

    def _begin(self, state: State, work: Callable[[], None]) -> None:
        from evaluation.run import Stop

        with self._lock:
            if self.is_running:
                return
            self._state, self._stop = state, Stop()
            self._thread = threading.Thread(target=self._carry_out, args=(work,), daemon=True)
            self._thread.start()

    def _carry_out(self, work: Callable[[], None]) -> None:
        try:
            work()
        except _Cancelled:
            self._tell(error="cancelled; what was fetched is kept")
        except AtlasError as error:
            self._tell(error=str(error))
        except Exception as error:
            _log.exception("the measurement failed")
            self._tell(error=f"it failed: {type(error).__name__}, see the terminal of the explorer")
        self._tell(asking=None)

    def _tell(self, **changes: object) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]

    def _measure(self) -> None:
        with Library.open(self._path) as library:
            for ask in self.state.asks:
                self._tell(asking=ask, what="beginning", done=0, total=0)
                made = self._ask(library, ask)
                self._tell(ended=(*self.state.ended, made))
                if made.state == "cancelled":
                    return

    def _ask(self, library: Library, ask: Ask) -> "Run":
        from evaluation.choose import choose, files_of
        from evaluation.errors import ConsentNeeded, GateClosed
        from evaluation.results import record, refused
        from evaluation.run import run
        from evaluation.tasks.request import draw_up

        with library.reading() as session:
            facts = choose(session, ask.hub_id)
        try:
            files = files_of(library, facts, agreed=ask.agreed, told=self._downloads(facts))
        except ConsentNeeded as asked:
            reasons = [each.text for each in asked.verdict.reasons if each.leads_to == "ask"]
            raise AtlasError(f"{ask.hub_id} waits for your yes: {'; '.join(reasons)}") from None
        except GateClosed as closed:
            now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
            return record(library, refused(facts, ask.task, str(closed), now))
        request = draw_up(files, ask.task, dataset=ask.dataset, n=ask.n)
        return run(library, request, again=ask.again, told=self._follow, stop=self._stop)

    def _follow(self, now: "Progress") -> None:
        self._tell(what=now.what, done=now.done, total=now.total)

    def _downloads(self, facts: "CheckpointFacts") -> Callable[[int], None]:
        """What is told of a download; also the moment at which one can be broken off."""
        wanted = facts.choice.bytes // _MEGABYTE if facts.choice else 0
        fetched = 0

        def tell(more: int) -> None:
            nonlocal fetched
            if self.is_stopping:
                raise _Cancelled
            fetched += more
            done = fetched // _MEGABYTE
            self._tell(what="megabytes fetched", done=done, total=max(wanted, done))

        return tell

    def _check(self, keys: Sequence[str]) -> None:
        from ingest.checklinks import check_links

        with Library.open(self._path) as library:
            report = check_links(library, keys, again=True)
        if report.unanswered:
            raise AtlasError(f"not answered: {'; '.join(report.unanswered)}")
