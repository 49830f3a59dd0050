"""Vision transformers and other backbones: vectors of images, and scores of the classes they were taught."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import as_numpy, described, pictures
from evaluation.adapters.labels import class_indices
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_image_processor, load_model

# Which vector stands for an image: what the method's own classifier or probe reads.
_MEAN_OF_PATCHES = {"beit", "data2vec-vision", "ijepa"}
_FIRST_TOKEN = {"vit", "deit", "dinov2", "dinov2_with_registers", "vit_msn", "pvt"}

# No answer depends on these, and many checkpoints were saved without them.
_UNUSED = (r"(^|\.)pooler\.", r"(^|\.)mask_token$", r"^decoder\.")


class Backbone(Runner):
    """Embeds images by the last features of a backbone."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        kind = getattr(transformers, loader)
        model = load_model(files, kind, device, may_lack=_UNUSED if _reads_no_pooler(kind) else ())
        super().__init__(files, device, model)
        self._features = model if loader.endswith("Model") else model.base_model
        self._processor = load_image_processor(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised."""
        return described(self._processor)

    def embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of shape (images, dimension), not normalised."""
        return np.stack(self.batches.run(images, self._embed))

    @torch.inference_mode()
    def _embed(self, images: Sequence[Image]) -> NDArray[np.float32]:
        output = self._features(pixel_values=self._pixels(images))
        return as_numpy(pooled(output, self.model.config.model_type))

    def _pixels(self, images: Sequence[Image]) -> torch.Tensor:
        pixels: torch.Tensor = self._processor(pictures(images), return_tensors="pt")["pixel_values"]
        return pixels.to(self.device)


class Classifier(Backbone):
    """A backbone with a classifier on it: conditions are names of classes that it was taught."""

    @property
    def labels(self) -> Mapping[int, str]:
        """The names of the classes by number; several names of one class are split by commas."""
        return {int(index): str(name) for index, name in self.model.config.id2label.items()}

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Logits of the named classes, of shape (images, conditions)."""
        classes = class_indices(conditions, self.labels)
        logits = np.stack(self.batches.run(images, self._logits))
        return np.stack([logits[:, indices].max(axis=1) for indices in classes], axis=1)

    @torch.inference_mode()
    def _logits(self, images: Sequence[Image]) -> NDArray[np.float32]:
        return as_numpy(self.model(pixel_values=self._pixels(images)).logits)


def pooled(output: Any, model_type: str) -> torch.Tensor:
    """One vector per image from what a backbone returns."""
    if model_type in _MEAN_OF_PATCHES:
        tokens = output.last_hidden_state
        patches: torch.Tensor = (
            tokens if model_type == "ijepa" else tokens[:, 1:]
        )  # I-JEPA has no class token
        return patches.mean(dim=1)
    if model_type in _FIRST_TOKEN:
        first: torch.Tensor = output.last_hidden_state[:, 0]
        return first
    if getattr(output, "pooler_output", None) is None:  # saved from pre-training, without the pooling
        unpooled: torch.Tensor = output.last_hidden_state
        return unpooled.mean(dim=1)
    vectors: torch.Tensor = output.pooler_output
    return vectors.flatten(1)


def _reads_no_pooler(kind: type[Any]) -> bool:
    return kind.config_class.model_type in _MEAN_OF_PATCHES | _FIRST_TOKEN
