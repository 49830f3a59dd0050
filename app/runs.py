"""Ingests and updates that the explorer carries out, in a thread of their own, one at a time.

What ingest is made of is imported when a run is planned or started, never for the first page.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from graph.errors import AtlasError
from graph.library import Library

if TYPE_CHECKING:
    from ingest.pipeline import Job, RunReport
    from ingest.plan import Budget
    from ingest.progress import Progress, Tracker
    from ingest.record import WorkId
    from ingest.transport.clock import Clock

Kind = Literal["survey", "papers", "update"]

_log = logging.getLogger("vfm_atlas.runs")


@dataclass(frozen=True)
class Wish:
    """What a person asks for. `text` holds the id of a survey, or the ids of papers; an update needs none."""

    kind: Kind
    text: str = ""
    thorough: bool = False
    hub_links: bool = True
    checkpoints: bool = True


@dataclass(frozen=True)
class Plan:
    """A run that can be started, and the requests that it will make at most."""

    job: "Job"
    budget: "Budget"
    refresh: bool


def plan(wish: Wish, library: Library) -> Plan:
    """What a wish comes to; nothing is sent. Raises UnreadableId, or IngestError where it cannot be done."""
    from ingest.plan import draw_up
    from ingest.transport.services import services_from_environment

    job, size = _job(wish, library)
    budget = draw_up(
        f"{job.kind} {job.subject}", services_from_environment(), works=size["works"],
        surveys=size.get("surveys") or 0, followed=size.get("followed") or 0, hub_links=job.hub_links,
        checkpoints=size.get("checkpoints") or 0, thorough=job.thorough,
    )  # fmt: skip
    return Plan(job, budget, refresh=wish.kind == "update")


def _job(wish: Wish, library: Library) -> tuple["Job", dict[str, int | None]]:
    from ingest.pipeline import Job
    from ingest.record import WorkId

    if wish.kind == "update":
        from ingest.update import update_job

        with library.reading() as session:
            job, size = update_job(
                session, thorough=wish.thorough, hub_links=wish.hub_links, checkpoints=wish.checkpoints
            )
        return job, {**size}
    if wish.kind == "survey":
        survey = WorkId.parse(wish.text)
        job = Job(
            "survey", str(survey), lambda collector: collector.survey(survey),
            thorough=wish.thorough, hub_links=wish.hub_links,
        )  # fmt: skip
        return job, {"works": None, "surveys": 1}
    works = read_ids(wish.text)
    job = Job(
        "ids", " ".join(map(str, works)), lambda collector: collector.works(works),
        thorough=wish.thorough, hub_links=wish.hub_links,
    )  # fmt: skip
    return job, {"works": len(works)}


def read_ids(text: str) -> list["WorkId"]:
    """The ids in a text, each once: one per line, or several with spaces or commas between.

    Raises UnreadableId for the first that is none.
    """
    from ingest.errors import UnreadableId
    from ingest.record import WorkId

    found: list[WorkId] = []
    for line in text.splitlines():
        try:
            found.append(WorkId.parse(line.strip(" \t,;")))
        except UnreadableId:
            # Not one id: several, or the words of an error that names the one at fault.
            found += [WorkId.parse(word.strip(",;")) for word in line.split() if word.strip(",;")]
    return list(dict.fromkeys(found))


class Runs:
    """The runs of one server on one library. Of the last one `report` or `error` tells the outcome."""

    def __init__(self, library: Path) -> None:
        self._path = library
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tracker: Tracker | None = None
        self._asked_to_stop = threading.Event()
        self.report: RunReport | None = None
        self.error: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run of this server is under way."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Whether the run was asked to end."""
        return self._asked_to_stop.is_set()

    def start(self, planned: Plan) -> None:
        """Begin a run, unless one is under way."""
        with self._lock:
            if self.is_running:
                return
            self.report, self.error, self._tracker = None, None, None
            self._asked_to_stop = threading.Event()
            self._thread = threading.Thread(
                target=self._carry_out, args=(planned,), name="ingest", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ask the run to end at its next step; what was fetched is kept."""
        with self._lock:
            self._asked_to_stop.set()
            if self._tracker is not None:
                self._tracker.stop()

    def wait(self, seconds: float) -> bool:
        """Wait for the run to end; whether it has."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_running

    def progress(self) -> "Progress | None":
        """How far the run on this library is, whoever started it, or how the last one ended.

        None before any run, and before a run that was just started has said anything.
        """
        from ingest.pipeline import progress_path
        from ingest.progress import read_progress

        with self._lock:
            if self.is_running:
                return self._tracker.progress if self._tracker else None
        return read_progress(progress_path(self._path))

    def tells_of(self, progress: "Progress | None") -> bool:
        """Whether `report` and `error` belong to this run; another program may have run one since."""
        if self._tracker is None or progress is None:
            return True
        return self._tracker.progress.started_at == progress.started_at

    def has_ended(self, progress: "Progress | None") -> bool:
        """Whether this run was one of this server, and is over."""
        return self._thread is not None and not self.is_running and self.tells_of(progress)

    def _started(self, tracker: "Tracker") -> None:
        with self._lock:
            self._tracker = tracker
            if self.is_stopping:
                tracker.stop()

    def _carry_out(self, planned: Plan) -> None:
        from ingest.pipeline import run_job
        from ingest.progress import Stopped

        try:
            with Library.create(self._path) as library:
                self.report = run_job(
                    library, planned.job, refresh=planned.refresh, started=self._started,
                    clock=_interruptible(self._asked_to_stop),
                )  # fmt: skip
        except Stopped:
            pass  # the state file says so
        except AtlasError as error:
            self.error = str(error)
        except Exception as error:
            _log.exception("the run failed")
            self.error = f"the run failed: {type(error).__name__}, see the terminal of the explorer"


def _interruptible(asked_to_stop: threading.Event) -> "Clock":
    """The machine's time; whoever waits for a service's turn does not wait on once the run is to end."""
    from ingest.progress import Stopped
    from ingest.transport.clock import SystemClock

    class Interruptible(SystemClock):
        def sleep(self, seconds: float) -> None:
            if asked_to_stop.wait(seconds):
                raise Stopped("stopped while it waited for a service")

    return Interruptible()
