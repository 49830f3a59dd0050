"""Diffusion models that draw what they are told: a class, a text, or nothing."""

from collections.abc import Sequence
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from evaluation.adapters.autoencoders import shrinks_by
from evaluation.adapters.denoising import Denoiser
from evaluation.adapters.images import from_unit_range, resized, to_unit_range
from evaluation.adapters.labels import class_indices
from evaluation.capabilities import Image
from evaluation.errors import CheckpointUnusable
from evaluation.loading import OWN_METADATA, CheckpointFiles, load_model, load_tokenizer
from graph.errors import UnknownName


class _Pixels(Denoiser):
    """Denoises images or, where the checkpoint has an autoencoder, their codes."""

    def __init__(self, files: CheckpointFiles, device: str, model: Any, guidance: float) -> None:
        size = model.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        coded = (files.folder / "vae").is_dir()
        super().__init__(files, device, model, (model.config.in_channels, height, width), coded)
        self._autoencoder: Any = None
        if coded:
            self._autoencoder = load_model(files, diffusers.AutoencoderKL, device, subfolder="vae")
        stretch = shrinks_by(self._autoencoder) if self._autoencoder else 1
        self._size = (height * stretch, width * stretch)
        own = files.metadata(OWN_METADATA)
        self.steps = int(own.get("steps", self.steps))
        self.guidance = float(own.get("guidance", guidance))

    @property
    def preprocessing(self) -> str:
        """How an image is made to fit, how thoroughly conditions are scored, how samples are drawn."""
        height, width = self._size
        coded = ", coded by the autoencoder" if self._autoencoder else ""
        scoring = f"score: {self.pruning.samples} noises, keep {self.pruning.keep}, seed {self.pruning.seed}"
        drawing = f"generate: {self.steps} DDIM steps, guidance {self.guidance:g}"
        return f"resized to {width}x{height} (bicubic), -1 to 1{coded}; {scoring}; {drawing}"

    @torch.inference_mode()
    def encode(self, images: Sequence[Image]) -> list[torch.Tensor]:
        """Latents of images, one tensor each."""
        alike = [resized(image, *self._size) for image in images]
        if self._autoencoder is None:
            return list(to_unit_range(alike, self._shape[0]).to(self.device))
        batch = to_unit_range(alike).to(self.device)
        return list(self._autoencoder.encode(batch).latent_dist.mode() * self._scale)

    @torch.inference_mode()
    def decode(self, latents: Sequence[torch.Tensor]) -> list[Image]:
        """Images of latents."""
        batch = torch.stack(list(latents))
        if self._autoencoder is not None:
            batch = self._autoencoder.decode(batch / self._scale).sample
        return from_unit_range(batch)

    @property
    def _scale(self) -> float:
        return float(self._autoencoder.config.scaling_factor)


class ClassDiffusion(_Pixels):
    """A U-Net (or DiT) that knows classes: conditions are their names."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        if loader == "DiTPipeline":
            model = load_model(files, diffusers.DiTTransformer2DModel, device, subfolder="transformer")
            names = files.metadata("model_index.json").get("id2label", {})
            self._nothing: int | None = int(model.config.num_embeds_ada_norm)
            guidance = 4.0
        else:
            model = load_model(files, diffusers.UNet2DModel, device, subfolder="unet")
            names = dict(enumerate(files.metadata(OWN_METADATA).get("labels", ())))
            embedded = int(model.config.num_class_embeds or 0)
            # One class more than there are names: what it was told when the name was withheld.
            self._nothing = len(names) if embedded > len(names) else None
            guidance = 1.0
        if not names:
            raise CheckpointUnusable(files.hub_id, "its files do not name the classes that it was taught")
        self.labels = {int(index): str(name) for index, name in names.items()}
        super().__init__(files, device, model, guidance)

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Negative error of the noise under each class, of shape (images, conditions)."""
        return self.score_conditions(images, conditions)

    def generate(self, conditions: Sequence[str], seed: int) -> list[Image]:
        """One image per condition."""
        return self.draw(self.read(conditions), seed)

    def read(self, conditions: Sequence[str]) -> torch.Tensor:
        """The numbers of the classes."""
        indices = [found[0] for found in class_indices(conditions, self.labels)]
        return torch.tensor(indices, device=self.device)

    def read_nothing(self) -> torch.Tensor | None:
        """The number of the class that stands for none."""
        return None if self._nothing is None else torch.tensor([self._nothing], device=self.device)

    def denoise(self, noisy: torch.Tensor, times: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """The noise; what is said of its variance is left out."""
        said: torch.Tensor = self.model(noisy, timestep=times, class_labels=conditions).sample
        return said[:, : noisy.shape[1]]


class TextDiffusion(_Pixels):
    """Stable Diffusion and what is built alike: unet, text_encoder, tokenizer, scheduler, perhaps a vae."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        model = load_model(files, diffusers.UNet2DConditionModel, device, subfolder="unet")
        super().__init__(files, device, model, guidance=7.5 if loader == "StableDiffusionPipeline" else 1.0)
        self._tokenizer = load_tokenizer(files, "tokenizer")
        self._text = load_model(files, transformers.CLIPTextModel, device, subfolder="text_encoder")

    def score(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Negative error of the noise under each text, of shape (images, conditions)."""
        return self.score_conditions(images, conditions)

    def generate(self, conditions: Sequence[str], seed: int) -> list[Image]:
        """One image per condition."""
        return self.draw(self.read(conditions), seed)

    def read(self, conditions: Sequence[str]) -> torch.Tensor:
        """Texts as the vectors of their tokens, (conditions, tokens, dimension)."""
        return torch.stack(self.batches.run(conditions, self._read))

    @torch.inference_mode()
    def _read(self, texts: Sequence[str]) -> list[torch.Tensor]:
        longest = min(self._text.config.max_position_embeddings, self._tokenizer.model_max_length)
        tokens = self._tokenizer(
            list(texts), padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        ).to(self.device)
        seen = tokens["attention_mask"] if getattr(self._text.config, "use_attention_mask", False) else None
        return list(self._text(tokens["input_ids"], attention_mask=seen).last_hidden_state)

    def read_nothing(self) -> torch.Tensor | None:
        """The vectors of the empty text."""
        return self.read([""])

    def denoise(self, noisy: torch.Tensor, times: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """What the U-Net says of noisy latents."""
        said: torch.Tensor = self.model(noisy, times, encoder_hidden_states=conditions).sample
        return said


class PlainDiffusion(_Pixels):
    """DDPM: draws what it was trained on and cannot be told anything, so that every condition is empty."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:  # noqa: ARG002 - one layout
        model = load_model(files, diffusers.UNet2DModel, device, subfolder="unet")
        super().__init__(files, device, model, guidance=1.0)

    def generate(self, conditions: Sequence[str], seed: int) -> list[Image]:
        """One image per condition, all of which must be empty texts."""
        told = [condition for condition in conditions if condition]
        if told:
            raise UnknownName(
                "condition", told[0], [""], "this checkpoint cannot be told anything", allowed=True
            )
        return self.draw(torch.zeros(len(conditions), 1), seed)

    def denoise(self, noisy: torch.Tensor, times: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The noise."""
        said: torch.Tensor = self.model(noisy, timestep=times).sample
        return said[:, : noisy.shape[1]]
