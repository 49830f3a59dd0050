"""Commands that look things up: show, neighbours, similar, taxonomy."""

from pathlib import Path

import click

from app.commands.links import print_checkpoints
from app.console import Options, emit_json, global_options, known, say, table
from graph.coverage import UNKNOWN
from graph.errors import QueryError
from graph.lookup import find_paper
from graph.network import PAPER_EDGES, Neighbour, neighbours
from graph.papers import PaperCard, read_card
from graph.search import Search
from graph.taxonomy import papers_under, read_taxonomy

_OF_SIMILAR = (
    "key", "title", "score", "text", "coupling", "shared_references", "cocitation", "cited_together",
    "reason",
)  # fmt: skip


@click.command()
@click.argument("key")
@global_options
def show(options: Options, key: str) -> None:
    """Show one paper: facts, summary, links, checkpoints.

    KEY is a paper's key, arXiv id, DOI, short name or title.
    """
    with options.open() as library, library.reading() as session:
        card = read_card(session, find_paper(session, key).key)
    if options.as_json:
        emit_json(card)
        return
    _print_facts(card)
    _print_links("Relations", card.relations, "")
    _print_links("Cites", card.cites, card.references_note)
    _print_links("Cited by", card.cited_by, card.cited_by_note)
    say(f"\nCheckpoints ({len(card.checkpoints)})")
    if not card.checkpoints:
        say("  none linked to this paper")
    print_checkpoints([(card.key, item) for item in card.checkpoints])
    for note in card.notes:
        say(f"\nYour note: {note}")


def _print_facts(card: PaperCard) -> None:
    say(card.title)
    say(", ".join(card.authors) if card.authors else f"Authors {UNKNOWN}")
    say()
    say(card.abstract or card.summary or "No summary or abstract yet.")
    say()
    table(
        [
            ("key", card.key),
            ("also called", known(", ".join([card.short_name, *card.aliases]))),
            ("year", known(card.year)),
            ("venue", known(card.venue)),
            ("arXiv", known(card.arxiv_id)),
            ("DOI", known(card.doi)),
            ("code", known(card.code_url)),
            ("taxonomy", known(" > ".join(label for _, label in card.taxonomy))),
            ("also in", ", ".join(label for _, label in card.also_in) or "-"),
            ("core paper", "yes" if card.core else "no"),
        ]
    )


def _print_links(title: str, links: list[Neighbour] | None, note: str) -> None:
    say(f"\n{title} ({'?' if links is None else len(links)})")
    if note:
        say(f"  {note}")
    table([(f"  {_words(link)}", link.key, known(link.year), link.title) for link in links or []])


def _words(link: Neighbour) -> str:
    words = PAPER_EDGES[link.relation]
    return f"-> {words}" if link.direction == "out" else f"<- {words} this"


@click.command(name="neighbours")
@click.argument("key")
@click.option("--relation", metavar="R", help=f"Only this kind of edge: {', '.join(PAPER_EDGES)}.")
@click.option(
    "--depth",
    metavar="N",
    default=1,
    type=click.IntRange(1, 5),
    help="How many edges away.",
    show_default=True,
)
@global_options
def neighbours_command(options: Options, key: str, relation: str | None, depth: int) -> None:
    """List the papers around a paper, nearest first.

    KEY is a paper's key, arXiv id, DOI, short name or title.
    """
    with options.open() as library, library.reading() as session:
        paper = find_paper(session, key)
        found = neighbours(session, paper.key, relation=relation, depth=depth)
        card = read_card(session, paper.key)
    if options.as_json:
        note = {"references_note": card.references_note, "cited_by_note": card.cited_by_note}
        emit_json({"key": card.key, "depth": depth, "relation": relation, **note, "neighbours": found})
        return
    say(f"{len(found)} links around {card.key} ({card.title})")
    say(card.references_note)
    table(
        [(link.depth, link.via, _words(link), link.key, known(link.year), link.title) for link in found],
        header=("depth", "from", "link", "paper", "year", "title"),
    )


@click.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option(
    "--limit", metavar="N", default=10, type=int, help="How many papers to print.", show_default=True
)
@global_options
def similar(options: Options, keys: tuple[str, ...], limit: int) -> None:
    """List the papers most like one or several, and why.

    Compared are texts, references in common, and papers that cite both. KEY is a paper's key, arXiv id, DOI,
    short name or title.
    """
    with options.open() as library:
        with library.reading() as session:
            papers = [find_paper(session, key).key for key in keys]
        found = Search(library).more_like(papers, limit)
    if options.as_json:
        emit_json(
            {
                "key": papers[0] if len(papers) == 1 else None,
                "keys": papers,
                "similar": [{name: getattr(each, name) for name in _OF_SIMILAR} for each in found],
            }
        )
        return
    if not found:
        say("Neither texts nor citations are known well enough to compare.")
    table([(f"{each.score:.2f}", each.key, known(each.year), each.title, each.reason) for each in found])


@click.command()
@click.argument("node", required=False)
@click.option(
    "--propose",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Write a taxonomy made from texts and citations to a CSV file, for you to edit.",
)
@click.option(
    "--apply",
    "applied",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Take an edited proposal as the library's taxonomy.",
)
@global_options
def taxonomy(options: Options, node: str | None, propose: Path | None, applied: Path | None) -> None:
    """Show the taxonomy, or one NODE with its papers.

    A library without one can have one proposed, edited as a file, and applied.
    """  # fmt: skip
    if sum(each is not None for each in (node, propose, applied)) > 1:
        raise click.UsageError("name one of NODE, --propose and --apply")
    if propose is not None:
        _propose(options, propose)
    elif applied is not None:
        _apply(options, applied)
    else:
        _show_taxonomy(options, node)


def _show_taxonomy(options: Options, node: str | None) -> None:
    with options.open() as library, library.reading() as session:
        tree = read_taxonomy(session, node)
        papers = papers_under(session, node) if node else []
        listed = [{"key": paper.key, "title": paper.title, "year": paper.year} for paper in papers]
    if options.as_json:
        emit_json({"nodes": tree, **({"papers": listed} if node else {})})
        return
    if not tree:
        say("This library has no taxonomy: 'vfm-atlas taxonomy --propose taxonomy.csv' proposes one.")
    table([("  " * entry.depth + entry.label, entry.papers, entry.id) for entry in tree])
    if node:
        say(f"\n{tree[0].definition}\n")
        table([(paper["key"], known(paper["year"]), paper["title"]) for paper in listed])


def _propose(options: Options, path: Path) -> None:
    from graph.analysis.propose import propose_taxonomy

    with options.open() as library, library.reading() as session:
        proposal = propose_taxonomy(session)
    if not proposal.nodes:
        raise QueryError("too few papers belong together to propose a taxonomy: ingest more first")
    proposal.write(path)
    if options.as_json:
        emit_json({"path": str(path), "nodes": len(proposal.nodes), "papers_left": list(proposal.left)})
        return
    say(f"{path}: {len(proposal.nodes)} nodes, {len(proposal.left)} papers belong to none of them")
    say(f"Edit it, then: vfm-atlas taxonomy --apply {path}")


def _apply(options: Options, path: Path) -> None:
    from graph.analysis.propose import apply_taxonomy
    from graph.snapshot import take_snapshot

    with options.open() as library, library.writing() as session:
        report = apply_taxonomy(session, path)
        snapshot = take_snapshot(session).id
    if options.as_json:
        emit_json({"nodes": report.nodes, "papers": report.papers, "snapshot": snapshot})
        return
    say(f"{report.nodes} nodes with {report.papers} papers (snapshot {snapshot})")


COMMANDS = (show, neighbours_command, similar, taxonomy)
