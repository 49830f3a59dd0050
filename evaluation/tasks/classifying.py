"""Which of these is it: the condition that scores best."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import NamesClasses, Scores
from evaluation.metrics import classification
from evaluation.tasks.kind import (
    Answers,
    Kind,
    Material,
    Output,
    Outputs,
    Tick,
    column,
    images_of,
    in_chunks,
    label_numbers,
    plain_number,
    require_labels,
)

_FIRST_FEW = 5


def conditions_for(runner: Any, material: Material) -> list[list[str]]:
    """What is asked for every class: one list of conditions per template.

    A checkpoint with a fixed list of classes is asked for these, not for a sentence.
    """
    labels = list(material.data.labels)
    if isinstance(runner, NamesClasses):
        return [labels]
    return [[template.format(label=label) for label in labels] for template in material.prompts]


def class_outputs(labels: NDArray[np.int64], scores: NDArray[np.floating]) -> list[Output]:
    """Per example its class, the first guesses, and all scores."""
    ranked = classification.ranked_classes(scores, _FIRST_FEW)
    return [
        {"label": int(label), "first": row.tolist(), "scores": [plain_number(each) for each in own]}
        for label, row, own in zip(labels, ranked, scores, strict=True)
    ]


def _classify(runner: Scores, material: Material, tick: Tick) -> Answers:
    templates = conditions_for(runner, material)
    rows = []
    for chunk in in_chunks(images_of(material.data.examples), tick, "images scored"):
        rows.append(np.mean([runner.score(chunk, asked) for asked in templates], axis=0))
    return Answers(class_outputs(label_numbers(material.data), np.concatenate(rows)))


def majority(material: Material) -> list[Output]:
    """Always the commonest class of the examples."""
    labels = label_numbers(material.data)
    order = np.argsort(-np.bincount(labels, minlength=len(material.data.labels)), kind="stable")
    return [{"label": int(label), "first": order[:_FIRST_FEW].tolist()} for label in labels]


CLASS_MEASURES = {
    "accuracy": lambda outputs: classification.accuracy(column(outputs, "label"), _guesses(outputs)),
    "top_5_accuracy": lambda outputs: classification.top_accuracy(
        column(outputs, "label"), column(outputs, "first")
    ),
    "balanced_accuracy": lambda outputs: classification.balanced_accuracy(
        column(outputs, "label"), _guesses(outputs)
    ),
}


def _guesses(outputs: Outputs) -> NDArray[np.int64]:
    return np.asarray(column(outputs, "first")[:, 0])


def chance_of_class(material: Material) -> float:
    """One of the classes, drawn evenly."""
    return 1 / len(material.data.labels)


CLASSIFY = Kind(
    needs=("Scores",),
    check=require_labels,
    answer=_classify,
    measures=CLASS_MEASURES,
    chance=chance_of_class,
    baseline=majority,
)
