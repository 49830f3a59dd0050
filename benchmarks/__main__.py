"""`python -m benchmarks`: run the benchmarks and print their table; exit 1 when a bound is not met."""

import argparse
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version

from benchmarks import (
    build_time,
    explorer,
    first_paint,
    graph_time,
    merge_time,
    requests_per_survey,
    search_cold,
    search_time,
)
from benchmarks.comparison import COLUMNS, Comparison

BENCHMARKS = {
    "first_paint": first_paint.measure,
    "explorer": explorer.measure,
    "build_time": build_time.measure,
    "search_time": search_time.measure,
    "search_cold": search_cold.measure,
    "merge_time": merge_time.measure,
    "requests_per_survey": requests_per_survey.measure,
    "graph_time": graph_time.measure,
}
_PACKAGES = ("streamlit", "sqlalchemy", "faiss-cpu", "onnxruntime", "sentence-transformers", "torch")


def main() -> int:
    """Run what was chosen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join(BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{names}; all by default")
    parser.add_argument("--pairs", type=int, default=7, help="how often each pair is timed (default 7)")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}: {names} are allowed")
    if chosen.pairs < 1:
        parser.error(f"cannot time {chosen.pairs} pairs: 1 or more are allowed")
    print(_machine())
    found: list[Comparison] = []
    for name in chosen.names or BENCHMARKS:
        if name in ("first_paint", "explorer") and first_paint.find_chromium() is None:
            print(f"{name} is left out: there is no Chromium on this machine (apt-get install chromium)\n")
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        found += BENCHMARKS[name](chosen.pairs)
    print(_table([COLUMNS, ["---"] * len(COLUMNS), *(comparison.cells() for comparison in found)]))
    return int(any(comparison.is_missed for comparison in found))


def _machine() -> str:
    """What the figures depend on, the present load of the machine included."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    python = f"Python {platform.python_version()}"
    return f"{date.today()}, {platform.system()}, {os.cpu_count()} cores{load}, {python}, {packages}\n"


def _table(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
