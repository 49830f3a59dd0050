"""`vfm-atlas doctor`: what this machine has, what is wrong, and what to do about it."""

import importlib
import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from graph.encoder import find_model
from graph.errors import AtlasError
from graph.library import Library
from graph.query_encoder import Parity, encoder_of
from graph.settings import SETTINGS, offline
from graph.snapshot import current_snapshot
from graph.vectors import VectorIndex

State = Literal["fine", "note", "wrong"]
_PACKAGES = (
    "vfm-atlas",
    "streamlit",
    "sqlalchemy",
    "networkx",
    "faiss-cpu",
    "sentence-transformers",
    "onnxruntime",
    "tokenizers",
    "torch",
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine(location: str | None = None) -> list[Check]:
    """Look at everything; nothing is changed, and nothing is fetched."""
    checks = [_python(), *map(_package, _PACKAGES), _sqlite(), _faiss(), _torchvision()]
    checks += [
        _guarded("library", lambda: _library(location)),
        _guarded("embedding model", lambda: _model(location)),
    ]
    if checks[-1].state == "fine":
        checks.append(_guarded("queries", lambda: _queries(location)))
    checks += [_setting(setting.name) for setting in SETTINGS if setting.name in os.environ]
    return checks


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except AtlasError as error:
        return Check(name, "wrong", "cannot be used", str(error))


def _python() -> Check:
    return Check("python", "fine", sys.version.split()[0])


def _package(name: str) -> Check:
    try:
        return Check(name, "fine", version(name))
    except PackageNotFoundError:
        return Check(name, "wrong", "not installed", f"run 'pip install {name}'")


def _sqlite() -> Check:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(text)")
    except sqlite3.OperationalError:
        advice = "this Python's SQLite lacks FTS5; use the builds of python.org, conda or your distribution"
        return Check("sqlite", "wrong", f"{sqlite3.sqlite_version} without FTS5", advice)
    finally:
        connection.close()
    return Check("sqlite", "fine", f"{sqlite3.sqlite_version} with FTS5")


def _faiss() -> Check:
    try:
        importlib.import_module("faiss")
    except ImportError as reason:
        return Check(
            "vector search", "note", f"FAISS does not load ({reason})", "exact search in numpy is used"
        )
    return Check("vector search", "fine", "FAISS loads")


def _torchvision() -> Check:
    if find_spec("torchvision") is None:
        return Check("torchvision", "fine", "absent; only checkpoints of timm and open_clip need it")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as reason:
        advice = "it breaks the imports of transformers: run 'pip uninstall torchvision'"
        first_line = (str(reason) or type(reason).__name__).splitlines()[0]
        return Check("torchvision", "wrong", f"broken ({first_line})", advice)
    return Check("torchvision", "fine", "loads")


def _library(location: str | None) -> Check:
    with Library.open(location) as library, library.reading() as session:
        snapshot = current_snapshot(session)
        if snapshot is None:
            return Check("library", "wrong", str(library.path), "it has no snapshot: run 'vfm-atlas build'")
        counts = f"{snapshot.counts['papers']} papers, snapshot {snapshot.id}"
        return Check("library", "fine", f"{library.path}: {counts}")


def _model(location: str | None) -> Check:
    with Library.open(location) as library, library.reading() as session:
        index = VectorIndex.load(session)
    if index is None:
        return Check("embedding model", "wrong", "the library has no vectors", "run 'vfm-atlas build'")
    model = find_model(index.model_name, may_fetch=False)
    if model.weights_sha256 != index.weights_sha256:
        advice = f"run 'vfm-atlas build --model {model.name}': the library's vectors come from other weights"
        return Check("embedding model", "wrong", model.name, advice)
    return Check("embedding model", "fine", f"{model.name}, files as expected")


def _queries(location: str | None) -> Check:
    with Library.open(location) as library:
        encoder = encoder_of(library)
        parity = encoder.compare(keep=False) if encoder else Parity(reason="the library has no vectors")
    if parity.holds:
        return Check("queries", "fine", f"encoded by {parity}")
    return Check("queries", "note", "encoded by sentence-transformers, slowly", f"{parity.reason}")


def _setting(name: str) -> Check:
    # Values stay unprinted: a setting may hold a key or a path that nobody meant to show.
    return Check(name, "note", "set" if name != "VFM_ATLAS_OFFLINE" else f"offline: {offline()}")
