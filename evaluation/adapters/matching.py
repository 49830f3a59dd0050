"""Models that read a text and an image together and say whether they belong to each other."""

from collections.abc import Sequence

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import as_numpy, described, pictures
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_image_processor, load_model, load_tokenizer


class Matcher(Runner):
    """BLIP's matching head scores pairs; its two encoders alone embed images and texts in one space."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)

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
        """Log-odds that text and image belong together, of shape (images, conditions)."""
        return np.stack([self._row(image, conditions) for image in images])

    def _row(self, image: Image, conditions: Sequence[str]) -> NDArray[np.float32]:
        seen = self._see([image])
        return np.asarray(self.batches.run(conditions, lambda texts: self._match(seen, texts)), np.float32)

    @torch.inference_mode()
    def _see(self, images: Sequence[Image]) -> torch.Tensor:
        pixels = self._processor(pictures(images), return_tensors="pt")["pixel_values"].to(self.device)
        seen: torch.Tensor = self.model.vision_model(pixel_values=pixels).last_hidden_state
        return seen

    @torch.inference_mode()
    def _embed_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        return as_numpy(self.model.vision_proj(self._see(images)[:, 0]))

    @torch.inference_mode()
    def _embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return as_numpy(self.model.text_proj(self._read(texts)[:, 0]))

    @torch.inference_mode()
    def _match(self, seen: torch.Tensor, texts: Sequence[str]) -> NDArray[np.float32]:
        image = seen.expand(len(texts), -1, -1)
        known = torch.ones(image.shape[:2], dtype=torch.long, device=self.device)
        read = self._read(texts, encoder_hidden_states=image, encoder_attention_mask=known)
        no, yes = self.model.itm_head(read[:, 0]).unbind(dim=1)
        return as_numpy(yes - no)

    def _read(self, texts: Sequence[str], **image: torch.Tensor) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self.device)
        read: torch.Tensor = self.model.text_encoder(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], **image
        ).last_hidden_state
        return read
