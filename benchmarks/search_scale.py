"""`python -m benchmarks.search_scale`: search by words in large libraries, beside other ways to do it.

The papers are made up: words drawn at random from the titles and summaries of the shipped catalogue, as often
as they occur there, ten a title and eighty an abstract. The queries are the shipped development queries. Each
way runs in a process of its own, one after the other, and tells its median, its slowest hundredth, and by how
much answering raised its memory. bm25s takes part where it is installed (`pip install bm25s`).
"""

import argparse
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from sqlalchemy import insert, text

from evaluation.judged import QUERIES, shipped_folder
from graph.library import Library
from graph.schema import Paper
from graph.search import Search
from graph.textindex import any_of, query_terms, rebuild
from ingest.build import build_shipped

WAYS = ("ours", "fts5", "bm25s", "scan")
NAMES = {
    "ours": "search --mode lexical, all in",
    "fts5": "plain FTS5: every word by OR, ORDER BY bm25",
    "bm25s": "bm25s (numpy, everything in memory)",
    "scan": "Python loop over all records",
}
_TITLE, _ABSTRACT, _BATCH, _SHOWN, _SEED = 10, 80, 20_000, 10, 1
_SCANNED = 8  # queries: a loop over a million records takes its time

Ask = Callable[[str], object]


def main() -> int:
    """Make the libraries and measure each way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search_scale", description=__doc__)
    parser.add_argument("--papers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--one", nargs=2, metavar=("WAY", "PATH"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(_measured(chosen.one[0], Path(chosen.one[1]))))
        return 0
    print("| papers | what | p50 | p99 | p50 against ours | preparation | memory |\n|" + " --- |" * 7)
    for papers in chosen.papers:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "library.sqlite"
            _make(path, papers)
            _print(papers, path)
    return 0


def _print(papers: int, path: Path) -> None:
    found: dict[str, dict[str, float]] = {}
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.search_scale", "--one", way, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{way} is left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        found[way] = json.loads(done.stdout)
        each = found[way]
        ratio = each["p50"] / found["ours"]["p50"]
        print(
            f"| {papers:,} | {NAMES[way]} | {each['p50']:.1f} ms | {each['p99']:.1f} ms | {ratio:.1f} "
            f"| {each['ready']:.1f} s | {each['memory']:.0f} MB |",
            flush=True,
        )


def _measured(way: str, path: Path) -> dict[str, float]:
    queries = [json.loads(line) for line in (shipped_folder() / QUERIES).read_text("utf-8").splitlines()]
    texts = [each["text"] for each in queries if each["split"] == "dev"]
    before, begin = _megabytes(), time.perf_counter()
    ask = {"ours": _ours, "fts5": _fts5, "bm25s": _bm25s, "scan": _scan}[way](path)
    ask("a mistypd visoin model from 2020 by Kaiming He")  # makes all that is made once
    ready = time.perf_counter() - begin
    times = []
    for each in texts[:: len(texts) // _SCANNED if way == "scan" else 1]:
        begin = time.perf_counter()
        ask(each)
        times.append((time.perf_counter() - begin) * 1e3)
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {"p50": p50, "p99": p99, "ready": ready, "memory": _megabytes() - before}


def _ours(path: Path) -> Ask:
    search = Search(Library.open(path))
    return lambda query: search.search(query, mode="lexical", limit=_SHOWN)


def _fts5(path: Path) -> Ask:
    connection = sqlite3.connect(path)
    best = "SELECT rowid, bm25(paper_text) AS s FROM paper_text WHERE paper_text MATCH ? ORDER BY s LIMIT ?"
    return lambda query: connection.execute(best, (any_of(query_terms(query)), _SHOWN)).fetchall()


def _bm25s(path: Path) -> Ask:
    import bm25s

    texts = [" ".join(row) for row in _rows(path)]
    tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    index = bm25s.BM25()
    index.index(tokens, show_progress=False)

    def ask(query: str) -> object:
        asked = bm25s.tokenize(query, stopwords="en", show_progress=False)
        return index.retrieve(asked, k=_SHOWN, show_progress=False)

    return ask


def _scan(path: Path) -> Ask:
    records = [" ".join(row).lower() for row in _rows(path)]

    def ask(query: str) -> object:
        terms = query_terms(query)
        counts = [sum(record.count(term) for term in terms) for record in records]
        return sorted(range(len(counts)), key=lambda number: -counts[number])[:_SHOWN]

    return ask


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        yield from connection.execute("SELECT title, abstract FROM paper WHERE abstract IS NOT NULL")


def _megabytes() -> float:
    return psutil.Process().memory_info().rss / 2**20


def _make(path: Path, papers: int) -> None:
    with Library.create(path) as library:
        build_shipped(library)
        with library.writing() as session:
            told = session.execute(text("SELECT title || ' ' || coalesce(summary, '') FROM paper")).scalars()
            words = np.array(re.findall(r"[^\W\d_]+", " ".join(told)))
            chance = np.random.default_rng(_SEED)
            for start in range(0, papers, _BATCH):
                count = min(_BATCH, papers - start)
                drawn = words[chance.integers(0, len(words), (count, _TITLE + _ABSTRACT))]
                rows = [
                    {
                        "key": f"made-up-{start + number}",
                        "title": " ".join(row[:_TITLE]),
                        "abstract": " ".join(row[_TITLE:]),
                        "short_name": "",
                        "is_core": False,
                        "after_survey": False,
                    }
                    for number, row in enumerate(drawn.tolist())
                ]
                session.execute(insert(Paper), rows)
            rebuild(session)


if __name__ == "__main__":
    sys.exit(main())
