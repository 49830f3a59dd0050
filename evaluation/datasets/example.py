"""The examples that tasks run on, and the fingerprint that says which ones they were."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import Box, Image, Mask


@dataclass(frozen=True)
class ObjectInImage:
    """One object: its name, its visible pixels (an array of size 0: not known), and the box around them."""

    name: str
    mask: Mask
    box: Box


@dataclass(frozen=True)
class Example:
    """An image with what is known of it; None or empty where it is not known."""

    image: Image
    label: str | None = None
    captions: tuple[str, ...] = ()
    objects: tuple[ObjectInImage, ...] = ()
    depth: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Dataset:
    """Examples of one split of one version of a dataset.

    Attributes:
        name: what the command line calls it.
        version: goes up when the same name gives other examples.
        labels: the classes, in the order that indices refer to.
        licence, source: under which terms and from where.
    """

    name: str
    version: int
    split: str
    labels: tuple[str, ...]
    licence: str
    source: str
    examples: Sequence[Example]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the labels and every example's pixels and annotations."""
        digest = hashlib.sha256(json.dumps([self.name, self.version, self.split, self.labels]).encode())
        for example in self.examples:
            facts = [example.label, example.captions, [(o.name, vars(o.box)) for o in example.objects]]
            digest.update(json.dumps([example.image.shape, facts], sort_keys=True).encode())
            digest.update(np.ascontiguousarray(example.image).tobytes())
            for item in example.objects:
                digest.update(np.packbits(item.mask).tobytes())
            if example.depth is not None:
                digest.update(np.ascontiguousarray(example.depth, dtype="<f4").tobytes())
        return digest.hexdigest()
