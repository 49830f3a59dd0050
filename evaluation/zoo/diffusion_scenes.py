"""Text-conditional diffusion on the scenes: a UNet that reads captions by cross-attention (as in LDM, without
its autoencoder: 16 x 16 pixels need none), and a text encoder of its own that learns with it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.adapters.images import resized, to_unit_range
from evaluation.datasets.scenes import draw_scene
from evaluation.loading import OWN_METADATA
from evaluation.zoo.noising import noised, scheduler
from evaluation.zoo.training import Method, Plan
from evaluation.zoo.words import LONGEST, SPECIAL, WORDS, word_tokenizer

PLAN = Plan(seed=3, steps=4000, batch_size=64, learning_rate=1.5e-3)
SIDE = 16
"""The model's images are the scenes at half size."""

_SCENES = 20_000
_WIDTH = 64
_GUIDANCE = 1.0  # of 48 images 45 are read as asked with 1, 46 with 1.5, 42 with 2, 34 with 3
_LEFT_OUT = 0.1  # of the captions, so that the model learns what images look like without one


class TextDiffusion(Method):
    """Asks for the noise in a scene, given its caption."""

    def prepare(self, seed: int) -> None:
        scenes = [draw_scene("train", index, seed=seed) for index in range(_SCENES)]
        self._images = to_unit_range([resized(scene.image, SIDE, SIDE) for scene in scenes])
        tokenizer = word_tokenizer()
        both = [(scene.captions[0], scene.captions[-1]) for scene in scenes]
        tokens = tokenizer(
            [caption for pair in both for caption in pair], padding="max_length", return_tensors="pt"
        ).input_ids
        self._tokens = tokens.view(_SCENES, 2, LONGEST)
        self._nothing = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
        self._schedule = scheduler()

    def build(self) -> Any:
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        words = CLIPTextConfig(
            vocab_size=len(SPECIAL) + len(WORDS), hidden_size=_WIDTH, intermediate_size=2 * _WIDTH,
            projection_dim=_WIDTH, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=LONGEST, pad_token_id=0, bos_token_id=1, eos_token_id=3,
        )  # fmt: skip
        unet = UNet2DConditionModel(
            sample_size=SIDE, in_channels=3, out_channels=3, block_out_channels=(32, 64),
            layers_per_block=1, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            mid_block_type=None, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=_WIDTH, attention_head_dim=4, norm_num_groups=8,
        )  # fmt: skip
        text_encoder = CLIPTextModel(words)
        # The library draws embeddings so small (0.02) that the captions are hardly read for a long time.
        nn.init.normal_(text_encoder.get_input_embeddings().weight, std=0.5)
        return nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})

    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        chosen = torch.from_numpy(draw.integers(_SCENES, size=batch_size))
        which = torch.from_numpy(draw.integers(2, size=batch_size))
        tokens = self._tokens[chosen, which]
        without = torch.from_numpy(draw.random(batch_size) < _LEFT_OUT)
        tokens = torch.where(without[:, None], self._nothing, tokens)
        images, noise, steps = noised(self._schedule, self._images[chosen])
        words = model["text_encoder"](tokens).last_hidden_state
        return nn.functional.mse_loss(model["unet"](images, steps, words).sample, noise)

    def save(self, model: Any, folder: Path) -> None:
        model["unet"].half().save_pretrained(folder / "unet")
        model["text_encoder"].half().save_pretrained(folder / "text_encoder")
        model.float()
        word_tokenizer().save_pretrained(folder / "tokenizer")
        scheduler().save_pretrained(folder / "scheduler")
        own = {"guidance": _GUIDANCE, "steps": 50}
        (folder / OWN_METADATA).write_text(json.dumps(own, indent=2) + "\n", encoding="utf-8")
