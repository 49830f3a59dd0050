"""A masked autoencoder on the digits: half of the patches are taken away and made up (arXiv:2111.06377)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluation.datasets.digits import open_dataset
from evaluation.zoo.training import Method, Plan

PLAN = Plan(seed=5, steps=2000, batch_size=128, learning_rate=2e-3, weight_decay=0.05)

_SIDE, _PATCH = 8, 2
_WIDTH = 64


class Masked(Method):
    """Makes up what is hidden of a digit."""

    def prepare(self, seed: int) -> None:  # noqa: ARG002 - the digits are fixed
        images = np.stack([example.image for example in open_dataset(split="train").examples])
        self._pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1

    def build(self) -> Any:
        from transformers import ViTMAEConfig, ViTMAEForPreTraining

        config = ViTMAEConfig(
            image_size=_SIDE, patch_size=_PATCH, hidden_size=_WIDTH, num_hidden_layers=3,
            num_attention_heads=4, intermediate_size=2 * _WIDTH, decoder_hidden_size=32,
            decoder_num_hidden_layers=2, decoder_num_attention_heads=4, decoder_intermediate_size=64,
            mask_ratio=0.5,
        )  # fmt: skip
        model = ViTMAEForPreTraining(config)
        _number_the_places(model)
        return model

    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        chosen = torch.from_numpy(draw.integers(len(self._pixels), size=batch_size))
        loss: Tensor = model(self._pixels[chosen]).loss
        return loss

    def save(self, model: Any, folder: Path) -> None:
        from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

        side = {"height": _SIDE, "width": _SIDE}
        ViTImageProcessorPil(size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder)
        model.save_pretrained(folder)


def _number_the_places(model: Any) -> None:
    """Fill the fixed position embeddings: the library leaves them at zero, to be loaded."""
    model.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False  # else it does nothing
    model.vit.embeddings.initialize_weights()
    model.decoder.initialize_weights((_SIDE // _PATCH) ** 2)
