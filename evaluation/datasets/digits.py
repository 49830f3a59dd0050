"""Handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels, in a split of our own."""

import hashlib

import numpy as np

from evaluation.datasets.example import Dataset, Example
from evaluation.datasets.local import drawn
from graph.errors import UnknownName

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VERSION = 1
SPLITS = ("train", "test")
TEST = 500
"""How many images are kept for testing; the rest is for training."""

_BRIGHTEST = 16


def open_dataset(*, split: str = "test", n: int | None = None, seed: int = 0) -> Dataset:
    """Open one of the two splits, `n` images of it drawn by the seed or all.

    Raises UnknownName for a split that is not one of SPLITS.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, list(SPLITS), advice="of digits", allowed=True)
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    # By a hash, as a permutation drawn by numpy may differ between its versions.
    order = sorted(range(len(pictures)), key=lambda at: hashlib.sha256(f"digit {at}".encode()).digest())
    chosen = order[:TEST] if split == "test" else order[TEST:]
    examples = [
        Example(np.repeat(pictures[at][..., None], 3, axis=2), label=LABELS[digits.target[at]])
        for at in drawn(chosen, n, seed)
    ]
    source = "scikit-learn: load_digits (UCI, Alpaydin and Kaynak 1998)"
    return Dataset("digits", VERSION, split, LABELS, "CC BY 4.0", source, examples)
