"""Autoencoders and tokenisers: what is left of an image after it was made small."""

from collections.abc import Sequence

import diffusers
import numpy as np
import torch

from evaluation.adapters.images import from_unit_range, to_unit_range
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_model


class Autoencoder(Runner):
    """AutoencoderKL, VQModel and the like: encodes (the most probable code, not a draw) and decodes."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        within = "vae" if (files.folder / "vae").is_dir() else ""
        model = load_model(files, getattr(diffusers, loader), device, subfolder=within)
        super().__init__(files, device, model)
        self._step = shrinks_by(model)

    @property
    def preprocessing(self) -> str:
        """What happens to an image before it is encoded."""
        return f"scaled to -1 to 1, edges repeated up to a multiple of {self._step} pixels"

    def reconstruct(self, images: Sequence[Image], seed: int) -> list[Image]:  # noqa: ARG002 - nothing is drawn
        """One image per image, of the same shape; nothing is drawn, so that the seed changes nothing."""
        return self.batches.run_alike(images, self._reconstruct)

    @torch.inference_mode()
    def _reconstruct(self, images: Sequence[Image]) -> list[Image]:
        height, width = images[0].shape[:2]
        edges = ((0, -height % self._step), (0, -width % self._step), (0, 0))
        padded = [np.pad(image, edges, mode="edge") for image in images]
        batch = to_unit_range(padded, self.model.config.in_channels).to(self.device)
        return [made[:height, :width] for made in from_unit_range(self.model(batch).sample)]


def shrinks_by(autoencoder: object) -> int:
    """How many pixels of a side become one number."""
    config = autoencoder.config  # type: ignore[attr-defined]
    blocks = config.get("block_out_channels") or config.get("encoder_block_out_channels")
    return int(2 ** (len(blocks) - 1))
