"""An ingest may be cut off anywhere: nothing is asked twice, and it ends with the same library."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command_line import PROGRAM
from helpers import write_small_library
from ingest_helpers import SURVEY, bring_in, facts, serving, survey_job
from ingest_program import Process, Program, program
from services.universe import Universe
from services.world import World

from graph.library import Library
from graph.runs import list_runs
from ingest.pipeline import STAGES, progress_path
from ingest.progress import Progress, Stopped, Tracker, read_progress
from ingest.transport.message import Request
from ingest.transport.store import key_of

KILLS = 50
REFERENCES = 20
INTERRUPTED = "vfm-atlas: interrupted: what was fetched is kept, the same command goes on from here"
Facts = dict[str, list[dict[str, object]]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@dataclass
class Workshop:
    """Services, a program to be killed, and the library that an undisturbed run ends with."""

    universe: Universe
    program: Program
    cache: Path
    folder: Path
    undisturbed: Facts = field(default_factory=dict)
    length: float = 0.0
    _count: int = 0

    def new_library(self) -> Path:
        """A library, and no stored answers."""
        self.universe.reset_counts()
        for name in ("answers.sqlite", "answers.sqlite-wal", "answers.sqlite-shm"):
            (self.cache / name).unlink(missing_ok=True)
        self._count += 1
        return write_small_library(self.folder / f"{self._count}.sqlite")

    def start(self, path: Path, **options: str | None) -> Process:
        return self.program.start("--library", path, "ingest", "survey", SURVEY, **options)

    def stored(self) -> set[str]:
        """The keys of the answers that are stored."""
        path = self.cache / "answers.sqlite"
        if not path.exists():
            return set()
        with closing(sqlite3.connect(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers'").fetchone():
                return set()
            return {key for (key,) in connection.execute("SELECT key FROM answers")}

    def asked(self) -> list[str]:
        """The keys of the requests that the services got, in the order of each service."""
        return [
            key_of(Request(service.name, service.url + each.target, each.method, each.body))
            for service in self.universe.services
            for each in service.log
        ]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("kills")
    with pytest.MonkeyPatch.context() as patch, serving(World.from_catalogue(REFERENCES), patch) as universe:
        settings = {"VFM_ATLAS_CACHE": str(folder / "cache"), "HOME": str(folder)}
        with program(folder, **settings) as started:
            shop = Workshop(universe, started, folder / "cache", folder)
            for _ in range(2):  # the first one warms up
                path = shop.new_library()
                began = time.monotonic()
                assert shop.start(path).wait() == 0
                shop.length = time.monotonic() - began
            shop.undisturbed = facts(path)
            yield shop


def assert_complete(shop: Workshop, path: Path) -> None:
    found = facts(path)
    assert found.keys() == shop.undisturbed.keys()
    for table, rows in shop.undisturbed.items():
        assert found[table] == rows, table


def test_fifty_kills_cost_neither_a_fact_nor_an_answered_request(workshop):
    draw = random.Random(2312)
    kills = rounds = repeated = 0
    while kills < KILLS:
        rounds += 1
        path = workshop.new_library()
        code = -signal.SIGKILL
        while code != 0:
            stored = workshop.stored()
            workshop.universe.reset_counts()
            process = workshop.start(path)
            if kills < KILLS:
                time.sleep(draw.uniform(0, workshop.length))
                process.send(signal.SIGKILL)
            code = process.wait()
            assert code in (0, -signal.SIGKILL), process.said
            kills += code != 0
            repeated += len(stored.intersection(workshop.asked()))
        assert_complete(workshop, path)
    assert repeated == 0
    assert rounds > 3, "the kills are spread over several ingests"


@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_right_after_a_stage_is_written_goes_on_with_the_next(workshop, stage):
    path = workshop.new_library()
    assert workshop.start(path, kill_after=stage).wait() == -signal.SIGKILL
    stored = workshop.stored()
    workshop.universe.reset_counts()
    process = workshop.start(path)
    assert process.wait() == 0
    assert_complete(workshop, path)
    assert not stored.intersection(workshop.asked())
    skipped = [line.split(":")[0].strip() for line in process.said if "done by an earlier run" in line]
    is_over = stage == STAGES[-1]
    assert skipped == ([] if is_over else list(STAGES[1 : STAGES.index(stage) + 1]))
    with Library.open(path) as library, library.reading() as session:
        runs = list_runs(session)
    assert [run.state for run in runs] == ["done"] * (2 if is_over else 1)
    assert [list(run.stages) for run in runs] == [list(STAGES[1:])] * len(runs)


def test_a_killed_run_is_told_as_stopped_to_whoever_looks(workshop, monkeypatch):
    path = workshop.new_library()
    assert workshop.start(path, kill_after="merge").wait() == -signal.SIGKILL
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(workshop.cache))
    progress = read_progress(progress_path(path))
    assert (progress.state, progress.note) == ("stopped", "the program ended before the run did")
    assert workshop.start(path).wait() == 0
    assert read_progress(progress_path(path)).state == "done"


def test_ctrl_c_ends_a_run_at_once_with_one_line_and_it_goes_on_later(workshop):
    draw = random.Random(7)
    path = workshop.new_library()
    interrupted = 0
    for _ in range(8):
        process = workshop.start(path)
        time.sleep(draw.uniform(0.1, 0.6) * workshop.length)
        process.send(signal.SIGINT)
        sent = time.monotonic()
        code = process.wait()
        assert time.monotonic() - sent < 5
        if code == 0:
            break
        assert code == 130, process.said
        # Shorter where the run itself had not begun, or was over.
        assert process.said[-1] in (INTERRUPTED, "vfm-atlas: interrupted")
        assert not any("Traceback" in line for line in process.said), process.said
        interrupted += process.said[-1] == INTERRUPTED
    assert interrupted >= 1
    assert workshop.start(path).wait() == 0
    assert_complete(workshop, path)


def test_ctrl_c_ends_a_wait_for_a_service(workshop, tmp_path, monkeypatch):
    """The installed program on the true clock, while Semantic Scholar asks it to wait a minute."""
    path = workshop.new_library()
    faults = workshop.universe.semantic_scholar.faults
    faults.retry_after = 60
    faults.then("429-wait")
    # Not the cache of the others: their clock is ahead of the true one.
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(tmp_path / "cache"))
    for name, value in workshop.universe.environment().items():
        monkeypatch.setenv(name, value)
    command = [PROGRAM, "--library", str(path), "ingest", "survey", SURVEY]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        overdue = threading.Timer(60, process.kill)
        overdue.start()
        assert process.stderr
        said = "-"
        while said and "asks to wait 60 s" not in said:
            said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        rest = process.stderr.read()
        code = process.wait()
        overdue.cancel()
    assert said, "it says that it waits"
    assert code == 130
    assert time.monotonic() - sent < 5
    assert rest.splitlines() == [INTERRUPTED]


def stopper(after: int) -> tuple[Callable[[Tracker], None], Callable[[Progress], None]]:
    """What stops a run after so many changes of its progress."""
    trackers: list[Tracker] = []
    changes: list[Progress] = []

    def listen(progress: Progress) -> None:
        changes.append(progress)
        if len(changes) == after:
            trackers[0].stop()

    return trackers.append, listen


@pytest.mark.parametrize("after", [1, 4, 16, 40, 70])
def test_a_run_that_is_asked_to_stop_does_so_at_its_next_step_and_goes_on_later(workshop, monkeypatch, after):
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(workshop.cache))
    for name, value in workshop.universe.environment().items():
        monkeypatch.setenv(name, value)
    path = workshop.new_library()
    started, listen = stopper(after)
    with pytest.raises(Stopped) as stopped:
        bring_in(path, survey_job(), started=started, listeners=[listen])
    assert stopped.value.exit_code == 130
    assert read_progress(progress_path(path)).state == "stopped"
    stored = workshop.stored()
    workshop.universe.reset_counts()
    bring_in(path, survey_job())
    assert not stored.intersection(workshop.asked())
    assert_complete(workshop, path)
