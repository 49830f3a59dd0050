"""Commands that bring facts in from services and files: ingest, update."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.console import Options, emit_json, global_options, progress, say, table
from graph.library import Library

if TYPE_CHECKING:
    from ingest.collect import Collected, Collector
    from ingest.pipeline import Job, RunReport
    from ingest.plan import Budget

_SHOWN = 20


def _run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--model", metavar="NAME", help="Embedding model: a folder or a hub id."),
        click.option("--no-hub", is_flag=True, help="Do not ask the hub for models that name the works."),
        click.option(
            "--thorough",
            is_flag=True,
            help="Ask arXiv, OpenAlex and Crossref for every work, not for gaps only.",
        ),
        click.option("--refresh", is_flag=True, help="Ask again what has been answered before."),
        click.option("--dry-run", is_flag=True, help="Print the requests and their time; send nothing."),
    ):
        command = option(command)
    return command


@click.group()
@global_options
def ingest(_options: Options) -> None:
    """Bring in papers from services and files.

    What was answered once is never asked again, and a run that was cut off goes on where it was.
    """


@ingest.command()
@click.argument("work", metavar="ID")
@_run_options
@global_options
def survey(options: Options, work: str, **run: Any) -> None:
    """Bring in everything that a survey cites.

    Abstracts and the citations between these works come with it.

    ID is an arXiv id, a DOI or a Semantic Scholar id, such as arXiv:2312.10163.
    """
    from ingest.pipeline import Job
    from ingest.record import WorkId

    named = WorkId.parse(work)
    job = Job(
        "survey", str(named), lambda collector: collector.survey(named),
        thorough=run["thorough"], hub_links=not run["no_hub"],
    )  # fmt: skip
    _carry_out(options, job, run, works=None, surveys=1)


@ingest.command()
@click.argument("works", metavar="ID...", nargs=-1, required=True)
@_run_options
@global_options
def ids(options: Options, works: tuple[str, ...], **run: Any) -> None:
    """Bring in works by their ids.

    An ID is one of arXiv, a DOI, or one of Semantic Scholar or OpenAlex.
    """
    from ingest.pipeline import Job
    from ingest.record import WorkId

    named = list(dict.fromkeys(map(WorkId.parse, works)))
    job = Job(
        "ids", " ".join(map(str, named)), lambda collector: collector.works(named),
        thorough=run["thorough"], hub_links=not run["no_hub"],
    )  # fmt: skip
    _carry_out(options, job, run, works=len(named))


@ingest.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@_run_options
@click.option("--no-services", is_flag=True, help="Take only what the file says; ask nobody.")
@global_options
def file(options: Options, path: Path, no_services: bool, **run: Any) -> None:
    """Bring in the works of a file.

    It may be .bib, .ris, .json (CSL, Zotero), .jsonl or .csv.

    What the services know of them is added, and the file's own words are kept beside it.
    """
    from ingest.collect import Collected, best_id
    from ingest.files import read_file
    from ingest.pipeline import Job

    found = read_file(path, datetime.now(UTC).replace(tzinfo=None, microsecond=0))
    for problem in found.problems[:_SHOWN]:
        progress(str(problem))
    if len(found.problems) > _SHOWN:
        progress(f"and {len(found.problems) - _SHOWN} more entries that cannot be used")
    named = [best for record in found.records if (best := best_id(record.ids))]

    def collect(collector: "Collector") -> "Collected":
        if no_services:
            return Collected(list(found.records))
        return collector.works(named, found.records)

    job = Job(
        "file", path.name, collect, thorough=run["thorough"], hub_links=not (run["no_hub"] or no_services)
    )
    _carry_out(options, job, run, works=0 if no_services else len(named))


@click.command()
@click.option("--survey", "surveys", metavar="ID", multiple=True, help="Follow the works that cite this one.")
@click.option("--collection", metavar="NAME", help="Follow the works that cite the papers of a collection.")
@click.option("--no-checkpoints", is_flag=True, help="Do not ask the hub how the checkpoints are.")
@_run_options
@global_options
def update(
    options: Options, surveys: tuple[str, ...], collection: str | None, no_checkpoints: bool, **run: Any
) -> None:
    """Ask the services what is new.

    New are works that cite a survey, changed metadata, and checkpoints that moved or died.

    Without --survey or --collection, works are looked for that cite the surveys which were ingested.
    """
    from ingest.record import WorkId
    from ingest.update import update_job

    named = [WorkId.parse(each) for each in surveys]
    with options.open() as library, library.reading() as session:
        job, size = update_job(
            session, surveys=named, collection=collection, thorough=run["thorough"],
            hub_links=not run["no_hub"], checkpoints=not no_checkpoints,
        )  # fmt: skip
    _carry_out(options, job, {**run, "refresh": True}, **size)


def _carry_out(
    options: Options,
    job: "Job",
    run: dict[str, Any],
    *,
    works: int | None,
    surveys: int = 0,
    followed: int = 0,
    checkpoints: int = 0,
) -> None:
    from ingest.plan import draw_up
    from ingest.transport.services import services_from_environment

    if run["dry_run"]:
        budget = draw_up(
            f"{job.kind} {job.subject}", services_from_environment(), works=works, surveys=surveys,
            followed=followed, hub_links=job.hub_links, checkpoints=checkpoints, thorough=job.thorough,
        )  # fmt: skip
        _print_budget(options, budget, refresh=run["refresh"])
        return
    report, path = _run(options, job, run)
    _print_report(options, report, path)


def _run(options: Options, job: "Job", run: dict[str, Any]) -> "tuple[RunReport, Path]":
    from app.terminal import TerminalProgress
    from graph.encoder import SentenceEncoder
    from ingest.pipeline import run_job
    from ingest.progress import Stopped

    encoder = SentenceEncoder(run["model"]) if run["model"] else None
    if encoder is not None:
        progress(f"model {encoder.model.name}")  # one that is not there fails before anybody is asked
    progress(f"{job.kind} {job.subject}")
    with Library.create(options.library) as library:
        try:
            report = run_job(
                library, job, refresh=run["refresh"], encoder=encoder, listeners=[TerminalProgress()]
            )
        except KeyboardInterrupt:
            raise Stopped(
                "interrupted: what was fetched is kept, the same command goes on from here"
            ) from None
        return report, library.path


def _print_budget(options: Options, budget: "Budget", *, refresh: bool) -> None:
    if options.as_json:
        emit_json({**asdict(budget), "requests": budget.requests, "seconds": budget.seconds})
        return
    if not budget.requests:
        say(f"{budget.subject}: no requests")
        return
    say(f"{budget.subject}: at most {budget.requests} requests, about {_duration(budget.seconds)}")
    table(
        [
            (f"  {line.service}", line.requests, _duration(line.seconds), line.base_url, line.purpose)
            for line in budget.lines
        ],
        header=("  service", "requests", "time", "address", "for"),
    )
    stored = (
        "What is stored already is asked again" if refresh else "What is stored already is not asked again"
    )
    say(f"Assumed: {'; '.join(budget.assumptions)}. {stored}.")


def _print_report(options: Options, report: "RunReport", path: Path) -> None:
    if options.as_json:
        emit_json({"library": str(path), "changed": report.changed, **asdict(report)})
        return
    sent = ", ".join(f"{count} to {name}" for name, count in report.requests.items()) or "none"
    say(f"{path}: snapshot {report.snapshot}{'' if report.changed else ', nothing new'}")
    say(f"  requests: {sent}")
    table([(f"  {name.replace('_', ' ')}", count) for name, count in report.counts.items()])
    _print_list("Not answered", report.unanswered)
    conflicts = [f"{each.first} and {each.second}: {each.reason}" for each in report.conflicts]
    _print_list("Not merged", conflicts)
    if report.changed and report.before:
        say(f"'vfm-atlas diff {report.before} {report.snapshot}' shows what changed.")


def _print_list(title: str, lines: list[str]) -> None:
    if not lines:
        return
    say(f"{title}:")
    for line in lines[:_SHOWN]:
        say(f"  {line}")
    if len(lines) > _SHOWN:
        say(f"  and {len(lines) - _SHOWN} more (--json lists all)")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


COMMANDS = (ingest, update)
