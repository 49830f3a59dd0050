"""Stages and the line that says they are done are written together; an unfinished run is found again."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_helpers import LATER, NOW, record
from sqlalchemy import select

from graph.schema import IngestRun, Paper
from ingest import ledger
from ingest.pipeline import STAGES

A, B, C = (record(name, f"s2:{digit * 40}") for name, digit in (("a", "1"), ("b", "2"), ("c", "3")))


@given(order=st.permutations([A, B, C]))
def test_a_fingerprint_is_of_what_was_said_not_of_its_order_or_date(order):
    dated = [record("a", f"s2:{'1' * 40}", when=LATER), B, C]
    assert ledger.fingerprint(order) == ledger.fingerprint([A, B, C]) == ledger.fingerprint(dated)


def test_a_fingerprint_tells_other_facts_and_other_options_apart():
    prints = {
        ledger.fingerprint(records, *options)
        for records, options in [
            ([A, B], ()), ([A], ()), ([A, B, C], ()), ([], ()), ([A, B], ("model",)), ([A, B], (True,)),
            ([A, B], (True, False)), ([A, record("b", f"s2:{'2' * 40}", title="Another")], ()),
        ]
    }  # fmt: skip
    assert len(prints) == 8


def test_a_run_is_found_again_until_it_is_done(small_library):
    with small_library.writing() as session:
        run = ledger.open_run(session, "survey", "arXiv:1", "abc")
        assert (run.state, run.unanswered, run.finished_at) == ("running", [], None)
        ledger.record_stage(session, run.id, "merge", 1, "2 new papers")
        first = run.id
    with small_library.writing() as session:
        assert ledger.open_run(session, "survey", "arXiv:1", "abc").id == first
        assert ledger.stages_done(session, first) == {"merge": "2 new papers"}
        assert ledger.open_run(session, "survey", "arXiv:2", "abc").id != first
        assert ledger.open_run(session, "update", "arXiv:1", "abc").id != first
        ledger.close_run(session, first, "snapshot")
    with small_library.writing() as session:
        run = session.get_one(IngestRun, first)
        assert (run.state, run.snapshot_id) == ("done", "snapshot")
        assert run.finished_at >= run.started_at
        assert ledger.open_run(session, "survey", "arXiv:1", "abc").id != first


def test_with_other_inputs_an_unfinished_run_does_everything_again(small_library):
    with small_library.writing() as session:
        run_id = ledger.open_run(session, "survey", "arXiv:1", "abc").id
        ledger.record_stage(session, run_id, "merge", 1, "")
        ledger.add_unanswered(session, run_id, ["arXiv:1: nobody knows it"])
    with small_library.writing() as session:
        again = ledger.open_run(session, "survey", "arXiv:1", "xyz")
        assert again.id == run_id
        assert (ledger.stages_done(session, run_id), again.unanswered) == ({}, [])
        assert again.inputs_sha256 == "xyz"


def test_a_stage_whose_facts_are_not_written_is_not_done(small_library):
    with small_library.writing() as session:
        run_id = ledger.open_run(session, "survey", "arXiv:1", "abc").id

    def stage() -> None:
        with small_library.writing() as session:
            session.execute(Paper.__table__.update().values(title="half way"))
            ledger.record_stage(session, run_id, "merge", 1, "")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        stage()
    with small_library.reading() as session:
        assert ledger.stages_done(session, run_id) == {}
        assert "half way" not in session.scalars(select(Paper.title)).all()


def test_stages_are_kept_in_their_order(small_library):
    with small_library.writing() as session:
        run_id = ledger.open_run(session, "survey", "arXiv:1", "abc").id
        for name in reversed(STAGES[1:]):
            ledger.record_stage(session, run_id, name, STAGES.index(name), f"{name} is done")
    with small_library.reading() as session:
        stages = session.get_one(IngestRun, run_id).stages
        assert [stage.name for stage in stages] == list(STAGES[1:])
        assert stages[0].result == f"{STAGES[1]} is done"


def test_what_nobody_answered_is_gathered_once_per_line(small_library):
    with small_library.writing() as session:
        run_id = ledger.open_run(session, "survey", "arXiv:1", "abc").id
        ledger.add_unanswered(session, run_id, ["one", "two"])
    with small_library.writing() as session:
        ledger.add_unanswered(session, run_id, ["two", "three", "three"])
    with small_library.reading() as session:
        assert session.get_one(IngestRun, run_id).unanswered == ["one", "two", "three"]


def test_moments_are_whole_seconds_without_zone():
    assert isinstance(ledger.now(), datetime)
    assert (ledger.now().microsecond, ledger.now().tzinfo) == (0, None)
    assert ledger.now() > NOW
