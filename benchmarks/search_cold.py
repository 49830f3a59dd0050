"""A search in a new process, against one that loads sentence-transformers and encodes the same query."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.comparison import Comparison
from graph.encoder import find_model
from graph.library import Library
from graph.query_encoder import encoder_of
from ingest.build import build_shipped

ALTERNATIVE = "a process that loads sentence-transformers and encodes the query once"
QUERY = "a diffusion model as a zero-shot classifier"
MOST_SECONDS = 1.0
MOST_RATIO = 0.25
_SEARCH = "import sys; from app.cli import main; main(sys.argv[1:])"
_ENCODE = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu").encode([sys.argv[2]], normalize_embeddings=True)
"""


def measure(pairs: int) -> list[Comparison]:
    """Wall and CPU time of both, as often as said; one run before brings the files into memory."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "library.sqlite"
        environment = {
            **os.environ,
            "VFM_ATLAS_LIBRARY": str(path),
            "VFM_ATLAS_CACHE": str(Path(folder) / "cache"),
            "VFM_ATLAS_OFFLINE": "1",
        }
        with Library.create(path) as library:
            build_shipped(library)
            encoder = encoder_of(library)
            if encoder is None or not encoder.compare(keep=False).holds:
                raise SystemExit(
                    "search_cold: onnxruntime does not encode the queries here, see vfm-atlas doctor"
                )
        ours = [sys.executable, "-c", _SEARCH, "search", QUERY]
        theirs = [sys.executable, "-c", _ENCODE, str(find_model().folder), QUERY]
        _timed(ours, environment)
        _timed(theirs, environment)
        times = [(_timed(ours, environment), _timed(theirs, environment)) for _ in range(pairs)]
    wall = [[each[side][0] for each in times] for side in (0, 1)]
    cpu = [[each[side][1] for each in times] for side in (0, 1)]
    return [
        Comparison("search, new process", ALTERNATIVE, *wall, most_seconds=MOST_SECONDS),
        Comparison("search, new process, CPU time", ALTERNATIVE, *cpu, most_ratio=MOST_RATIO),
    ]


def _timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process."""
    before = os.times()
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    wall = time.perf_counter() - begin
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, spent
