"""The command that measures search on judged queries: evaluate-search."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Options, emit_json, global_options, progress, say, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluation.judged import JudgedQuery
    from evaluation.retrieval import Estimate, QueryResult
    from graph.encoder import Encoder
    from graph.library import Library

_TOLD_EVERY = 50
_Results = dict[str, list["QueryResult"]]


@click.command(name="evaluate-search")
@click.option(
    "--split",
    metavar="SPLIT",
    help="Which of the shipped queries: dev (without this option), test or all.",
)
@click.option(
    "--mode",
    "systems",
    metavar="MODE",
    multiple=True,
    help="Measure only this ranking: lexical, dense, rrf, rrf-named or hybrid; may be repeated.",
)
@click.option("--corpus", metavar="C.jsonl", help="Measure on these documents instead (BEIR's format).")
@click.option("--queries", metavar="Q.jsonl", help="The queries about them.")
@click.option("--qrels", metavar="R.tsv", help="Which document is relevant to which query.")
@global_options
def evaluate_search(
    options: Options,
    *,
    split: str | None,
    systems: tuple[str, ...],
    corpus: str | None,
    queries: str | None,
    qrels: str | None,
) -> None:
    """Measure search on judged queries.

    Printed are nDCG@10, MRR@10 and recall with 95% intervals.

    Without --corpus, on the queries about the shipped catalogue: dev is for trying things out, test for
    saying how good search is. With --corpus, --queries and --qrels, on any collection in BEIR's formats; its
    vectors are kept in the cache.
    """
    if (corpus, queries, qrels) == (None, None, None):
        document, results = _on_library(options, split or "dev", systems)
    elif split is not None:
        raise click.UsageError("--split chooses among the shipped queries: leave it out with --corpus")
    elif corpus and queries and qrels:
        document, results = _on_collection(Path(corpus), Path(queries), Path(qrels), systems)
    else:
        raise click.UsageError("--corpus, --queries and --qrels belong together: give all three, or none")
    if options.as_json:
        emit_json(document | _numbers(results))
        return
    _print(document, results)


def _on_library(options: Options, split: str, systems: tuple[str, ...]) -> tuple[dict[str, Any], _Results]:
    from sqlalchemy import select

    from evaluation.judged import SPLITS, read_shipped
    from graph.schema import Paper
    from graph.snapshot import current_snapshot_id

    if split not in (*SPLITS, "all"):
        raise click.BadParameter(
            f"{split!r}: {', '.join(SPLITS)} and all are allowed", param_hint="'--split'"
        )
    with options.open() as library:
        with library.reading() as session:
            papers = set(session.scalars(select(Paper.key)))
            snapshot = current_snapshot_id(session)
        asked = [query for query in read_shipped(papers) if split in ("all", query.split)]
        results = _rank_all(library, _encoder_of(library), asked, systems)
    return {"collection": "shipped", "split": split, "snapshot": snapshot, "queries": len(asked)}, results


def _on_collection(
    corpus: Path, queries: Path, qrels: Path, systems: tuple[str, ...]
) -> tuple[dict[str, Any], _Results]:
    from evaluation import corpus as collection
    from evaluation.judged import read_documents, read_judged
    from graph.encoder import SentenceEncoder
    from graph.library import Library
    from ingest.embedding import embed_in_batches

    documents = read_documents(corpus)
    asked = read_judged(queries, qrels)
    place = collection.place_of(documents)
    progress(f"evaluate-search: {len(documents)} documents, kept in {place}")
    encoder = SentenceEncoder()
    with Library.create(place) as library:
        collection.fill(library, documents)
        embed_in_batches(library, encoder, progress=_tell("documents encoded", every=10 * _TOLD_EVERY))
        ids = {collection.key_of(number): row.id for number, row in enumerate(documents)}
        results = _rank_all(library, encoder, asked, systems, ids)
    absent = len({each for query in asked for each in query.grades} - set(ids.values()))
    facts = {
        "collection": str(corpus), "split": None, "documents": len(documents), "queries": len(asked),
        "judged_but_absent": absent,
    }  # fmt: skip
    return facts, results


def _rank_all(
    library: "Library",
    encoder: "Encoder",
    queries: "Sequence[JudgedQuery]",
    systems: tuple[str, ...],
    names: "Mapping[str, str] | None" = None,
) -> _Results:
    from evaluation.retrieval import evaluate
    from evaluation.systems import Rankings

    # Collections know nothing of our query language.
    texts = [query.text for query in queries]
    rankings = Rankings(library, encoder, texts, systems, literal=names is not None)

    def ranked(text: str) -> dict[str, list[str]]:
        found = rankings(text)
        if names is None:
            return found
        return {system: [names[key] for key in keys] for system, keys in found.items()}

    return evaluate(ranked, queries, _tell("queries ranked", every=_TOLD_EVERY))


def _encoder_of(library: "Library") -> "Encoder":
    """The model that made the library's vectors."""
    from sqlalchemy import select

    from graph.encoder import SentenceEncoder
    from graph.schema import EmbeddingModel

    with library.reading() as session:
        return SentenceEncoder(session.scalar(select(EmbeddingModel.name)))


def _tell(what: str, every: int) -> Any:
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if done == total or done - told >= every:
            told = done
            progress(f"evaluate-search: {done} of {total} {what}")

    return tell


def _numbers(results: _Results) -> dict[str, Any]:
    from evaluation.retrieval import METRICS, summarise

    return {
        "systems": {
            system: {metric: summarise(each, metric) for metric in METRICS}
            for system, each in results.items()
        },
        "differences": [
            {"system": ours, "minus": theirs, "metric": metric, **asdict(found)}
            for ours, theirs, metric, found in _differences(results)
        ],
        "results": [
            {
                "query": one.query.id, "text": one.query.text, "type": one.query.type,
                **{
                    system: {**each[number].values, "first": list(each[number].first)}
                    for system, each in results.items()
                },
            }
            for number, one in enumerate(next(iter(results.values())))
        ],
    }  # fmt: skip


def _differences(results: _Results) -> "list[tuple[str, str, str, Estimate]]":
    from evaluation.retrieval import MAIN, difference
    from evaluation.systems import OURS

    if OURS not in results:
        return []
    return [
        (OURS, system, MAIN, difference(results[OURS], each))
        for system, each in results.items()
        if system != OURS
    ]


def _print(facts: dict[str, Any], results: _Results) -> None:
    from evaluation.retrieval import METRICS, summarise
    from evaluation.systems import SYSTEMS

    split = f" ({facts['split']})" if facts["split"] else ""
    say(f"{facts['queries']} queries on {facts['collection']}{split}; 95% intervals over queries")
    if facts.get("judged_but_absent"):
        say(f"{facts['judged_but_absent']} judged documents are not in the corpus: they count as not found")
    counts = _counts(next(iter(results.values())))
    for metric in METRICS:
        summaries = {system: summarise(each, metric) for system, each in results.items()}
        types = list(next(iter(summaries.values())))
        say()
        table(
            [
                (name, counts[name], *(_cell(summaries[system][name]) for system in summaries))
                for name in types
            ],
            header=(metric, "n", *summaries),
        )
    differences = _differences(results)
    if differences:
        say()
        table(
            [(f"{ours} - {theirs}", metric, _signed(found)) for ours, theirs, metric, found in differences],
            header=("difference", "of", "paired over queries"),
        )
    say()
    table([(f"{system}:", SYSTEMS[system]) for system in results])


def _counts(results: "Sequence[QueryResult]") -> dict[str, int]:
    from collections import Counter

    return dict(Counter(each.query.type for each in results)) | {"all": len(results)}


def _cell(found: "Estimate") -> str:
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _signed(found: "Estimate") -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


COMMANDS = (evaluate_search,)
