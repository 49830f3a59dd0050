"""What was measured here: one record per run, kept in the library, where a rebuild never touches it.

A request has at most one result. A run that failed or was cancelled stands beside it until the same request
succeeds.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from evaluation.tasks.kind import Material, Output
from evaluation.tasks.request import Request
from evaluation.tasks.spec import tasks
from evaluation.zoo import PREFIX
from graph.checkpoints import CheckpointFacts
from graph.errors import UnknownName
from graph.library import Library
from graph.schema import EvaluationRun

STATES = ("done", "failed", "cancelled", "refused")


@dataclass(frozen=True)
class Run:
    """One run; None is a fact that there is not. `low` and `high` bound the 95% interval of `value`.

    Attributes:
        metrics: per measure its `value`, `low` and `high`; those of all examples together have no interval.
        published: numbers of others that stand beside it, each with `comparable` and `reason`.
        is_new: whether it was carried out just now; not stored.
    """

    spec_hash: str
    hub_id: str
    library: str
    loader_class: str
    revision: str | None
    weights_sha256: str | None
    task: str
    task_version: str
    dataset: str
    split: str
    dataset_fingerprint: str | None
    n: int | None
    seed: int | None
    state: str
    started_at: datetime
    reason: str | None = None
    metric: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    baseline: float | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    published: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    peak_bytes: int | None = None
    finished_at: datetime | None = None
    outputs: Sequence[Output] | None = None
    id: int | None = None
    is_new: bool = False

    @property
    def is_stand_in(self) -> bool:
        """Whether the checkpoint is a small one of the zoo and not a paper's model."""
        return self.hub_id.startswith(PREFIX)

    def done(self, answer: Mapping[str, Any], published: Sequence[Mapping[str, Any]], at: datetime) -> "Run":
        """The run with what a worker answered."""
        primary = answer["metrics"][self.metric]
        wholes = {name: {"value": value} for name, value in answer["wholes"].items()}
        return replace(
            self, state="done", reason=None, value=primary["value"], low=primary["low"], high=primary["high"],
            chance=answer["chance"], baseline=answer["baseline"], metrics={**answer["metrics"], **wholes},
            published=published, environment={**self.environment, **answer["environment"]},
            seconds=answer["seconds"], peak_bytes=answer["peak_bytes"], finished_at=at,
            outputs=answer["outputs"],
        )  # fmt: skip

    def ended(self, state: str, reason: str, at: datetime) -> "Run":
        """The run without a result, and why."""
        return replace(self, state=state, reason=reason, finished_at=at)


def new_run(request: Request, material: Material, spec_hash: str, started: datetime) -> Run:
    """The record of a run that begins."""
    files, data = request.files, material.data
    return Run(
        spec_hash, files.hub_id, files.library, files.loader_class, files.revision, files.weights_sha256,
        request.task, str(request.spec.version), data.name, data.split, data.fingerprint, len(data.examples),
        request.seed, "failed", started, metric=request.spec.primary,
        environment={"device": request.device, "prompts": list(material.prompts)},
    )  # fmt: skip


def refused(facts: CheckpointFacts, task: str, reason: str, at: datetime) -> Run:
    """The record of a run that the gate did not let begin."""
    spec = tasks()[task]
    names = (facts.hub_id, facts.library, facts.loader_class)
    return Run(
        ":".join(("refused", *names, task)), *names, facts.revision, None, task, str(spec.version),
        spec.dataset or "", "", None, None, None, "refused", at, reason=reason, finished_at=at,
    )  # fmt: skip


def record(library: Library, run: Run) -> Run:
    """Keep a run, in one transaction: a result takes the place of all that the same request came to before,
    anything else the place of earlier ones without a result.
    """
    with library.writing() as session:
        earlier = delete(EvaluationRun).where(EvaluationRun.spec_hash == run.spec_hash)
        session.execute(earlier if run.state == "done" else earlier.where(EvaluationRun.state != "done"))
        row = EvaluationRun(**_columns(run))
        session.add(row)
        session.flush()
        return replace(run, id=row.id, is_new=True)


def find_done(session: Session, spec_hash: str) -> Run | None:
    """The result of a request, with its outputs, if there is one."""
    row = session.scalar(
        select(EvaluationRun).where(EvaluationRun.spec_hash == spec_hash, EvaluationRun.state == "done")
    )
    return None if row is None else replace(_run(row), outputs=unpack(row.outputs))


def read_run(session: Session, number: int) -> Run:
    """A run by its number, with its outputs. Raises UnknownName."""
    row = session.get(EvaluationRun, number)
    if row is None:
        raise UnknownName("run", str(number), advice="'vfm-atlas leaderboard' shows the numbers")
    return replace(_run(row), outputs=unpack(row.outputs))


def list_runs(
    session: Session,
    *,
    task: str | None = None,
    dataset: str | None = None,
    hub_ids: Sequence[str] | None = None,
) -> list[Run]:
    """The runs of a library without their outputs, the newest first."""
    query = select(EvaluationRun).order_by(EvaluationRun.started_at.desc(), EvaluationRun.id.desc())
    if task is not None:
        query = query.where(EvaluationRun.task == task)
    if dataset is not None:
        query = query.where(EvaluationRun.dataset == dataset)
    if hub_ids is not None:
        query = query.where(EvaluationRun.hub_id.in_(hub_ids))
    return [_run(row) for row in session.scalars(query)]


def pack(outputs: Sequence[Output]) -> bytes:
    """Outputs as compressed JSON lines."""
    lines = (json.dumps(each, allow_nan=False, separators=(",", ":")) for each in outputs)
    return zlib.compress("\n".join(lines).encode(), 6)


def unpack(content: bytes | None) -> list[Output] | None:
    """Outputs from compressed JSON lines."""
    if content is None:
        return None
    text = zlib.decompress(content).decode()
    return [json.loads(line) for line in text.split("\n") if line]


_PLAIN = (
    "spec_hash", "hub_id", "library", "loader_class", "revision", "weights_sha256", "task", "task_version",
    "dataset", "dataset_fingerprint", "n", "seed", "state", "reason", "metric", "value", "low", "high",
    "chance", "baseline", "seconds", "peak_bytes", "started_at", "finished_at",
)  # fmt: skip


def _columns(run: Run) -> dict[str, Any]:
    return {
        **{name: getattr(run, name) for name in _PLAIN},
        "metrics": dict(run.metrics) or None,
        "published": {"numbers": [dict(each) for each in run.published]} if run.published else None,
        "environment": {**run.environment, "split": run.split},
        "outputs": None if run.outputs is None else pack(run.outputs),
    }


def _run(row: EvaluationRun) -> Run:
    environment = dict(row.environment)
    return Run(
        **{name: getattr(row, name) for name in _PLAIN},
        id=row.id, split=environment.pop("split", ""), metrics=row.metrics or {},
        published=tuple((row.published or {}).get("numbers", ())), environment=environment,
    )  # fmt: skip
