"""No service is asked more often than it allows, by however many processes."""

import json
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from filelock import FileLock
from http_server import Asker, FakeClock, Reply, ScriptedServer, fine

from ingest.errors import IngestError, ServiceDown
from ingest.transport.clock import SystemClock
from ingest.transport.gate import Gate
from ingest.transport.services import Rate, ServiceRules

ROOT = Path(__file__).parent.parent
START = 1_800_000_000.0


@pytest.fixture
def clock():
    return FakeClock(START)


@pytest.fixture
def gate(tmp_path, clock):
    return gate_in(tmp_path, clock)


def gate_in(folder, clock, rate=Rate(1, 3), told=None, **limits):  # noqa: B008
    rules = ServiceRules("arxiv", "arXiv", "https://export.arxiv.org", rate, **limits)
    return Gate(rules, folder, clock, (told if told is not None else []).append)


def turns(gate, clock, count, lasting=0.0):
    """The moments at which requests went out, counted from the start."""
    moments = []
    for _ in range(count):
        with gate.turn():
            moments.append(round(clock.time - START, 3))
            clock.time += lasting
    return moments


def test_the_first_request_waits_for_nothing(gate, clock):
    assert turns(gate, clock, 1) == [0]
    assert clock.slept == []


def test_one_request_per_three_seconds(gate, clock):
    assert turns(gate, clock, 4) == [0, 3, 6, 9]
    assert max(clock.slept) <= 0.5


def test_one_at_a_time_counts_from_the_end_of_a_request(tmp_path, clock):
    assert turns(gate_in(tmp_path, clock, one_at_a_time=True), clock, 3, lasting=2) == [0, 5, 10]


def test_time_that_passed_by_itself_counts(gate, clock):
    turns(gate, clock, 1)
    clock.time += 10
    assert turns(gate, clock, 1) == [10]
    assert clock.slept == []


def test_many_requests_within_a_window_go_at_once_and_the_next_waits(tmp_path, clock):
    gate = gate_in(tmp_path, clock, Rate(5, 10))
    assert turns(gate, clock, 12, lasting=1) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21]


def test_a_wait_is_told_once_before_it_begins(tmp_path, clock):
    told = []
    gate = gate_in(tmp_path, clock, told=told)
    turns(gate, clock, 3)
    assert told == [pytest.approx(3), pytest.approx(3)]


def test_another_run_goes_on_where_the_last_one_stopped(tmp_path, clock):
    turns(gate_in(tmp_path, clock), clock, 1)
    assert turns(gate_in(tmp_path, clock), clock, 1) == [3]


def test_services_do_not_wait_for_each_other(tmp_path, clock):
    turns(gate_in(tmp_path, clock), clock, 1)
    other = Gate(ServiceRules("crossref", "Crossref", "http://x", Rate(1, 3)), tmp_path, clock, print)
    assert turns(other, clock, 1) == [0]


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "7", '{"sent": 3}',
        '{"sent": ["x"], "spacing": 1, "not_before": 0, "stated": null}',
        '{"sent": [NaN], "spacing": 1, "not_before": 0, "stated": null}',
        '{"sent": [], "spacing": Infinity, "not_before": 0, "stated": null}',
        '{"sent": [], "spacing": 1, "not_before": 0, "stated": [0, 0]}',
        '{"sent": [], "spacing": 1, "not_before": 0, "stated": [1, 1, 1]}', "[" * 100_000, "\x00\xff",
    ],
)  # fmt: skip
def test_a_broken_state_is_an_empty_one(content, gate, clock, tmp_path):
    (tmp_path / "arxiv.json").write_text(content, encoding="latin-1")
    assert turns(gate, clock, 2) == [0, 3]


def test_a_clock_that_is_set_back_costs_one_window_at_most(gate, clock):
    turns(gate, clock, 1)
    gate.pause(60)
    clock.time -= 7200
    turns(gate, clock, 1)
    assert clock.waited <= 3.01
    turns(gate, clock, 1)
    assert clock.waited <= 6.02


def test_a_pause_that_the_service_asks_for_holds_for_everybody(tmp_path, clock):
    mine, other = gate_in(tmp_path, clock), gate_in(tmp_path, clock)
    turns(mine, clock, 1)
    mine.pause(30)
    mine.pause(5)
    assert turns(other, clock, 1) == [30]


def test_a_pause_is_never_longer_than_two_minutes(gate, clock):
    gate.pause(10_000)
    assert turns(gate, clock, 1) == [120]


def test_requests_move_apart_while_the_service_objects_and_together_again_when_it_does_not(tmp_path, clock):
    gate = gate_in(tmp_path, clock, Rate(100, 300), adaptive=True)
    assert turns(gate, clock, 2) == [0, 1]
    for _ in range(3):
        gate.too_fast()
    assert turns(gate, clock, 2) == [9, 17]
    for _ in range(30):
        gate.too_fast()
    assert turns(gate, clock, 2) == [81, 145]
    for _ in range(50):
        gate.went_well({})
    assert turns(gate, clock, 2) == [146, 147]


def test_spacing_is_kept_for_the_next_run_but_not_for_the_next_day(tmp_path, clock):
    limits = {"rate": Rate(100, 300), "adaptive": True}
    gate = gate_in(tmp_path, clock, **limits)
    turns(gate, clock, 1)
    for _ in range(4):
        gate.too_fast()
    assert turns(gate_in(tmp_path, clock, **limits), clock, 1) == [16]
    clock.time = START + 86_400
    assert turns(gate_in(tmp_path, clock, **limits), clock, 2) == [86_400, 86_401]


def test_a_service_that_does_not_adapt_is_not_slowed_down(tmp_path, clock):
    gate = gate_in(tmp_path, clock, Rate(10, 1))
    turns(gate, clock, 1)
    gate.too_fast()
    assert turns(gate, clock, 1) == [0]


def test_a_rate_that_the_service_states_holds_beside_our_own(tmp_path, clock):
    gate = gate_in(tmp_path, clock, Rate(5, 1))
    gate.went_well({"x-rate-limit-limit": "2", "x-rate-limit-interval": "10s"})
    assert turns(gate_in(tmp_path, clock, Rate(5, 1)), clock, 4) == [0, 0, 10, 10]
    gate.went_well({"x-rate-limit-limit": "500", "x-rate-limit-interval": "1s"})
    clock.time = START + 100
    assert turns(gate, clock, 7) == [100] * 5 + [101] * 2


@pytest.mark.parametrize(
    ("limit", "interval"),
    [("0", "1s"), ("-3", "1s"), ("5", "0s"), ("1", "86400s"), ("x", "1s"), ("5", "nan")],
)
def test_a_stated_rate_that_makes_no_sense_is_not_believed(limit, interval, tmp_path, clock):
    gate = gate_in(tmp_path, clock, Rate(2, 1))
    gate.went_well({"x-rate-limit-limit": limit, "x-rate-limit-interval": interval})
    assert turns(gate, clock, 3) == [0, 0, 1]


def test_the_lock_is_free_after_an_error_inside_a_turn(tmp_path, clock):
    gate = gate_in(tmp_path, clock, one_at_a_time=True)
    with pytest.raises(KeyboardInterrupt), gate.turn():
        raise KeyboardInterrupt
    with FileLock(tmp_path / "arxiv.lock").acquire(timeout=0):
        pass
    assert turns(gate, clock, 1) == [3]


def test_with_one_at_a_time_no_other_process_sends_meanwhile(tmp_path):
    gate = gate_in(tmp_path, SystemClock(), Rate(1000, 1), one_at_a_time=True)
    events = []

    def other():
        with gate_in(tmp_path, SystemClock(), Rate(1000, 1), one_at_a_time=True).turn():
            events.append("other")

    with gate.turn():
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.2)
        events.append("mine is over")
    thread.join(5)
    assert events == ["mine is over", "other"]


def test_a_turn_that_is_never_given_back_does_not_block_for_ever(tmp_path, clock):
    with (
        FileLock(tmp_path / "arxiv.lock"),
        pytest.raises(ServiceDown, match=r"^arXiv: another process has had"),
    ):
        turns(gate_in(tmp_path, clock), clock, 1)
    assert 600 < clock.waited < 610


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, clock):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IngestError, match=r"cannot write .*: set VFM_ATLAS_CACHE"):
        turns(gate_in(tmp_path / "file", clock), clock, 1)
    (tmp_path / "arxiv.json").mkdir()
    gate = gate_in(tmp_path, clock)
    with pytest.raises(IngestError, match=r"cannot write .*: set VFM_ATLAS_CACHE"):
        turns(gate, clock, 1)
    with FileLock(tmp_path / "arxiv.lock").acquire(timeout=0):
        pass
    (tmp_path / "arxiv.json").rmdir()
    assert turns(gate, clock, 1) == [0]


def test_the_state_is_a_small_file_and_leaves_nothing_else_behind(tmp_path, clock):
    turns(gate_in(tmp_path, clock, Rate(500, 300)), clock, 510)
    assert {path.name for path in tmp_path.iterdir()} <= {"arxiv.json", "arxiv.lock"}
    assert len(json.loads((tmp_path / "arxiv.json").read_text())["sent"]) <= 501


ASKING = """
import sys
from pathlib import Path
from ingest.transport.message import Request
from ingest.transport.services import Rate, ServiceRules
from ingest.transport.store import ResponseStore
from ingest.transport.transport import Transport
url, folder, name, count = sys.argv[1:]
rules = ServiceRules("arxiv", "arXiv", url, Rate(1, 0.2), one_at_a_time=True)
store = ResponseStore(Path(folder, name + ".sqlite"))
with Transport({"arxiv": rules}, store, gates=Path(folder, "gates")) as transport:
    for number in range(int(count)):
        transport.fetch(Request("arxiv", f"{url}/{name}/{number}"))
"""


def test_processes_share_one_gate(tmp_path):
    with ScriptedServer(otherwise=Reply(delay=0.02)) as server:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", ASKING, server.url, str(tmp_path), name, "5"],
                cwd=ROOT, stderr=subprocess.PIPE,
            )
            for name in ("one", "two")
        ]  # fmt: skip
        for each in running:
            _, complaint = each.communicate(timeout=60)
            assert each.returncode == 0, complaint.decode()
    moments = [seen.moment for seen in server.seen]
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(moments) == 10
    assert min(gaps) >= 0.2
    assert {seen.target.split("/")[1] for seen in server.seen} == {"one", "two"}


def test_the_transport_keeps_to_the_gate_also_when_it_tries_again(talk):
    asker = talk(fine(None, 503), fine(1), fine(2), rate=Rate(1, 3), jitter=lambda: 0.0)
    asker.ask("/one")
    asker.ask("/two")
    assert asker.clock.waited == pytest.approx(6)


def test_a_wait_that_one_process_is_asked_for_is_kept_by_the_others(talk, tmp_path):
    asker = talk(fine(None, 503, Retry_After="30"), fine(1), attempts=1)
    with pytest.raises(ServiceDown):
        asker.ask()
    with Asker(asker.server, tmp_path, clock=asker.clock) as other:
        assert other.ask().body == b"1"
    assert asker.clock.waited == pytest.approx(30)


def test_a_429_slows_an_adaptive_service_down_and_good_answers_speed_it_up(talk):
    good = [fine(number) for number in range(30)]
    asker = talk(fine(None, 429), fine(None, 429), *good, adaptive=True, jitter=lambda: 0.0)
    moments = []
    for number in range(30):
        asker.ask(f"/{number}")
        moments.append(asker.clock.time)
    gaps = [after - before for before, after in pairwise(moments)]
    assert moments[0] - 1_800_000_000 == pytest.approx(2 + 4)
    assert gaps[0] == pytest.approx(3.2, abs=0.01)
    assert gaps[-1] == pytest.approx(1, abs=0.01)
    assert gaps == sorted(gaps, reverse=True)
