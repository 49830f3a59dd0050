"""`vfm-atlas build` from nothing and once more, as whole processes, against a bare load of the same files."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import plain_load
from benchmarks.comparison import Comparison, in_turn

MOST_SECONDS = 10.0
ALTERNATIVE = "the same CSV files into bare tables (executemany)"
_DATA = Path(__file__).parent.parent / "data"


def measure(pairs: int) -> list[Comparison]:
    """Build new libraries, and build one of them again and again."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        names = iter(range(2 * pairs + 1))
        built = place / "built.sqlite"
        _build(built)
        new = in_turn(
            lambda: _build(place / f"new{next(names)}.sqlite"),
            lambda: _load(place / f"bare{next(names)}.sqlite"),
            pairs,
        )
        names = iter(range(pairs))
        again = in_turn(lambda: _build(built), lambda: _load(place / f"again{next(names)}.sqlite"), pairs)
    return [
        Comparison("build from nothing", ALTERNATIVE, *new, most_seconds=MOST_SECONDS),
        Comparison("build again, nothing new", ALTERNATIVE, *again),
    ]


def _build(library: Path) -> None:
    command = Path(sys.executable).with_name("vfm-atlas")
    _run([str(command), "--library", str(library), "build"])


def _load(library: Path) -> None:
    _run([sys.executable, plain_load.__file__, str(_DATA), str(library)])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
