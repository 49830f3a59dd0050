"""The lines of Python that load a linked checkpoint, from the templates in data/loading.toml."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# A template that loads another checkpoint beside the one that is asked for.
_BASE = re.compile(r"from_pretrained\(\s*\"(?!\{)")


@dataclass(frozen=True)
class Snippet:
    """How to load a checkpoint: `install` and `code` to copy, `caution` to know first; code may be empty."""

    install: str
    code: str
    caution: str


def loading_snippet(
    *, hub_id: str, library: str, loader_class: str, task: str, revision: str | None = None
) -> Snippet:
    """The code for a checkpoint, at its revision where that is a commit hash (40 hexadecimal digits).

    Where there is no way in a few lines, the code is empty and the caution says so.
    """
    if hub_id.startswith("zoo/"):
        return _bundled(hub_id)
    pinned = revision is not None and _COMMIT.fullmatch(revision) is not None
    template = _template(hub_id, library, loader_class, task, pinned)
    code = template.strip().format(
        hub_id=hub_id,
        loader_class=loader_class,
        revision=f', revision="{revision}"' if pinned else "",
        at_revision=f"@{revision}" if pinned else "",
    )
    return Snippet(_loading()["install"].get(library, ""), code, _caution(library, template, pinned))


def _bundled(hub_id: str) -> Snippet:
    """A checkpoint that ships with this program is read from its own folder."""
    code = str(_loading()["templates"]["bundled"]) if _HUB_ID.fullmatch(hub_id) else ""
    caution = "A small stand-in for the method, trained by this project: not the paper's model."
    return Snippet("pip install vfm-atlas", code.strip().format(hub_id=hub_id), caution)


def _template(hub_id: str, library: str, loader_class: str, task: str, pinned: bool) -> str:
    if not (_HUB_ID.fullmatch(hub_id) and _DOTTED_NAME.fullmatch(loader_class)):
        return ""  # they would become code that people run
    ways, templates = _loading()["ways"], _loading()["templates"]
    way = ways["checkpoints"].get(hub_id) or ways["tasks"].get(library, {}).get(task)
    way = way or ways.get(library, "none")
    unpinned = str(templates[way])
    return str(templates.get(f"{way}-pinned", unpinned)) if pinned else unpinned


def _caution(library: str, template: str, pinned: bool) -> str:
    if not template:
        return "Needs more than a few lines: follow the model page on the hub."
    cautions = []
    if library in ("timm", "open_clip"):
        cautions.append(f"{library} needs torchvision beside torch, which this environment does not install.")
    if not pinned:
        cautions.append("Revision not pinned yet: the files on the hub may change.")
    elif _BASE.search(template):
        cautions.append("The base model it is put into is not pinned: its files on the hub may change.")
    return " ".join(cautions)


@cache
def _loading() -> dict[str, Any]:
    return tomllib.loads((files("data") / "loading.toml").read_text(encoding="utf-8"))
