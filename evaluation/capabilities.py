"""What a checkpoint can do: small protocols that adapters implement and tasks ask for.

An image is an array of shape (height, width, 3), RGB, uint8; adapters convert to whatever their model reads.
Nothing here imports torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Point:
    """A click, in pixels from the upper left corner."""

    x: float
    y: float


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; `right` and `bottom` lie outside it."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Detection:
    """An object that was found: the index of its label, how sure the model is, and where it is."""

    label: int
    score: float
    box: Box


@runtime_checkable
class EmbedsImages(Protocol):
    """Turns images into vectors."""

    def embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of shape (images, dimension), not normalised."""


@runtime_checkable
class EmbedsTexts(Protocol):
    """Turns texts into vectors of the space that the same model's images are in."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (texts, dimension), not normalised."""


@runtime_checkable
class Scores(Protocol):
    """Says how well conditions fit images: contrastive, captioning and generative models alike."""

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Scores of shape (images, conditions); higher fits better, comparable within a row only."""


@runtime_checkable
class NamesClasses(Protocol):
    """Was taught a fixed list of classes; only their names are conditions for it, no sentences."""

    @property
    def labels(self) -> Mapping[int, str]:
        """The names of the classes by number."""


@runtime_checkable
class Segments(Protocol):
    """Cuts out what a click or a box points at."""

    def segment(self, image: Image, prompts: Sequence[Point | Box]) -> NDArray[np.bool_]:
        """Masks of shape (prompts, height, width)."""


@runtime_checkable
class SegmentsSemantically(Protocol):
    """Gives every pixel one of the labels."""

    def segment_semantically(self, images: Sequence[Image], labels: Sequence[str]) -> list[NDArray[np.int64]]:
        """Per image an array of shape (height, width): indices into `labels`, -1 for none of them."""


@runtime_checkable
class Detects(Protocol):
    """Finds objects."""

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """Per image the objects with one of the labels, surest first."""


@runtime_checkable
class Captions(Protocol):
    """Says in words what is to be seen."""

    def caption(self, images: Sequence[Image]) -> list[str]:
        """One text per image."""


@runtime_checkable
class Generates(Protocol):
    """Makes images."""

    def generate(self, conditions: Sequence[str], seed: int) -> list[Image]:
        """One image per condition; the same seed gives the same images."""


@runtime_checkable
class Reconstructs(Protocol):
    """Gives an image back after it was masked, encoded or quantised."""

    def reconstruct(self, images: Sequence[Image], seed: int) -> list[Image]:
        """One image per image, of the same shape."""


@runtime_checkable
class EstimatesDepth(Protocol):
    """Says how far away every pixel is."""

    def depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """Per image an array of shape (height, width), larger is farther; scale and shift are free."""
