"""Scenes of coloured shapes, drawn by a seed, in which everything is known exactly.

A scene holds one to three objects (8 colours x 6 shapes) on a dark background with a gradient and noise. Its
masks are the pixels of an object that are to be seen: later objects lie on top. Eight of the 48 colour-shape
pairs occur in no split but `held-out`, so that a model trained on `train` has seen each of these colours and
each of these shapes, but never the two together. Scene number i of a split and seed is always the same one,
however many are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.capabilities import Box, Image, Mask
from evaluation.datasets.example import Dataset, Example, ObjectInImage
from graph.errors import UnknownName

COLOURS = {
    "red": (215, 40, 40), "orange": (240, 135, 30), "yellow": (240, 225, 60), "green": (50, 175, 70),
    "cyan": (60, 205, 215), "blue": (50, 85, 225), "purple": (155, 60, 200), "white": (240, 240, 240),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")
LABELS = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""The 48 classes. A label is also the caption of a scene with that one object."""

HELD_OUT = tuple(f"{colour} {SHAPES[(2 * at + at // 3) % 6]}" for at, colour in enumerate(COLOURS))
"""The pairs that no training scene shows: one of every colour, at least one of every shape."""

SEEN = tuple(label for label in LABELS if label not in HELD_OUT)
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""The relations, each with the one that holds the other way round."""

VERSION = 1
SIZE = 32

_DRAWS = 64
_NOISE = 16  # grey levels between the darkest and the brightest noise; a power of two
_RADII = {1: (0.19, 0.31), 2: (0.15, 0.21), 3: (0.13, 0.17)}  # of the side, by number of objects
_TRIES = 24


@dataclass(frozen=True)
class _Split:
    number: int
    labels: tuple[str, ...]
    objects: tuple[int, ...]  # how many a scene may hold, each as likely
    default_n: int


SPLITS = {
    "train": _Split(0, SEEN, (1, 1, 2, 2, 3), 4000),
    "test": _Split(1, SEEN, (1, 1, 2, 2, 3), 500),
    "single": _Split(2, SEEN, (1,), 500),
    "held-out": _Split(3, HELD_OUT, (1,), 500),
    "relations": _Split(4, SEEN, (2,), 500),
}
"""`train` and `test` hold one to three objects; `single` and `held-out` one, whose name is the label;
`relations` two of different colour and shape."""


def open_dataset(*, split: str = "test", n: int | None = None, seed: int = 0, size: int = SIZE) -> Dataset:
    """Draw scenes of `size` x `size` pixels; about 0.2 ms each at 32.

    Where a scene holds two objects, the first caption names their relation and the second says the same the
    other way round. Raises UnknownName for a split that is not one of SPLITS.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, list(SPLITS), advice="of scenes", allowed=True)
    many = SPLITS[split].default_n if n is None else n
    examples = [draw_scene(split, index, seed=seed, size=size) for index in range(many)]
    return Dataset("scenes", VERSION, split, LABELS, "MIT", "drawn by evaluation.datasets.scenes", examples)


def opposite(caption: str) -> str:
    """The caption with its relation turned into the opposite one, which makes it wrong.

    Raises ValueError for a caption without a relation.
    """
    for relation, other in OPPOSITE.items():
        first, found, second = caption.partition(f" {relation} ")
        if found:
            return f"{first} {other} {second}"
    raise ValueError(f"{caption!r} names none of the relations {', '.join(OPPOSITE)}")


def draw_scene(split: str, index: int, *, seed: int = 0, size: int = SIZE) -> Example:
    """Scene number `index` of a split."""
    kind = SPLITS[split]
    draws = _Draws(seed, kind.number, index, size)
    many = kind.objects[draws.below(len(kind.objects))]
    names = _names(draws, kind.labels, many, different=split == "relations")
    places, captions = _arrange(draws, names, size)
    image, masks = _paint(draws, names, places, size)
    objects = tuple(
        ObjectInImage(name, mask, _box_around(mask)) for name, mask in zip(names, masks, strict=True)
    )
    return Example(image, label=names[0] if many == 1 else None, captions=captions, objects=objects)


class _Draws:
    """Random numbers of one scene, from the raw stream: numpy promises it for good, its distributions not."""

    def __init__(self, seed: int, split: int, index: int, size: int) -> None:
        bits = np.random.PCG64(np.random.SeedSequence([seed, split, index]))
        self._left = ((bits.random_raw(_DRAWS) >> np.uint64(11)) * 2.0**-53).tolist()
        self._bits = bits
        self._size = size

    def between(self, low: float, high: float) -> float:
        return float(low + (high - low) * self._left.pop())

    def below(self, many: int) -> int:
        return int(self._left.pop() * many)

    def noise(self) -> NDArray[np.float64]:
        """Per pixel and channel, evenly in half of _NOISE to either side."""
        needed = self._size * self._size * 3
        words = self._bits.random_raw(-(-needed // 8)).astype("<u8")
        levels = words.view(np.uint8)[:needed] & (_NOISE - 1)
        return levels.reshape(self._size, self._size, 3).astype(np.float64) - (_NOISE - 1) / 2


def _names(draws: _Draws, labels: Sequence[str], many: int, *, different: bool) -> list[str]:
    """Names of objects, no two alike; with `different` neither in colour nor in shape."""
    left, names = list(labels), []
    for _ in range(many):
        name = left[draws.below(len(left))]
        names.append(name)
        taken = set(name.split()) if different else {name}
        left = [other for other in left if not taken & {other, *other.split()}]
    return names


_Place = tuple[float, float, float]  # x and y of the centre, and the radius


def _arrange(draws: _Draws, names: list[str], size: int) -> tuple[list[_Place], tuple[str, ...]]:
    """Where the objects lie, and what can be said of them."""
    low, high = _RADII[len(names)]
    radii = [draws.between(low * size, high * size) for _ in names]
    if len(names) == 2:
        return _side_by_side(draws, names, radii, size)
    places: list[_Place] = []
    for radius in radii:
        places.append(_free_place(draws, places, radius, size))
    return places, (names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}",)


def _side_by_side(
    draws: _Draws, names: list[str], radii: list[float], size: int
) -> tuple[list[_Place], tuple[str, ...]]:
    """Two objects apart along one axis, and less than half as far along the other."""
    relation = list(OPPOSITE)[draws.below(4)]
    near, far = (0, 1) if relation in ("left of", "above") else (1, 0)
    apart = radii[0] + radii[1]
    start = draws.between(radii[near], size - radii[far] - apart)
    along = {near: start, far: draws.between(start + apart, size - radii[far])}
    across = {near: draws.between(radii[near], size - radii[near])}
    drift = (along[far] - along[near]) * draws.between(-0.45, 0.45)
    across[far] = min(max(across[near] + drift, radii[far]), size - radii[far])
    # Near a border the larger object may be pushed inwards; it stays the lesser of the two distances.
    upright = relation in ("above", "below")
    places = [
        (across[at], along[at], radii[at]) if upright else (along[at], across[at], radii[at]) for at in (0, 1)
    ]
    first, second = names
    return places, (f"{first} {relation} {second}", f"{second} {OPPOSITE[relation]} {first}")


def _free_place(draws: _Draws, taken: list[_Place], radius: float, size: int) -> _Place:
    """A place in which the object hides little of the others: the freest of those tried."""
    best, best_room = (0.0, 0.0, radius), -np.inf
    for _ in range(_TRIES if taken else 1):
        x, y = draws.between(radius, size - radius), draws.between(radius, size - radius)
        room = min(
            (((x - at_x) ** 2 + (y - at_y) ** 2) / (radius + other) ** 2 for at_x, at_y, other in taken),
            default=np.inf,
        )
        if room > best_room:
            best, best_room = (x, y, radius), room
        if best_room > 0.75 or len(draws._left) < 24:
            break
    return best


@lru_cache(maxsize=4)
def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centres = np.arange(size, dtype=np.float64) + 0.5
    return centres[None, :], centres[:, None]


def _paint(draws: _Draws, names: list[str], places: list[_Place], size: int) -> tuple[Image, list[Mask]]:
    """The picture with soft edges, and per object the pixels that show it."""
    canvas = _background(draws, size)
    masks: list[Mask] = []
    for name, place in zip(names, places, strict=True):
        colour, shape = name.split()
        paint = [level + draws.between(-12, 12) for level in COLOURS[colour]]
        outside = _distance(shape, place, size)
        covered = np.clip(0.5 - outside, 0, 1)[..., None]
        canvas += covered * (np.array(paint) - canvas)
        mask = outside < 0
        masks = [earlier & ~mask for earlier in masks]
        masks.append(mask)
    return np.clip(np.rint(canvas + draws.noise()), 0, 255).astype(np.uint8), masks


def _background(draws: _Draws, size: int) -> NDArray[np.float64]:
    """From one dark shade to another, in any direction."""
    shades = []
    for _ in range(2):
        grey = draws.between(25, 105)
        shades.append(np.array([grey + draws.between(-10, 10) for _ in range(3)]))
    x, y = _grid(size)
    slant = draws.between(-1, 1)
    along = ((1 - abs(slant)) * x + abs(slant) * (y if slant > 0 else size - y)) / size
    shaded: NDArray[np.float64] = shades[0] + along[..., None] * (shades[1] - shades[0])
    return shaded


def _distance(shape: str, place: _Place, size: int) -> NDArray[np.float64]:
    """How far each pixel's centre lies outside the shape, in pixels; negative within it."""
    grid_x, grid_y = _grid(size)
    x, y, radius = grid_x - place[0], grid_y - place[1], place[2]
    x_size, y_size = np.abs(x), np.abs(y)
    outside: NDArray[np.float64]
    if shape in ("circle", "ring"):
        outside = np.sqrt(x * x + y * y) - radius
        if shape == "ring":
            outside = np.abs(outside + 0.28 * radius) - 0.28 * radius
    elif shape == "square":
        outside = np.maximum(x_size, y_size) - 0.86 * radius
    elif shape == "diamond":
        outside = (x_size + y_size - 1.08 * radius) / 2**0.5
    elif shape == "triangle":  # corners (0, -1), (0.92, 0.76) and (-0.92, 0.76)
        sides = (1.76 * x_size - 0.92 * (y + radius)) / (1.76**2 + 0.92**2) ** 0.5
        outside = np.maximum(y - 0.76 * radius, sides)
    else:  # a cross
        arm = 0.32 * radius
        outside = np.minimum(
            np.maximum(x_size - radius, y_size - arm), np.maximum(y_size - radius, x_size - arm)
        )
    return outside


def _box_around(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
