"""Class-conditional diffusion on the digits: a UNet that is told which digit it is (arXiv:2006.11239)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.adapters.images import to_unit_range
from evaluation.datasets.digits import LABELS, open_dataset
from evaluation.loading import OWN_METADATA
from evaluation.zoo.noising import noised, scheduler
from evaluation.zoo.training import Method, Plan

PLAN = Plan(seed=2, steps=1800, batch_size=128, learning_rate=2e-3)

_SIDE = 8
_LEFT_OUT = 0.1  # of the labels, so that the model learns what digits look like in general
_NO_LABEL = len(LABELS)


class ClassDiffusion(Method):
    """Asks for the noise in a digit, given its name."""

    def prepare(self, seed: int) -> None:  # noqa: ARG002 - the digits are fixed
        examples = open_dataset(split="train").examples
        self._images = to_unit_range([example.image for example in examples], channels=1)
        self._labels = torch.tensor([LABELS.index(str(example.label)) for example in examples])
        self._schedule = scheduler()

    def build(self) -> Any:
        from diffusers import UNet2DModel

        return UNet2DModel(
            sample_size=_SIDE, in_channels=1, out_channels=1, block_out_channels=(32, 48), layers_per_block=1,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=16, norm_num_groups=8, num_class_embeds=_NO_LABEL + 1,
        )  # fmt: skip

    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        chosen = torch.from_numpy(draw.integers(len(self._images), size=batch_size))
        without = torch.from_numpy(draw.random(batch_size) < _LEFT_OUT)
        labels = self._labels[chosen].masked_fill(without, _NO_LABEL)
        images, noise, steps = noised(self._schedule, self._images[chosen])
        return nn.functional.mse_loss(model(images, steps, class_labels=labels).sample, noise)

    def save(self, model: Any, folder: Path) -> None:
        model.save_pretrained(folder / "unet")
        scheduler().save_pretrained(folder / "scheduler")
        (folder / OWN_METADATA).write_text(json.dumps({"labels": LABELS}, indent=2) + "\n", encoding="utf-8")
