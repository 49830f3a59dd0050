"""The settings that come from the environment, in one table: name, default and meaning.

The command line, `vfm-atlas doctor` and a documentation test are driven by it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Setting:
    """One environment variable and what it does."""

    name: str
    default: str
    help: str


SETTINGS = (
    Setting(
        "VFM_ATLAS_LIBRARY",
        "library.sqlite in the user's data folder",
        "path or sqlite:/// URL of the library; the option --library wins over it",
    ),
    Setting("VFM_ATLAS_OFFLINE", "0", "1: no request leaves this machine, the model hub included"),
    Setting("HF_ENDPOINT", "https://huggingface.co", "hub that embedding models are fetched from"),
)


def default_library() -> str:
    """Where the library is when nobody says otherwise."""
    chosen = os.environ.get("VFM_ATLAS_LIBRARY")
    return chosen or str(Path(platformdirs.user_data_dir("vfm-atlas", appauthor=False)) / "library.sqlite")


def offline() -> bool:
    """Whether requests to the network are switched off."""
    return os.environ.get("VFM_ATLAS_OFFLINE", "0").strip().lower() not in {"", "0", "false", "no", "off"}
