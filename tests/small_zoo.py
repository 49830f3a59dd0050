"""A zoo of small runners, which another package brings: measured in a second, without torch."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluation import registry, zoo

HERE = Path(__file__).parent
_MODEL = """
[[model]]
name = "{name}"
title = "T"
paper = "clip"
library = "numpy"
loader_class = "{kind}"
task = "zero-shot-image-classification"
about = "A."
parameters = 8
licence = "MIT"
weights_sha256 = "{sha}"
seed = 1
steps = 1
cpu_seconds = 1.0
threads = 1
file = []
measured = []
"""


@contextmanager
def small_zoo(folder: Path, models: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, the zoo holds these models: names with the small runner that each one is."""
    about = folder / "site" / "small_adapters-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: small-adapters\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vfm_atlas.adapters]\nsmall = small_runners:FAMILIES\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder / "site", HERE, HERE.parent))))
    monkeypatch.syspath_prepend(folder / "site")
    registry.families.cache_clear()
    shelf = folder / "zoo"
    for name in models:
        (shelf / name).mkdir(parents=True)
    entries = [
        _MODEL.format(name=name, kind=kind, sha=f"{number}" * 64)
        for number, (name, kind) in enumerate(models.items())
    ]
    (shelf / "zoo.toml").write_text("".join(entries))
    monkeypatch.setattr(zoo, "shipped_zoo", lambda: shelf)
    yield
    registry.families.cache_clear()
