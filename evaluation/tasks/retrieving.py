"""Images and texts that find each other."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import EmbedsImages, EmbedsTexts
from evaluation.metrics.bootstrap import Statistic, mean_of_statistics
from evaluation.metrics.classification import unit
from evaluation.metrics.retrieval import chance_of_recall, first_ranks, recall
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


class _EmbedsBoth(EmbedsImages, EmbedsTexts, Protocol):
    """Images and texts in one space."""


def _check(material: Material) -> None:
    captioned = len(material.data.examples) > 1 and all(each.captions for each in material.data.examples)
    require(captioned, material.data, "captions")


def _texts(material: Material) -> tuple[list[str], NDArray[np.bool_]]:
    """The texts, each once, and which belong to which image: shape (images, texts)."""
    most = int(material.options.get("captions_per_image", 5))
    own = [each.captions[:most] for each in material.data.examples]
    texts = list(dict.fromkeys(text for captions in own for text in captions))
    places = {text: place for place, text in enumerate(texts)}
    wanted = np.zeros((len(own), len(texts)), dtype=bool)
    for row, captions in enumerate(own):
        wanted[row, [places[text] for text in captions]] = True
    return texts, wanted


def _retrieve(runner: _EmbedsBoth, material: Material, tick: Tick) -> Answers:
    texts, wanted = _texts(material)
    images = images_of(material.data.examples)
    seen = np.concatenate([runner.embed_images(each) for each in in_chunks(images, tick, "images embedded")])
    read = np.concatenate([runner.embed_texts(each) for each in in_chunks(texts, tick, "texts embedded")])
    scores = unit(seen) @ unit(read).T
    return Answers(_outputs(scores, wanted))


def _outputs(scores: NDArray[np.float64], wanted: NDArray[np.bool_]) -> list[Output]:
    """Per image the rank of its best text, and the ranks that its texts give to an image of theirs.

    A text that several images share is a query of the first of them.
    """
    of_texts, of_images = first_ranks(scores, wanted), first_ranks(scores.T, wanted.T)
    owner = wanted.argmax(axis=0)
    return [
        {"text_rank": int(rank), "image_ranks": of_images[owner == row].tolist()}
        for row, rank in enumerate(of_texts)
    ]


def _image_to_text(k: int) -> Callable[[Outputs], Statistic]:
    return lambda outputs: recall([each["text_rank"] <= k for each in outputs], np.ones(len(outputs)))


def _text_to_image(k: int) -> Callable[[Outputs], Statistic]:
    return lambda outputs: recall(
        [sum(rank <= k for rank in each["image_ranks"]) for each in outputs],
        [len(each["image_ranks"]) for each in outputs],
    )


def _both_ways(outputs: Outputs) -> Statistic:
    return mean_of_statistics([_image_to_text(1)(outputs), _text_to_image(1)(outputs)])


def _chance(material: Material) -> float:
    _, wanted = _texts(material)
    return (chance_of_recall(1, wanted) + chance_of_recall(1, wanted.T)) / 2


RETRIEVE = Kind(
    needs=("EmbedsImages", "EmbedsTexts"),
    check=_check,
    answer=_retrieve,
    measures={
        "recall_at_1": _both_ways,
        "image_to_text_recall_at_1": _image_to_text(1),
        "image_to_text_recall_at_5": _image_to_text(5),
        "text_to_image_recall_at_1": _text_to_image(1),
        "text_to_image_recall_at_5": _text_to_image(5),
    },
    chance=_chance,
    baseline=lambda _: None,
)
