"""How a zoo model is trained: seeded, on a stated number of threads, and to be interrupted at any time."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STATE = "training.pt"
"""The file of an unfinished training, in the folder that the model is to lie in."""

_KEPT_EVERY = 100
_TOLD_EVERY = 50
_WARM_UP = 50


@dataclass(frozen=True)
class Plan:
    """What decides how a training goes; the same plan and data give the same weights on the same machine.

    The learning rate rises over the first steps and falls to zero along a cosine. What is kept is the moving
    average of the weights, whose memory is at most 1 / (1 - averaging) steps.
    """

    seed: int
    steps: int
    batch_size: int
    learning_rate: float
    averaging: float = 0.998
    weight_decay: float = 0.01


class Method(ABC):
    """A model and how it learns; a recipe module defines one."""

    @abstractmethod
    def prepare(self, seed: int) -> None:
        """Draw the training examples."""

    @abstractmethod
    def build(self) -> Any:
        """The model with random weights, drawn by torch's generator."""

    @abstractmethod
    def loss(self, model: Any, draw: np.random.Generator, batch_size: int) -> Tensor:
        """The loss of a batch chosen by `draw`; torch's own generator is seeded for the step, too."""

    @abstractmethod
    def save(self, model: Any, folder: Path) -> None:
        """Write the model with all that loads it, in the format of its library."""


@dataclass(frozen=True)
class Trained:
    """A model with averaged weights, the mean loss of every fifty steps, and the seconds of CPU it took."""

    model: Any
    losses: tuple[float, ...]
    seconds: float


def train(
    method: Method, plan: Plan, folder: Path, tell: Callable[[str], None] = print, threads: int = 1
) -> Trained:
    """Train a model; a training that was interrupted in the same folder and by the same plan goes on there.

    The state is removed by the caller once the model is saved.
    """
    with _on_threads(threads), torch.random.fork_rng(devices=[]):
        method.prepare(plan.seed)
        torch.manual_seed(plan.seed)
        model = method.build().train()
        run = _Run(model, plan, folder / STATE)
        run.restore()
        if run.step:
            tell(f"goes on at step {run.step} of {plan.steps}")
        while run.step < plan.steps:
            started = time.process_time()
            torch.manual_seed(plan.seed * 1_000_003 + run.step)
            run.advance(method.loss(model, np.random.default_rng([plan.seed, run.step]), plan.batch_size))
            run.seconds += time.process_time() - started
            if run.step % _TOLD_EVERY == 0:
                tell(
                    f"step {run.step} of {plan.steps}, loss {run.losses[-1]:.4f}, {run.seconds:.0f} s of CPU"
                )
            if run.step % _KEPT_EVERY == 0:
                run.keep()
        model.load_state_dict(run.average)
    return Trained(model.eval(), tuple(run.losses), run.seconds)


class _Run:
    """The state of a training."""

    def __init__(self, model: nn.Module, plan: Plan, path: Path) -> None:
        self.model, self.plan, self.path = model, plan, path
        self.step, self.seconds = 0, 0.0
        self.losses: list[float] = []
        self.recent: list[float] = []
        self.average = {name: value.clone() for name, value in model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            [each for each in model.parameters() if each.requires_grad],
            lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay,
        )  # fmt: skip

    def advance(self, loss: Tensor) -> None:
        plan = self.plan
        rate = min(1.0, (self.step + 1) / _WARM_UP) * (1 + cos(pi * self.step / plan.steps)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = plan.learning_rate * rate
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        memory = min(plan.averaging, self.step / (self.step + 10))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - memory)
            else:
                self.average[name].copy_(value)
        self.recent.append(float(loss.detach()))
        if self.step % _TOLD_EVERY == 0 or self.step == plan.steps:
            self.losses.append(sum(self.recent) / len(self.recent))
            self.recent = []

    def keep(self) -> None:
        """Write the state beside its place and move it there, so that a cut write loses nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        torch.save(
            {
                "plan": asdict(self.plan), "step": self.step, "seconds": self.seconds,
                "losses": self.losses, "recent": self.recent, "model": self.model.state_dict(),
                "average": self.average, "optimiser": self.optimiser.state_dict(),
            }, fresh,
        )  # fmt: skip
        fresh.replace(self.path)

    def restore(self) -> None:
        """Take the state up again; one of another plan is left aside."""
        if not self.path.is_file():
            return
        state: dict[str, Any] = torch.load(self.path, weights_only=True)
        if state["plan"] != asdict(self.plan):
            return
        self.step, self.seconds = state["step"], state["seconds"]
        self.losses, self.recent = state["losses"], state["recent"]
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])


@contextmanager
def _on_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
