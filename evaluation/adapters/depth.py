"""Depth from one image."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import as_numpy, described, pictures, resized_maps
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_image_processor, load_model


class DepthEstimator(Runner):
    """DPT, Depth Anything, ZoeDepth, GLPN.

    DPT and Depth Anything say how near a point is (inverse depth, of unknown scale and shift); what is
    returned is its negative, which is in the right order and still in inverse depth: `inverse` is True.
    """

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        config = self.model.config
        metric = config.model_type in ("zoedepth", "glpn")
        self.inverse = not metric and getattr(config, "depth_estimation_type", "relative") == "relative"

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and what is predicted."""
        return f"{described(self._processor)}, {'negative inverse depth' if self.inverse else 'depth'}"

    def depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """Per image an array of shape (height, width), larger is farther."""
        return self.batches.run_alike(images, self._depth)

    @torch.inference_mode()
    def _depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        inputs = self._processor(pictures(images), return_tensors="pt").to(self.device)
        output = self.model(**inputs)
        sizes = [image.shape[:2] for image in images]
        maps = [self._unpadded(one, *size) for one, size in zip(output.predicted_depth, sizes, strict=True)]
        return [as_numpy(-one if self.inverse else one) for one in maps]

    def _unpadded(self, depth: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Depth in the size of the image, without the margins that ZoeDepth puts around it."""
        if self.model.config.model_type != "zoedepth" or not self._processor.do_pad:
            return resized_maps(depth, height, width)
        # Its own way to take the margins away again needs torchvision.
        top, left = int(math.sqrt(height / 2) * 3), int(math.sqrt(width / 2) * 3)
        whole = resized_maps(depth, height + 2 * top, width + 2 * left)
        return whole[top : top + height, left : left + width]
