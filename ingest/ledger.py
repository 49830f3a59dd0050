"""The ledger of runs: which stages are done, so that a run that was cut off goes on where it was.

A stage's facts and its line here are written in one transaction: a stage is done with both or with neither.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from graph.schema import IngestRun, IngestStage
from ingest.record import Record


def fingerprint(records: Iterable[Record], *others: object) -> str:
    """The hash of what a run works on: records without their dates, in any order, and its options."""
    lines = sorted(json.dumps(record.to_json(), sort_keys=True) for record in records)
    return hashlib.sha256("\n".join([*lines, *map(str, others)]).encode()).hexdigest()


def open_run(session: Session, kind: str, subject: str, inputs: str) -> IngestRun:
    """The unfinished run of this subject, or a new one.

    Stages that an unfinished run did with other inputs are forgotten: they will be done again.
    """
    run = session.scalar(
        select(IngestRun).where(
            IngestRun.kind == kind, IngestRun.subject == subject, IngestRun.state == "running"
        )
    )
    if run is None:
        run = IngestRun(kind=kind, subject=subject, inputs_sha256=inputs, started_at=now(), unanswered=[])
        session.add(run)
        session.flush()
    elif run.inputs_sha256 != inputs:
        session.execute(delete(IngestStage).where(IngestStage.run_id == run.id))
        run.inputs_sha256, run.unanswered = inputs, []
    return run


def stages_done(session: Session, run_id: int) -> dict[str, str]:
    """The finished stages of a run, with what each said of its result."""
    rows = select(IngestStage.name, IngestStage.result).where(IngestStage.run_id == run_id)
    return dict(session.execute(rows).all())


def record_stage(session: Session, run_id: int, name: str, position: int, result: str) -> None:
    """Write that a stage is done, in the transaction of its facts."""
    session.add(IngestStage(run_id=run_id, name=name, position=position, finished_at=now(), result=result))
    session.flush()


def add_unanswered(session: Session, run_id: int, lines: Iterable[str]) -> None:
    """Write what a run could not get, beside what is written already, each line once."""
    run = session.get_one(IngestRun, run_id)
    run.unanswered = list(dict.fromkeys([*run.unanswered, *lines]))


def close_run(session: Session, run_id: int, snapshot_id: str) -> None:
    """Write that a run is done."""
    run = session.get_one(IngestRun, run_id)
    run.state, run.finished_at, run.snapshot_id = "done", now(), snapshot_id


def now() -> datetime:
    """The present moment, UTC without zone, as all dates in the library."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
