"""`python -m benchmarks.search_quality`: measure search on the test queries for docs/search-evaluation.md."""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from evaluation.judged import read_shipped
from evaluation.retrieval import METRICS, Estimate, QueryResult, difference, evaluate, summarise
from evaluation.systems import OURS, Rankings
from graph.encoder import Encoder, SentenceEncoder
from graph.library import Library
from graph.schema import Paper
from ingest.build import build_shipped

PAGE = Path(__file__).parent.parent / "docs" / "search-evaluation.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
# The titles of the columns; `rrf-named` tells what finding exact names adds to plain fusion.
COLUMNS = {
    "lexical": "words",
    "dense": "meaning",
    "rrf": "RRF",
    "rrf-named": "RRF, names first",
    OURS: "search",
}


def main() -> int:
    """Build the shipped library, measure, and write the page's table."""
    with TemporaryDirectory() as folder, Library.create(Path(folder) / "library.sqlite") as library:
        build_shipped(library)
        table = render(measure(library, SentenceEncoder(), "test"))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")
    print(PAGE, file=sys.stderr)
    return 0


def measure(library: Library, encoder: Encoder, split: str) -> dict[str, list[QueryResult]]:
    """The results of every system for one split of the shipped queries."""
    with library.reading() as session:
        queries = read_shipped(set(session.scalars(select(Paper.key))))
    asked = [query for query in queries if query.split == split]
    return evaluate(Rankings(library, encoder, [query.text for query in asked], tuple(COLUMNS)), asked)


def render(results: dict[str, list[QueryResult]]) -> str:
    """The tables as Markdown."""
    counts = Counter(each.query.type for each in results[OURS])
    counts["all"] = len(results[OURS])
    main_metric = METRICS[0]
    summaries = {system: summarise(results[system], main_metric) for system in COLUMNS}
    parts = [f"{_name(main_metric)} by type of query, with 95% intervals:\n\n"]
    parts.append(_head("type", "queries", *COLUMNS.values()))
    for kind in summaries[OURS]:
        cells = (_cell(summaries[system][kind]) for system in COLUMNS)
        parts.append(_line(f"**{kind}**" if kind == "all" else kind, str(counts[kind]), *cells))
    parts.append("\nEvery measure, over all queries:\n\n")
    parts.append(_head("measure", *COLUMNS.values()))
    for metric in METRICS:
        cells = (_cell(summarise(results[system], metric)["all"]) for system in COLUMNS)
        parts.append(_line(_name(metric), *cells))
    parts.append(f"\nHow much {_name(main_metric)} differs, query by query (paired bootstrap):\n\n")
    parts.append(_head("search minus", "difference"))
    for system, title in COLUMNS.items():
        if system != OURS:
            parts.append(_line(title, _cell(difference(results[OURS], results[system]), signed=True)))
    return "\n" + "".join(parts) + "\n"


def _name(metric: str) -> str:
    return {"ndcg@10": "nDCG@10", "mrr@10": "MRR@10"}.get(metric, metric)


def _cell(found: Estimate, *, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    return f"{found.mean:{form}} ({found.low:{form}} to {found.high:{form}})"


def _head(*cells: str) -> str:
    return _line(*cells) + _line(*["---"] * len(cells))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(main())
