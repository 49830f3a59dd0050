"""Numbers that others published, and whether one of ours may be held against them."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.errors import CollectionError, Problem
from evaluation.results import Run

FILE = "reference_numbers.csv"
SUPERVISED = "none: supervised classifier"
_ELSEWHERE = 3


class ReferenceNumber(BaseModel):
    """One published number, as a row of data/reference_numbers.csv has it.

    Attributes:
        hub_id: the weights it is about, whatever library loaded them; or
        paper: key of the paper whose method it is about, where the weights are not known.
        n: how many examples it was measured on; None where the source does not say.
        value: shares between 0 and 1.
        source: where it was read, at which commit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    hub_id: str
    paper: str
    task: str = Field(min_length=1)
    dataset: str = Field(pattern=r"[a-z0-9-]+")
    split: str = Field(min_length=1)
    n: int | None = Field(ge=1)
    metric: str = Field(min_length=1)
    value: float = Field(ge=0, le=1)
    prompts: str
    source: str = Field(min_length=1)


@dataclass(frozen=True)
class Beside:
    """A published number beside a run of ours; `reason` says why the two are comparable or why not."""

    dataset: str
    split: str
    n: int | None
    metric: str
    value: float
    source: str
    comparable: bool
    reason: str


@cache
def reference_numbers() -> tuple[ReferenceNumber, ...]:
    """The catalogue of published numbers. Raises CollectionError with each broken row."""
    rows, problems = [], []
    text = (files("data") / FILE).read_text(encoding="utf-8")
    for line, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            rows.append(ReferenceNumber.model_validate({**row, "n": row["n"] or None}))
        except ValidationError as reason:
            for error in reason.errors():
                problems.append(Problem(FILE, line, ".".join(map(str, error["loc"])), error["msg"]))
    if problems:
        raise CollectionError(problems)
    return tuple(rows)


def numbers_of(hub_id: str) -> list[ReferenceNumber]:
    """What was published about weights, by their hub id."""
    return [each for each in reference_numbers() if each.hub_id == hub_id]


def numbers_of_paper(key: str) -> list[ReferenceNumber]:
    """What was published about a paper's method without naming weights."""
    return [each for each in reference_numbers() if each.paper == key]


def stand_beside(run: Run) -> tuple[dict[str, Any], ...]:
    """Published numbers of the same weights and task, the most comparable first.

    All of the same dataset, and a few of others, so that a reader sees what is known.
    """
    found = [
        Beside(
            each.dataset,
            each.split,
            each.n,
            each.metric,
            each.value,
            each.source,
            *judge_comparable(run, each),
        )
        for each in numbers_of(run.hub_id)
        if each.task == run.task
    ]
    here = [each for each in found if each.dataset == run.dataset]
    elsewhere = [each for each in found if each.dataset != run.dataset and each.metric == run.metric]
    here.sort(key=lambda each: (not each.comparable, each.metric != run.metric))
    return tuple(asdict(each) for each in [*here, *elsewhere[:_ELSEWHERE]])


def judge_comparable(run: Run, number: ReferenceNumber) -> tuple[bool, str]:
    """Whether a run of ours and a published number are about the same, and why or why not."""
    for what, ours, theirs in (
        ("dataset", run.dataset, number.dataset),
        ("split", number.split if run.split == "all" else run.split, number.split),
    ):
        if ours != theirs:
            return False, f"another {what} ({theirs}, here {ours})"
    if number.metric not in _measured(run):
        return False, f"another measure ({number.metric}, here {run.metric})"
    if run.n != number.n:
        theirs = "not known" if number.n is None else f"{number.n:,}"
        return False, f"another number of examples ({theirs}, here {run.n or 0:,})"
    templates = list(run.environment.get("prompts", ()))
    if not number.prompts.startswith(SUPERVISED) and templates and number.prompts not in templates:
        return False, f"other prompts ({number.prompts}; here {'; '.join(templates)})"
    return (
        True,
        "the same dataset by its name, split, number of examples and measure; files were not compared",
    )


def _measured(run: Run) -> Sequence[str]:
    from evaluation.tasks.spec import find_task

    return find_task(run.task).metrics
