"""Tasks as they are described in data/tasks: frozen, versioned, and checked against each other.

The version of a task goes up when the same name would give other numbers.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation.errors import TaskError
from evaluation.tasks.kinds import KINDS
from graph.errors import UnknownName


class Prompts(BaseModel):
    """Templates with `{label}`: of datasets that have their own, and for all others."""

    model_config = ConfigDict(extra="allow", frozen=True)
    default: tuple[str, ...]

    def of(self, dataset: str) -> tuple[str, ...]:
        """The templates for a dataset by its name."""
        own = (self.model_extra or {}).get(dataset)
        return tuple(own) if own else self.default


class TaskSpec(BaseModel):
    """One task.

    Attributes:
        kind: how it is asked (evaluation.tasks.kinds).
        dataset, split: what it is asked about unless another dataset is named; None: one must be named.
        splits: the split of other datasets, by name; `test` for those not named.
        n, n_train: how many examples, unless another number is named.
        primary: the measure that stands for the task; `metrics` are all that are reported.
        judges: for what is generated on a dataset, the checkpoint that judges it; `pixels` trains a judge.
        options: numbers and words that the kind reads.
        limit_seconds: how long a run may take unless another limit is named.
        protocol: where the way of measuring comes from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
    name: str = Field(pattern=r"[a-z][a-z0-9-]*")
    version: int = Field(ge=1)
    title: str
    question: str
    kind: str
    dataset: str | None = None
    split: str = "test"
    splits: Mapping[str, str] = {}
    n: int = Field(ge=2)
    n_train: int | None = Field(default=None, ge=2)
    prompts: Prompts | None = None
    metrics: tuple[str, ...]
    primary: str
    unit: str = ""
    higher_is_better: bool = True
    judges: Mapping[str, str] = {}
    options: Mapping[str, Any] = {}
    limit_seconds: int = Field(ge=1)
    protocol: str

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "TaskSpec":
        if self.kind not in KINDS:
            raise ValueError(f"no kind {self.kind!r}: {', '.join(KINDS)} are allowed")
        measures = KINDS[self.kind].measures
        unknown = [name for name in self.metrics if name not in measures]
        if unknown:
            raise ValueError(f"no measure {unknown[0]!r} of {self.kind}: {', '.join(measures)} are allowed")
        if self.primary not in self.metrics:
            raise ValueError(f"the primary measure {self.primary!r} is not among the metrics")
        if KINDS[self.kind].trains and self.n_train is None:
            raise ValueError(f"n_train is missing: {self.kind} learns from examples")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the capabilities that a checkpoint must have."""
        return KINDS[self.kind].needs

    def split_of(self, dataset: str) -> str:
        """The split that is asked about in a dataset."""
        return self.split if dataset == self.dataset else self.splits.get(dataset, "test")


def read_task(path: Traversable) -> TaskSpec:
    """Read one description. Raises TaskError with the file, the field and what is wrong."""
    try:
        found = TaskSpec.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise TaskError(f"{path.name}: cannot be read as TOML ({reason})") from reason
    except ValidationError as reason:
        error = reason.errors()[0]
        where = ".".join(map(str, error["loc"]))
        raise TaskError(f"{path.name}: {f'{where}: ' if where else ''}{error['msg']}") from None
    if path.name != f"{found.name}.toml":
        raise TaskError(f"{path.name}: name: {found.name!r} must be the name of the file")
    return found


@cache
def tasks() -> Mapping[str, TaskSpec]:
    """The tasks that ship with the project, by name."""
    folder = files("data") / "tasks"
    paths = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    return {spec.name: spec for spec in map(read_task, paths)}


def find_task(name: str) -> TaskSpec:
    """A task by its name. Raises UnknownName, which lists those that there are."""
    if name not in tasks():
        raise UnknownName("task", name, list(tasks()), allowed=True)
    return tasks()[name]
