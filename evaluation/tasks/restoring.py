"""Giving an image back, and saying how far away things are: every pixel has its truth."""

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import EstimatesDepth, Image, Reconstructs
from evaluation.datasets.example import Example
from evaluation.errors import TaskError
from evaluation.metrics.bootstrap import mean_of
from evaluation.metrics.depth import compare_depth
from evaluation.metrics.images import psnr, ssim
from evaluation.tasks.kind import Answers, Kind, Material, Output, Tick, column, images_of, in_chunks, require
from evaluation.tasks.making import as_png

_KEPT_IMAGES, _LARGEST_KEPT = 8, 64


def _check_images(material: Material) -> None:
    require(len(material.data.examples) > 0, material.data, "images")


def _reconstruct(runner: Reconstructs, material: Material, tick: Tick) -> Answers:
    outputs: list[Output] = []
    for chunk in in_chunks(images_of(material.data.examples), tick, "images given back"):
        restored = runner.reconstruct(chunk, material.seed * 1_000_003 + len(outputs))
        for found, truth in zip(restored, chunk, strict=True):
            outputs.append(_likeness(found, truth))
            if len(outputs) <= _KEPT_IMAGES and max(truth.shape) <= _LARGEST_KEPT:
                outputs[-1]["image"] = as_png(found)
    return Answers(outputs)


def _likeness(found: Image, truth: Image) -> Output:
    if found.shape != truth.shape:
        raise TaskError(
            f"an image of shape {truth.shape} came back as {found.shape}: the adapter must resize it"
        )
    return {"psnr": round(psnr(found, truth), 4), "ssim": round(ssim(found, truth), 5)}


def _mean_colours(material: Material) -> list[Output]:
    """Every image as one field of its mean colour."""
    outputs = []
    for truth in images_of(material.data.examples):
        flat = np.broadcast_to(truth.mean(axis=(0, 1)).round().astype(np.uint8), truth.shape)
        outputs.append(_likeness(np.ascontiguousarray(flat), truth))
    return outputs


def _with_depth(material: Material) -> list[Example]:
    return [
        each
        for each in material.data.examples
        if each.depth is not None and (np.isfinite(each.depth) & (each.depth > 0)).any()
    ]


def _check_depth(material: Material) -> None:
    require(len(_with_depth(material)) > 0, material.data, "depth")


def _estimate_depth(runner: EstimatesDepth, material: Material, tick: Tick) -> Answers:
    outputs = []
    for chunk in in_chunks(_with_depth(material), tick, "images measured", 4):
        maps = runner.depth(images_of(chunk))
        outputs += [_errors(found, example) for found, example in zip(maps, chunk, strict=True)]
    return Answers(outputs)


def _errors(found: NDArray[np.floating], example: Example) -> Output:
    truth = example.depth
    errors = compare_depth(found, truth) if truth is not None else None
    if errors is None:
        raise TaskError("an example without known depth cannot be measured")
    return {
        "relative_error": round(errors.relative_error, 6),
        "within_a_quarter": round(errors.within_a_quarter, 6),
    }


def _flat_wall(material: Material) -> list[Output]:
    """Everything is as far away as the mean of the image."""
    return [_errors(np.ones(each.image.shape[:2]), each) for each in _with_depth(material)]


RECONSTRUCT = Kind(
    needs=("Reconstructs",),
    check=_check_images,
    answer=_reconstruct,
    measures={
        "psnr": lambda outputs: mean_of(column(outputs, "psnr")),
        "ssim": lambda outputs: mean_of(column(outputs, "ssim")),
    },
    chance=lambda _: None,
    baseline=_mean_colours,
)
DEPTH = Kind(
    needs=("EstimatesDepth",),
    check=_check_depth,
    answer=_estimate_depth,
    measures={
        "relative_error": lambda outputs: mean_of(column(outputs, "relative_error")),
        "within_a_quarter": lambda outputs: mean_of(column(outputs, "within_a_quarter")),
    },
    chance=lambda _: None,
    baseline=_flat_wall,
)
