"""The house: imports go down only, rooms stay small, and what is browsed never imports torch."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for room in ("app", "evaluation", "graph", "ingest") for path in (ROOT / room).rglob("*.py")]
HEAVY = {"torch", "sentence_transformers", "transformers", "diffusers", "plotly", "pyspark"}


def test_imports_go_down_only():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 80, node.name


def test_no_module_of_the_app_hides_a_dependency():
    """Streamlit puts app/ first on the import path, so `import click` would find app/click.py."""
    top_level = set(sys.stdlib_module_names) | {
        path.stem
        for folder in sys.path
        if Path(folder).is_dir()
        for path in Path(folder).glob("[a-z]*")
        if ROOT not in path.parents or ".venv" in path.parts
    }
    mine = {path.stem for path in (ROOT / "app").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not (mine - {"__init__", "__pycache__"}) & top_level


@pytest.mark.parametrize("module", ["app.cli", "graph.search", "ingest.build", "vfm_atlas"])
def test_importing_does_not_pull_in_heavy_packages(module):
    code = f"import sys, {module}; print(*({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


FIRST_PAGE = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not page.exception and page.title[0].value == "Visual foundation models"
print(*sys.modules)
"""


def test_the_first_page_does_not_pull_in_heavy_packages(built_path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE, ROOT / "app" / "explorer.py"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "VFM_ATLAS_LIBRARY": str(built_path)},
    )  # fmt: skip
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "streamlit" in imported
    assert not imported & (HEAVY | {"faiss", "networkx", "pyvis", "alembic"})
