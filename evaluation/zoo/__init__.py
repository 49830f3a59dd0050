"""The zoo: small models that this project trained itself and ships, one for each of some methods.

They are stand-ins: they show a method at work on synthetic scenes and small digits, offline and in seconds.
They are not the papers' models, and their numbers say nothing about those. Nothing here imports torch.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from evaluation.errors import CheckpointUnusable
from evaluation.loading import CheckpointFiles

PREFIX = "zoo/"
LISTING = "zoo.toml"


@dataclass(frozen=True)
class ZooFile:
    """A file of a model, by its path within the model's folder."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Measured:
    """What was measured right after training; bounds are those of a 95% interval."""

    task: str
    dataset: str
    n: int
    metric: str
    value: float
    low: float | None
    high: float | None
    chance: float | None
    baseline: float | None
    seconds: float


@dataclass(frozen=True)
class ZooModel:
    """A model of the zoo as zoo.toml lists it; `recipes.Recipe` says what the first fields mean."""

    name: str
    title: str
    paper: str
    library: str
    loader_class: str
    task: str
    about: str
    folder: Path
    parameters: int
    licence: str
    weights_sha256: str
    seed: int
    steps: int
    cpu_seconds: float
    threads: int
    files: tuple[ZooFile, ...]
    measured: tuple[Measured, ...]

    @property
    def hub_id(self) -> str:
        """What commands call it."""
        return f"{PREFIX}{self.name}"

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(file.bytes for file in self.files)


def shipped_zoo() -> Path:
    """The folder of the models that come with this release."""
    return Path(str(files("data"))) / "zoo"


def models(zoo: Path | None = None) -> tuple[ZooModel, ...]:
    """The models that the zoo.toml of a folder lists, by default of what ships; none where there is no file.

    Raises CheckpointUnusable for a zoo.toml that is broken.
    """
    place = zoo or shipped_zoo()
    listing = place / LISTING
    if not listing.is_file():
        return ()
    try:
        entries = tomllib.loads(listing.read_text(encoding="utf-8"))["model"]
        return tuple(_model(entry, place) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointUnusable("the zoo", f"{listing} is no list of models ({error})") from error


def find(name: str) -> CheckpointFiles | None:
    """The files of a shipped model, named `zoo/NAME`; None for any other name.

    Raises CheckpointUnusable where a file is not the one that shipped.
    """
    for model in models():
        if model.hub_id == name:
            return checked_files(model)
    return None


def checked_files(model: ZooModel) -> CheckpointFiles:
    """A model's files, each compared with its hash. Raises CheckpointUnusable."""
    for file in model.files:
        path = model.folder / file.path
        if not path.is_file():
            raise CheckpointUnusable(model.hub_id, f"{path} is missing: install VFM Atlas anew")
        if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
            raise CheckpointUnusable(
                model.hub_id, f"{path} is not the file that shipped (another SHA-256): install VFM Atlas anew"
            )
    return CheckpointFiles(
        model.hub_id, model.folder, model.library, model.loader_class, None, model.weights_sha256
    )


def _model(entry: dict[str, Any], zoo: Path) -> ZooModel:
    listed = tuple(ZooFile(**file) for file in entry.pop("file"))
    found = tuple(
        Measured(**{"low": None, "high": None, "chance": None, "baseline": None, **each})
        for each in entry.pop("measured", ())
    )
    return ZooModel(**{**entry, "folder": zoo / entry["name"], "files": listed, "measured": found})
