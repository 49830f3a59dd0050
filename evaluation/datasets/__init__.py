"""What checkpoints are tried on: datasets by name, made here or read from a folder. Nothing is downloaded."""

from collections.abc import Callable
from importlib import import_module

from evaluation.datasets.example import Dataset
from graph.errors import UnknownName

BUNDLED = {
    "scenes": "coloured shapes drawn by a seed, with exact masks, boxes and captions",
    "digits": "handwritten digits of 8 x 8 pixels, from scikit-learn",
    "photos": "two photographs, from scikit-learn: to look at, too few to measure on",
}
"""The datasets that need nothing but this installation, by name."""

FORMS = (*BUNDLED, "folder:PATH", "coco:PATH.json")
"""How a dataset may be named."""

_LOCAL = {"folder": "evaluation.datasets.folder", "coco": "evaluation.datasets.coco"}


def open_dataset(name: str, *, split: str = "test", n: int | None = None, seed: int = 0) -> Dataset:
    """Open a dataset by its name (FORMS), `n` examples of it or all.

    The same name, split, n and seed give the same examples, as `Dataset.fingerprint` tells. Raises
    UnknownName for a name or split that does not exist, DatasetError for files that cannot be read as one.
    """
    form, _, place = name.partition(":")
    if name in BUNDLED:
        opener: Callable[..., Dataset] = import_module(f"evaluation.datasets.{name}").open_dataset
        return opener(split=split, n=n, seed=seed)
    if form in _LOCAL and place:
        return import_module(_LOCAL[form]).open_dataset(place, split=split, n=n, seed=seed)  # type: ignore[no-any-return]
    raise UnknownName("dataset", name, FORMS, allowed=True)
