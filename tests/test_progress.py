"""How far a run is, told to listeners and to other processes, and one run per library at a time."""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from app.terminal import TerminalProgress
from ingest.errors import IngestError
from ingest.progress import Progress, RunInProgress, Stage, StateFile, Stopped, Tracker, read_progress

STAGES = ("fetch", "merge", "finish")


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "library.json"


def test_every_change_is_told_in_order():
    told: list[Progress] = []
    tracker = Tracker("survey", "arXiv:1", STAGES, told.append)
    tracker.begin("fetch")
    tracker.note("asking")
    tracker.count_requests({"arxiv": 2})
    tracker.finish("fetch", "3 records")
    tracker.begin("merge")
    tracker.expect("merge", 4)
    tracker.advance("merge")
    tracker.advance("merge", 2)
    tracker.finish("merge", "done before", skipped=True)
    tracker.end("done", "snapshot x")
    last = told[-1]
    assert [progress.note for progress in told] == ["", "asking", "asking", *[""] * 6, "snapshot x"]
    assert [stage.state for stage in last.stages] == ["done", "skipped", "waiting"]
    assert last.stages[0] == Stage("fetch", "done", 0, None, "3 records")
    assert (last.stages[1].done, last.stages[1].total) == (3, 4)
    assert (last.state, last.requests) == ("done", {"arxiv": 2})
    assert tracker.done("merge") == 3
    assert last.started_at <= last.changed_at


def test_a_stage_that_begins_again_counts_from_nothing():
    tracker = Tracker("survey", "arXiv:1", STAGES)
    tracker.begin("merge")
    tracker.advance("merge", 5)
    tracker.begin("merge", total=9)
    assert (tracker.done("merge"), tracker.progress.stages[1].total) == (0, 9)


def test_stop_ends_the_run_at_its_next_step_but_not_its_farewell():
    told: list[Progress] = []
    tracker = Tracker("survey", "arXiv:1", STAGES, told.append)
    tracker.begin("fetch")
    thread = threading.Thread(target=tracker.stop)
    thread.start()
    thread.join()
    with pytest.raises(Stopped, match="the same command goes on from here") as stopped:
        tracker.note("next step")
    assert stopped.value.exit_code == 130
    tracker.end("stopped", "stopped")
    assert told[-1].state == "stopped"


# --- for other processes -----------------------------------------------------------------------------------


def test_others_read_what_a_run_writes(state_path):
    with StateFile(state_path) as state:
        tracker = Tracker("survey", "arXiv:1", STAGES, state, refresh_since="2026-01-02T03:04:05")
        tracker.begin("fetch", total=3)
        assert read_progress(state_path) == tracker.progress
        tracker.end("done", "snapshot x")
    assert read_progress(state_path) == tracker.progress
    assert [path.name for path in state_path.parent.iterdir() if path.suffix == ".part"] == []


def test_a_run_whose_process_is_gone_counts_as_stopped(state_path):
    with StateFile(state_path) as state:
        Tracker("survey", "arXiv:1", STAGES, state).begin("fetch")
    found = read_progress(state_path)
    assert (found.state, found.note) == ("stopped", "the program ended before the run did")
    with StateFile(state_path) as state:
        assert state.previous().state == "running", "the next run sees what was left"


def test_before_any_run_there_is_nothing_to_read(state_path):
    assert read_progress(state_path) is None


@given(text=st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_a_state_file_that_holds_something_else_is_as_none(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert read_progress(path) is None


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"{", b'{"stages": 1}', b'{"stages": [{"nome": 1}]}'])
def test_a_state_file_that_is_cut_off_or_of_another_release_is_as_none(tmp_path, broken):
    path = tmp_path / "state.json"
    path.write_bytes(broken)
    assert read_progress(path) is None
    with StateFile(path) as state:
        assert state.previous() is None


def test_a_second_run_is_refused_until_the_first_has_ended(state_path):
    with StateFile(state_path):
        with pytest.raises(RunInProgress, match="another ingest or update works on this library"):
            StateFile(state_path).__enter__()
        other = state_path.with_name("other.json")
        with StateFile(other):
            pass
    with StateFile(state_path):
        pass


def test_another_process_is_refused_too_and_death_frees_the_lock(state_path):
    script = (
        "import sys; from pathlib import Path; from ingest.progress import *\n"
        f"with StateFile(Path({str(state_path)!r})) as state:\n"
        "    Tracker('survey', 'arXiv:1', ('fetch',), state).begin('fetch')\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        assert read_progress(state_path).state == "running"
        with pytest.raises(RunInProgress):
            StateFile(state_path).__enter__()
        process.kill()
        process.wait()
    assert read_progress(state_path).state == "stopped"
    with StateFile(state_path):
        pass


def test_somebody_who_looks_does_not_keep_a_run_from_starting(state_path):
    """Reading the state of a dead run holds the lock for a moment."""
    state_path.parent.mkdir()
    glance = FileLock(state_path.with_name(state_path.name + ".lock"), thread_local=False)
    glance.acquire()
    threading.Timer(0.2, glance.release).start()
    with StateFile(state_path):
        assert not glance.is_locked


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(IngestError, match="set VFM_ATLAS_CACHE to a folder that can be written"):
        StateFile(tmp_path / "file" / "state.json").__enter__()
    assert read_progress(tmp_path / "file" / "state.json") is None


def test_a_state_that_cannot_be_written_does_not_end_the_run(state_path):
    with StateFile(state_path) as state:
        tracker = Tracker("survey", "arXiv:1", STAGES, state)
        tracker.begin("fetch")
        state_path.unlink()
        state_path.mkdir()  # replacing a folder by a file fails
        tracker.note("on and on")
        state_path.rmdir()
    assert tracker.progress.note == "on and on"


# --- on a terminal -----------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    tracker = Tracker("survey", "arXiv:1", STAGES, TerminalProgress())
    tracker.begin("fetch")
    tracker.note("Semantic Scholar asks to wait 30 s")
    tracker.note("Semantic Scholar asks to wait 30 s")
    tracker.note("a \x1b[31mred\x1b[0m\nnote " + "x" * 300)
    tracker.finish("fetch", "3 records")
    tracker.finish("merge", "2 new papers", skipped=True)
    tracker.begin("finish", total=4)
    tracker.advance("finish")
    tracker.end("done")
    return stream.getvalue()


def test_away_from_a_terminal_each_thing_is_said_once_on_a_line(monkeypatch):
    lines = shown_on(io.StringIO(), monkeypatch).splitlines()
    assert lines[0] == "  fetch: Semantic Scholar asks to wait 30 s"
    assert lines[1].startswith("  fetch: a [31mred[0m")
    assert "  fetch: done, 3 records" in lines
    assert "  merge: done by an earlier run, 2 new papers" in lines
    assert len(lines) == len(set(lines))


def test_on_a_terminal_one_line_changes_in_place_and_is_cleared_at_the_end(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = shown_on(Terminal(), monkeypatch)
    pieces = [piece for piece in said.split("\r\x1b[K") if piece]
    assert "  fetch Semantic Scholar asks to wait 30 s" in pieces
    assert "  finish [######..................] 1 of 4  " in pieces
    assert all(len(line) < 80 for piece in pieces for line in piece.split("\n"))
    assert said.endswith("\r\x1b[K")
    assert "\x1b[31m" not in said
