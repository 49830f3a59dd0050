"""What lies in the features: nearest neighbours and a linear classifier on frozen vectors."""

import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from evaluation.capabilities import EmbedsImages, Image
from evaluation.datasets.example import Dataset
from evaluation.errors import TaskError
from evaluation.metrics import classification
from evaluation.tasks.classifying import CLASS_MEASURES, chance_of_class, class_outputs
from evaluation.tasks.kind import (
    Answers,
    Kind,
    Material,
    Output,
    Tick,
    images_of,
    in_chunks,
    label_numbers,
    require_labels,
)

_PIXEL_SIDE = 32


def _check(material: Material) -> None:
    require_labels(material)
    train = _train(material)
    if train.labels != material.data.labels:
        raise TaskError(
            f"{train.name}: the splits {train.split} and {material.data.split} differ in their classes"
        )
    if len({each.label for each in train.examples}) < 2:
        raise TaskError(
            f"{train.name} ({train.split}): examples of at least two classes are needed to learn from"
        )


def _train(material: Material) -> Dataset:
    if material.train is None:
        raise TaskError(f"{material.data.name} has no split to learn from: choose a dataset with 'train'")
    return material.train


def _probe(runner: EmbedsImages, material: Material, tick: Tick) -> Answers:
    train = _train(material)
    vectors = [
        np.concatenate(
            [runner.embed_images(chunk) for chunk in in_chunks(images_of(each.examples), tick, what)]
        )
        for each, what in ((train, "images embedded to learn from"), (material.data, "images embedded"))
    ]
    return Answers(_outputs(material, *vectors))


def _on_pixels(material: Material) -> list[Output]:
    """The same probe on the images as they are, small and grey values unchanged."""
    return _outputs(
        material, *(pixels(images_of(each.examples)) for each in (_train(material), material.data))
    )


def pixels(images: list[Image]) -> NDArray[np.float32]:
    """Images as vectors of values between 0 and 1: grey ones once, those above 32 pixels a side shrunk."""
    sides = {image.shape[:2] for image in images}
    small = len(sides) == 1 and max(next(iter(sides))) <= _PIXEL_SIDE
    kept = images if small else [resized(image, (_PIXEL_SIDE, _PIXEL_SIDE)) for image in images]
    stack = np.stack(kept)
    if (stack == stack[..., :1]).all():
        stack = stack[..., :1]
    return np.asarray(stack.reshape(len(stack), -1) / 255, dtype=np.float32)


def resized(image: Image, shape: tuple[int, int]) -> Image:
    """An image in another height and width."""
    if image.shape[:2] == shape:
        return image
    return np.asarray(PillowImage.fromarray(image).resize(shape[::-1], PillowImage.Resampling.BILINEAR))


def _outputs(material: Material, train: NDArray[np.float32], queries: NDArray[np.float32]) -> list[Output]:
    learnt = label_numbers(_train(material))
    classes = len(material.data.labels)
    if material.options["method"] == "neighbours":
        scores = classification.nearest_neighbours(
            train, learnt, queries, k=min(material.options["k"], len(train)), classes=classes
        )
    else:
        scores = _linear(train, learnt, queries, classes)
    return class_outputs(label_numbers(material.data), scores)


def _linear(
    train: NDArray[np.float32], labels: NDArray[np.int64], queries: NDArray[np.float32], classes: int
) -> NDArray[np.float64]:
    """Probabilities by logistic regression on standardised features (C = 1)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the same steps for all; the last are tiny
        model.fit(train.astype(np.float64), labels)
    scores = np.zeros((len(queries), classes))
    scores[:, model.classes_] = model.predict_proba(queries.astype(np.float64))
    return scores


PROBE = Kind(
    needs=("EmbedsImages",),
    check=_check,
    answer=_probe,
    measures=CLASS_MEASURES,
    chance=chance_of_class,
    baseline=_on_pixels,
    trains=True,
)
