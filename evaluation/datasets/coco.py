"""Images with objects or captions as a COCO JSON file describes them.

Images are looked for beside the file, in a folder `images` there, and in a folder named like the split.
Crowds (`iscrowd`) are left out, as they are no single objects.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.capabilities import Box, Mask
from evaluation.datasets.example import Dataset, Example, ObjectInImage
from evaluation.datasets.local import LocalPlace, drawn, read_image
from evaluation.errors import DatasetError

_NO_MASK: Mask = np.zeros((0, 0), dtype=bool)


class _Rle(BaseModel):
    size: tuple[int, int]
    counts: str | list[int]


class _Annotation(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    image_id: int | str
    category_id: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    segmentation: list[list[float]] | _Rle | None = None
    iscrowd: int = 0
    caption: str | None = None


class _ImageEntry(BaseModel):
    id: int | str
    file_name: str


class _Category(BaseModel):
    id: int
    name: str


class _File(BaseModel):
    images: list[_ImageEntry] = Field(min_length=1)
    annotations: list[_Annotation]
    categories: list[_Category] = []


def open_dataset(place: str, *, split: str = "test", n: int | None = None, seed: int = 0) -> Dataset:
    """Open a COCO file; `split` is only looked at where a folder of that name holds the images.

    Raises DatasetError with the place in the file that is broken.
    """
    path = Path(place).expanduser()
    content = _read(path)
    here = LocalPlace.at(place, path.parent)
    categories = sorted(content.categories, key=lambda each: each.id)
    names = {each.id: each.name for each in categories}
    by_image: dict[int | str, list[_Annotation]] = defaultdict(list)
    for annotation in content.annotations:
        by_image[annotation.image_id].append(annotation)
    folders = [path.parent, path.parent / "images", path.parent / split]
    examples = [
        _example(path, _find(folders, entry.file_name), by_image[entry.id], names)
        for entry in drawn(content.images, n, seed)
    ]
    about = here.description
    return Dataset(
        about.name or f"coco:{path.name}", about.version, split, tuple(names.values()), about.licence,
        about.source or "a COCO file on this machine", examples,
    )  # fmt: skip


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as reason:
        why = getattr(reason, "strerror", None) or reason
        raise DatasetError(f"cannot read {path} as a COCO file ({why})") from reason
    except ValidationError as reason:
        error = reason.errors()[0]
        where = ".".join(map(str, error["loc"])) or "the file"
        raise DatasetError(f"{path} is no COCO file: {where}: {error['msg']}") from None


def _find(folders: list[Path], name: str) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    places = ", ".join(map(str, folders))
    raise DatasetError(f"no image {name!r} in {places}: put the images beside the COCO file")


def _example(path: Path, image_path: Path, annotations: list[_Annotation], names: dict[int, str]) -> Example:
    image = read_image(image_path)
    objects = []
    for each in annotations:
        if each.bbox is None or each.iscrowd:
            continue
        if each.category_id not in names:
            raise DatasetError(
                f"{path}: an annotation of image {each.image_id} has no category {each.category_id}"
            )
        left, top, width, height = each.bbox
        mask = _mask(path, each, *image.shape[:2])
        objects.append(
            ObjectInImage(names[each.category_id], mask, Box(left, top, left + width, top + height))
        )
    captions = tuple(each.caption.strip() for each in annotations if each.caption)
    return Example(image, captions=captions, objects=tuple(objects))


def _mask(path: Path, annotation: _Annotation, height: int, width: int) -> Mask:
    shape = annotation.segmentation
    if not shape:
        return _NO_MASK
    if isinstance(shape, _Rle):
        counts = _uncompressed(shape.counts) if isinstance(shape.counts, str) else shape.counts
        if shape.size != (height, width) or min(counts, default=0) < 0 or sum(counts) != height * width:
            raise DatasetError(f"{path}: a mask of image {annotation.image_id} does not fit the image's size")
        runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        return np.asarray(runs.reshape(width, height).T)
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in shape):
        raise DatasetError(f"{path}: a polygon of image {annotation.image_id} has fewer than three points")
    return _filled(shape, height, width)


def _filled(polygons: list[list[float]], height: int, width: int) -> Mask:
    """The pixels of polygons by COCO's own rule. Points are put inside the image: the rule is C++ code."""
    from faster_coco_eval.core import mask as coco_mask

    inside: list[Any] = [
        np.clip(np.reshape(polygon, (-1, 2)), 0, (width, height)).ravel().tolist() for polygon in polygons
    ]
    runs = coco_mask.frPyObjects(inside, height, width)
    return np.asarray(coco_mask.decode(coco_mask.merge(runs)), dtype=bool)


def _uncompressed(text: str) -> list[int]:
    """Run lengths from COCO's string: five bits a character, each run but the first three less the one before
    the last.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    return counts
