"""A run in a process of its own: what comes of it, what is kept, and what is said when nothing comes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
import small_runners
from sqlalchemy import func, select

from evaluation import results
from evaluation.compare import compare, leaderboard
from evaluation.errors import DatasetError, TaskError
from evaluation.run import Limits, Stop, run
from evaluation.tasks.request import draw_up
from evaluation.worker import answer
from graph.errors import UnknownName
from graph.schema import EvaluationRun

HERE = Path(__file__).parent
GIB = 2**30


@pytest.fixture(autouse=True)
def _runners_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent)]))


def request(kind="Colours", task="classification", n=12, **more):
    return draw_up(
        small_runners.files(kind, more.pop("sha", "a" * 64)),
        task,
        n=n,
        opener="small_runners:open_small",
        **more,
    )


def quickly(library, asked):
    """What a run would keep, from an answer given in this process: quicker."""
    material = asked.material()
    begun = results.new_run(asked, material, asked.hash_with(material), datetime(2026, 1, 1))
    found = answer(asked, material.data.fingerprint, lambda _: None)
    return results.record(library, begun.done(found, [], datetime(2026, 1, 1)))


def rows(library):
    with library.reading() as session:
        return session.scalar(select(func.count()).select_from(EvaluationRun))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A library with one result, for reading."""
    from graph.library import Library

    with (
        pytest.MonkeyPatch.context() as patch,
        Library.create(tmp_path_factory.mktemp("measured") / "library.sqlite") as library,
    ):
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent)]))
        told = []
        yield library, run(library, request(n=40), told=told.append), told


def test_a_run_keeps_everything_that_belongs_to_its_number(measured):
    library, made, _ = measured
    with library.reading() as session:
        stored = results.read_run(session, made.id)
    assert stored == results.replace(made, is_new=False)
    assert (stored.state, stored.reason, stored.metric) == ("done", None, "accuracy")
    assert stored.low < stored.value < stored.high
    assert stored.chance == pytest.approx(1 / 48)
    assert 0 < stored.baseline < 1
    assert (stored.dataset, stored.split, stored.n, stored.seed) == ("scenes", "held-out", 40, 0)
    assert len(stored.outputs) == 40
    assert stored.value == np.mean([each["first"][0] == each["label"] for each in stored.outputs])
    assert stored.metrics["top_5_accuracy"]["value"] > stored.value
    assert stored.environment["device"] == "cpu"
    assert stored.environment["packages"]["numpy"] == np.__version__
    assert stored.peak_bytes > 20 * 2**20
    assert stored.revision == "0" * 40
    assert stored.weights_sha256 == "a" * 64
    assert stored.seconds >= 0
    assert stored.started_at <= stored.finished_at


def test_progress_is_told_in_order(measured):
    _, _, told = measured
    assert told[0].what == "loading test/colours"
    scored = [each.done for each in told if each.what == "images scored"]
    assert scored == sorted(scored)
    assert scored[-1] == told[-1].total == 40


def test_the_same_request_is_carried_out_once_unless_asked_for_again(own):
    made, told = quickly(own, request()), []
    same = run(own, request(), told=told.append)
    assert (same.id, same.is_new, told) == (made.id, False, [])
    again = run(own, request(), again=True)
    assert again.is_new
    assert rows(own) == 1
    assert (again.value, again.low, again.high, again.outputs) == (
        made.value,
        made.low,
        made.high,
        made.outputs,
    )


def test_other_weights_examples_or_seeds_are_other_requests():
    base = request()
    others = [request(sha="b" * 64), request(n=13), request(seed=1), request(task="relations")]
    hashes = [each.hash_with(each.material()) for each in [base, *others]]
    assert len(set(hashes)) == 5
    probe = request(task="neighbours")
    material = probe.material()
    fewer = results.replace(material.train, examples=material.train.examples[:-1])
    assert probe.hash_with(material) != probe.hash_with(results.replace(material, train=fewer))
    on_cuda = request(device="cuda")
    assert on_cuda.hash_with(on_cuda.material()) == hashes[0]


def test_a_task_of_another_version_is_another_request(monkeypatch):
    before = request()
    first = before.hash_with(before.material())
    newer = before.spec.model_copy(update={"version": 99})
    monkeypatch.setattr("evaluation.tasks.request.find_task", lambda _: newer)
    assert before.hash_with(before.material()) != first


def test_what_a_model_prints_is_not_taken_for_an_event(own):
    made = run(own, request("Chatty"))
    assert made.state == "done"
    assert made.outputs == quickly(own, request("Colours")).outputs


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Raises", "ValueError: the tensors are of different sizes"),
        ("Gulps", "out of memory ("),
        ("Dies", "the worker was killed from outside"),
        ("Crashes", "the worker crashed (signal 11)"),
        ("Leaves", "the worker ended without a result (exit code 4): giving up: no licence"),
    ],
)
def test_a_worker_that_breaks_leaves_its_reason_and_no_half_result(own, kind, reason):
    made = run(own, request(kind))
    assert made.state == "failed"
    assert made.reason.startswith(reason)
    assert "\n" not in made.reason
    assert (made.value, made.metrics, made.outputs) == (None, {}, None)
    with own.reading() as session:
        assert results.read_run(session, made.id) == results.replace(made, is_new=False)
    assert results.find_done(session, made.spec_hash) is None


def test_a_worker_that_hangs_is_ended(own):
    began = time.monotonic()
    made = run(own, request("Hangs"), limits=Limits(seconds=3))
    assert time.monotonic() - began < 9
    assert (made.state, made.reason) == (
        "failed", "took longer than 3 s and was ended: fewer examples (-n) or --limit-seconds",
    )  # fmt: skip


def test_a_worker_that_swells_is_ended(own):
    made = run(own, request("Swells"), limits=Limits(memory_bytes=GIB // 2))
    assert made.state == "failed"
    assert made.reason.startswith("out of memory: ")
    assert made.reason.endswith("0.5 GiB allowed (--limit-memory)")


def test_no_process_is_left_of_a_run_that_was_cancelled(own, tmp_path, monkeypatch):
    note = tmp_path / "pids"
    monkeypatch.setenv("SMALL_RUNNERS_NOTE", str(note))
    stop = Stop()

    def ask_when_it_runs():
        while not note.exists() or len(note.read_text().split()) < 2:
            time.sleep(0.05)
        stop.ask()

    threading.Thread(target=ask_when_it_runs).start()
    made = run(own, request("Spawns"), stop=stop)
    assert (made.state, made.reason, made.value) == ("cancelled", "cancelled", None)
    for pid in map(int, note.read_text().split()):
        with contextlib.suppress(psutil.NoSuchProcess):
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_worker_ends_when_its_parent_is_killed(tmp_path, monkeypatch):
    note = tmp_path / "pids"
    monkeypatch.setenv("SMALL_RUNNERS_NOTE", str(note))
    program = f"""
from graph.library import Library
from evaluation.run import run
from evaluation.tasks.request import draw_up
import small_runners
asked = draw_up(small_runners.files("Spawns"), "classification", n=4, opener="small_runners:open_small")
with Library.create({str(tmp_path / "l.sqlite")!r}) as library:
    run(library, asked)
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    while not note.exists() or len(note.read_text().split()) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    worker, child = map(int, note.read_text().split())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.wait_procs([psutil.Process(worker)], timeout=10)
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(child).kill()


def test_a_failure_stands_until_the_request_succeeds(own):
    failed = run(own, request(), limits=Limits(seconds=0.001))
    assert failed.state == "failed"
    assert run(own, request(), limits=Limits(seconds=0.001)).state == "failed"
    assert rows(own) == 1
    assert quickly(own, request()).state == "done"
    assert rows(own) == 1


def test_a_failed_repetition_leaves_the_result_as_it_was(own):
    made = quickly(own, request())
    assert run(own, request(), again=True, limits=Limits(seconds=0.001)).state == "failed"
    with own.reading() as session:
        assert results.find_done(session, made.spec_hash).id == made.id
        board = leaderboard(results.list_runs(session))
    assert [each.id for each in board.boards[0].results] == [made.id]
    assert board.not_run == ()


def test_a_request_that_cannot_be_begun_leaves_nothing(own, tmp_path):
    with pytest.raises(TaskError, match=r"photos .test. has no classes"):
        run(own, request(dataset="photos"))
    with pytest.raises(TaskError, match="depth has no dataset of its own"):
        request(task="depth")
    with pytest.raises(UnknownName, match="no task 'flying'; allowed: captioning, classification"):
        request(task="flying")
    with pytest.raises(DatasetError, match="is not a folder"):
        run(own, request(dataset=f"folder:{tmp_path / 'no'}"))
    with pytest.raises(TaskError, match="n is 0"):
        request(n=0)
    assert rows(own) == 0


def test_a_checkpoint_without_the_capability_is_told_before_a_process_starts(own):
    files = results.replace(small_runners.files("CLIPModel"), library="transformers")
    with pytest.raises(TaskError, match=r"cannot do segment-point: it lacks Segments; .*--plan"):
        run(own, draw_up(files, "segment-point"))
    made = run(own, request("Wrong", task="segment-point"))
    assert (made.state, made.reason) == ("failed", "test/wrong cannot do segment-point: it lacks Segments")


def test_what_is_published_stands_beside_what_was_measured(own):
    files = results.replace(small_runners.files("Colours"), hub_id="openai/clip-vit-base-patch32")
    asked = results.replace(request(), files=files)
    first = run(own, asked).published[0]
    assert (first["dataset"], first["value"], first["comparable"]) == ("imagenet-1k", 0.6332, False)
    assert first["reason"] == "another dataset (imagenet-1k, here scenes)"


def test_two_runs_on_the_same_examples_are_compared_in_pairs(own):
    better, worse = (
        quickly(own, request(n=60, task="segment-point")),
        quickly(own, request(n=60, task="segment-box")),
    )
    with pytest.raises(TaskError, match=r"differ in their task .segment-point and segment-box."):
        compare(better, worse)
    colours, wrong = quickly(own, request(n=60)), quickly(own, request("Wrong", n=60, sha="b" * 64))
    found = compare(wrong, colours)
    assert found.differences["accuracy"].value == pytest.approx(wrong.value - colours.value)
    assert found.differences["top_5_accuracy"].high < 0
    assert compare(colours, colours).verdict == "no difference that these examples show"
    with pytest.raises(TaskError, match="differ in their dataset fingerprint"):
        compare(colours, quickly(own, request("Wrong", n=50)))
    failed = run(own, request("Raises", n=60))
    with pytest.raises(TaskError, match=r"has no result .failed."):
        compare(colours, failed)


def test_a_leaderboard_never_mixes_examples(own):
    for kind, n in (("Colours", 30), ("Wrong", 30), ("Colours", 31)):
        quickly(own, request(kind, n=n))
    failed = run(own, request("Raises", n=30))
    with own.reading() as session:
        found = leaderboard(results.list_runs(session, task="classification"))
    assert sorted(len(board.results) for board in found.boards) == [1, 2]
    assert [each.id for each in found.not_run] == [failed.id]
    for board in found.boards:
        values = [each.value for each in board.results]
        assert values == sorted(values, reverse=True)


def test_outputs_are_stored_small_and_come_back_as_they_were():
    outputs = [{"label": 1, "scores": [0.1, -2.5e-7], "text": "é\nü\u2028"}, {"label": 2, "ious": []}]
    assert results.unpack(results.pack(outputs)) == outputs
    assert results.unpack(None) is None
    assert len(results.pack(outputs * 500)) < len(json.dumps(outputs)) * 50
