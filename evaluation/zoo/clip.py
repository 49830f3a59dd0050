"""A CLIP on the scenes: images and captions in one space, by contrast within a batch (arXiv:2103.00020)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.datasets.scenes import SIZE, draw_scene
from evaluation.zoo.training import Method, Plan
from evaluation.zoo.words import LONGEST, SPECIAL, WORDS, word_tokenizer

PLAN = Plan(seed=1, steps=5000, batch_size=128, learning_rate=1e-3, weight_decay=0.05)

_SCENES = 20_000
_PATCH = 8
_WIDTH = 64


class Contrast(Method):
    """Finds, in a batch, the caption of an image and the image of a caption."""

    def prepare(self, seed: int) -> None:
        scenes = [draw_scene("train", index, seed=seed) for index in range(_SCENES)]
        self._images = np.stack([scene.image for scene in scenes])
        both = [caption for scene in scenes for caption in (scene.captions[0], scene.captions[-1])]
        tokens = word_tokenizer()(both, padding="max_length", return_tensors="pt").input_ids
        self._tokens = tokens.view(_SCENES, 2, LONGEST)

    def build(self) -> Any:
        from transformers import CLIPConfig, CLIPModel

        depth = {"hidden_size": _WIDTH, "intermediate_size": 2 * _WIDTH, "num_attention_heads": 4}
        return CLIPModel(
            CLIPConfig(
                projection_dim=_WIDTH,
                vision_config={**depth, "num_hidden_layers": 3, "image_size": SIZE, "patch_size": _PATCH},
                text_config={
                    **depth, "num_hidden_layers": 2, "vocab_size": len(SPECIAL) + len(WORDS),
                    "max_position_embeddings": LONGEST, "pad_token_id": 0, "bos_token_id": 1,
                    "eos_token_id": 3,
                },
            )
        )  # fmt: skip

    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        chosen = draw.integers(_SCENES, size=batch_size)
        which = torch.from_numpy(draw.integers(2, size=batch_size))
        tokens = self._tokens[torch.from_numpy(chosen), which]
        pixels = torch.from_numpy(self._images[chosen]).permute(0, 3, 1, 2).float() / 127.5 - 1
        scores = model(input_ids=tokens, attention_mask=(tokens != 0).long(), pixel_values=pixels)
        # With 40 names of single objects a batch holds many captions twice, and all of them are right.
        alike = (tokens[:, None] == tokens[None]).all(dim=2).float()
        wanted = alike / alike.sum(dim=1, keepdim=True)
        by_image = nn.functional.cross_entropy(scores.logits_per_image, wanted)
        return (by_image + nn.functional.cross_entropy(scores.logits_per_text, wanted)) / 2

    def save(self, model: Any, folder: Path) -> None:
        from transformers import CLIPProcessor
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        side = {"height": SIZE, "width": SIZE}
        images = CLIPImageProcessorPil(
            size=side, do_center_crop=False, crop_size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )
        CLIPProcessor(image_processor=images, tokenizer=word_tokenizer()).save_pretrained(folder)
        model.save_pretrained(folder)
