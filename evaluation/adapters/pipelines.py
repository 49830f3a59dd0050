"""Pipelines of diffusers that draw what a text says, run as they are."""

import inspect
from collections.abc import Sequence
from typing import Any

import diffusers
import torch
import transformers

from evaluation.adapters.images import from_unit_range
from evaluation.adapters.runner import Runner
from evaluation.capabilities import Image
from evaluation.errors import CheckpointUnusable
from evaluation.loading import OWN_METADATA, CheckpointFiles, load_model, load_part, load_tokenizer

_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}

# Parts that change no image which is not withheld.
_LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")


class PipelineGenerator(Runner):
    """Draws by the pipeline that a checkpoint names, with that pipeline's own defaults."""

    def __init__(self, files: CheckpointFiles, loader: str, device: str) -> None:
        kind = getattr(diffusers, loader)
        index = files.metadata("model_index.json")
        if not index:
            raise CheckpointUnusable(
                files.hub_id, "there is no model_index.json that says what it is made of"
            )
        parts: dict[str, Any] = dict.fromkeys(_LEFT_OUT)
        parts |= {name: _part(files, name, entry, device) for name, entry in index.items() if name[0] != "_"}
        parts["requires_safety_checker"] = False
        asked = inspect.signature(kind.__init__).parameters
        self._pipeline = kind(**{name: part for name, part in parts.items() if name in asked})
        self._pipeline.set_progress_bar_config(disable=True)
        super().__init__(files, device, self._pipeline.unet)
        steps = files.metadata(OWN_METADATA).get("steps")
        self.steps: int | None = None if steps is None else int(steps)

    @property
    def preprocessing(self) -> str:
        """How samples are drawn."""
        return f"{type(self._pipeline).__name__}, {self.steps or 'its own number of'} steps"

    def generate(self, conditions: Sequence[str], seed: int) -> list[Image]:
        """One image per condition, the noise of each from `seed` and its place."""
        return self.batches.run(list(enumerate(conditions)), lambda batch: self._generate(batch, seed))

    @torch.inference_mode()
    def _generate(self, batch: Sequence[tuple[int, str]], seed: int) -> list[Image]:
        generators = [torch.Generator().manual_seed(seed * 1_000_003 + place) for place, _ in batch]
        steps = {} if self.steps is None else {"num_inference_steps": self.steps}
        drawn = self._pipeline([text for _, text in batch], generator=generators, output_type="pt", **steps)
        return from_unit_range(drawn.images * 2 - 1)


def _part(files: CheckpointFiles, name: str, entry: Any, device: str) -> Any:
    """A part of a pipeline as model_index.json lists it: library and class, or a setting."""
    if not isinstance(entry, list):
        return entry
    library, kind = entry
    if kind is None or name in _LEFT_OUT:
        return None
    if library not in _LIBRARIES or not hasattr(_LIBRARIES[library], kind):
        raise CheckpointUnusable(files.hub_id, f"its part {name} is a {kind} of {library}, which is not here")
    if name.startswith("tokenizer"):
        return load_tokenizer(files, name)
    loader = getattr(_LIBRARIES[library], kind)
    if hasattr(loader, "parameters"):
        return load_model(files, loader, device, subfolder=name)
    return load_part(files, loader, name)
