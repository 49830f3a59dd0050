"""Finding the adapter for a checkpoint, and opening it. Asking what an adapter can do imports no torch.

Other packages add adapters by an entry point of the group `vfm_atlas.adapters` that names a
`evaluation.families.Family` (or a sequence of them); theirs come before those of VFM Atlas.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING

from evaluation.errors import CheckpointUnusable, DeviceMissing, NoAdapter
from evaluation.families import FAMILIES, Family
from evaluation.loading import CheckpointFiles

if TYPE_CHECKING:
    from evaluation.adapters.runner import Runner

ENTRY_POINTS = "vfm_atlas.adapters"
DEVICES = ("cpu", "cuda")

# Libraries whose checkpoints stay without an adapter here, and why.
_WITHOUT = {
    "timm": "timm, which needs torchvision",
    "open_clip": "open_clip_torch, which needs torchvision",
}


def open_runner(checkpoint: CheckpointFiles, device: str = "cpu") -> "Runner":
    """The checkpoint loaded on a device, as an object that implements protocols of `evaluation.capabilities`.

    Raises:
        NoAdapter: nothing here runs its library or class; the message says what it needs.
        CheckpointUnusable: its files are not what they should be.
        DeviceMissing: this machine has no such device.
    """
    loader = _loader_of(checkpoint)
    family = find_family(checkpoint.library, loader)
    reason = missing(checkpoint.library, loader)
    if family is None or reason is not None:
        raise NoAdapter(f"cannot run {checkpoint.hub_id}: {reason}")
    if not checkpoint.folder.is_dir():
        raise CheckpointUnusable(checkpoint.hub_id, f"there is no folder {checkpoint.folder}")
    _check_device(device)
    module, _, name = family.adapter.partition(":")
    runner: Runner = getattr(import_module(module), name)(checkpoint, _class_name(family, loader), device)
    return runner


def capabilities_of(library: str, name: str) -> tuple[str, ...] | None:
    """The protocols that the adapter for a loader class or model type implements; None without an adapter."""
    family = find_family(library, name)
    return None if family is None else family.capabilities


def missing(library: str, name: str) -> str | None:
    """What is lacking to run checkpoints of a library and loader class or model type; None if nothing is."""
    family = find_family(library, name)
    if family is None:
        if library in {known.library for known in families()}:
            return f"no adapter for {name} of {library} yet; another package may bring one ({ENTRY_POINTS})"
        needs = _WITHOUT.get(library, library or "a library that the catalogue does not name")
        return f"it needs {needs}; no adapter for it is installed ({ENTRY_POINTS})"
    if find_spec(library) is None:
        return f"it needs {library}: pip install {library}"
    return None


def find_family(library: str, name: str) -> Family | None:
    """The family that a loader class or model type belongs to."""
    for family in families():
        if family.library == library and any(name and name in pair for pair in family.loaders):
            return family
    return None


@cache
def families() -> tuple[Family, ...]:
    """All families that can be run, those of other packages first."""
    found: list[Family] = []
    for entry in entry_points(group=ENTRY_POINTS):
        brought = entry.load()
        listed: Iterable[Family] = (brought,) if isinstance(brought, Family) else brought
        found.extend(listed)
    return (*found, *FAMILIES)


def _loader_of(checkpoint: CheckpointFiles) -> str:
    """The loader class; for one that leaves the choice to the checkpoint, what the checkpoint says."""
    asked = checkpoint.loader_class
    if asked and not asked.startswith("Auto") and asked != "DiffusionPipeline":
        return asked
    config = checkpoint.metadata()
    named = [*(config.get("architectures") or ()), config.get("model_type"), config.get("_class_name")]
    named.append(checkpoint.metadata("model_index.json").get("_class_name"))
    return next((str(name) for name in named if name and find_family(checkpoint.library, str(name))), asked)


def _class_name(family: Family, name: str) -> str:
    return next(loader for loader, kind in family.loaders if name in (loader, kind))


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise DeviceMissing(f"no device {device!r}; allowed: {', '.join(DEVICES)}")
    if device == "cpu":
        return  # adapters of other packages may do without torch, which takes seconds to import
    import torch

    if not torch.cuda.is_available():
        raise DeviceMissing("this machine has no CUDA device that torch can use; choose cpu")
