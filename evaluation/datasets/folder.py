"""A folder of images: one folder per class inside it (ImageFolder), or images without classes.

A folder `train`, `val` or `test` inside is a split. Beside an image, `NAME.txt` holds captions (one a line)
and `NAME.depth.npy` the depth of every pixel.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.datasets.example import Dataset, Example
from evaluation.datasets.local import SUFFIXES, LocalPlace, drawn, read_image
from evaluation.errors import DatasetError
from graph.errors import UnknownName

SPLITS = ("train", "val", "test")


def open_dataset(place: str, *, split: str = "test", n: int | None = None, seed: int = 0) -> Dataset:
    """Open a folder. Raises DatasetError where there are no images, UnknownName for a split it has not.

    A folder without folders for splits is one split, `all`, and gives it for `test` too.
    """
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder: folder:PATH names one with images")
    here = LocalPlace.at(place, folder)
    splits = [name for name in SPLITS if (folder / name).is_dir()]
    if splits:
        if split not in splits:
            raise UnknownName("split", split, splits, advice=f"of {folder}", allowed=True)
        folder = folder / split
    elif split not in ("test", "all"):
        raise UnknownName(
            "split", split, advice=f"{folder} has no folder of that name, so all of it is one split"
        )
    else:
        split = "all"
    labels, files = _files(folder)
    examples = [_example(path, label) for path, label in drawn(files, n, seed)]
    about = here.description
    return Dataset(
        about.name or f"folder:{Path(place).name}", about.version, split, labels, about.licence,
        about.source or "a folder on this machine", examples,
    )  # fmt: skip


def _files(folder: Path) -> tuple[tuple[str, ...], list[tuple[Path, str | None]]]:
    """The names of the classes, and the images with theirs, in the order of their names."""
    classes = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    files: list[tuple[Path, str | None]] = [
        (path, name) for name in classes for path in sorted((folder / name).rglob("*")) if _is_image(path)
    ]
    if not files:
        classes = []
        files = [(path, None) for path in sorted(folder.iterdir()) if _is_image(path)]
    if not files:
        raise DatasetError(f"no images in {folder}: {', '.join(SUFFIXES)} are read, also one folder deep")
    return tuple(each for each in classes if any(label == each for _, label in files)), files


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _example(path: Path, label: str | None) -> Example:
    image = read_image(path)
    return Example(image, label, _captions(path.with_suffix(".txt")), depth=_depth(path, image.shape[:2]))


def _captions(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as reason:
        raise DatasetError(f"cannot read the captions {path} ({reason})") from reason
    return tuple(line.strip() for line in lines if line.strip())


def _depth(image: Path, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    path = image.with_suffix(".depth.npy")
    if not path.exists():
        return None
    try:
        depth = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as reason:
        raise DatasetError(f"cannot read the depth {path} ({reason})") from reason
    if depth.shape != shape:
        raise DatasetError(
            f"{path} has the shape {depth.shape}, its image {tuple(shape)}: they must be equal"
        )
    return np.asarray(depth, dtype=np.float32)
