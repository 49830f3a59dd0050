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
    Setting(
        "VFM_ATLAS_CACHE",
        "vfm-atlas in the user's cache folder",
        "folder for what can be had again: the answers of services, and how queries are encoded here",
    ),
    Setting(
        "VFM_ATLAS_CONTACT",
        "none",
        "e-mail address that services are told, so that they can write before they block",
    ),
    Setting(
        "VFM_ATLAS_ARXIV_URL", "https://export.arxiv.org", "address of arXiv's API, or of a proxy for it"
    ),
    Setting(
        "VFM_ATLAS_S2_URL",
        "https://api.semanticscholar.org",
        "address of Semantic Scholar's API, or of a proxy for it",
    ),
    Setting(
        "VFM_ATLAS_OPENALEX_URL",
        "https://api.openalex.org",
        "address of OpenAlex's API, or of a proxy for it",
    ),
    Setting(
        "VFM_ATLAS_CROSSREF_URL",
        "https://api.crossref.org",
        "address of Crossref's API, or of a proxy for it",
    ),
    Setting(
        "HF_ENDPOINT",
        "https://huggingface.co",
        "hub that is asked for checkpoints, and that embedding models are fetched from",
    ),
    Setting("S2_API_KEY", "none", "key for Semantic Scholar: one request per second of your own"),
    Setting("OPENALEX_API_KEY", "none", "key for OpenAlex, which answers little without one"),
    Setting("HF_TOKEN", "none", "token for the hub, for checkpoints that only you may see"),
)


def default_library() -> str:
    """Where the library is when nobody says otherwise."""
    chosen = os.environ.get("VFM_ATLAS_LIBRARY")
    return chosen or str(Path(platformdirs.user_data_dir("vfm-atlas", appauthor=False)) / "library.sqlite")


def default_cache() -> Path:
    """The folder for what can be had again."""
    chosen = os.environ.get("VFM_ATLAS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("vfm-atlas", appauthor=False))


def offline() -> bool:
    """Whether requests to the network are switched off."""
    return os.environ.get("VFM_ATLAS_OFFLINE", "0").strip().lower() not in {"", "0", "false", "no", "off"}
