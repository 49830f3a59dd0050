"""Which of two statements is true: a caption, and the same one turned round."""

from collections import Counter, defaultdict

import numpy as np

from evaluation.capabilities import Scores
from evaluation.metrics.bootstrap import share_of
from evaluation.tasks.kind import (
    Answers,
    Kind,
    Material,
    Output,
    Tick,
    column,
    in_chunks,
    plain_number,
    require,
)


def _pairs(material: Material) -> list[tuple[int, str, str, str]]:
    """Number of the example, its true statement, the one turned round, and the words that were turned."""
    swaps = [tuple(pair) for pair in material.options["swaps"]]
    found = []
    for number, example in enumerate(material.data.examples):
        for caption in example.captions:
            turned = next(
                (
                    (caption.replace(f" {one} ", f" {other} "), one)
                    for pair in swaps
                    for one, other in (pair, pair[::-1])
                    if f" {one} " in caption
                ),
                None,
            )
            if turned:
                found.append((number, caption, *turned))
                break
    return found


def _require_pairs(material: Material) -> None:
    words = ", ".join(word for pair in material.options["swaps"] for word in pair)
    require(len(_pairs(material)) > 0, material.data, f"captions with one of: {words}")


def _choose(runner: Scores, material: Material, tick: Tick) -> Answers:
    """Equal scores count as half, as a coin would decide."""
    pairs = _pairs(material)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (_, true, turned, _) in enumerate(pairs):
        # In the order of the alphabet: a model that prefers the first of two must not win by it.
        one, other = sorted((true, turned))
        groups[one, other].append(place)
    outputs: list[Output] = [{} for _ in pairs]
    for chunk in in_chunks(list(groups.items()), tick, "pairs of statements scored", 1):
        asked, places = chunk[0]
        images = [material.data.examples[pairs[place][0]].image for place in places]
        for place, scores in zip(places, runner.score(images, asked), strict=True):
            number, true, _, word = pairs[place]
            right, wrong = scores if asked[0] == true else scores[::-1]
            outputs[place] = {
                "example": number, "relation": word, "statement": true,
                "margin": plain_number(right - wrong), "right": (1 + float(np.sign(right - wrong))) / 2,
            }  # fmt: skip
    return Answers(outputs)


def _commonest_relation(material: Material) -> list[Output]:
    pairs = _pairs(material)
    common = {word for word, _ in Counter(word for *_, word in pairs).most_common(1)}
    opposite = {b if a in common else a for a, b in material.options["swaps"] if {a, b} & common}
    # Of the pairs that are about other words, a blind choice gets half.
    outputs = []
    for number, _, _, word in pairs:
        right = float(word in common) if word in common | opposite else 0.5
        outputs.append({"example": number, "relation": word, "right": right})
    return outputs


CHOOSE = Kind(
    needs=("Scores",),
    check=_require_pairs,
    answer=_choose,
    measures={"accuracy": lambda outputs: share_of(column(outputs, "right"))},
    chance=lambda _: 0.5,
    baseline=_commonest_relation,
)
