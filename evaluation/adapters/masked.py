"""Masked image models: what they make up for the patches that were taken away, and their features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.adapters.backbones import Backbone
from evaluation.adapters.images import as_numpy, resized
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles


class MaskedAutoencoder(Backbone):
    """MAE: embeds the whole image (mean over patches), reconstructs what is masked at its own ratio."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, loader, device)
        self._ratio = float(self.model.config.mask_ratio)

    @torch.inference_mode()
    def _embed(self, images: Sequence[Image]) -> NDArray[np.float32]:
        pixels = self._pixels(images)
        order = torch.arange(self._patches(), dtype=torch.float32, device=self.device)
        tokens = self._masking(0.0, self.model.vit, pixels, order.expand(len(images), -1)).last_hidden_state
        return as_numpy(tokens[:, 1:].mean(dim=1))

    def reconstruct(self, images: Sequence[Image], seed: int) -> list[Image]:
        """What is visible as it was, the rest as the model has it; every image is masked alike."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand(self._patches(), generator=generator)
        return self.batches.run(images, lambda batch: self._reconstruct(batch, noise))

    @torch.inference_mode()
    def _reconstruct(self, images: Sequence[Image], noise: torch.Tensor) -> list[Image]:
        pixels = self._pixels(images)
        output = self._masking(self._ratio, self.model, pixels, noise.to(self.device).expand(len(images), -1))
        patches = self.model.patchify(pixels)
        hidden = output.mask[..., None]
        made_up = output.logits
        if self.model.config.norm_pix_loss:
            made_up = _as_bright_as_what_is_seen(made_up, patches, hidden)
        return _pictured(
            self.model.unpatchify(patches * (1 - hidden) + made_up * hidden), self._processor, images
        )

    def _patches(self) -> int:
        return int(self.model.vit.embeddings.patch_embeddings.num_patches)

    def _masking(self, ratio: float, model: Any, pixels: torch.Tensor, noise: torch.Tensor) -> Any:
        self.model.config.mask_ratio = ratio
        try:
            return model(pixels, noise=noise)
        finally:
            self.model.config.mask_ratio = self._ratio


class MaskedSwin(Backbone):
    """SimMIM with a Swin backbone: reconstructs 32-pixel squares of which six in ten are taken away."""

    def reconstruct(self, images: Sequence[Image], seed: int) -> list[Image]:
        """What is visible as it was, the rest as the model has it; every image is masked alike."""
        config = self.model.config
        unit = max(32 // config.patch_size, 1)
        side = config.image_size // config.patch_size
        squares = torch.rand(
            -(-side // unit), -(-side // unit), generator=torch.Generator().manual_seed(seed)
        )
        hidden = squares <= squares.quantile(0.6)
        mask = hidden.repeat_interleave(unit, 0).repeat_interleave(unit, 1)[:side, :side]
        return self.batches.run(images, lambda batch: self._reconstruct(batch, mask))

    @torch.inference_mode()
    def _reconstruct(self, images: Sequence[Image], mask: torch.Tensor) -> list[Image]:
        pixels = self._pixels(images)
        flat = mask.flatten().expand(len(images), -1).to(self.device)
        made_up = self.model(pixels, bool_masked_pos=flat).reconstruction
        patch = self.model.config.patch_size
        hidden = mask.repeat_interleave(patch, 0).repeat_interleave(patch, 1).to(self.device)
        return _pictured(torch.where(hidden, made_up, pixels), self._processor, images)


def _as_bright_as_what_is_seen(
    made_up: torch.Tensor, patches: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """Patches that were learned with brightness and contrast taken out get those of the visible ones."""
    seen = 1 - hidden
    count = seen.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (patches.mean(dim=-1, keepdim=True) * seen).sum(dim=1, keepdim=True) / count
    spread = (patches.var(dim=-1, keepdim=True).sqrt() * seen).sum(dim=1, keepdim=True) / count
    return made_up * spread + mean


def _pictured(pixels: torch.Tensor, processor: Any, images: Sequence[Image]) -> list[Image]:
    mean = torch.tensor(processor.image_mean, device=pixels.device)[:, None, None]
    std = torch.tensor(processor.image_std, device=pixels.device)[:, None, None]
    bytes_ = (
        ((pixels * std + mean).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    )
    return [resized(made, *image.shape[:2]) for made, image in zip(bytes_, images, strict=True)]
