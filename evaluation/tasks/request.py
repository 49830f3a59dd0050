"""One run, exactly: which checkpoint answers which task on which examples. Equal ones have equal hashes."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.datasets import BUNDLED, open_dataset
from evaluation.errors import TaskError
from evaluation.loading import CheckpointFiles
from evaluation.tasks.kind import Material
from evaluation.tasks.kinds import KINDS
from evaluation.tasks.spec import TaskSpec, find_task

OPENER = "evaluation.registry:open_runner"
PIXELS = "pixels"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        files: the checkpoint.
        task: name of the task.
        dataset: name of the dataset as open_dataset takes it.
        n: how many examples are asked about.
        seed: draws examples, and whatever the checkpoint draws.
        device: `cpu` or `cuda`; leaves the hash as it is.
        judge: the checkpoint that judges what is made, where the task names one.
        opener: what loads a checkpoint, as `module:function`.
    """

    files: CheckpointFiles
    task: str
    dataset: str
    n: int
    seed: int = 0
    device: str = "cpu"
    judge: CheckpointFiles | None = None
    opener: str = OPENER

    @property
    def spec(self) -> TaskSpec:
        """The description of the task."""
        return find_task(self.task)

    @property
    def split(self) -> str:
        """The split that is asked about."""
        return self.spec.split_of(self.dataset)

    def material(self) -> Material:
        """The examples, opened. Raises UnknownName, DatasetError or TaskError where they are not fit."""
        spec = self.spec
        data = open_dataset(self.dataset, split=self.split, n=self.n, seed=self.seed)
        kind = KINDS[spec.kind]
        train = None
        if kind.trains:
            # Drawn by one seed, so that runs with other examples learnt from the same.
            train = open_dataset(self.dataset, split="train", n=spec.n_train)
            train = _with_classes(train)
        prompts = spec.prompts.of(data.name) if spec.prompts else ()
        material = Material(data, train, prompts, spec.options, self.seed)
        kind.check(material)
        return material

    def hash_with(self, material: Material) -> str:
        """SHA-256 over all that the answer depends on: weights, task, examples, seed."""
        facts = {
            "checkpoint": [
                self.files.hub_id,
                self.files.library,
                self.files.loader_class,
                self.files.revision,
            ],
            "weights": self.files.weights_sha256,
            "task": [self.task, self.spec.version],
            "prompts": material.prompts,
            "data": material.data.fingerprint,
            "train": material.train.fingerprint if material.train else None,
            "judge": self.judge.weights_sha256 if self.judge else None,
            "n": len(material.data.examples),
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As a worker is told."""
        content = asdict(self)
        for name in ("files", "judge"):
            if content[name] is not None:
                content[name]["folder"] = str(content[name]["folder"])
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Request":
        """From what a worker was told."""
        made = cls(**content)
        return replace(
            made, files=_files(content["files"]), judge=content["judge"] and _files(content["judge"])
        )


def draw_up(
    files: CheckpointFiles,
    task: str,
    *,
    dataset: str | None = None,
    n: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    opener: str = OPENER,
) -> Request:
    """A request with everything that was not named as the task's description has it.

    Raises UnknownName for a task that does not exist, TaskError where a dataset or a judge is missing.
    """
    spec = find_task(task)
    chosen = dataset or dataset_for(spec, files.hub_id)
    if chosen is None:
        raise TaskError(f"{task} has no dataset of its own: name one with --dataset folder:PATH")
    if n is not None and n < 1:
        raise TaskError(f"n is {n}: at least one example is needed")
    return Request(files, task, chosen, n or spec.n, seed, device, _judge(spec, chosen, files), opener)


def dataset_for(spec: TaskSpec, hub_id: str) -> str | None:
    """What a checkpoint is asked about unless a dataset is named: one of the zoo, what it learned from."""
    home = hub_id.rpartition("-")[2]
    return home if hub_id.startswith("zoo/") and home in BUNDLED else spec.dataset


def _judge(spec: TaskSpec, dataset: str, files: CheckpointFiles) -> CheckpointFiles | None:
    named = spec.judges.get(dataset, PIXELS)
    if named == PIXELS:
        return None
    from evaluation import zoo

    found: CheckpointFiles | None = zoo.find(named)
    if found is None:
        raise TaskError(
            f"{spec.name} on {dataset} is judged by {named}, which does not ship with this release"
        )
    if found.weights_sha256 == files.weights_sha256:
        raise TaskError(f"{files.hub_id} cannot be its own judge")
    return found


def _with_classes(train: Any) -> Any:
    """Without the examples that have no class of their own, such as scenes of several objects."""
    return replace(train, examples=[each for each in train.examples if each.label is not None])


def _files(content: dict[str, Any]) -> CheckpointFiles:
    return CheckpointFiles(**{**content, "folder": Path(content["folder"])})
