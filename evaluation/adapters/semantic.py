"""A label for every pixel: segmenters with classes of their own, and ones that read the labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import described, pictures, resized_maps
from evaluation.adapters.labels import class_indices
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import (
    CheckpointFiles,
    load_image_processor,
    load_model,
    load_processor,
    load_tokenizer,
)


class SemanticSegmenter(Runner):
    """SegFormer, Mask2Former and the like: each pixel's likeliest class of those the model was taught."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised."""
        return described(self._processor)

    def segment_semantically(self, images: Sequence[Image], labels: Sequence[str]) -> list[NDArray[np.int64]]:
        """Indices into `labels` of shape (height, width) per image; -1 where another class is likelier."""
        known = self.model.config.id2label
        of_class = np.full(max(int(index) for index in known) + 1, -1, dtype=np.int64)
        for place, indices in enumerate(class_indices(labels, known)):
            of_class[indices] = place
        return [of_class[classes] for classes in self.batches.run_alike(images, self._classes)]

    @torch.inference_mode()
    def _classes(self, images: Sequence[Image]) -> list[NDArray[np.int64]]:
        output = self.model(**self._inputs(images).to(self.device))
        maps = self._processor.post_process_semantic_segmentation(
            output, target_sizes=[image.shape[:2] for image in images]
        )
        return [np.asarray(one.cpu().numpy(), dtype=np.int64) for one in maps]

    def _inputs(self, images: Sequence[Image]) -> Any:
        return self._processor(pictures(images), return_tensors="pt")


class UniversalSegmenter(SemanticSegmenter):
    """OneFormer: the same, but it must be told which kind of segmentation is wanted."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, loader, device)
        self._telling = load_processor(files)

    def _inputs(self, images: Sequence[Image]) -> Any:
        return self._telling(pictures(images), task_inputs=["semantic"] * len(images), return_tensors="pt")


class PhraseSegmenter(Runner):
    """CLIPSeg: a map for every label that it reads; a pixel no label has half a chance for gets none."""

    least = 0.5

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and how sure the model must be."""
        return f"{described(self._processor)}, probability>={self.least}"

    def segment_semantically(self, images: Sequence[Image], labels: Sequence[str]) -> list[NDArray[np.int64]]:
        """Indices into `labels` of shape (height, width) per image; -1 where none of them is likely."""
        return [self._segment(image, labels) for image in images]

    def _segment(self, image: Image, labels: Sequence[str]) -> NDArray[np.int64]:
        pixels = self._processor(pictures([image]), return_tensors="pt")["pixel_values"].to(self.device)
        maps = torch.stack(self.batches.run(labels, lambda batch: self._maps(pixels, batch)))
        chances = resized_maps(maps, *image.shape[:2]).sigmoid()
        likeliest = torch.where(chances.amax(dim=0) >= self.least, chances.argmax(dim=0), -1)
        return np.asarray(likeliest.cpu().numpy(), dtype=np.int64)

    @torch.inference_mode()
    def _maps(self, pixels: torch.Tensor, labels: Sequence[str]) -> list[torch.Tensor]:
        tokens = self._tokenizer(
            list(labels),
            padding=True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self.device)
        output = self.model(pixel_values=pixels.expand(len(labels), -1, -1, -1), **tokens)
        side = output.logits.shape[-1]
        return list(output.logits.reshape(len(labels), side, side))
