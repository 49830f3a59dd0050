"""Commands for what changed and why: snapshots, diff, merges, unmerge."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.console import Options, emit_json, global_options, known, say, table
from graph.diff import Difference, FieldChange, compare
from graph.snapshot import list_snapshots, read_content

if TYPE_CHECKING:
    from ingest.merges import Merge

_SHOWN = 40


@click.command()
@global_options
def snapshots(options: Options) -> None:
    """List the states that the library was in, newest first."""
    with options.open() as library, library.reading() as session:
        found = list_snapshots(session)
    if options.as_json:
        emit_json({"snapshots": found})
        return
    table(
        [
            (
                f"{each.id}{' *' if each.is_current else ''}", each.created_at[:16].replace("T", " "),
                each.counts.get("papers", "?"), each.counts.get("citations", "?"),
                "" if each.has_content else "its contents were not kept",
            )
            for each in found
        ],
        header=("snapshot", "taken (UTC)", "papers", "citations", ""),
    )  # fmt: skip


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B", default="current")
@global_options
def diff(options: Options, before: str, after: str) -> None:
    """Show what changed between two snapshots.

    A and B are ids as `snapshots` lists them (their beginning is enough), `current`, `previous`, or a day
    such as 2026-11-23 for the last state on it or before.
    """
    with options.open() as library, library.reading() as session:
        first, second = read_content(session, before), read_content(session, after)
    found = compare(first.content, second.content)
    if options.as_json:
        emit_json({"before": first.id, "after": second.id, **asdict(found)})
        return
    _print_difference(first.id, second.id, found)


@click.command()
@click.argument("key", metavar="[KEY]", required=False)
@global_options
def merges(options: Options, key: str | None) -> None:
    """List which records make up each paper, and why."""
    from ingest.merges import list_merges

    with options.open() as library, library.reading() as session:
        found = list_merges(session, key)
    if options.as_json:
        emit_json({"merges": found})
        return
    if not found:
        say("Nothing is merged: no paper is made of more than one record.")
    for merge in found:
        _print_merge(merge)


@click.command()
@click.argument("key", metavar="KEY")
@click.argument("records", metavar="RECORD...", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Let them join again what they share ids with.")
@global_options
def unmerge(options: Options, key: str, records: tuple[str, ...], undo: bool) -> None:
    """Take records out of a paper that are of another work.

    Together they become a paper of their own.

    RECORD is named as `merges` names it, such as semanticscholar:649def34f8be52c8b66281af98ae884c09aef38b.
    """
    from graph.snapshot import take_snapshot
    from graph.textindex import rebuild
    from ingest.embedding import embed_library
    from ingest.merges import remerge
    from ingest.merges import unmerge as take_apart

    with options.open() as library, library.writing() as session:
        into = (remerge if undo else take_apart)(session, key, records)
        embed_library(session, None)
        rebuild(session)
        snapshot = take_snapshot(session).id
    if options.as_json:
        emit_json({"paper": into, "records": list(records), "undone": undo, "snapshot": snapshot})
        return
    say(f"{'part of' if undo else 'now a paper of its own:'} {into} (snapshot {snapshot})")


def _print_difference(before: str, after: str, found: Difference) -> None:
    say(f"From {before} to {after}")
    if found.is_empty:
        say("  nothing changed")
        return
    _print_lines("New papers", [f"{key}  {title}" for key, title in found.new_papers.items()])
    _print_lines("Papers gone", [f"{key}  {title}" for key, title in found.gone_papers.items()])
    _print_lines("New citations", [f"{a} cites {b}" for a, b in found.new_citations])
    _print_lines("Citations gone", [f"{a} cites {b}" for a, b in found.gone_citations])
    _print_lines("New relations", [f"{a} {kind.replace('_', ' ')} {b}" for a, kind, b in found.new_relations])
    _print_lines(
        "Relations gone", [f"{a} {kind.replace('_', ' ')} {b}" for a, kind, b in found.gone_relations]
    )
    _print_fields(found)
    _print_lines(
        "Moved in the taxonomy",
        [f"{each.key}: {known(each.before)} -> {known(each.after)}" for each in found.moved_in_taxonomy],
    )
    _print_lines("New checkpoint links", [f"{key}  {hub_id}" for key, hub_id in found.new_links])
    _print_lines("Checkpoint links gone", [f"{key}  {hub_id}" for key, hub_id in found.gone_links])
    _print_lines("New checkpoints", list(found.new_checkpoints))
    _print_lines("Checkpoints gone from the library", list(found.gone_checkpoints))
    _print_lines("Checkpoints that their hub no longer has", list(found.dead_checkpoints))
    _print_lines(
        "Changed checkpoints",
        [
            f"{each.key}  {each.field.replace('_', ' ')}: {known(each.before)} -> {known(each.after)}"
            for each in found.changed_checkpoints
        ],
    )


def _print_fields(found: Difference) -> None:
    """Changed fields: how many of each first, as an ingest changes hundreds at once."""
    changes = found.changed_fields
    if not changes:
        return
    counts = Counter((each.field, _kind(each)) for each in changes)
    told = ", ".join(
        f"{field.replace('_', ' ')} {kind} {count}" for (field, kind), count in counts.most_common()
    )
    say(f"Changed fields: {len(changes)} ({told})")
    # What replaced something comes before what merely became known.
    ordered = sorted(changes, key=lambda each: _kind(each) == "new")
    for each in ordered[:_SHOWN]:
        say(f"  {each.key}  {each.field.replace('_', ' ')}: {_shown(each.before)} -> {_shown(each.after)}")
    if len(ordered) > _SHOWN:
        say(f"  and {len(ordered) - _SHOWN} more (--json lists all)")


def _kind(change: FieldChange) -> str:
    if change.before is None:
        return "new"
    return "gone" if change.after is None else "changed"


def _shown(value: object) -> str:
    """A value; of a long text, which snapshots keep as a hash, only that it is one."""
    text = known(value)
    return f"text {text[7:13]}" if text.startswith("sha256:") else text


def _print_lines(title: str, lines: list[str]) -> None:
    if not lines:
        return
    say(f"{title}: {len(lines)}")
    for line in lines[:_SHOWN]:
        say(f"  {line}")
    if len(lines) > _SHOWN:
        say(f"  and {len(lines) - _SHOWN} more (--json lists all)")


def _print_merge(merge: "Merge") -> None:
    say(f"{merge.key}: {merge.title}{' (in the catalogue)' if merge.in_catalogue else ''}")
    table(
        [
            (
                f"  {part.record}", "set apart" if part.separated else f"by {part.matched_by or 'itself'}",
                part.retrieved_at, part.title,
            )
            for part in merge.parts
        ]
    )  # fmt: skip


COMMANDS = (snapshots, diff, merges, unmerge)
