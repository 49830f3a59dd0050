"""Saying in words what is to be seen."""

from collections import Counter

import numpy as np

from evaluation.capabilities import Captions
from evaluation.metrics.text import TextCounts, bleu, chrf, count
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


def _check(material: Material) -> None:
    captioned = len(material.data.examples) > 0 and all(each.captions for each in material.data.examples)
    require(captioned, material.data, "captions")


def _describe(runner: Captions, material: Material, tick: Tick) -> Answers:
    images = images_of(material.data.examples)
    texts = [
        text for chunk in in_chunks(images, tick, "images described", 4) for text in runner.caption(chunk)
    ]
    return Answers(_outputs(material, texts))


def _outputs(material: Material, texts: list[str]) -> list[Output]:
    outputs = []
    for text, example in zip(texts, material.data.examples, strict=True):
        counts = count(text, example.captions)
        outputs.append({
            "text": text, "words": counts.words.tolist(), "lengths": counts.lengths,
            "characters": counts.characters.tolist(),
        })  # fmt: skip
    return outputs


def _always_the_same(material: Material) -> list[Output]:
    """For every image the caption that is said most often, of equal ones the first."""
    captions = Counter(caption for each in material.data.examples for caption in each.captions)
    common = captions.most_common(1)[0][0]
    return _outputs(material, [common] * len(material.data.examples))


def _counts(outputs: Outputs) -> list[TextCounts]:
    return [
        TextCounts(np.array(each["words"]), tuple(each["lengths"]), np.array(each["characters"]))
        for each in outputs
    ]


DESCRIBE = Kind(
    needs=("Captions",),
    check=_check,
    answer=_describe,
    measures={
        "chrf": lambda outputs: chrf(_counts(outputs)),
        "bleu": lambda outputs: bleu(_counts(outputs)),
    },
    chance=lambda _: None,
    baseline=_always_the_same,
)
