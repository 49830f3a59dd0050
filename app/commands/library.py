"""Commands for the library as a whole: build, stats, doctor."""

from dataclasses import asdict

import click

from app.console import Options, emit_json, global_options, known, progress, say, table
from app.doctor import examine
from graph.completeness import Missing, papers_missing
from graph.coverage import share
from graph.encoder import SentenceEncoder
from graph.errors import ModelError
from graph.library import Library
from graph.query_encoder import Parity, encoder_of
from graph.stats import Stats, read_stats


@click.command()
@click.option("--model", metavar="NAME", help="Embedding model to change to: a folder or a hub id.")
@click.option("--reembed", is_flag=True, help="Compute every vector anew.")
@global_options
def build(options: Options, model: str | None, reembed: bool) -> None:
    """Build the library from the shipped catalogue.

    Notes, collections and facts from elsewhere are kept.
    """
    from ingest.build import build_shipped

    encoder = SentenceEncoder(model) if model else None
    with Library.create(options.library) as library:
        report = build_shipped(
            library, encoder, reembed=reembed, progress=lambda step: progress(f"build: {step}")
        )
        path = library.path
        parity = _compare(library)
    if options.as_json:
        emit_json({"library": str(path), **asdict(report), "query_encoder": parity})
        return
    say(f"{path}: snapshot {report.snapshot}{'' if report.changed else ', nothing new'}")
    table([(f"  {name.replace('_', ' ')}", count) for name, count in report.counts.items()])
    vectors = report.embedding
    counts = f"{vectors.shipped} shipped, {vectors.kept} kept, {vectors.encoded} encoded"
    say(f"  vectors of {vectors.model}: {counts}")
    say(
        f"  queries are encoded by {parity}"
        if parity
        else "  queries cannot be encoded: 'vfm-atlas doctor' tells more"
    )


def _compare(library: Library) -> Parity | None:
    """Find out how queries are encoded before the first one comes; None without the model: no fault here."""
    try:
        encoder = encoder_of(library)
        return encoder.compare() if encoder else None
    except ModelError:
        return None


@click.command()
@click.option(
    "--missing", metavar="FACT", help="List the papers that lack a fact, such as abstract or venue."
)
@global_options
def stats(options: Options, missing: str | None) -> None:
    """Count what the library holds and how much is known.

    It also tells who gives which facts.
    """
    with options.open() as library, library.reading() as session:
        if missing is not None:
            _print_missing(options, missing, papers_missing(session, missing))
            return
        found = read_stats(session)
    if options.as_json:
        emit_json(found)
        return
    _print_stats(found)


def _print_stats(found: Stats) -> None:
    papers = found.counts["papers"]
    say(f"Snapshot {known(found.snapshot)}, facts of {known(found.facts_date)}")
    for title, counts in (
        ("Papers per pillar", found.pillars),
        ("Papers per taxonomy node", found.taxonomy),
        ("Edges", found.edges),
    ):
        say(f"\n{title}")
        table([(f"  {name}", count) for name, count in counts.items()])
    say(f"\nKnown of {papers} papers")
    table(
        [
            (f"  {name.replace('_', ' ')}", count, share(count, papers))
            for name, count in found.coverage.items()
        ]
    )
    say("\nWho gives it (papers per origin; citations: links)")
    table(
        [
            (f"  {name.replace('_', ' ')}", ", ".join(f"{origin} {count}" for origin, count in told.items()))
            for name, told in found.origins.items()
        ]
    )
    say("\nReference lists (of the others, what they cite is not known)")
    table([(f"  {name.replace('_', ' ')}", count) for name, count in found.reference_lists.items()])


def _print_missing(options: Options, fact: str, papers: list[Missing]) -> None:
    if options.as_json:
        emit_json({"fact": fact, "papers": papers})
        return
    name = fact.replace("_", " ")
    say(f"{len(papers)} papers without {name}" if papers else f"No paper is without {name}")
    table([(f"  {paper.key}", known(paper.year), paper.title) for paper in papers])


@click.command()
@global_options
def doctor(options: Options) -> None:
    """Check this machine, and say how to mend what is wrong.

    Nothing is changed. The exit code is 1 where something is wrong.
    """
    checks = examine(options.library)
    failed = [check for check in checks if check.state == "wrong"]
    if options.as_json:
        emit_json({"ok": not failed, "checks": checks})
    else:
        table([(check.state, check.name, check.found) for check in checks])
        for check in checks:
            if check.advice:
                say(f"\n{check.name}: {check.advice}")
    if failed:
        raise click.exceptions.Exit(1)


COMMANDS = (build, stats, doctor)
