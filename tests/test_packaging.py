"""The wheel: everything that the project needs at run time is in it, and it works from any folder."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).is_file():
            copy = folder / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, folder / "source"],
        capture_output=True, check=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_what_the_checkout_holds(unpacked):
    rooms = ("app", "data", "evaluation", "graph", "ingest")
    here = {
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md"
    }
    packed = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert here <= packed, sorted(here - packed)
    assert "vfm_atlas.py" in packed
    assert not any(name.startswith(("tests/", "benchmarks/", "docs/")) for name in packed)


def run(unpacked, folder, *arguments):
    """Run the command from the unpacked wheel, not from the checkout, in a folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "VFM_ATLAS_LIBRARY": str(folder / "l.sqlite")}
    code = "import app.cli, sys; print(app.cli.__file__, file=sys.stderr); app.cli.main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_the_installed_wheel_builds_searches_and_exports_from_any_folder(unpacked, tmp_path):
    built = run(unpacked, tmp_path, "build", "--json")
    assert str(unpacked) in built.stderr.splitlines()[0]
    assert json.loads(built.stdout)["counts"]["papers"] == 571
    found = run(unpacked, tmp_path, "search", "segment anything", "--mode", "lexical", "--json")
    assert json.loads(found.stdout)["results"][0]["key"] == "sam"
    snippets = run(unpacked, tmp_path, "checkpoints", "--paper", "sam", "--json")
    assert "SamModel" in snippets.stdout
    run(unpacked, tmp_path, "export", "html", "map.html", "--taxonomy", "discriminative.promptable")
    assert "vis-network" in (tmp_path / "map.html").read_text(encoding="utf-8")
