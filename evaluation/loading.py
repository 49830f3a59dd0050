"""Checkpoints from a folder: safetensors only, none of their code, nothing fetched.

Nothing here imports torch before a checkpoint is loaded.
"""

import hashlib
import importlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import CheckpointUnusable

# What this project writes beside a checkpoint that it trained itself: labels, and how to sample.
OWN_METADATA = "vfm_atlas.json"

_BYTES_AT_ONCE = 1 << 20

_PLAIN_SETTINGS: tuple[str, ...] = (
    "size",
    "resample",
    "do_resize",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
)
_PLAIN_SETTINGS += ("image_mean", "image_std", "do_center_crop", "crop_size")

# What the libraries raise on files that are missing, broken or of another kind than expected.
_FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, AttributeError)


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint whose files lie in a folder of this machine.

    Attributes:
        hub_id: its name on the hub, or `zoo/NAME` for one that ships with VFM Atlas.
        library: transformers, diffusers ...
        loader_class: the class of the library that reads it.
        revision: the commit that the files are of; None where there is none.
        weights_sha256: what `weights_sha256` gives for the folder.
    """

    hub_id: str
    folder: Path
    library: str
    loader_class: str
    revision: str | None
    weights_sha256: str

    def metadata(self, name: str = "config.json") -> dict[str, Any]:
        """A JSON file of the folder; empty where there is no such file."""
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointUnusable(self.hub_id, f"{name} cannot be read as JSON ({error})") from error
        if not isinstance(content, dict):
            raise CheckpointUnusable(self.hub_id, f"{name} must hold an object")
        return content


def weights_sha256(folder: Path) -> str:
    """One SHA-256 for all safetensors files of a folder: over their paths and their own hashes, in order.

    Of a folder with a single such file it is the hash of that file.
    """
    paths = sorted(folder.rglob("*.safetensors"))
    hashes = [_file_sha256(path) for path in paths]
    if len(hashes) == 1:
        return hashes[0]
    lines = [
        f"{one}  {path.relative_to(folder).as_posix()}\n" for one, path in zip(hashes, paths, strict=True)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BYTES_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def load_model(
    files: CheckpointFiles,
    loader: type[Any],
    device: str,
    *,
    subfolder: str = "",
    may_lack: Sequence[str] = (),
    **options: Any,
) -> Any:
    """The model in fp32 on a device, ready to be asked.

    A checkpoint that lacks weights of the class is refused, as the library would draw them at random.
    `may_lack` are regular expressions for weights that no answer depends on.
    """
    import torch

    be_quiet()
    folder = files.folder / subfolder
    if (variant := _only_variant(folder)) is not None:
        options["variant"] = variant
    try:
        model, report = loader.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **{_dtype_option(loader): torch.float32},
            **options,
        )
    except _FAULTS as error:
        raise CheckpointUnusable(files.hub_id, _first_line(error)) from error
    lacking = [key for key in sorted(report["missing_keys"]) if not any(re.search(p, key) for p in may_lack)]
    misfits = [str(item[0]) for item in report.get("mismatched_keys") or ()]
    if lacking or misfits:
        named = ", ".join((lacking + misfits)[:3])
        reason = (
            f"{len(lacking + misfits)} weights of {loader.__name__} are missing or of another shape ({named})"
        )
        raise CheckpointUnusable(files.hub_id, f"{reason}; choose the class that it was saved from")
    return model.to(device).eval()


def load_part(files: CheckpointFiles, loader: Any, subfolder: str = "", **options: Any) -> Any:
    """What goes with a model and has no weights: a processor or a scheduler."""
    be_quiet()
    try:
        return loader.from_pretrained(str(files.folder / subfolder), local_files_only=True, **options)
    except _FAULTS as error:
        raise CheckpointUnusable(files.hub_id, _first_line(error)) from error


def load_processor(files: CheckpointFiles) -> Any:
    """The processor for images and texts."""
    from transformers import AutoProcessor

    return load_part(files, AutoProcessor, trust_remote_code=False)


def load_tokenizer(files: CheckpointFiles, subfolder: str = "") -> Any:
    """The tokenizer; where the library's own needs sentencepiece, the same one from its tokenizer.json."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    be_quiet()
    folder = files.folder / subfolder
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except _FAULTS as error:
        if not (folder / "tokenizer.json").is_file():
            raise CheckpointUnusable(files.hub_id, _first_line(error)) from error
        return load_part(files, PreTrainedTokenizerFast, subfolder)


def load_image_processor(files: CheckpointFiles) -> Any:
    """The image processor; where the library's own needs torchvision, one of PIL with the same numbers."""
    from transformers import AutoImageProcessor

    be_quiet()
    try:
        return AutoImageProcessor.from_pretrained(
            str(files.folder), local_files_only=True, trust_remote_code=False
        )
    except _FAULTS as error:
        settings = files.metadata("preprocessor_config.json")
        if not settings:
            raise CheckpointUnusable(files.hub_id, _first_line(error)) from error
        return plain_image_processor(settings)


def plain_image_processor(settings: dict[str, Any]) -> Any:
    """An image processor of PIL that resizes, scales and normalises as a preprocessor_config.json says."""
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    return ViTImageProcessorPil(**{name: settings[name] for name in _PLAIN_SETTINGS if name in settings})


def be_quiet() -> None:
    """No progress bars, notices or requests from transformers, nor from diffusers where it is in use."""
    # Without it transformers asks the hub to convert a repository that has pickles only.
    os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
    for library in ("transformers", "diffusers"):
        if library == "transformers" or library in sys.modules:
            logging = importlib.import_module(f"{library}.utils.logging")
            logging.set_verbosity_error()
            logging.disable_progress_bar()


def _only_variant(folder: Path) -> str | None:
    """`fp16` in the name of weights, where there are none without it."""
    names = [path.name for path in folder.glob("*.safetensors")]
    variants = {"fp16" if re.search(r"\.fp16[.-]", name) else None for name in names}
    return next(iter(variants)) if len(variants) == 1 else None


def _dtype_option(loader: type[Any]) -> str:
    return "torch_dtype" if loader.__module__.startswith("diffusers.") else "dtype"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
