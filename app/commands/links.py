"""Commands about checkpoints: checkpoints, link, check-links."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from app.console import Options, emit_json, global_options, known, progress, say, table
from evaluation.snippets import loading_snippet
from graph.checkpoints import BUNDLED, COMMIT, ROLES, read_facts
from graph.library import Library
from graph.lookup import find_paper
from graph.papers import PaperCheckpoint, list_checkpoints

if TYPE_CHECKING:
    from evaluation.gate import Verdict
    from ingest.checklinks import CheckReport
    from ingest.links import Candidate, Loading
    from ingest.sources.answers import HubState

_NOT_PINNED = "not pinned yet"
_SHOWN = 20
_CANDIDATES = 15


@click.command()
@click.option("--paper", metavar="KEY", help="Only the checkpoints of this paper.")
@click.option("--task", metavar="T", help="Only checkpoints for this task, such as mask-generation.")
@click.option(
    "--gate", "gated", is_flag=True, help="Say of each whether it may be fetched and run here, and why."
)
@global_options
def checkpoints(options: Options, paper: str | None, task: str | None, gated: bool) -> None:
    """List the checkpoints that papers link to.

    With --json each one comes with the code that loads it. Nothing is asked of the hub: 'vfm-atlas
    check-links' does that.
    """
    with options.open() as library, library.reading() as session:
        key = find_paper(session, paper).key if paper else None
        found = list_checkpoints(session, paper=key, task=task)
    verdicts = _verdicts(options, found) if gated else []
    if options.as_json:
        rows = [{"paper": owner, **asdict(item), "loading": _snippet(item)} for owner, item in found]
        for row, verdict in zip(rows, verdicts, strict=False):
            row["gate"] = asdict(verdict)
        emit_json({"checkpoints": rows})
        return
    if not found:
        say("No checkpoint linked." if paper else "No checkpoint for that.")
    print_checkpoints(found)
    if verdicts:
        _print_verdicts(found, verdicts)


def _snippet(item: PaperCheckpoint) -> dict[str, str]:
    return asdict(
        loading_snippet(
            hub_id=item.hub_id, library=item.library, loader_class=item.loader_class, task=item.task,
            revision=item.revision,
        )
    )  # fmt: skip


def print_checkpoints(found: list[tuple[str, PaperCheckpoint]]) -> None:
    """Print checkpoints (with the keys of their papers) as a table."""
    rows = [
        (
            owner, item.hub_id, item.library, item.task, known(item.role), known(item.licence),
            _size(item.weight_bytes), _state(item), _revision(item),
        )
        for owner, item in found
    ]  # fmt: skip
    if rows:
        names = ("paper", "checkpoint", "library", "task", "role", "licence", "weights", "state", "revision")
        table(rows, header=names)


def _state(item: PaperCheckpoint) -> str:
    if item.origin == BUNDLED:
        return "ships with this program"
    return f"moved to {item.moved_to}" if item.moved_to else item.state


def _revision(item: PaperCheckpoint) -> str:
    if item.revision is None:
        return "-" if item.origin == BUNDLED else _NOT_PINNED
    return item.revision[:12] if COMMIT.fullmatch(item.revision) else item.revision


def _size(number: int | None) -> str:
    from evaluation.gate import size

    return known(None) if number is None else size(number)


def _verdicts(options: Options, found: list[tuple[str, PaperCheckpoint]]) -> list["Verdict"]:
    from evaluation.download import verdict_of

    with options.open() as library, library.reading() as session:
        told = [read_facts(session, item.hub_id, item.loader_class) for _owner, item in found]
    once = {(each.hub_id, each.loader_class): each for each in told}
    verdicts = {name: verdict_of(each) for name, each in once.items()}
    return [verdicts[each.hub_id, each.loader_class] for each in told]


_WORDS = {"allowed": "allowed", "ask": "needs your yes", "refused": "refused", "unknown": "not known yet"}


def _print_verdicts(found: list[tuple[str, PaperCheckpoint]], verdicts: list["Verdict"]) -> None:
    say("\nMay it be fetched and run on this machine?")
    lines = {
        (verdict.hub_id, item.loader_class): (
            verdict.hub_id, _WORDS[verdict.decision], verdict.words,
        )
        for (_owner, item), verdict in zip(found, verdicts, strict=True)
    }  # fmt: skip
    table(list(dict.fromkeys(lines.values())), header=("checkpoint", "verdict", "because"))


@click.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option("--add", "added", metavar="HUB_ID", help="Link this model to the paper.")
@click.option("--remove", "removed", metavar="HUB_ID", help="Take away a link that you made.")
@click.option("--role", metavar="R", help=f"What the model is to the paper: {', '.join(ROLES)}.")
@click.option(
    "--library-name", metavar="L", help="With --add: library that loads it, where the hub does not say."
)
@click.option(
    "--loader-class", metavar="C", help="With --add: class that loads it, where the hub does not say."
)
@click.option("--task", metavar="T", help="With --add: its task, where the hub does not say.")
@click.option("--refresh", is_flag=True, help="Ask the hub again for what it has answered before.")
@global_options
def link(
    options: Options, keys: tuple[str, ...], added: str | None, removed: str | None, **given: Any
) -> None:
    """Link a paper to a model on the hub that you confirm.

    Without --add, models are listed whose cards name the paper; most are fine-tunes, so those come last. On a
    terminal you may choose one by its number. KEY is a paper's key, arXiv id, DOI, short name or title.
    """
    if added and removed:
        raise click.UsageError("name one of --add and --remove")
    if (added or removed) and len(keys) > 1:
        raise click.UsageError("name one KEY with --add or --remove")
    if given["role"] and not added and not _is_asked(options, keys):
        raise click.UsageError("--role goes with --add")
    with options.open() as library, library.reading() as session:
        named = [find_paper(session, each).key for each in keys]
    with options.open() as library:
        if added:
            _add(options, library, named[0], added, given)
        elif removed:
            _remove(options, library, named[0], removed)
        else:
            _list(options, library, named, given)


def _is_asked(options: Options, keys: tuple[str, ...]) -> bool:
    """Whether there is a person to ask, about one paper."""
    return not options.as_json and len(keys) == 1 and sys.stdin.isatty() and sys.stdout.isatty()


def _list(options: Options, library: Library, keys: list[str], given: dict[str, Any]) -> None:
    from ingest.links import candidates_of

    _ask_for(library, keys, refresh=given["refresh"])
    with library.reading() as session:
        found = {key: candidates_of(session, key) for key in keys}
    if options.as_json:
        emit_json({"papers": [{"key": key, "candidates": each} for key, each in found.items()]})
        return
    for key, candidates in found.items():
        _print_candidates(key, candidates)
    if _is_asked(options, tuple(keys)) and any(not each.linked for each in found[keys[0]]):
        _choose(options, library, keys[0], found[keys[0]], given)
    elif any(found.values()):
        say("\nConfirm one with: vfm-atlas link KEY --add HUB_ID [--role ROLE]")


def _ask_for(library: Library, keys: list[str], *, refresh: bool) -> None:
    """Ask the hub about each paper; where it does not answer, what it said before is shown."""
    from ingest.errors import ServiceError
    from ingest.links import LinkRefused, ask_for_candidates
    from ingest.sources.huggingface import HubSource
    from ingest.transport.transport import open_transport

    now = datetime.now(UTC).replace(tzinfo=None)
    with open_transport(refresh_since=now if refresh else None) as transport:
        hub = HubSource(transport)
        for key in keys:
            try:
                with library.writing() as session:
                    ask_for_candidates(session, hub, key)
            except LinkRefused as error:
                if len(keys) == 1:
                    raise
                progress(str(error))
            except ServiceError as error:
                progress(f"{error}; shown is what it said before")


def _print_candidates(key: str, candidates: list["Candidate"]) -> None:
    if not candidates:
        say(f"{key}: no model on the hub names it.")
        return
    say(f"\n{key}: {len(candidates)} models name it")
    rows = [
        (
            each.rank, each.hub_id, known(each.library), known(each.task), known(each.licence),
            "gated" if each.gated else "", f"{each.downloads or 0:,}", each.why,
        )
        for each in candidates[:_CANDIDATES]
    ]  # fmt: skip
    table(rows, header=("", "model", "library", "task", "licence", "", "downloads", "why here"))
    if len(candidates) > _CANDIDATES:
        say(f"and {len(candidates) - _CANDIDATES} more (--json lists all)")


def _choose(
    options: Options, library: Library, key: str, candidates: list["Candidate"], given: dict[str, Any]
) -> None:
    number = click.prompt(
        "\nWhich one is it? Its number, or 0 for none", default=0, type=click.IntRange(0, len(candidates))
    )
    if not number:
        return
    roles = [*ROLES, "not known"]
    role = given["role"] or click.prompt(
        "What is it to the paper", type=click.Choice(roles), default="not known"
    )
    chosen = candidates[number - 1].hub_id
    _add(options, library, key, chosen, {**given, "role": None if role == "not known" else role})


def _add(options: Options, library: Library, key: str, hub_id: str, given: dict[str, Any]) -> None:
    from graph.snapshot import take_snapshot
    from ingest.links import Loading, confirm

    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    loading = Loading(given["library_name"], given["task"], given["loader_class"])
    told = _state_of(hub_id, loading, refresh=given["refresh"])
    with library.writing() as session:
        made = confirm(session, key, told, hub_id, now, role=given["role"], loading=loading)
        role, name = made.role, told.now_at if told and told.now_at else hub_id
        snapshot = take_snapshot(session).id
    if options.as_json:
        emit_json({"key": key, "hub_id": name, "role": role, "linked_at": now.date(), "snapshot": snapshot})
        return
    say(f"{key}: linked to {name}, role {known(role)}, confirmed by hand on {now.date()}")


def _state_of(hub_id: str, loading: "Loading", *, refresh: bool) -> "HubState | None":
    """What the hub says of a model; None where it cannot be asked and a person says how it is loaded."""
    from ingest.errors import ServiceError
    from ingest.sources.huggingface import HubSource
    from ingest.transport.transport import open_transport

    now = datetime.now(UTC).replace(tzinfo=None)
    try:
        with open_transport(refresh_since=now if refresh else None) as transport:
            return HubSource(transport).state_of(hub_id)
    except ServiceError as error:
        if not (loading.library and loading.loader_class):
            raise
        progress(f"{error}; linked without asking it")
        return None


def _remove(options: Options, library: Library, key: str, hub_id: str) -> None:
    from graph.snapshot import take_snapshot
    from ingest.links import remove

    with library.writing() as session:
        count = remove(session, key, hub_id)
        snapshot = take_snapshot(session).id
    if options.as_json:
        emit_json({"key": key, "hub_id": hub_id, "removed": count, "snapshot": snapshot})
        return
    say(f"{key}: no longer linked to {hub_id}")


@click.command(name="check-links")
@click.argument("keys", metavar="[KEY...]", nargs=-1)
@click.option("--again", is_flag=True, help="Also those that were checked within the last 12 hours.")
@global_options
def check_links(options: Options, keys: tuple[str, ...], again: bool) -> None:
    """Ask the hub what became of linked checkpoints.

    Kept are state, newest commit, licence, sizes and hashes of files, and new names; of one that is gone,
    repositories that hold the same weights. Without KEY, all are asked about, those asked longest ago first.
    A run that was cut off goes on where it was.
    """
    from app.terminal import TerminalProgress
    from ingest.checklinks import check_links as check

    with options.open() as library:
        with library.reading() as session:
            named = [find_paper(session, each).key for each in keys] or None
        report = check(library, named, again=again, listeners=[TerminalProgress()])
    if options.as_json:
        emit_json(report)
        return
    _print_check(report)


def _print_check(report: "CheckReport") -> None:
    fresh = f", {report.fresh} were asked about within 12 hours (--again asks)" if report.fresh else ""
    say(f"{report.asked} repositories asked about{fresh}")
    say("  " + ", ".join(f"{count} {state}" for state, count in report.states.items() if count))
    if report.changes:
        say("What changed:")
    shown = [
        (
            f"  {each.hub_id}",
            each.state if each.before == each.state else f"{each.before} -> {each.state}",
            each.note,
        )
        for each in report.changes
        if not (each.before == "unchecked" and each.state == "live" and not each.note)
    ]
    table(shown[:_SHOWN])
    if len(shown) > _SHOWN:
        say(f"  and {len(shown) - _SHOWN} more (--json lists all)")
    for hub_id, mirrors in report.proposed.items():
        say(f"{hub_id} is gone; the same weights: {', '.join(mirrors)} ('vfm-atlas link KEY --add' links)")
    for line in report.unanswered[:_SHOWN]:
        say(f"Not answered: {line}")


COMMANDS = (checkpoints, link, check_links)
