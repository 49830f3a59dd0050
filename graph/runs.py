"""What was brought into the library: every ingest and update, as the ledger of runs tells it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from graph.schema import IngestRun


@dataclass(frozen=True)
class PastRun:
    """One ingest or update. `stages` tells by name what each finished stage did, times are UTC."""

    kind: str
    subject: str
    state: str
    started_at: str
    finished_at: str | None
    snapshot: str | None
    stages: dict[str, str]
    unanswered: list[str]


def list_runs(session: Session, limit: int | None = None) -> list[PastRun]:
    """The runs of a library, the newest first."""
    rows = session.scalars(
        select(IngestRun)
        .options(selectinload(IngestRun.stages))
        .order_by(IngestRun.started_at.desc(), IngestRun.id.desc())
        .limit(limit)
    )
    return [
        PastRun(
            run.kind, run.subject, run.state, run.started_at.isoformat(timespec="seconds"),
            run.finished_at.isoformat(timespec="seconds") if run.finished_at else None,
            run.snapshot_id, {stage.name: stage.result for stage in run.stages}, list(run.unanswered),
        )
        for run in rows
    ]  # fmt: skip
