"""How far long work has come, for whoever shows it: a terminal, a page of the explorer, nobody.

A `Tracker` is told what is done and passes each change on. `StateFile` is a listener that keeps the state in
a small file, so that the explorer can show a run that was started elsewhere.
"""

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from ingest.errors import IngestError

StageState = Literal["waiting", "running", "done", "skipped"]
RunState = Literal["running", "done", "stopped", "failed"]

_GLANCE = 0.5


class Stopped(IngestError):
    """The person who started the run asked it to stop; nothing is lost."""

    exit_code = 130


class RunInProgress(IngestError):
    """Another process brings facts into the same library."""


@dataclass(frozen=True)
class Stage:
    """One stage of a run. `total` is None while nobody can know it."""

    name: str
    state: StageState = "waiting"
    done: int = 0
    total: int | None = None
    result: str = ""


@dataclass(frozen=True)
class Progress:
    """The state of a run: its stages, what it is doing right now, and requests sent per service.

    `refresh_since` is the moment (UTC) before which no stored answer counts, for a run that asks anew.
    """

    kind: str
    subject: str
    stages: tuple[Stage, ...]
    state: RunState = "running"
    note: str = ""
    requests: dict[str, int] = field(default_factory=dict)
    started_at: str = ""
    changed_at: str = ""
    refresh_since: str = ""


Listener = Callable[[Progress], None]


class Tracker:
    """Keeps the progress of one run; `stop`, from any thread, ends the run at its next step."""

    def __init__(
        self, kind: str, subject: str, stages: tuple[str, ...], *listeners: Listener, refresh_since: str = ""
    ) -> None:
        now = _now()
        self.progress = Progress(
            kind, subject, tuple(map(Stage, stages)), started_at=now, changed_at=now,
            refresh_since=refresh_since,
        )  # fmt: skip
        self._listeners = listeners
        self._stop = threading.Event()

    def begin(self, stage: str, total: int | None = None) -> None:
        """A stage starts."""
        self._change(stage, state="running", total=total, done=0)

    def expect(self, stage: str, total: int) -> None:
        """How much a running stage has to do is known now."""
        self._change(stage, total=total)

    def advance(self, stage: str, by: int = 1) -> None:
        """Some of a stage is done."""
        self._change(stage, done=self._stage(stage).done + by)

    def finish(self, stage: str, result: str = "", *, skipped: bool = False) -> None:
        """A stage is done, or was done by an earlier run."""
        self._change(stage, state="skipped" if skipped else "done", result=result)

    def note(self, text: str) -> None:
        """What the run is doing or waiting for right now."""
        self._publish(replace(self.progress, note=text))

    def count_requests(self, sent: dict[str, int]) -> None:
        """How many requests were sent per service so far."""
        self._publish(replace(self.progress, requests=dict(sent)))

    def end(self, state: RunState, note: str = "") -> None:
        """The run is over."""
        self._publish(replace(self.progress, state=state, note=note), check=False)

    def stop(self) -> None:
        """Ask the run to end; it raises Stopped at its next step."""
        self._stop.set()

    def done(self, stage: str) -> int:
        """How much of a stage is done."""
        return self._stage(stage).done

    def _stage(self, name: str) -> Stage:
        return next(stage for stage in self.progress.stages if stage.name == name)

    def _change(self, name: str, **values: object) -> None:
        stages = tuple(
            replace(stage, **values) if stage.name == name else stage  # type: ignore[arg-type]
            for stage in self.progress.stages
        )
        self._publish(replace(self.progress, stages=stages, note=""))

    def _publish(self, progress: Progress, *, check: bool = True) -> None:
        self.progress = replace(progress, changed_at=_now())
        for listener in self._listeners:
            listener(self.progress)
        if check and self._stop.is_set():
            raise Stopped("stopped: what was fetched is kept, the same command goes on from here")


class StateFile:
    """The progress of the one run that a library may have at a time, in a file that others read.

    As a context manager it holds the lock of the run; raises RunInProgress when another process has it, and
    IngestError where the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock_of(path)

    def __enter__(self) -> "StateFile":
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever reads the state holds the lock for a moment.
            self._lock.acquire(timeout=_GLANCE, poll_interval=_GLANCE / 10)
        except Timeout:
            raise RunInProgress(
                "another ingest or update works on this library: wait until it has finished, or stop it"
            ) from None
        except OSError as error:
            raise IngestError(
                f"cannot write {self.path.parent} ({error.strerror or error}): "
                "set VFM_ATLAS_CACHE to a folder that can be written"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __call__(self, progress: Progress) -> None:
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        # A full disk must not end a run for want of a progress display.
        with suppress(OSError):
            scratch.write_text(json.dumps(asdict(progress)), encoding="utf-8")
            scratch.replace(self.path)

    def previous(self) -> Progress | None:
        """The state that the last run left; it says `running` where that run was killed."""
        return _written(self.path)


def read_progress(path: Path) -> Progress | None:
    """What a StateFile wrote; None if there is none. A run whose process is gone counts as stopped."""
    progress = _written(path)
    if progress is not None and progress.state == "running" and not _is_held(path):
        return replace(progress, state="stopped", note="the program ended before the run did")
    return progress


def _written(path: Path) -> Progress | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        stages = tuple(Stage(**stage) for stage in values.pop("stages"))
        return Progress(stages=stages, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _lock_of(path: Path) -> FileLock:
    return FileLock(path.with_name(path.name + ".lock"), thread_local=False)


def _is_held(path: Path) -> bool:
    try:
        with _lock_of(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # nobody can hold what cannot be written


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
