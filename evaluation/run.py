"""Running a request: a process for each, with limits to its memory and time, ended at any moment.

What a run comes to is written in one transaction when it is over, a failure with its reason; a run that is
ended leaves no half result.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

import psutil

from evaluation import published, registry
from evaluation.errors import RunEnded, TaskError
from evaluation.results import Run, find_done, new_run, record
from evaluation.tasks.kind import Material
from evaluation.tasks.request import OPENER, Request
from graph.library import Library

_POLL_SECONDS = 0.1
_PATIENCE = 3.0
_SIGNAL_KILL = 9


@dataclass(frozen=True)
class Limits:
    """How long a run may take and how much memory its process may have; None: what the task says, and
    three quarters of what this machine has free.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run is: what is being done, how much of it, and since when."""

    what: str
    done: int
    total: int
    seconds: float


Told = Callable[[Progress], None]


@dataclass
class Stop:
    """Asks a run to end; may be set from another thread."""

    event: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """End at the next moment."""
        self.event.set()


def run(
    library: Library,
    request: Request,
    *,
    limits: Limits | None = None,
    again: bool = False,
    told: Told = lambda _: None,
    stop: Stop | None = None,
) -> Run:
    """Carry out a request and keep what comes of it; the same one is not carried out twice unless `again`.

    The run that is returned may have failed or been cancelled: `state` and `reason` tell. Raises UnknownName,
    DatasetError or TaskError for a request that cannot be begun, of which nothing is kept.
    """
    _require_capabilities(request)
    material = request.material()
    spec_hash = request.hash_with(material)
    if not again:
        with library.reading() as session:
            earlier = find_done(session, spec_hash)
        if earlier is not None:
            return earlier
    started = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    begun = new_run(request, material, spec_hash, started)
    try:
        answer = ask_worker(request, material, limits or Limits(), told, stop or Stop())
    except RunEnded as ended:
        made = begun.ended(ended.state, ended.reason, _now())
    except KeyboardInterrupt:
        record(library, begun.ended("cancelled", "interrupted by the user", _now()))
        raise
    else:
        made = begun.done(answer, published.stand_beside(begun), _now())
    return record(library, made)


def ask_worker(
    request: Request, material: Material, limits: Limits, told: Told, stop: Stop
) -> dict[str, Any]:
    """What a process of its own answers. Raises RunEnded with the one reason why there is no answer."""
    seconds = limits.seconds or request.spec.limit_seconds
    memory = limits.memory_bytes or _memory_for_a_run()
    if stop.event.is_set():
        raise RunEnded("cancelled", "cancelled before it began")
    with tempfile.TemporaryFile() as errors:
        worker = _Worker(errors)
        try:
            worker.tell({
                "request": request.to_json(), "fingerprint": material.data.fingerprint,
                "memory_bytes": memory,
            })  # fmt: skip
            return worker.listen(seconds, memory, told, stop)
        finally:
            worker.end()


class _Worker:
    """A worker process, its events, and an eye on its memory."""

    def __init__(self, errors: IO[bytes]) -> None:
        self._errors = errors
        self._began = time.monotonic()
        # A session of its own: Ctrl-C reaches the parent alone, which ends the worker and keeps the reason.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "evaluation.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
            env=_environment(), text=True, encoding="utf-8",
        )  # fmt: skip
        self._events: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def tell(self, content: dict[str, Any]) -> None:
        """Hand over the request; stdin stays open, as the worker lives as long as it does."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.write(json.dumps(content) + "\n")
                self._process.stdin.flush()
            except OSError:
                pass  # it has ended already; why is told below

    def listen(self, seconds: float, memory: int, told: Told, stop: Stop) -> dict[str, Any]:
        """Wait for the answer; RunEnded when it cannot come any more."""
        while True:
            try:
                line = self._events.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._check(seconds, memory, stop)
                continue
            if line is None:
                raise RunEnded("failed", self._why_it_ended(memory))
            event = _event(line)
            if event.get("event") == "result":
                return event
            if event.get("event") == "failed":
                raise RunEnded("failed", str(event["reason"]))
            if event.get("event") == "progress":
                told(Progress(event["what"], event["done"], event["total"], time.monotonic() - self._began))
            self._check(seconds, memory, stop)

    def _check(self, seconds: float, memory: int, stop: Stop) -> None:
        if stop.event.is_set():
            raise RunEnded("cancelled", "cancelled")
        if time.monotonic() - self._began > seconds:
            raise RunEnded(
                "failed",
                f"took longer than {seconds:g} s and was ended: fewer examples (-n) or --limit-seconds",
            )
        used = self._memory()
        if used > memory:
            raise RunEnded(
                "failed",
                f"out of memory: {_gib(used)} used, {_gib(memory)} allowed (--limit-memory)",
            )

    def _memory(self) -> int:
        return sum(_resident(each) for each in _family(self._process.pid))

    def _why_it_ended(self, memory: int) -> str:
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "the worker closed its output and went on: ended"
        if code == -_SIGNAL_KILL:
            return (
                "the worker was killed from outside, which the system does when memory runs out "
                f"({_gib(memory)} were allowed)"
            )
        if code < 0:
            return f"the worker crashed (signal {-code})"
        said = self._last_words()
        return f"the worker ended without a result (exit code {code}){f': {said}' if said else ''}"

    def _last_words(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 4000))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._events.put(line)
        self._events.put(None)

    def end(self) -> None:
        """See to it that neither the process nor one that it started is left."""
        for each in reversed(_family(self._process.pid)):
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}  # cut off, as the process died in the middle of it
    return event if isinstance(event, dict) else {}


def _environment() -> dict[str, str]:
    """The worker asks nobody for anything: all files are here."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def _require_capabilities(request: Request) -> None:
    """Fail before a process is started, where the adapter's capabilities are known."""
    files = request.files
    if request.opener != OPENER:
        return
    can = registry.capabilities_of(files.library, files.loader_class)
    lacking = [name for name in request.spec.needs if can is not None and name not in can]
    if lacking:
        raise TaskError(
            f"{files.hub_id} cannot do {request.task}: it lacks {', '.join(lacking)}; "
            f"'vfm-atlas evaluate {files.hub_id} --plan' lists what it can do"
        )


def _memory_for_a_run() -> int:
    return int(psutil.virtual_memory().available * 0.75)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
