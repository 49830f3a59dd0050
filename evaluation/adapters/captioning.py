"""Models that say what is to be seen, and how likely they would have said something else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.images import described, pictures
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.errors import NoAdapter
from evaluation.loading import (
    CheckpointFiles,
    load_image_processor,
    load_model,
    load_processor,
    load_tokenizer,
)

LONGEST_CAPTION = 30

# What goes before the caption where a model was trained to be asked.
_QUESTIONS = {
    "Blip2ForConditionalGeneration": "",
    "LlavaForConditionalGeneration": "USER: <image>\nDescribe the image in one sentence. ASSISTANT:",
}


class Captioner(Runner):
    """Captions by the likeliest next word; a condition scores its log-likelihood, summed over its tokens."""

    def caption(self, images: Sequence[Image]) -> list[str]:
        """One text per image."""
        return self.batches.run(images, self._caption)

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """log p(condition | image) in nats, of shape (images, conditions); longer texts are less likely."""
        return np.stack([self._row(image, conditions) for image in images])

    def _row(self, image: Image, conditions: Sequence[str]) -> NDArray[np.float32]:
        with torch.inference_mode():
            seen = self._see(image)
        likely = self.batches.run(conditions, lambda texts: self._likelihoods(seen, texts))
        return np.asarray(likely, dtype=np.float32)

    def _caption(self, images: Sequence[Image]) -> list[str]:
        raise NotImplementedError

    def _see(self, image: Image) -> Any:
        """What is computed once per image."""
        raise NotImplementedError

    def _likelihoods(self, seen: Any, texts: Sequence[str]) -> list[float]:
        raise NotImplementedError


class PlainCaptioner(Captioner):
    """BLIP and GIT: a caption follows the image, with nothing before it."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        self._processor = load_image_processor(files)
        self._tokenizer = load_tokenizer(files)

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised."""
        return described(self._processor)

    def _pixels(self, images: Sequence[Image]) -> torch.Tensor:
        pixels: torch.Tensor = self._processor(pictures(images), return_tensors="pt")["pixel_values"]
        return pixels.to(self.device)

    @torch.inference_mode()
    def _caption(self, images: Sequence[Image]) -> list[str]:
        ids = self.model.generate(
            pixel_values=self._pixels(images), max_new_tokens=LONGEST_CAPTION, do_sample=False, num_beams=1
        )
        return [text.strip() for text in self._tokenizer.batch_decode(ids, skip_special_tokens=True)]

    def _see(self, image: Image) -> torch.Tensor:
        pixels = self._pixels([image])
        if hasattr(self.model, "text_decoder"):  # BLIP's text reads the image by cross-attention
            pixels = self.model.vision_model(pixel_values=pixels).last_hidden_state
        return pixels

    @torch.inference_mode()
    def _likelihoods(self, seen: torch.Tensor, texts: Sequence[str]) -> list[float]:
        text_config = getattr(self.model.config, "text_config", self.model.config)
        tokens = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=int(text_config.max_position_embeddings),
            return_tensors="pt",
        ).to(self.device)
        ids, known = tokens["input_ids"], tokens["attention_mask"]
        ids[:, 0] = text_config.bos_token_id
        image = seen.expand(len(texts), *seen.shape[1:])
        if hasattr(self.model, "text_decoder"):
            output = self.model.text_decoder(input_ids=ids, attention_mask=known, encoder_hidden_states=image)
        else:
            output = self.model(input_ids=ids, attention_mask=known, pixel_values=image)
        return _summed(output.logits[:, -ids.shape[1] :], ids, known.bool())


class AskedCaptioner(Captioner):
    """BLIP-2 and LLaVA: a language model that goes on after the image and a question."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        super().__init__(files, device, load_model(files, getattr(transformers, loader), device))
        if not getattr(self.model.config, "use_decoder_only_language_model", True):
            raise NoAdapter(f"no adapter for {files.hub_id}: its language model is an encoder with a decoder")
        self._processor = load_processor(files)
        self._question = _QUESTIONS[loader]

    @property
    def preprocessing(self) -> str:
        """How images are resized and normalised, and the question asked."""
        return f"{described(self._processor.image_processor)}, question={self._question!r}"

    @torch.inference_mode()
    def _caption(self, images: Sequence[Image]) -> list[str]:
        asked = self._ask(images)
        ids = self.model.generate(**asked, max_new_tokens=LONGEST_CAPTION, do_sample=False, num_beams=1)
        before = asked["input_ids"]
        if ids.shape[1] >= before.shape[1] and torch.equal(ids[:, : before.shape[1]], before):
            ids = ids[:, before.shape[1] :]
        return [text.strip() for text in self._processor.batch_decode(ids, skip_special_tokens=True)]

    def _ask(self, images: Sequence[Image]) -> Any:
        asked = self._processor(
            images=pictures(images), text=[self._question] * len(images), return_tensors="pt"
        )
        return asked.to(self.device)

    def _see(self, image: Image) -> Any:
        return self._ask([image])

    @torch.inference_mode()
    def _likelihoods(self, seen: Any, texts: Sequence[str]) -> list[float]:
        # Cut into tokens without the question, so that its length is known.
        tokenizer = self._processor.tokenizer
        answers = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        longest = max(len(answer) for answer in answers) + 1
        end = int(tokenizer.eos_token_id)
        filled = [answer + [end] * (longest - len(answer)) for answer in answers]
        said = torch.tensor(filled, device=self.device)
        lengths = torch.tensor([[len(answer) + 1] for answer in answers], device=self.device)
        known = torch.arange(longest, device=self.device) < lengths
        question = seen["input_ids"].expand(len(texts), -1)
        ids = torch.cat([question, said], dim=1)
        attention = torch.cat([torch.ones_like(question), known.long()], dim=1)
        pixels = seen["pixel_values"]
        output = self.model(
            input_ids=ids,
            attention_mask=attention,
            pixel_values=pixels.expand(len(texts), *pixels.shape[1:]),
        )
        asked_for = torch.cat([torch.zeros_like(question, dtype=torch.bool), known], dim=1)
        return _summed(output.logits, ids, asked_for)


def _summed(logits: torch.Tensor, ids: torch.Tensor, counted: torch.Tensor) -> list[float]:
    """Log-likelihoods of `counted` tokens given all before them, summed per text."""
    each = torch.log_softmax(logits[:, :-1].float(), dim=-1).gather(2, ids[:, 1:, None])[..., 0]
    return [float(one) for one in (each * counted[:, 1:]).sum(dim=1)]
