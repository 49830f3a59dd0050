"""Texts that are longer than an embedding model reads: cut into windows, and one vector made of theirs."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

# How many tokens a window may be moved, and how much shorter than the model's limit it is made for that.
_SLACK = 16
# No character becomes more: decomposed, as of Hangul, or in bytes.
_TOKENS_PER_CHARACTER = 4

Window = tuple[str, int]
Span = tuple[int, int]


def windows(text: str, room: int, spans_of: Callable[[str], Sequence[Span]]) -> list[Window]:
    """A text in the fewest parts of nearly equal length that the model reads whole, with their tokens.

    `room` is how many tokens the model reads, `spans_of` tells where each token of a text begins and ends.
    """
    if len(text) * _TOKENS_PER_CHARACTER <= room:
        return [(text, 1)]
    spans = spans_of(text)
    if len(spans) <= room:
        return [(text, 1)]
    slack = min(_SLACK, room // 4)
    count = -(-len(spans) // (room - slack))
    edges = [_word_start(text, spans, len(spans) * place // count, slack) for place in range(count)]
    return [
        (text[spans[start][0] : spans[end - 1][1]], end - start)
        for start, end in itertools.pairwise([*edges, len(spans)])
    ]


def joined(vectors: NDArray[np.float32], parts: Sequence[Sequence[Window]]) -> NDArray[np.float32]:
    """One unit vector per text from those of its windows, which follow each other in `vectors`.

    It is their mean, weighted by their tokens.
    """
    if len(vectors) == len(parts):
        return vectors
    weights = np.array([weight for each in parts for _text, weight in each], dtype=np.float32)
    starts = np.cumsum([0, *(len(each) for each in parts[:-1])])
    sums = np.add.reduceat(vectors * weights[:, None], starts, axis=0)
    return np.ascontiguousarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def _word_start(text: str, spans: Sequence[Span], token: int, slack: int) -> int:
    """The token at or shortly before this one that begins a word: a cut word reads as other tokens."""
    for earlier in range(token, max(token - slack, 0), -1):
        if text[spans[earlier][0] - 1].isspace():
            return earlier
    return token
