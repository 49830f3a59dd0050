"""What diffusion models share: drawing samples, and classifying by how well the noise is told.

Scores are those of the Diffusion Classifier of Li et al. (arXiv:2303.16203): noise is added to an image, the
model says which noise it was, once for every condition, and the one under which it errs least fits best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles, load_part


@dataclass(frozen=True)
class Pruning:
    """How often noise is added, and how many conditions are worth another try.

    After `samples[i]` noises per condition the best `keep[i]` of them go on to `samples[i + 1]`; after the
    last stage none is dropped. All conditions of all images meet the same noises at the same times.
    """

    samples: tuple[int, ...] = (4, 16)
    keep: tuple[int, ...] = (5,)
    seed: int = 0

    def __post_init__(self) -> None:
        grows = all(a < b for a, b in zip((0, *self.samples), self.samples, strict=False))
        if not grows or len(self.keep) != len(self.samples) - 1 or any(kept < 1 for kept in self.keep):
            raise ValueError(f"samples {self.samples} must grow, and keep {self.keep} be one count shorter")


class Denoiser(Runner):
    """A model that tells noise apart; subclasses say what its latents and conditions are.

    Attributes:
        pruning: how thoroughly `score` looks.
        steps, guidance: how samples are drawn: DDIM steps, and the weight of the condition (1: plain).
    """

    def __init__(
        self, files: CheckpointFiles, device: str, model: Any, shape: tuple[int, int, int], coded: bool
    ) -> None:
        from diffusers import DDIMScheduler

        super().__init__(files, device, model)
        self.pruning = Pruning()
        self.steps = 50
        self.guidance = 1.0
        self._shape = shape
        # Pixels lie within -1 to 1, codes do not; schedules made for other samplers leave that open.
        open_ended = {"clip_sample": False} if coded else {}
        self._schedule = load_part(files, DDIMScheduler, "scheduler", **open_ended)

    def encode(self, images: Sequence[Image]) -> list[torch.Tensor]:
        """Latents of images, one tensor each."""
        raise NotImplementedError

    def decode(self, latents: Sequence[torch.Tensor]) -> list[Image]:
        """Images of latents."""
        raise NotImplementedError

    def read(self, conditions: Sequence[str]) -> torch.Tensor:
        """Conditions as the model takes them, the first axis running over them."""
        raise NotImplementedError

    def read_nothing(self) -> torch.Tensor | None:
        """The condition that says nothing, as `read` would give it; None where the model has none."""
        raise NotImplementedError

    def denoise(self, noisy: torch.Tensor, times: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """What the network says of noisy latents, in the terms that it was trained in."""
        raise NotImplementedError

    def score_conditions(self, images: Sequence[Image], conditions: Sequence[str]) -> NDArray[np.float32]:
        """Negative mean error of the noise, of shape (images, conditions); a pruned one is below all kept."""
        with torch.inference_mode():
            read = self.read(conditions)
            latents = torch.stack(self.batches.run(images, self.encode))
            noises = self._noises(self.pruning.samples[-1], self.pruning.seed)
        sums = np.zeros((len(images), len(conditions)))
        alive = np.ones_like(sums, dtype=np.bool_)
        stages: list[NDArray[np.bool_]] = []
        before = 0
        for stage, samples in enumerate(self.pruning.samples):
            tries = [
                (int(image), int(condition), sample)
                for image, condition in np.argwhere(alive)
                for sample in range(before, samples)
            ]
            errors = self.batches.run(tries, lambda batch: self._errors(batch, latents, read, noises))
            for (image, condition, _), error in zip(tries, errors, strict=True):
                sums[image, condition] += error
            stages.append(alive.copy())
            if stage < len(self.pruning.keep):
                alive &= _best(sums / samples, alive, self.pruning.keep[stage])
            before = samples
        return _ranked(sums, stages, self.pruning.samples)

    @torch.inference_mode()
    def _errors(
        self,
        tries: Sequence[tuple[int, int, int]],
        latents: torch.Tensor,
        conditions: torch.Tensor,
        noises: torch.Tensor,
    ) -> list[float]:
        image, condition, sample = (list(column) for column in zip(*tries, strict=True))
        clean, noise = latents[image], noises[sample]
        times = self._times(sample)
        kept = self._schedule.alphas_cumprod.to(self.device)[times][:, None, None, None]
        noisy = kept.sqrt() * clean + (1 - kept).sqrt() * noise
        said = self.denoise(noisy, times, conditions[condition])
        told = _as_noise(said, noisy, kept, self._schedule.config.prediction_type)
        return [float(error) for error in (told - noise).square().flatten(1).mean(dim=1)]

    def _noises(self, count: int, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(count, *self._shape, generator=generator).to(self.device)

    def _times(self, samples: Sequence[int]) -> torch.Tensor:
        total = self._schedule.config.num_train_timesteps
        return torch.tensor([int(_spread(sample) * total) for sample in samples], device=self.device)

    def draw(self, conditions: torch.Tensor, seed: int) -> list[Image]:
        """One image per condition by DDIM, the noise of each from `seed` and its place."""
        first = [
            torch.randn(self._shape, generator=torch.Generator().manual_seed(seed * 1_000_003 + place))
            for place in range(len(conditions))
        ]
        pairs = list(zip(first, conditions, strict=True))
        return self.batches.run(pairs, self._draw)

    @torch.inference_mode()
    def _draw(self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> list[Image]:
        latents = torch.stack([noise for noise, _ in pairs]).to(self.device)
        conditions = torch.stack([condition for _, condition in pairs])
        nothing = self.read_nothing() if self.guidance != 1 else None
        self._schedule.set_timesteps(self.steps)
        for time in self._schedule.timesteps:
            times = torch.full((len(pairs),), int(time), device=self.device)
            said = self.denoise(latents, times, conditions)
            if nothing is not None:
                unled = self.denoise(latents, times, nothing.expand_as(conditions))
                said = unled + self.guidance * (said - unled)
            latents = self._schedule.step(said, int(time), latents).prev_sample
        return self.decode(list(latents))


def _spread(index: int) -> float:
    """The van der Corput sequence 1/2, 1/4, 3/4, 1/8 ...: any number of them cover 0 to 1 evenly."""
    share, part, rest = 0.0, 0.5, index + 1
    while rest:
        share += part * (rest & 1)
        rest >>= 1
        part /= 2
    return share


def _as_noise(said: torch.Tensor, noisy: torch.Tensor, kept: torch.Tensor, kind: str) -> torch.Tensor:
    if kind == "v_prediction":
        return kept.sqrt() * said + (1 - kept).sqrt() * noisy
    if kind == "sample":
        return (noisy - kept.sqrt() * said) / (1 - kept).sqrt()
    return said


def _best(errors: NDArray[np.float64], alive: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Per row the `count` smallest errors among those alive; the earlier one where two are equal."""
    order = np.argsort(np.where(alive, errors, np.inf), axis=1, kind="stable")[:, :count]
    best = np.zeros_like(alive)
    np.put_along_axis(best, order, True, axis=1)
    return best


def _ranked(
    sums: NDArray[np.float64], stages: Sequence[NDArray[np.bool_]], samples: Sequence[int]
) -> NDArray[np.float32]:
    """Scores in which whoever went further stands above whoever was dropped before."""
    scores = np.full(sums.shape, -np.inf, dtype=np.float32)
    floor = np.full((len(sums), 1), np.inf, dtype=np.float32)
    for stage in range(len(stages) - 1, -1, -1):
        later = stages[stage + 1] if stage + 1 < len(stages) else np.zeros_like(stages[stage])
        ended = stages[stage] & ~later
        own = (-sums / samples[stage]).astype(np.float32)
        # Those dropped here keep their distances, but are moved down together where one would overtake.
        highest = np.where(ended, own, -np.inf).max(axis=1, keepdims=True)
        ceiling = np.nextafter(floor, np.float32(-np.inf))
        down = np.where(np.isfinite(highest), np.minimum(ceiling - highest, 0), 0)
        scores = np.where(ended, np.minimum(own + down, ceiling), scores)
        floor = np.minimum(floor, np.where(ended, scores, np.inf).min(axis=1, keepdims=True))
    return np.asarray(scores, dtype=np.float32)
