"""Cutting out what is pointed at."""

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import Box, Image, Mask, Point, Segments
from evaluation.datasets.example import Example, ObjectInImage
from evaluation.metrics.bootstrap import Statistic, ratio_of
from evaluation.metrics.overlap import mask_iou
from evaluation.tasks.kind import Answers, Kind, Material, Output, Outputs, Tick, in_chunks, require


def objects_of(example: Example) -> list[ObjectInImage]:
    """Those with a mask that shows anything."""
    return [each for each in example.objects if each.mask.size and each.mask.any()]


def require_masks(material: Material) -> None:
    """Raise TaskError where no object has a mask."""
    require(any(objects_of(each) for each in material.data.examples), material.data, "masks of objects")


def with_masks(material: Material) -> list[Example]:
    """The examples that have objects with masks."""
    return [each for each in material.data.examples if objects_of(each)]


def deepest_point(mask: Mask) -> Point:
    """The pixel of a mask that lies farthest from everything outside it: where a person would click."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(int(np.argmax(depth)), mask.shape)
    return Point(float(col) + 0.5, float(row) + 0.5)


def _prompt(kind: str, each: ObjectInImage) -> Point | Box:
    return deepest_point(each.mask) if kind == "point" else each.box


def _cut_out(runner: Segments, material: Material, tick: Tick) -> Answers:
    outputs = []
    for chunk in in_chunks(with_masks(material), tick, "images cut out", 1):
        objects = objects_of(chunk[0])
        prompts = [_prompt(material.options["prompt"], each) for each in objects]
        outputs.append(_overlaps(objects, np.asarray(runner.segment(chunk[0].image, prompts), dtype=bool)))
    return Answers(outputs)


def _overlaps(objects: list[ObjectInImage], found: NDArray[np.bool_]) -> Output:
    truth = np.stack([each.mask for each in objects])
    return {
        "objects": [each.name for each in objects],
        "ious": [round(float(each), 4) for each in mask_iou(found, truth)],
    }


def _without_looking(material: Material) -> list[Output]:
    """For a box all of it, for a click a disc of the size that objects here usually have."""
    examples = with_masks(material)
    sizes = [each.mask.mean() for example in examples for each in objects_of(example)]
    usual = float(np.median(sizes))
    outputs = []
    for example in examples:
        objects = objects_of(example)
        shapes = [_drawn(_prompt(material.options["prompt"], each), example.image, usual) for each in objects]
        outputs.append(_overlaps(objects, np.stack(shapes)))
    return outputs


def _drawn(prompt: Point | Box, image: Image, usual: float) -> Mask:
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width] + 0.5
    if isinstance(prompt, Box):
        inside = (x > prompt.left) & (x < prompt.right) & (y > prompt.top) & (y < prompt.bottom)
        return np.asarray(inside)
    return np.asarray((x - prompt.x) ** 2 + (y - prompt.y) ** 2 <= usual * height * width / np.pi)


def _whole_image(material: Material) -> float:
    """The overlap of an object with the whole image, which needs no prompt."""
    sizes = [each.mask.mean() for example in with_masks(material) for each in objects_of(example)]
    return float(np.mean(sizes))


def _mean_over_objects(outputs: Outputs) -> Statistic:
    return ratio_of([sum(each["ious"]) for each in outputs], [len(each["ious"]) for each in outputs])


def _share_of_objects(outputs: Outputs) -> Statistic:
    hits = [sum(iou >= 0.5 for iou in each["ious"]) for each in outputs]
    return ratio_of(hits, [len(each["ious"]) for each in outputs])


CUT_OUT = Kind(
    needs=("Segments",),
    check=require_masks,
    answer=_cut_out,
    measures={"mean_iou": _mean_over_objects, "share_above_half": _share_of_objects},
    chance=_whole_image,
    baseline=_without_looking,
)
