"""Making images of what is asked for, judged by something else that was trained on real ones."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from evaluation.capabilities import EmbedsImages, EmbedsTexts, Generates, Image
from evaluation.datasets.example import Dataset
from evaluation.errors import TaskError
from evaluation.metrics import classification
from evaluation.metrics.images import kernel_distance
from evaluation.tasks.classifying import chance_of_class, conditions_for
from evaluation.tasks.kind import (
    Answers,
    Kind,
    Material,
    Output,
    Tick,
    column,
    images_of,
    in_chunks,
    label_numbers,
    require_labels,
)
from evaluation.tasks.probing import pixels, resized

_KEPT_IMAGES, _LARGEST_KEPT = 32, 64
_AT_ONCE = 20

Judge = Callable[[list[Image]], NDArray[np.int64]]


def _check(material: Material) -> None:
    require_labels(material)
    if material.judge is None and material.train is None:
        raise TaskError(f"{material.data.name} has no split 'train' that a judge could be trained on")


def _make(runner: Generates, material: Material, tick: Tick) -> Answers:
    asked = conditions_for(runner, material)[0]
    wanted = _wanted(material)
    made: list[Image] = []
    for chunk in in_chunks(wanted, tick, "images made", _AT_ONCE):
        # Every chunk draws anew; the same seed twice would give the same pictures twice.
        seed = material.seed * 1_000_003 + len(made)
        made += runner.generate([asked[number] for number in chunk], seed)
    judge = _judge(material)
    outputs = _judged(judge, wanted, made)
    for output, image in zip(outputs[:_KEPT_IMAGES], made, strict=False):
        if max(image.shape) <= _LARGEST_KEPT:
            output["image"] = as_png(image)
    return Answers(outputs, _wholes(material, judge, made, [asked[number] for number in wanted]))


def _judged(judge: Judge, wanted: list[int], made: list[Image]) -> list[Output]:
    return [
        {"asked": number, "judged": int(found)} for number, found in zip(wanted, judge(made), strict=True)
    ]


def _judge(material: Material) -> Judge:
    """The judge that the task names, or a support vector machine on the pixels of the training split."""
    if material.judge is not None:
        texts = conditions_for(material.judge, material)
        return lambda images: np.argmax(
            np.mean([material.judge.score(images, asked) for asked in texts], axis=0), axis=1
        )
    from sklearn.svm import SVC

    train = _train(material)
    shape = train.examples[0].image.shape[:2]
    model = SVC(C=10.0).fit(pixels(images_of(train.examples)), label_numbers(train))
    return lambda images: np.asarray(
        model.predict(pixels([resized(each, (shape[0], shape[1])) for each in images])), dtype=np.int64
    )


def _train(material: Material) -> Dataset:
    if material.train is None:
        raise TaskError(f"{material.data.name} has no split 'train' to learn from")
    return material.train


def _wholes(material: Material, judge: Judge, made: list[Image], asked: list[str]) -> dict[str, float]:
    """The distance to real images, and how often the judge is right about these."""
    real = images_of(material.data.examples)
    truth = label_numbers(material.data)
    found = {"judge_accuracy": classification.accuracy(truth, judge(real)).value}
    features = _features(material.judge, real)
    found["kernel_distance"] = kernel_distance(features(made), features(real))
    means = _mean_images(material)
    if means is not None:
        # A judge alone is content with the mean of a class; the distance is not.
        found["kernel_distance_of_baseline"] = kernel_distance(features(means), features(real))
    if isinstance(material.judge, EmbedsImages) and isinstance(material.judge, EmbedsTexts):
        seen = classification.unit(material.judge.embed_images(made))
        read = classification.unit(material.judge.embed_texts(asked))
        found["clip_score"] = float(np.maximum((seen * read).sum(axis=1), 0).mean())
    return found


def _features(judge: Any, real: list[Image]) -> Callable[[list[Image]], NDArray[np.floating]]:
    """The judge's features, or pixels in units of their spread over real images."""
    if isinstance(judge, EmbedsImages):
        return lambda images: (
            classification.unit(judge.embed_images(images)) * np.sqrt(judge.embed_images(images[:1]).shape[1])
        )
    height, width = real[0].shape[:2]

    def small(images: list[Image]) -> NDArray[np.float32]:
        alike = [resized(each, (height, width)).mean(axis=2) for each in images]
        return np.stack(alike).reshape(len(images), -1)

    mean = small(real).mean(axis=0)
    spread = max(float(np.sqrt(small(real).var(axis=0).mean())), 1.0)
    return lambda images: (small(images) - mean) / spread


def _mean_images(material: Material) -> list[Image] | None:
    """The mean of all training images of each class that is asked for."""
    if material.train is None:
        return None
    labels, images = label_numbers(material.train), images_of(material.train.examples)
    wanted = _wanted(material)
    if set(wanted) - set(labels.tolist()) or len({image.shape for image in images}) > 1:
        return None
    stack = np.stack(images).astype(np.float64)
    means = {number: stack[labels == number].mean(axis=0).round().astype(np.uint8) for number in set(wanted)}
    return [means[number] for number in wanted]


def _baseline(material: Material) -> list[Output] | None:
    means = _mean_images(material)
    return None if means is None else _judged(_judge(material), _wanted(material), means)


def _wanted(material: Material) -> list[int]:
    """Every class in turn, so that as many of each are made however many are asked for."""
    return [number % len(material.data.labels) for number in range(len(material.data.examples))]


def as_png(image: Image) -> str:
    """An image as a PNG in base64, as web pages take it."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


MAKE = Kind(
    needs=("Generates",),
    check=_check,
    answer=_make,
    measures={
        "agreement": lambda outputs: classification.accuracy(
            column(outputs, "asked"), column(outputs, "judged")
        )
    },
    chance=chance_of_class,
    baseline=_baseline,
    trains=True,
)
