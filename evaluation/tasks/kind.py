"""What a kind of task consists of: how answers are got, how measured, and what they are held against.

Answers are kept per example, as JSON objects; every measure is computed from them alone. So the trivial
baseline is measured by the same code as a model, and two runs can be compared from what was stored.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import Image
from evaluation.datasets.example import Dataset, Example
from evaluation.errors import TaskError
from evaluation.metrics.bootstrap import Statistic

Output: TypeAlias = dict[str, Any]
Outputs: TypeAlias = Sequence[Output]
Measure: TypeAlias = Callable[[Outputs], Statistic]
Tick: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

Item = TypeVar("Item")
CHUNK = 16


@dataclass(frozen=True)
class Material:
    """What a run works on.

    Attributes:
        data: the examples to answer.
        train: examples that may be learnt from, for the kinds that do.
        prompts: templates with `{label}`, or none.
        options: the numbers and words of the task's description.
        judge: a checkpoint that judges what another one made, where the task names one.
    """

    data: Dataset
    train: Dataset | None = None
    prompts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    judge: Any = None


@dataclass(frozen=True)
class Answers:
    """One output per example, and numbers about all of them together that have no interval."""

    outputs: list[Output]
    wholes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """One way of asking a checkpoint.

    Attributes:
        needs: names of the protocols (evaluation.capabilities) that a runner must follow, all of them.
        check: raises TaskError for data that the kind cannot ask about.
        answer: asks the runner about every example.
        measures: by name; a share or quality, higher is better unless the task says otherwise.
        chance: what guessing would reach by the primary measure; None where that has no meaning.
        baseline: the answers of something trivial; None where nothing trivial answers.
        trains: whether examples of another split are learnt from.
    """

    needs: tuple[str, ...]
    check: Callable[[Material], None]
    answer: Callable[[Any, Material, Tick], Answers]
    measures: Mapping[str, Measure]
    chance: Callable[[Material], float | None]
    baseline: Callable[[Material], list[Output] | None]
    trains: bool = False


def in_chunks(items: Sequence[Item], tick: Tick, what: str, size: int = CHUNK) -> Iterator[list[Item]]:
    """The items some at a time, told to `tick` as they are taken."""
    tick(what, 0, len(items))
    for start in range(0, len(items), size):
        chunk = list(items[start : start + size])
        yield chunk
        tick(what, start + len(chunk), len(items))


def require(holds: bool, data: Dataset, what: str) -> None:
    """Raise TaskError where the data lack what the task asks about."""
    if not holds:
        raise TaskError(f"{data.name} ({data.split}) has no {what}: choose another dataset for this task")


def require_labels(material: Material) -> None:
    """Raise TaskError unless there are at least two classes and every example has one of them."""
    data = material.data
    named = len(data.labels) > 1 and all(each.label in data.labels for each in data.examples)
    require(named and len(data.examples) > 0, data, "classes")


def label_numbers(data: Dataset) -> NDArray[np.int64]:
    """The class of every example as an index into the labels."""
    places = {label: number for number, label in enumerate(data.labels)}
    return np.array([places[str(each.label)] for each in data.examples], dtype=np.int64)


def images_of(examples: Sequence[Example]) -> list[Image]:
    """The images of examples."""
    return [each.image for each in examples]


def column(outputs: Outputs, name: str) -> NDArray[Any]:
    """One value of every output."""
    return np.array([each[name] for each in outputs])


def plain_number(value: float) -> float:
    """A number for JSON with six significant digits; a difference of noise errors lies in the fourth."""
    return float(f"{float(value):.6g}")
