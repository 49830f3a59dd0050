"""Between the arrays that tasks hold and the tensors that models read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures

from evaluation.capabilities import Image


def pictures(images: Sequence[Image]) -> list[Pictures.Image]:
    """Images as processors take them without having to guess which axis is the colour."""
    return [Pictures.fromarray(image) for image in images]


def resized(image: Image, height: int, width: int) -> Image:
    """The image in another size (bicubic), or as it is where the size is right."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Pictures.fromarray(image).resize((width, height), Pictures.Resampling.BICUBIC))


def to_unit_range(images: Sequence[Image], channels: int = 3) -> torch.Tensor:
    """Images of one size as a tensor (images, channels, height, width) from -1 to 1; grey for one channel."""
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    if channels == 1:
        stacked = stacked.mean(dim=1, keepdim=True)
    return stacked / 127.5 - 1


def from_unit_range(batch: torch.Tensor) -> list[Image]:
    """The way back: what lies outside -1 to 1 is cut off, one channel becomes three equal ones."""
    scaled = ((batch.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
    if scaled.shape[1] == 1:
        scaled = scaled.expand(-1, 3, -1, -1)
    return [np.ascontiguousarray(image) for image in scaled.permute(0, 2, 3, 1).numpy()]


def resized_maps(maps: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Maps of shape (..., h, w) in another size (bilinear)."""
    flat = maps.reshape(1, -1, *maps.shape[-2:]).float()
    larger = torch.nn.functional.interpolate(flat, size=(height, width), mode="bilinear", align_corners=False)
    return larger.reshape(*maps.shape[:-2], height, width)


def as_numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    """A tensor as an array of 32-bit floats."""
    return np.asarray(tensor.detach().float().cpu().numpy(), dtype=np.float32)


def described(processor: Any) -> str:
    """An image processor in one line: its class and the sizes it makes."""
    kept = ["size", "image_mean", "image_std", "resample"]
    if getattr(processor, "do_center_crop", False):
        kept.append("crop_size")
    facts = {name: getattr(processor, name, None) for name in kept}
    listed = ", ".join(f"{name}={_plain(value)}" for name, value in facts.items() if value is not None)
    return f"{type(processor).__name__}({listed})"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [round(float(one), 4) for one in value]
    if isinstance(value, bool | int | float | str):
        return int(value) if isinstance(value, int) else value
    return {key: item for key, item in dict(value).items() if item is not None}
