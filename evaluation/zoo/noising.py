"""What the diffusion recipes share: noise that is added, and a loss that asks for it back."""

from typing import Any

import torch
from torch import Tensor

STEPS = 1000


def scheduler() -> Any:
    """The noise schedule: a thousand steps along a squared cosine, the model says the noise."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=STEPS, beta_schedule="squaredcos_cap_v2", clip_sample=True)


def noised(schedule: Any, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Images in [-1, 1] with noise, the noise, and the steps; these spread evenly over a batch."""
    many = len(images)
    steps = ((torch.arange(many) + torch.rand(many)) * (STEPS / many)).long().clamp(max=STEPS - 1)
    noise = torch.randn_like(images)
    return schedule.add_noise(images, noise, steps), noise, steps
