"""Every adapter, on a tiny checkpoint that was reloaded by its path: what it promises and what moves it."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoints import CLASSES, made_loaders, of_folder, tiny

from evaluation import capabilities
from evaluation.capabilities import Box, Point
from evaluation.families import FAMILIES
from evaluation.loading import CheckpointFiles
from evaluation.registry import capabilities_of, open_runner

PROTOCOLS = (
    "EmbedsImages EmbedsTexts Scores Segments SegmentsSemantically Detects Captions Generates Reconstructs "
    "EstimatesDepth"
).split()
SEED = 3


def _picture(height: int, width: int, seed: int) -> capabilities.Image:
    """A coloured slope with a square on it, so that no two pictures are alike."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    slope = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / width], axis=-1)
    slope[4 + seed : 14 + seed, 6 : 20 - seed] = random.integers(0, 255, 3)
    return np.clip(slope + random.normal(0, 20, slope.shape), 0, 255).astype(np.uint8)


IMAGES = (_picture(40, 32, 1), _picture(32, 48, 2))
PROMPTS = (Point(8, 9), Box(3, 4, 20, 30), Point(30, 25))

ASKED: dict[str, Callable[[Any, Any], Any]] = {
    "EmbedsImages": lambda runner, images: runner.embed_images(images),
    "EmbedsTexts": lambda runner, images: runner.embed_texts(CLASSES[: len(images)]),
    "Scores": lambda runner, images: runner.score(images, CLASSES[:3]),
    "Segments": lambda runner, images: [runner.segment(image, PROMPTS) for image in images],
    "SegmentsSemantically": lambda runner, images: runner.segment_semantically(images, CLASSES[:3]),
    "Detects": lambda runner, images: [
        [(one.label, one.score, *vars(one.box).values()) for one in found]
        for found in runner.detect(images, CLASSES[:3])
    ],
    "Captions": lambda runner, images: runner.caption(images),
    "Generates": lambda runner, images: runner.generate(_conditions(runner)[: len(images)], SEED),
    "Reconstructs": lambda runner, images: runner.reconstruct(images, SEED),
    "EstimatesDepth": lambda runner, images: runner.depth(images),
}


def _conditions(runner: Any) -> tuple[str, ...]:
    return CLASSES if isinstance(runner, capabilities.Scores) else ("",) * len(CLASSES)


def _same(one: Any, other: Any, exactly: bool = True) -> bool:
    if isinstance(one, str):
        return bool(one == other)
    if isinstance(one, list | tuple) and (not one or not isinstance(one[0], float | int)):
        return len(one) == len(other) and all(_same(a, b, exactly) for a, b in zip(one, other, strict=True))
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one.shape != other.shape:
        return False
    return bool(np.array_equal(one, other) if exactly else np.allclose(one, other, rtol=1e-3, atol=2e-4))


def _answers(runner: Any) -> dict[str, Any]:
    can = capabilities_of(runner.files.library, runner.files.loader_class)
    return {name: ASKED[name](runner, IMAGES) for name in can}


@cache
def _opened(loader: str) -> Any:
    return open_runner(tiny(loader))


@cache
def _answered(loader: str) -> dict[str, Any]:
    return _answers(_opened(loader))


def _with_other_weights(files: CheckpointFiles, weights: Path, to: Path) -> CheckpointFiles:
    """A copy in which one file of weights is shaken."""
    shutil.copytree(files.folder, to)
    torch.manual_seed(5)
    path = to / weights.relative_to(files.folder)
    tensors = {
        name: tensor + torch.randn_like(tensor) * 0.5 if _learned(name, tensor) else tensor
        for name, tensor in load_file(path).items()
    }
    save_file(tensors, path, metadata={"format": "pt"})
    return of_folder(to, files.loader_class, files.library)


def _learned(name: str, tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and "running_" not in name


@pytest.mark.parametrize("loader", made_loaders())
def test_a_runner_implements_the_protocols_that_its_family_promises(loader):
    implemented = {name for name in PROTOCOLS if isinstance(_opened(loader), getattr(capabilities, name))}
    assert implemented == set(capabilities_of(tiny(loader).library, loader))


@pytest.mark.parametrize("loader", made_loaders())
def test_answers_move_with_the_weights_and_with_nothing_else(loader, tmp_path):
    files, answers = tiny(loader), _answered(loader)
    again = _answers(open_runner(files))
    assert [name for name in answers if not _same(answers[name], again[name])] == []
    for number, weights in enumerate(sorted(files.folder.rglob("*.safetensors"))):
        moved = _answers(open_runner(_with_other_weights(files, weights, tmp_path / str(number))))
        unmoved = [name for name, answer in answers.items() if _same(answer, moved[name])]
        assert not unmoved, f"{unmoved} did not notice other weights in {weights.name}"


@pytest.mark.parametrize("loader", made_loaders())
def test_two_images_at_once_are_answered_like_one_after_the_other(loader):
    runner, answers = _opened(loader), _answered(loader)
    for name in set(answers) - {"Generates", "EmbedsTexts"}:
        together = answers[name]
        alone = [ASKED[name](runner, [image])[0] for image in IMAGES]
        assert _same(list(together), alone, exactly=False), name


@pytest.mark.parametrize("loader", made_loaders())
def test_answers_have_the_shapes_ranges_and_orders_of_the_protocols(loader):
    for name, answer in _answered(loader).items():
        CHECKS[name](answer)


def _check_vectors(vectors: Any) -> None:
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == 2
    assert vectors.shape[1] > 1
    assert np.isfinite(vectors).all()
    assert not np.allclose(vectors[0], vectors[1], atol=1e-5)


def _check_scores(scores: Any) -> None:
    assert scores.dtype == np.float32
    assert scores.shape == (2, 3)
    assert np.isfinite(scores).all()
    assert len(set(scores[0].tolist())) == 3


def _check_masks(masks: Any) -> None:
    for mask, image in zip(masks, IMAGES, strict=True):
        assert mask.dtype == np.bool_
        assert mask.shape == (3, *image.shape[:2])


def _check_classes(maps: Any) -> None:
    for classes, image in zip(maps, IMAGES, strict=True):
        assert classes.dtype == np.int64
        assert classes.shape == image.shape[:2]
        assert set(np.unique(classes)) <= {-1, 0, 1, 2}


def _check_detections(found: Any) -> None:
    for objects, image in zip(found, IMAGES, strict=True):
        assert objects
        assert {label for label, *_ in objects} <= {0, 1, 2}
        scores = [score for _, score, *_ in objects]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        for _, _, left, top, right, bottom in objects:
            assert 0 <= left <= right <= image.shape[1]
            assert 0 <= top <= bottom <= image.shape[0]


def _check_texts(texts: Any) -> None:
    assert len(texts) == 2
    assert all(isinstance(text, str) and not text.startswith("USER") for text in texts)


def _check_made_images(images: Any) -> None:
    assert all(image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 for image in images)
    assert not np.array_equal(images[0], images[1])


def _check_reconstructions(images: Any) -> None:
    assert all(image.dtype == np.uint8 for image in images)
    assert [image.shape for image in images] == [image.shape for image in IMAGES]


def _check_depths(maps: Any) -> None:
    assert all(depth.dtype == np.float32 and np.isfinite(depth).all() for depth in maps)
    assert [depth.shape for depth in maps] == [image.shape[:2] for image in IMAGES]


CHECKS: dict[str, Callable[[Any], None]] = {
    "EmbedsImages": _check_vectors,
    "EmbedsTexts": _check_vectors,
    "Scores": _check_scores,
    "Segments": _check_masks,
    "SegmentsSemantically": _check_classes,
    "Detects": _check_detections,
    "Captions": _check_texts,
    "Generates": _check_made_images,
    "Reconstructs": _check_reconstructions,
    "EstimatesDepth": _check_depths,
}


def _families_that(name: str) -> list[str]:
    return [family.loaders[0][0] for family in FAMILIES if name in family.capabilities]


@pytest.mark.parametrize("loader", _families_that("Scores"))
def test_scores_stand_in_the_order_of_the_conditions(loader):
    forth, back = (_opened(loader).score(IMAGES, order) for order in (CLASSES, CLASSES[::-1]))
    assert np.allclose(forth, back[:, ::-1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loader", _families_that("Segments"))
def test_masks_stand_in_the_order_of_the_prompts(loader):
    forth, back = (_opened(loader).segment(IMAGES[0], order) for order in (PROMPTS, PROMPTS[::-1]))
    assert (forth == back[::-1]).all()
    assert (forth[0] != forth[1]).any()


@pytest.mark.parametrize("loader", _families_that("SegmentsSemantically"))
def test_pixels_have_the_indices_of_the_labels_asked_for(loader):
    runner = _opened(loader)
    forth, back = (runner.segment_semantically(IMAGES[:1], order)[0] for order in (CLASSES, CLASSES[::-1]))
    assert (np.where(forth < 0, -1, 3 - forth) == back).mean() > 0.99


@pytest.mark.parametrize("loader", sorted({*_families_that("Detects")} - {"GroundingDinoForObjectDetection"}))
def test_objects_have_the_indices_of_the_labels_asked_for(loader):
    forth, back = (_opened(loader).detect(IMAGES[:1], order)[0] for order in (CLASSES, CLASSES[::-1]))
    assert [(3 - one.label, round(one.score, 4)) for one in forth] == [
        (one.label, round(one.score, 4)) for one in back
    ]


def test_every_class_of_every_family_has_a_tiny_checkpoint():
    listed = {loader for family in FAMILIES for loader, _ in family.loaders}
    assert listed == set(made_loaders())
