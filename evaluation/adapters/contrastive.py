"""Images and texts in one space: CLIP and its relatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import as_numpy, described, pictures
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_image_processor, load_model, load_tokenizer

# These were trained with every text filled up to the same length, and read the filling too.
_FILLED_UP = {"SiglipModel", "Siglip2Model"}


class Contrastive(Runner):
    """Embeds images and texts; a condition fits as well as its vector is near to the image's."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)
        self._padding = "max_length" if loader in _FILLED_UP else "longest"

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised."""
        return described(self._processor)

    def embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of shape (images, dimension), not normalised."""
        return np.stack(self.batches.run(images, self._embed_images))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (texts, dimension), not normalised."""
        return np.stack(self.batches.run(texts, self._embed_texts))

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Cosines times the temperature that was learned: the logits of the model, (images, conditions)."""
        cosines = _unit(self.embed_images(images)) @ _unit(self.embed_texts(conditions)).T
        return np.asarray(cosines * self._sharpness(), dtype=np.float32)

    @torch.no_grad()
    def _sharpness(self) -> float:
        if hasattr(self.model, "temperature"):  # ALIGN learns what the others learn the logarithm of
            return 1 / float(self.model.temperature)
        return float(self.model.logit_scale.exp())

    @torch.inference_mode()
    def _embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        inputs = self._processor(pictures(images), return_tensors="pt").to(self.device)
        return _vectors(self.model.get_image_features(**inputs))

    @torch.inference_mode()
    def _embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        inputs = self._tokenizer(
            list(texts),
            padding=self._padding,
            truncation=True,
            max_length=_longest_text(self.model.config.text_config, self._tokenizer),
            return_tensors="pt",
        ).to(self.device)
        return _vectors(self.model.get_text_features(**inputs))


def _longest_text(config: Any, tokenizer: Any) -> int:
    positions = int(config.max_position_embeddings)
    if config.model_type in ("xlm-roberta", "altclip_text_model"):
        positions -= int(config.pad_token_id) + 1  # their positions are counted from behind the padding's
    return min(positions, int(tokenizer.model_max_length))


def _vectors(output: Any) -> NDArray[np.float32]:
    # Since transformers 5 the features come within an output object.
    return as_numpy(getattr(output, "pooler_output", output))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
