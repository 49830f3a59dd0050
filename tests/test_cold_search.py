"""A search in a new process, and a search page on a new server: found by meaning, and without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEVER = {
    "alembic", "diffusers", "faiss", "igraph", "networkx", "onnx", "pandas", "pyvis", "requests", "scipy",
    "sentence_transformers", "sklearn", "torch", "transformers",
}  # fmt: skip

SEARCH = """
import sys
from app.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""

# The page asks for the model to be loaded when it gets a query; the second run finds it there.
PAGE = """
import sys, time
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv[1], default_timeout=120)
page.query_params["q"] = "use a diffusion model as a zero-shot classifier"
page.run()
from app.state import warmup
started = time.monotonic()
while not warmup().is_ready and time.monotonic() - started < 100:
    assert warmup().error is None, warmup().error
    time.sleep(0.02)
page.run()
assert not page.exception
drawn = [each.proto.json for each in page.get("bidi_component")]
assert any("by words and by meaning" in told for told in drawn), drawn
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported_by(code: str, *arguments: str | Path, library: Path, folder: Path) -> tuple[str, set[str]]:
    """What a new process writes, and the packages that it has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "VFM_ATLAS_LIBRARY": str(library)},
    )  # fmt: skip
    return done.stdout, set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("mode", ["hybrid", "dense"])
def test_a_search_by_meaning_never_imports_torch(built_path, tmp_path, mode):
    arguments = ("search", "click to segment any object", "--mode", mode, "--json")
    for _first_then_kept in range(2):
        out, imported = imported_by(SEARCH, *arguments, library=built_path, folder=tmp_path)
        document = json.loads(out)
        assert document["results"][0]["why"]["dense"] > 0.3
        assert {"onnxruntime", "tokenizers"} <= imported
        assert not imported & (NEVER | {"streamlit"})


def test_a_search_by_words_imports_no_model_at_all(built_path, tmp_path):
    arguments = ("search", "click to segment any object", "--mode", "lexical", "--json")
    out, imported = imported_by(SEARCH, *arguments, library=built_path, folder=tmp_path)
    assert json.loads(out)["results"]
    assert not imported & (NEVER | {"onnxruntime", "tokenizers", "streamlit"})


def test_a_build_from_shipped_vectors_never_imports_torch(tmp_path):
    out, imported = imported_by(SEARCH, "build", library=tmp_path / "library.sqlite", folder=tmp_path)
    assert "queries are encoded by onnxruntime" in out
    assert not imported & {"torch", "transformers", "sentence_transformers", "pandas"}


def test_the_explorer_searches_by_meaning_without_torch(built_path, tmp_path):
    code, page = PAGE, ROOT / "app" / "explorer.py"
    _out, imported = imported_by(code, page, library=built_path, folder=tmp_path)
    assert {"onnxruntime", "tokenizers", "streamlit"} <= imported
    assert not imported & {"torch", "transformers", "sentence_transformers", "faiss"}
