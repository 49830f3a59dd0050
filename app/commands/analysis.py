"""Commands that compute on the graph: rank, path and unification."""

import math
from dataclasses import asdict
from typing import Any

import click

from app.console import Options, emit_json, global_options, known, say, table
from app.filter_options import filter_options
from graph.brief import briefs_of
from graph.errors import UnknownName
from graph.filters import Filters, allowed_ids
from graph.lookup import find_paper
from graph.snapshot import current_snapshot_id


class _ByOption(click.Option):
    """`--by`, whose help names every ranking; these are imported only when the help is read."""

    @property
    def help(self) -> str:
        """What the option is for."""
        from graph.analysis.ranking import RANKINGS

        meanings = "; ".join(f"{name}: {ranking.meaning}" for name, ranking in RANKINGS.items())
        return f"How to rank. {meanings}."

    @help.setter  # noqa: A003
    def help(self, _text: str | None) -> None:
        """Click sets what the declaration gives, which is nothing."""


@click.command()
@click.option("--by", cls=_ByOption, metavar="NAME", default="pagerank", show_default=True)
@click.option(
    "--limit", metavar="N", default=20, type=click.IntRange(1), help="How many papers to print.",
    show_default=True,
)  # fmt: skip
@filter_options
@global_options
def rank(options: Options, by: str, limit: int, filters: Filters) -> None:
    """Rank the papers by their place in the citation graph.

    Ranks are computed over the whole library; filters choose which papers are listed.
    """
    from graph.analysis.ranking import best_first, read_ranks

    with options.open() as library:
        ranks = read_ranks(library, by)
        with library.reading() as session:
            allowed = allowed_ids(session, filters)
            order = [
                at for at in best_first(ranks.scores).tolist()
                if allowed is None or int(ranks.paper_ids[at]) in allowed
            ]  # fmt: skip
            papers = briefs_of(session, [int(ranks.paper_ids[at]) for at in order[:limit]])
            snapshot = current_snapshot_id(session)
    scores = [float(ranks.scores[at]) for at in order[:limit]]
    rows = [
        {
            "rank": place, "key": paper.key, "title": paper.title, "year": paper.year,
            "score": None if math.isnan(score) else score, "pillar": paper.pillar, "cited_by": paper.cited_by,
        }
        for place, (paper, score) in enumerate(zip(papers, scores, strict=True), start=1)
    ]  # fmt: skip
    if options.as_json:
        emit_json(
            {
                "by": by, "meaning": ranks.meaning, "note": ranks.note, "snapshot": snapshot,
                "total": len(order), "papers": rows,
            }
        )  # fmt: skip
        return
    say(f"{len(rows)} of {len(order)} papers by {by}: {ranks.meaning}.")
    say(ranks.note)
    table(
        [(row["rank"], _score(row["score"]), row["key"], known(row["year"]), row["title"]) for row in rows],
        header=("rank", "score", "paper", "year", "title"),
    )


def _score(score: Any) -> str:
    return known(None) if score is None else f"{score:.4g}"


@click.command()
@click.argument("start", metavar="KEY")
@click.argument("end", metavar="KEY")
@click.option(
    "--strongest", is_flag=True, help="Prefer typed relations to citations, even where the way is longer."
)
@global_options
def path(options: Options, start: str, end: str, strongest: bool) -> None:
    """Show the shortest way from one paper to another.

    It goes over citations and typed relations. Each step may run along its edge or against it. KEY is a
    paper's key, arXiv id, DOI, short name or title.
    """
    from graph.analysis.paths import find_path

    with options.open() as library, library.reading() as session:
        keys = [find_paper(session, name).key for name in (start, end)]
        found = find_path(session, keys[0], keys[1], strongest=strongest)
    if options.as_json:
        emit_json(
            {
                "from": keys[0], "to": keys[1], "strongest": strongest, "found": found is not None,
                "strength": found.strength if found else None, "keys": found.keys if found else [],
                "steps": found.steps if found else [],
            }
        )  # fmt: skip
        return
    if found is None:
        say(f"No way leads from {keys[0]} to {keys[1]} over the links that are known.")
        return
    if not found.steps:
        say(f"{keys[0]} and {keys[1]} are the same paper.")
        return
    steps = "1 step" if len(found.steps) == 1 else f"{len(found.steps)} steps"
    say(f"From {keys[0]} to {keys[1]} in {steps}, strength {found.strength:g}")
    table([(f"  {step.start}", "->" if step.forward else "<-", step.end, step.words) for step in found.steps])


@click.command()
@click.option(
    "--pair", nargs=2, metavar="PILLAR PILLAR", default=("generative", "discriminative"), show_default=True,
    help="Which two pillars the tables are about; --json has every pair.",
)  # fmt: skip
@global_options
def unification(options: Options, pair: tuple[str, str]) -> None:
    """Measure how far the pillars have merged, year by year.

    Citations between two pillars against chance (1: no regard to pillars; below: they keep apart), and how
    far apart their texts are in meaning (0: not at all), each with a 95% interval.
    """
    from graph.analysis.unification import FEWEST_CITATIONS, PILLARS, read_unification

    for pillar in pair:
        if pillar not in PILLARS:
            raise UnknownName("pillar", pillar, PILLARS, allowed=True)
    with options.open() as library:
        found = read_unification(library)
        with library.reading() as session:
            snapshot = current_snapshot_id(session)
    if options.as_json:
        emit_json({"snapshot": snapshot, **asdict(found)})
        return
    covered, papers = found.coverage.covered, found.coverage.papers
    say(f"{pair[0]} and {pair[1]}, from the reference lists of {covered} of {papers} papers of the pillars.")
    mixed = [row for row in found.mixing if set(row.pair) == set(pair)]
    apart = [row for row in found.distances if set(row.pair) == set(pair)]
    if mixed:
        say(f"\nCitations, observed / expected (* rests on fewer than {FEWEST_CITATIONS} citations):")
        table(
            [
                (row.year, row.observed, f"{row.expected:.1f}", _bounded(row.ratio, row.low, row.high)
                 + ("" if row.enough else " *"))
                for row in mixed
            ],
            header=("year", "observed", "expected", "ratio (95%)"),
        )  # fmt: skip
    if apart:
        say("\nDistance of their texts, papers of the year and the one before (* few papers):")
        table(
            [
                (row.year, " and ".join(map(str, row.papers)), _bounded(row.distance, row.low, row.high)
                 + ("" if row.enough else " *"))
                for row in apart
            ],
            header=("year", "papers", "distance (95%)"),
        )  # fmt: skip
    if not mixed and not apart:
        say("Nothing can be measured: no dated papers of both pillars have references or vectors here.")


def _bounded(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return known(None)
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


COMMANDS = (rank, path, unification)
