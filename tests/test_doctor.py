"""`vfm-atlas doctor`: what is wrong with this machine or library, what to do about it; nothing is changed."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import run, start, succeed
from helpers import dump, write_small_library

import graph.encoder
from app.doctor import Check, examine
from graph.library import Library


def check(name: str, location: Path | str | None = None) -> Check:
    (found,) = (each for each in examine(str(location) if location else None) if each.name == name)
    return found


def test_on_a_sound_machine_nothing_is_wrong(own_path):
    before = dump(own_path)
    ended = start("doctor", "--library", own_path)
    assert (ended.code, ended.err) == (0, "")
    assert not [line for line in ended.out.splitlines() if line.startswith("wrong")]
    for name in (
        "python",
        "vfm-atlas",
        "sqlite",
        "vector search",
        "torchvision",
        "library",
        "embedding model",
        "queries",
    ):
        assert f"fine  {name} " in ended.out
    assert f"{own_path}: 571 papers, snapshot " in ended.out
    assert dump(own_path) == before


def test_the_document_holds_the_same_checks(built_path):
    document = succeed("doctor", "--json", "--library", built_path).document
    assert set(document) == {"ok", "checks"}
    assert document["ok"] is True
    assert all(set(each) == {"name", "state", "found", "advice"} for each in document["checks"])
    assert {each["state"] for each in document["checks"]} <= {"fine", "note"}


def test_what_is_wrong_has_an_advice_and_the_exit_code_says_so(tmp_path):
    ended = run("doctor", "--library", tmp_path / "none.sqlite")
    assert (ended.code, ended.err) == (1, "")
    wrong = [line for line in ended.out.splitlines() if line.startswith("wrong")]
    assert [line.split("  ")[1] for line in wrong] == ["library", "embedding model"]
    assert f"library: no library at {tmp_path / 'none.sqlite'}: make one with 'vfm-atlas build'" in ended.out
    document = run("doctor", "--library", tmp_path / "none.sqlite", "--json").document
    assert document["ok"] is False
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_library_is_wrong(tmp_path):
    path = tmp_path / "garbage.sqlite"
    path.write_bytes(b"no database" * 1000)
    assert check("library", path).state == "wrong"
    assert "move it aside" in check("library", path).advice


def test_a_library_that_no_build_has_filled_is_wrong(tmp_path):
    path = tmp_path / "library.sqlite"
    Library.create(path).close()
    assert check("library", path) == Check(
        "library", "wrong", str(path), "it has no snapshot: run 'vfm-atlas build'"
    )
    assert check("embedding model", path).advice == "run 'vfm-atlas build'"


def test_a_model_file_that_was_changed_is_wrong(built_path, tmp_path, monkeypatch):
    monkeypatch.setattr(graph.encoder, "_wheel_folder", lambda: tmp_path)
    (tmp_path / graph.encoder.WEIGHTS).write_bytes(b"other weights")
    found = check("embedding model", built_path)
    assert found.state == "wrong"
    assert "is not the expected file" in found.advice
    assert "pip install" in found.advice


def test_vectors_of_other_weights_are_wrong(own_path):
    with closing(sqlite3.connect(own_path)) as connection, connection:
        connection.execute("UPDATE embedding_model SET weights_sha256 = ?", ("0" * 64,))
    found = check("embedding model", own_path)
    assert found.state == "wrong"
    assert "vfm-atlas build --model" in found.advice


def test_a_model_that_is_not_here_is_not_fetched(tmp_path):
    path = write_small_library(tmp_path / "small.sqlite")  # its model is on no hub
    found = check("embedding model", path)
    assert found.state == "wrong"
    assert "is not on this machine and the hub was not asked" in found.advice


def test_settings_are_named_without_their_values(monkeypatch, built_path):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "https://user:secret@mirror")
    assert check("VFM_ATLAS_LIBRARY").found == "set"
    assert check("VFM_ATLAS_OFFLINE").found == "offline: True"
    assert check("HF_ENDPOINT").found == "set"
    assert "secret" not in succeed("doctor").out


def test_a_setting_that_is_not_made_is_not_listed(built_path):
    os.environ.pop("VFM_ATLAS_OFFLINE", None)
    assert "VFM_ATLAS_OFFLINE" not in [each.name for each in examine(str(built_path))]


def broken_package(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package before the installed one that fails when it is imported."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(f"raise RuntimeError('operator {name}::nms does not exist')")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_torchvision_that_does_not_load_is_wrong(tmp_path, monkeypatch, built_path):
    broken_package(tmp_path, "torchvision", monkeypatch)
    found = check("torchvision", built_path)
    assert found.state == "wrong"
    assert "torchvision::nms does not exist" in found.found
    assert "pip uninstall torchvision" in found.advice


def test_without_faiss_search_still_works_and_that_is_noted(monkeypatch, built_path):
    monkeypatch.setitem(sys.modules, "faiss", None)
    found = check("vector search", built_path)
    assert found.state == "note"
    assert found.advice == "exact search in numpy is used"
    assert succeed("doctor", "--library", built_path).out
    assert succeed("similar", "sam", "--library", built_path).out
