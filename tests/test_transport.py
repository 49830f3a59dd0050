"""A service is asked patiently, within bounds, once; whatever goes wrong is one clear line."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from http_server import Asker, FakeClock, Reply, ScriptedServer, fine, page

from ingest.errors import ServiceDown, ServiceRefused

FEED = b"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>t</title></feed>"
XML = {"Content-Type": "application/atom+xml; charset=UTF-8"}

FAULTS = {
    "a connection that ends before the status": Reply(cut=-1),
    "a connection that ends within the body": Reply(body=b"[1, 2, 3]", cut=4),
    "a page for browsers in place of JSON": page(200),
    "a page that happens to read as JSON": page(200, "404"),
    "JSON that stops in the middle": Reply(body=b'{"data": [1, 2'),
    "an empty body": Reply(body=b""),
    "JSON nested beyond reading": Reply(body=b"[" * 200_000),
    "a body that is not what its encoding says": Reply(
        body=b"no gzip", headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
    ),
    "a status line that is none": Reply(headers={"Bad header name": "x"}),
    **{
        f"status {status}": fine({"message": "later"}, status)
        for status in (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)
    },
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_passes_costs_a_second_request_and_nothing_else(fault, talk):
    asker = talk(fault, fine({"good": 1}))
    answer = asker.ask()
    assert (answer.status, json.loads(answer.body)) == (200, {"good": 1})
    assert asker.transport.sent == {"semanticscholar": 2} == {"semanticscholar": len(asker.server.seen)}
    assert asker.clock.waited == pytest.approx(1.0)
    assert not asker.transport.is_down("semanticscholar")


@pytest.mark.parametrize(
    "fault",
    [
        page(200),
        Reply(body=FEED[:-4], headers=XML),
        Reply(body=b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", headers=XML),
    ],
    ids=["a page", "a feed that is cut off", "a document with entities"],
)
def test_a_feed_that_cannot_be_read_is_asked_for_again(fault, talk):
    asker = talk(fault, Reply(body=FEED, headers=XML))
    assert asker.ask(expects="xml").body == FEED
    assert len(asker.server.seen) == 2


def test_silence_is_a_fault_that_passes(talk):
    slow = Reply(delay=0.6)
    asker = talk(slow, fine(1), timeout=0.2)
    assert asker.ask().body == b"1"
    assert "did not answer within 0.2 s" in asker.told("wait")[0]


def test_an_unreachable_service_is_down_after_its_attempts(talk):
    asker = talk(attempts=3)
    asker.server.stop()
    with pytest.raises(
        ServiceDown, match=r"^Semantic Scholar: cannot be reached \(.*refused\) in 3 attempts"
    ):
        asker.ask()
    assert asker.transport.sent == {"semanticscholar": 3}
    assert asker.clock.waited == pytest.approx(1 + 2)


def test_a_service_that_keeps_failing_is_down_and_says_what_it_said(talk):
    asker = talk(otherwise=fine({"error": "database\nis \x1b[31mred"}, 503), attempts=4)
    with pytest.raises(ServiceDown) as caught:
        asker.ask()
    said = "answers 503 Service Unavailable: database is [31mred in 4 attempts"
    assert str(caught.value) == f"Semantic Scholar: {said}: try again later"
    assert len(asker.server.seen) == 4


def test_waits_double_up_to_a_minute_and_end_after_five(talk):
    asker = talk(otherwise=page(502), attempts=100)
    with pytest.raises(ServiceDown):
        asker.ask()
    waits = [event.seconds for event in asker.events if event.kind == "wait"]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert max(asker.clock.slept) <= 1.0  # in naps, so that Ctrl-C is noticed
    assert asker.clock.waited == pytest.approx(sum(waits))
    assert sum(waits) <= 300


def test_waits_are_a_random_part_of_their_longest(talk):
    parts = iter([0.5, 0.25, 0.0, 1.0])
    asker = talk(otherwise=page(502), attempts=4, jitter=lambda: next(parts))
    with pytest.raises(ServiceDown):
        asker.ask()
    assert [event.seconds for event in asker.events if event.kind == "wait"] == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "hub"])
def test_the_wait_that_a_service_asks_for_is_kept(status, form, talk):
    clock = FakeClock()
    headers = {
        "seconds": {"Retry_After": "30"},
        "date": {"Retry_After": formatdate(clock.now() + 30, usegmt=True)},
        "hub": {"RateLimit": '"api";r=0;t=30'},
    }
    fault = fine({"message": "slow down"}, status, **headers[form])
    asker = talk(fault, fine(1), clock=clock)
    asker.ask()
    assert clock.waited == pytest.approx(30)
    assert asker.told("wait") == ["Semantic Scholar asks to wait 30 s"]


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "inf", "9" * 400, "Mon, 99 Foo 2026", ""])
def test_a_wait_that_cannot_be_read_is_not_kept(value, talk):
    asker = talk(fine(None, 429, Retry_After=value), fine(1))
    asker.ask()
    assert asker.clock.waited == pytest.approx(1.0)


def test_a_wait_that_is_over_already_is_none(talk):
    asker = talk(fine(None, 503, Retry_After=formatdate(0, usegmt=True)), fine(1))
    asker.ask()
    assert asker.clock.waited == pytest.approx(1.0)


def test_a_wait_beyond_two_minutes_ends_the_asking_and_names_the_time(talk):
    asker = talk(fine(None, 429, Retry_After="3600"))
    with pytest.raises(ServiceDown, match=r"asks to be left alone until 2027-01-15 09:00 UTC \(answers 429"):
        asker.ask()
    assert asker.clock.waited == 0
    asker.clock.time += 3599
    assert asker.transport.is_down("semanticscholar")
    asker.clock.time += 2
    assert not asker.transport.is_down("semanticscholar")
    assert len(asker.server.seen) == 1


@pytest.mark.parametrize(("seconds", "kept"), [("119", True), ("121", False)])
def test_two_minutes_are_the_longest_wait_that_is_kept(seconds, kept, talk):
    asker = talk(fine(None, 503, Retry_After=seconds), fine(1))
    if kept:
        asker.ask()
    else:
        with pytest.raises(ServiceDown, match="asks to be left alone"):
            asker.ask()
    assert len(asker.server.seen) == 1 + kept


def test_without_a_key_a_429_says_how_to_get_a_limit_of_ones_own(tmp_path):
    for headers, expected in ({}, True), ({"x-api-key": "0123456789abcdef"}, False):
        with ScriptedServer(otherwise=fine(None, 429)) as server:
            changes = {"key_setting": "S2_API_KEY", "attempts": 1, "headers": headers}
            with (
                Asker(server, tmp_path / str(expected), **changes) as asker,
                pytest.raises(ServiceDown) as caught,
            ):
                asker.ask()
        assert ("a key in S2_API_KEY" in str(caught.value)) is expected


# -- A service that failed is left alone ------------------------------------------------------------


def test_a_service_that_failed_is_left_alone_for_a_minute_then_tried_once(talk):
    asker = talk(otherwise=page(502), attempts=2)
    with pytest.raises(ServiceDown, match="answers 502"):
        asker.ask()
    assert asker.transport.is_down("semanticscholar")
    with pytest.raises(ServiceDown, match="failed a moment ago and is left alone for 60 s"):
        asker.ask("/another")
    assert len(asker.server.seen) == 2

    asker.clock.time += 61
    assert not asker.transport.is_down("semanticscholar")
    with pytest.raises(ServiceDown, match="answers 502 Bad Gateway: try again later"):
        asker.ask()
    assert len(asker.server.seen) == 3
    assert asker.transport.is_down("semanticscholar")


def test_a_service_that_is_back_is_trusted_again(talk):
    asker = talk(page(502), page(502), fine(1), page(502), fine(2), attempts=2)
    with pytest.raises(ServiceDown):
        asker.ask()
    asker.clock.time += 61
    assert asker.ask().body == b"1"
    assert asker.ask("/another").body == b"2"  # with all its attempts
    assert len(asker.server.seen) == 5


def test_a_clock_that_is_set_back_does_not_keep_a_service_down(talk):
    asker = talk(page(502), fine(1), attempts=1)
    with pytest.raises(ServiceDown):
        asker.ask()
    asker.clock.time -= 7200
    assert asker.ask().body == b"1"


def test_stored_answers_come_from_a_service_that_is_down(talk):
    asker = talk(fine(1), otherwise=page(502), attempts=1)
    asker.ask("/known")
    with pytest.raises(ServiceDown):
        asker.ask("/unknown")
    assert asker.ask("/known").from_store


# -- Answers ---------------------------------------------------------------------------------------


def test_a_second_run_makes_no_request(tmp_path):
    with ScriptedServer(fine({"a": 1}, Link='<https://x>; rel="next"', X_Secretive="x")) as server:
        with Asker(server, tmp_path) as asker:
            first = asker.ask()
        with Asker(server, tmp_path) as asker:
            second = asker.ask()
    assert len(server.seen) == 1
    assert asker.transport.sent == {}
    assert asker.told("store") == ["Semantic Scholar: answered from the store"]
    assert second == replace(first, from_store=True)
    assert first.headers == {"content-type": "application/json", "link": '<https://x>; rel="next"'}
    assert first.retrieved_at.tzinfo is None


def test_another_attempt_is_another_question(talk):
    asker = talk(fine(1), fine(2))
    assert [asker.ask(attempt=n).body for n in (1, 2, 1, 2)] == [b"1", b"2", b"1", b"2"]
    assert len(asker.server.seen) == 2


def test_refresh_asks_again_what_was_stored_before_it_began_and_nothing_since(tmp_path):
    clock = FakeClock()
    with ScriptedServer(fine("old"), fine("new"), fine("newer")) as server:
        with Asker(server, tmp_path, clock=clock) as asker:
            asker.ask()
        clock.time += 60
        began = datetime.fromtimestamp(clock.now(), UTC).replace(tzinfo=None)
        for _ in range(2):  # the second one goes on with what the first one began
            with Asker(server, tmp_path, clock=clock, refresh_since=began) as asker:
                assert [asker.ask().body for _ in range(3)] == [b'"new"'] * 3
        with Asker(server, tmp_path, clock=clock) as asker:
            assert asker.ask().body == b'"new"'
    assert len(server.seen) == 2


def test_a_definite_no_is_an_answer_that_is_good_for_a_day(talk):
    asker = talk(fine({"error": "not found"}, 404), fine({"error": "still not"}, 404))
    assert asker.ask().status == 404
    assert asker.ask().from_store
    asker.clock.time += timedelta(days=1).total_seconds() + 1
    assert b"still" in asker.ask().body


def test_a_good_answer_stays_good(talk):
    asker = talk(fine(1))
    asker.ask()
    asker.clock.time += timedelta(days=400).total_seconds()
    assert asker.ask().from_store


@pytest.mark.parametrize("status", [400, 405, 413, 422])
def test_a_request_that_makes_no_sense_is_answered_and_not_stored(status, talk):
    asker = talk(otherwise=fine({"error": "bad"}, status))
    assert [asker.ask().status, asker.ask().status] == [status, status]
    assert len(asker.server.seen) == 2


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"key_setting": "S2_API_KEY"}, "set S2_API_KEY to a key"),
        ({"key_setting": "S2_API_KEY", "headers": {"x-api-key": "k" * 40}}, "check the key in S2_API_KEY"),
        ({}, "it may be keeping this network out for a while"),
    ],
    ids=["without a key", "with a wrong key", "of a service without keys"],
)
def test_a_refusal_comes_with_advice(status, changes, advice, talk):
    asker = talk(fine({"message": "Forbidden"}, status), **changes)
    with pytest.raises(ServiceRefused, match=f"refuses the request \\({status} .*: Forbidden\\): {advice}"):
        asker.ask()
    assert len(asker.server.seen) == 1


def test_a_model_that_is_gone_is_an_answer_of_the_hub(talk):
    gone = fine({"error": "Invalid username or password."}, 401, X_Error_Code="RepoNotFound")
    asker = talk(gone)
    assert asker.ask().headers["x-error-code"] == "RepoNotFound"
    assert asker.ask().from_store


@pytest.mark.parametrize("status", [204, 304, 501, 511, 301])
def test_a_status_that_says_nothing_is_not_asked_for_again(status, talk):
    asker = talk(otherwise=Reply(status, b""))
    with pytest.raises(ServiceDown, match=f"answers {status} .*which says nothing"):
        asker.ask()
    assert len(asker.server.seen) == 1
