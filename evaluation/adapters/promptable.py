"""Segment Anything and its successors: one mask for every click or box."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import described, pictures, resized_maps
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Box, Image, Point
from evaluation.loading import OWN_METADATA, CheckpointFiles, load_image_processor, load_model

# Kept from training video models, of no use for a single image; buffers that the library fills itself.
_UNUSED = (r"^memory_", r"_memory_", r"^no_object_", r"shared_image_embedding\.positional_embedding")


class Promptable(Runner):
    """Segments what is pointed at: of the three masks for a click the one it is surest of, one for a box."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        model = load_model(files, getattr(transformers, loader), device, may_lack=_UNUSED[:3])
        super().__init__(files, device, model)
        self._processor = load_image_processor(files)
        # A small model of this project may have been taught a single mask per click.
        self._several = bool(files.metadata(OWN_METADATA).get("multimask_output", True))

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and which mask is taken."""
        masks = "surest of several masks" if self._several else "single mask"
        return f"{described(self._processor)}, {masks} per click"

    def segment(self, image: Image, prompts: Sequence[Point | Box]) -> NDArray[np.bool_]:
        """Masks of shape (prompts, height, width)."""
        seen = _Seen(self.model, self._processor, image, self.device)
        masks = np.zeros((len(prompts), *image.shape[:2]), dtype=np.bool_)
        for kind, several in ((Point, self._several), (Box, False)):
            indices = [index for index, prompt in enumerate(prompts) if isinstance(prompt, kind)]
            chosen = [prompts[index] for index in indices]
            answers = self.batches.run(chosen, lambda batch, several=several: seen.masks(batch, several))  # type: ignore[misc]
            for index, mask in zip(indices, answers, strict=True):
                masks[index] = mask
        return masks


class _Seen:
    """An image that was encoded once, to be asked for many prompts."""

    @torch.inference_mode()
    def __init__(self, model: Any, processor: Any, image: Image, device: str) -> None:
        self._model = model
        inputs = processor(pictures([image]), return_tensors="pt")
        pixels = inputs["pixel_values"].to(device)
        self._size = image.shape[:2]
        # SAM fills up the shorter side; its successors stretch the image.
        self._filled = tuple(pixels.shape[-2:])
        shown = inputs.get("reshaped_input_sizes")
        self._shown = self._filled if shown is None else tuple(int(side) for side in shown[0])
        embeddings = model.get_image_embeddings(pixels)
        self._inputs = {"image_embeddings": embeddings}
        if isinstance(embeddings, tuple):  # SAM-HQ also reads what its first layers saw
            self._inputs = {"image_embeddings": embeddings[0], "intermediate_embeddings": embeddings[1]}
        self._device = device

    @torch.inference_mode()
    def masks(self, prompts: Sequence[Point | Box], several: bool) -> list[NDArray[np.bool_]]:
        asked = torch.tensor([self._scaled(prompt) for prompt in prompts], device=self._device)
        if isinstance(prompts[0], Point):
            inputs = {"input_points": asked[None, :, None, :]}
        else:
            inputs = {"input_boxes": asked[None]}
        output = self._model(**self._inputs, **inputs, multimask_output=several)
        best = output.iou_scores[0].argmax(dim=1)
        logits = output.pred_masks[0][torch.arange(len(prompts)), best]
        height, width = self._shown
        whole = resized_maps(logits, *self._filled)[:, :height, :width]
        return list((resized_maps(whole, *self._size) > 0).cpu().numpy())

    def _scaled(self, prompt: Point | Box) -> list[float]:
        down, right = (new / old for new, old in zip(self._shown, self._size, strict=True))
        if isinstance(prompt, Point):
            return [prompt.x * right, prompt.y * down]
        return [prompt.left * right, prompt.top * down, prompt.right * right, prompt.bottom * down]
