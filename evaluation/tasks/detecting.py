"""Finding objects: average precision as COCO defines it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from evaluation.capabilities import Box, Detection, Detects
from evaluation.datasets.example import Example
from evaluation.metrics.bootstrap import Statistic
from evaluation.metrics.detection import THRESHOLDS, ImageMatches, average_precision, match
from evaluation.tasks.kind import (
    Answers,
    Kind,
    Material,
    Output,
    Outputs,
    Tick,
    images_of,
    in_chunks,
    require,
)

_BITS = 2 ** np.arange(len(THRESHOLDS))


def _check(material: Material) -> None:
    require(any(each.objects for each in material.data.examples), material.data, "objects with boxes")


def _names(material: Material) -> list[str]:
    return sorted({each.name for example in material.data.examples for each in example.objects})


def _detect(runner: Detects, material: Material, tick: Tick) -> Answers:
    names = _names(material)
    asked = [template.format(label=name) for name in names for template in material.prompts[:1]] or names
    outputs = []
    for chunk in in_chunks(material.data.examples, tick, "images searched", 8):
        found = runner.detect(images_of(chunk), asked)
        outputs += [_matched(example, each, names) for example, each in zip(chunk, found, strict=True)]
    return Answers(outputs)


def _matched(example: Example, found: Sequence[Detection], names: list[str]) -> Output:
    """How many objects of every class there are, and every find: class, score, IoUs that it reaches."""
    truths, finds = [], []
    for number, name in enumerate(names):
        boxes = np.array([_corners(each.box) for each in example.objects if each.name == name]).reshape(-1, 4)
        own = [each for each in found if each.label == number]
        matches = match(
            np.array([_corners(each.box) for each in own], dtype=np.float64).reshape(-1, 4),
            np.array([each.score for each in own], dtype=np.float64),
            boxes,
        )
        truths.append(matches.truths)
        finds += [
            [number, float(score), int(hits @ _BITS)]
            for score, hits in zip(matches.scores, matches.hits, strict=True)
        ]
    return {"truths": truths, "finds": finds}


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _by_class(outputs: Outputs) -> list[list[ImageMatches]]:
    classes = len(outputs[0]["truths"])
    return [[_unpacked(each, number) for each in outputs] for number in range(classes)]


def _unpacked(output: Output, number: int) -> ImageMatches:
    own = [find for find in output["finds"] if find[0] == number]
    hits = (np.array([find[2] for find in own], dtype=np.int64)[:, None] & _BITS) > 0
    scores = np.array([find[1] for find in own], dtype=np.float64)
    return ImageMatches(output["truths"][number], scores, hits.reshape(-1, len(_BITS)))


def _precision(*thresholds: int) -> "_Precision":
    return _Precision(thresholds)


class _Precision:
    def __init__(self, thresholds: Sequence[int]) -> None:
        self._thresholds = thresholds

    def __call__(self, outputs: Outputs) -> Statistic:
        return average_precision(_by_class(outputs), self._thresholds)


def _one_box(material: Material) -> list[Output]:
    """One box in every image, where boxes are on average, of the commonest class."""
    names = _names(material)
    objects = [(each, example) for example in material.data.examples for each in example.objects]
    common = Counter(each.name for each, _ in objects).most_common(1)[0][0]
    relative = np.mean([_relative(each.box, example) for each, example in objects], axis=0)
    outputs = []
    for example in material.data.examples:
        height, width = example.image.shape[:2]
        box = Box(*(relative * (width, height, width, height)).tolist())
        outputs.append(_matched(example, [Detection(names.index(common), 1.0, box)], names))
    return outputs


def _relative(box: Box, example: Example) -> tuple[float, ...]:
    height, width = example.image.shape[:2]
    return box.left / width, box.top / height, box.right / width, box.bottom / height


DETECT = Kind(
    needs=("Detects",),
    check=_check,
    answer=_detect,
    measures={
        "average_precision": _precision(*range(len(THRESHOLDS))),
        "average_precision_50": _precision(0),
        "average_precision_75": _precision(5),
    },
    chance=lambda _: None,
    baseline=_one_box,
)
