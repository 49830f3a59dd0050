"""What all runners share: their files, where they run, and batches that fit into memory."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from evaluation.capabilities import Image
from evaluation.loading import CheckpointFiles

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Parameters times examples in the first batch that is tried: memory for activations grows with both.
_CPU_BUDGET = 4e8
_CUDA_BUDGET = 2e10
_LARGEST_BATCH = 256


class Batches:
    """Works through items in batches; halves them, for good, when memory runs out."""

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def for_model(cls, model: Any, device: str) -> "Batches":
        """Batches whose first size suits a model of that many parameters."""
        parameters = max(1, sum(weight.numel() for weight in model.parameters()))
        budget = _CPU_BUDGET if device == "cpu" else _CUDA_BUDGET
        return cls(int(min(max(budget // parameters, 1), _LARGEST_BATCH)))

    def run(self, items: Sequence[Item], work: Callable[[Sequence[Item]], Iterable[Answer]]) -> list[Answer]:
        """The answers to all items, in their order."""
        answers: list[Answer] = []
        while len(answers) < len(items):
            batch = items[len(answers) : len(answers) + self.size]
            try:
                answers.extend(work(batch))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or len(batch) == 1:
                    raise
                self.size = len(batch) // 2
                _free()
        return answers

    def run_alike(
        self, images: Sequence[Image], work: Callable[[Sequence[Image]], Iterable[Answer]]
    ) -> list[Answer]:
        """The same for images, with only images of one shape in a batch, so that none of them is padded."""
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(index)
        answers: dict[int, Answer] = {}
        for indices in by_shape.values():
            found = self.run([images[index] for index in indices], work)
            answers.update(zip(indices, found, strict=True))
        return [answers[index] for index in range(len(images))]


def out_of_memory(error: BaseException) -> bool:
    """Whether the machine or its accelerator ran out of memory."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class Runner:
    """A loaded checkpoint; what it can do is which protocols of `evaluation.capabilities` it implements.

    Attributes:
        files: where it was loaded from.
        device: `cpu` or `cuda`.
        batches: batches of the size that fits.
    """

    def __init__(self, files: CheckpointFiles, device: str, model: Any) -> None:
        self.files = files
        self.device = device
        self.model = model
        self.batches = Batches.for_model(model, device)

    @property
    def preprocessing(self) -> str:
        """What happens to an image before the model reads it, for the record of a run."""
        return ""

    @property
    def batch_size(self) -> int:
        """How many examples are worked on at a time; what was found to fit."""
        return self.batches.size

    @property
    def dtype(self) -> str:
        """The numbers that the weights are held in."""
        return str(next(self.model.parameters()).dtype).removeprefix("torch.")
