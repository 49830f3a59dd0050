"""A SAM on the scenes: a click on an object, or a box around it, gives its mask (arXiv:2304.02643)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.datasets.scenes import SIZE, draw_scene
from evaluation.zoo.training import Method, Plan

PLAN = Plan(seed=4, steps=1600, batch_size=32, learning_rate=2e-3)

_SCENES = 10_000
_PATCH = 4
_WIDTH = 48


class Promptable(Method):
    """Segments the object that a click or a box points at, with one mask and, for clicks, with three."""

    def prepare(self, seed: int) -> None:
        scenes = [draw_scene("train", index, seed=seed) for index in range(_SCENES)]
        self._images = np.stack([scene.image for scene in scenes])
        self._masks = [[item.mask for item in scene.objects] for scene in scenes]
        self._boxes = [
            [(item.box.left, item.box.top, item.box.right, item.box.bottom) for item in scene.objects]
            for scene in scenes
        ]

    def build(self) -> Any:
        from transformers import SamConfig, SamModel

        size = {"image_size": SIZE, "patch_size": _PATCH}
        config = SamConfig(
            vision_config={
                **size, "hidden_size": _WIDTH, "output_channels": _WIDTH, "num_hidden_layers": 3,
                "num_attention_heads": 4, "mlp_dim": 2 * _WIDTH, "window_size": 0,
                "num_pos_feats": _WIDTH // 2,
                "global_attn_indexes": [0, 1, 2], "initializer_range": 0.02,
            },
            prompt_encoder_config={**size, "hidden_size": _WIDTH, "mask_input_channels": 4},
            mask_decoder_config={
                "hidden_size": _WIDTH, "mlp_dim": 2 * _WIDTH, "num_attention_heads": 4,
                "iou_head_depth": 2, "iou_head_hidden_dim": _WIDTH,
            },
        )  # fmt: skip
        # From scratch, the library's own scale (half the width) makes places that lie side by side look
        # unrelated, and clicks cannot be learned.
        config.vision_config.scale = 1
        return SamModel(config)

    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        chosen = draw.integers(_SCENES, size=batch_size)
        objects = [int(draw.integers(len(self._masks[at]))) for at in chosen]
        masks = np.stack([self._masks[at][item] for at, item in zip(chosen, objects, strict=True)])
        pixels = torch.from_numpy(self._images[chosen]).permute(0, 3, 1, 2).float() / 127.5 - 1
        if draw.random() < 0.3:
            boxes = [self._boxes[at][item] for at, item in zip(chosen, objects, strict=True)]
            asked, several = {"input_boxes": torch.tensor(boxes)[:, None]}, False
        else:
            clicks = [draw.permutation(np.argwhere(mask))[0][::-1].copy() for mask in masks]
            asked = {"input_points": torch.tensor(np.stack(clicks)).float()[:, None, None]}
            several = bool(draw.random() < 0.6)
        output = model(pixel_values=pixels, **asked, multimask_output=several)
        return _mask_loss(output.pred_masks[:, 0], output.iou_scores[:, 0], torch.from_numpy(masks)[:, None])

    def save(self, model: Any, folder: Path) -> None:
        from transformers import SamProcessor
        from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

        side, longest = {"height": SIZE, "width": SIZE}, {"longest_edge": SIZE}
        images = SamImageProcessorPil(
            size=longest, pad_size=side, mask_size=longest, mask_pad_size=side,
            image_mean=[0.5] * 3, image_std=[0.5] * 3,
        )  # fmt: skip
        SamProcessor(images).save_pretrained(folder)
        model.save_pretrained(folder)


def _mask_loss(logits: Tensor, said: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy and Dice of the best mask, and how wrong the model is about how good its masks are.

    Logits are of shape (n, masks, height, width), what it says of them of (n, masks), the truth of
    (n, 1, height, width).
    """
    truth = masks.float().expand_as(logits)
    pixelwise = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean((2, 3))
    shown = logits.sigmoid()
    dice = 1 - (2 * (shown * truth).sum((2, 3)) + 1) / (shown.sum((2, 3)) + truth.sum((2, 3)) + 1)
    with torch.no_grad():
        found, wanted = logits > 0, truth > 0
        iou = (found & wanted).sum((2, 3)) / (found | wanted).sum((2, 3)).clamp(min=1)
    best = (pixelwise + dice).min(dim=1).values.mean()
    return best + nn.functional.mse_loss(said, iou)
