"""Saying of every pixel what it is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import SegmentsSemantically
from evaluation.datasets.example import Example, ObjectInImage
from evaluation.metrics.bootstrap import Statistic, ratio_of
from evaluation.metrics.overlap import class_overlaps, iou_of_random_labels, mean_iou
from evaluation.tasks.kind import Answers, Kind, Material, Output, Outputs, Tick, in_chunks
from evaluation.tasks.segmenting import objects_of, require_masks, with_masks


def _names(material: Material) -> list[str]:
    """What pixels are named: the last part of an object's name, or all of it, as the task says."""
    found = {_named(material, each) for example in material.data.examples for each in example.objects}
    return sorted(found)


def _named(material: Material, each: ObjectInImage) -> str:
    shortened = material.data.name in material.options.get("last_word_of", ())
    return each.name.split()[-1] if shortened else each.name


def _truth(material: Material, example: Example, names: list[str]) -> NDArray[np.int64]:
    """Index of the name per pixel, the last index where there is no object; later objects lie on top."""
    truth = np.full(example.image.shape[:2], len(names), dtype=np.int64)
    for each in objects_of(example):
        truth[each.mask] = names.index(_named(material, each))
    return truth


def _name_pixels(runner: SegmentsSemantically, material: Material, tick: Tick) -> Answers:
    names = _names(material)
    asked = [template.format(label=name) for name in names for template in material.prompts[:1]] or names
    outputs = []
    for chunk in in_chunks(with_masks(material), tick, "images labelled", 8):
        maps = runner.segment_semantically([each.image for each in chunk], asked)
        outputs += [
            _counts(names, found, _truth(material, example, names))
            for example, found in zip(chunk, maps, strict=True)
        ]
    return Answers(outputs)


def _counts(names: list[str], found: NDArray[np.int64], truth: NDArray[np.int64]) -> Output:
    classes = len(names) + 1
    both, either = class_overlaps(np.where(found < 0, classes - 1, found), truth, classes)
    return {"both": both.tolist(), "either": either.tolist(), "names": [*names, "background"]}


def _background(material: Material) -> list[Output]:
    """Every pixel is what most pixels are."""
    names = _names(material)
    maps = [_truth(material, each, names) for each in with_masks(material)]
    common = int(np.argmax(_pixel_counts(maps, len(names) + 1)))
    return [_counts(names, np.full_like(truth, common), truth) for truth in maps]


def _random_labels(material: Material) -> float:
    names = _names(material)
    maps = [_truth(material, each, names) for each in with_masks(material)]
    counts = _pixel_counts(maps, len(names) + 1)
    return iou_of_random_labels(counts / counts.sum())


def _pixel_counts(maps: list[NDArray[np.int64]], classes: int) -> NDArray[np.float64]:
    return np.asarray(sum(np.bincount(each.ravel(), minlength=classes) for each in maps), dtype=np.float64)


def _matrix(outputs: Outputs, name: str) -> NDArray[Any]:
    return np.array([each[name] for each in outputs])


def _pixel_accuracy(outputs: Outputs) -> Statistic:
    both, either = _matrix(outputs, "both"), _matrix(outputs, "either")
    # Every wrong pixel lies in two unions.
    return ratio_of(both.sum(axis=1), both.sum(axis=1) + (either - both).sum(axis=1) / 2)


NAME_PIXELS = Kind(
    needs=("SegmentsSemantically",),
    check=require_masks,
    answer=_name_pixels,
    measures={
        "mean_iou": lambda outputs: mean_iou(_matrix(outputs, "both"), _matrix(outputs, "either")),
        "pixel_accuracy": _pixel_accuracy,
    },
    chance=_random_labels,
    baseline=_background,
)
