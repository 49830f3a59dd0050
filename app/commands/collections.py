"""Commands for what the user keeps: notes and collections."""

import click

from app.console import Options, emit_json, global_options, known, say, table
from graph.shelf import add_note, add_to_collection, list_collections, papers_in, remove_from_collection


@click.command()
@click.argument("key")
@click.argument("text")
@global_options
def note(options: Options, key: str, text: str) -> None:
    """Write a note on a paper; it stays through every build.

    KEY is a paper's key, arXiv id, DOI, short name or title. Quote a TEXT of several words.
    'vfm-atlas show KEY' prints the notes.
    """
    with options.open() as library, library.writing() as session:
        paper = add_note(session, key, text)
        document = {"key": paper.key, "note": text.strip()}
    if options.as_json:
        emit_json(document)
        return
    say(f"Noted on {document['key']}.")


@click.group()
@global_options
def collection(_options: Options) -> None:
    """Keep reading lists; they stay through every build."""


@collection.command()
@click.argument("name")
@click.argument("keys", nargs=-1, required=True)
@global_options
def add(options: Options, name: str, keys: tuple[str, ...]) -> None:
    """Put papers into a collection, a new one or an old one.

    Each of KEYS is a paper's key, arXiv id, DOI, short name or title.
    """
    with options.open() as library, library.writing() as session:
        added = add_to_collection(session, name, list(keys))
    _report(options, name, "added", added)


@collection.command()
@click.argument("name")
@click.argument("keys", nargs=-1)
@global_options
def remove(options: Options, name: str, keys: tuple[str, ...]) -> None:
    """Take papers out of a collection, or remove all of it.

    Without KEYS the collection itself goes; its papers stay in the library.
    """
    with options.open() as library, library.writing() as session:
        removed = remove_from_collection(session, name, list(keys))
    _report(options, name, "removed", removed)


def _report(options: Options, name: str, action: str, papers: int) -> None:
    if options.as_json:
        emit_json({"collection": name, action: papers})
        return
    say(f"{papers} paper(s) {action}: collection {name!r}.")


@collection.command(name="list")
@global_options
def list_all(options: Options) -> None:
    """List the collections."""
    with options.open() as library, library.reading() as session:
        found = list_collections(session)
    if options.as_json:
        emit_json({"collections": found})
        return
    if not found:
        say("No collection yet: 'vfm-atlas collection add NAME KEY...' makes one.")
    table([(entry.name, f"{entry.papers} papers") for entry in found])


@collection.command()
@click.argument("name")
@global_options
def show(options: Options, name: str) -> None:
    """List the papers of a collection."""
    with options.open() as library, library.reading() as session:
        papers = [
            {"key": paper.key, "title": paper.title, "year": paper.year} for paper in papers_in(session, name)
        ]
    if options.as_json:
        emit_json({"collection": name, "papers": papers})
        return
    table([(paper["key"], known(paper["year"]), paper["title"]) for paper in papers])


COMMANDS = (note, collection)
