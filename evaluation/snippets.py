"""The lines of Python that load a linked checkpoint, from the templates in data/loading.toml."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Snippet:
    """How to load a checkpoint: `install` and `code` to copy, `caution` to know first; code may be empty."""

    install: str
    code: str
    caution: str


def loading_snippet(
    *, hub_id: str, library: str, loader_class: str, task: str, revision: str | None = None
) -> Snippet:
    """The code for a checkpoint; where there is no way in a few lines, the caution says so."""
    ways = _loading()["ways"]
    way = ways["checkpoints"].get(hub_id) or ways["tasks"].get(library, {}).get(task) or ways[library]
    code = _loading()["templates"][way].strip().format(hub_id=hub_id, loader_class=loader_class)
    return Snippet(_loading()["install"][library], code, _caution(library, code, revision))


def _caution(library: str, code: str, revision: str | None) -> str:
    if not code:
        return "Needs more than a few lines: follow the model page on the hub."
    cautions = []
    if library in ("timm", "open_clip"):
        cautions.append(f"{library} needs torchvision beside torch, which this environment does not install.")
    if revision is None:
        cautions.append("Revision not pinned yet: the files on the hub may change.")
    return " ".join(cautions)


@cache
def _loading() -> dict[str, Any]:
    return tomllib.loads((files("data") / "loading.toml").read_text(encoding="utf-8"))
