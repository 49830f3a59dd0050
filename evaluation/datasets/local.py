"""What datasets in a folder share: what they say of themselves, drawing examples, reading images."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.capabilities import Image
from evaluation.errors import DatasetError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MOST_PIXELS = 64_000_000
DESCRIPTION = "dataset.toml"

Item = TypeVar("Item")


class Description(BaseModel):
    """What the optional `dataset.toml` beside the data says; `name` joins it with published numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str | None = None
    version: int = 1
    licence: str = "not known"
    source: str | None = None


@dataclass(frozen=True)
class LocalPlace:
    """A folder of data: where it is and what it says of itself."""

    path: Path
    description: Description

    @classmethod
    def at(cls, place: str | Path, folder: Path) -> "LocalPlace":
        """The place named by the user, and the folder that `dataset.toml` may lie in."""
        return cls(Path(place), _description(folder / DESCRIPTION))


def _description(path: Path) -> Description:
    try:
        return Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Description()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as reason:
        raise DatasetError(f"cannot read {path} ({reason})") from reason
    except ValidationError as reason:
        error = reason.errors()[0]
        field = ".".join(map(str, error["loc"]))
        allowed = ", ".join(Description.model_fields)
        raise DatasetError(f"{path}: {field}: {error['msg']}; {allowed} are allowed") from None


def drawn(items: Sequence[Item], n: int | None, seed: int) -> list[Item]:
    """`n` of the items, or all, in their order; the same seed draws the same."""
    if n is None or n >= len(items):
        return list(items)
    picked = np.random.default_rng(seed).permutation(len(items))[:n]
    return [items[index] for index in sorted(picked)]


def read_image(path: Path) -> Image:
    """An image file as RGB. Raises DatasetError for one that is broken or unreasonably large."""
    try:
        with PillowImage.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                size = f"{opened.width} x {opened.height}"
                raise DatasetError(
                    f"{path} has {size} pixels: at most {MOST_PIXELS // 1_000_000} million are read"
                )
            return np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as reason:
        raise DatasetError(f"cannot read the image {path} ({reason})") from reason
