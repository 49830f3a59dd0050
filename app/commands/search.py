"""The command that finds papers: search."""

from dataclasses import asdict
from typing import Any

import click

from app.console import Options, emit_json, global_options, known, say, say_marked, table
from app.filter_options import filter_options
from graph.filters import Filters
from graph.search import MODES, SORTS, Hit, Mode, Results, Search, Sort

_MOST_VALUES = 12


@click.command()
@click.argument("query")
@click.option(
    "--mode", metavar="MODE", default="hybrid", help=f"How to rank: {', '.join(MODES)}.", show_default=True
)
@click.option(
    "--sort",
    metavar="SORT",
    default="relevance",
    help=f"In which order: {', '.join(SORTS)}.",
    show_default=True,
)
@click.option(
    "--limit", metavar="N", default=10, type=int, help="How many results to print.", show_default=True
)
@click.option("--offset", metavar="N", type=int, help="How many results to leave out first.")
@click.option("--page", metavar="N", type=click.IntRange(1), help="Which page of --limit results.")
@click.option("--cites", metavar="KEY", help="Only papers that cite this paper.")
@click.option("--cited-by", metavar="KEY", help="Only papers that this paper cites.")
@click.option("--facets", is_flag=True, help="Count by what the results can be narrowed.")
@click.option("--literal", is_flag=True, help="Take QUERY as plain words: read nothing into it.")
@filter_options
@global_options
def search(
    options: Options,
    *,
    query: str,
    mode: Mode,
    sort: Sort,
    limit: int,
    offset: int | None,
    page: int | None,
    cites: str | None,
    cited_by: str | None,
    facets: bool,
    literal: bool,
    filters: Filters,
) -> None:
    """Find papers by topic, name, arXiv id or DOI.

    Quote a QUERY of several words. Mode lexical compares words, dense compares meaning, hybrid both.

    \b
    QUERY may hold conditions:
      "a phrase"           must occur             -word, -"a phrase"  must not
      author:Kirillov      author:"Alec Radford"  venue:CVPR
      year:2021            year:2020..2023        year:>2020
      in:generative        pillar:generative      has:checkpoint, abstract or code
      cites:clip           citedby:dinov2
    """  # noqa: D301  (click takes the character for: do not wrap)
    if offset is not None and page is not None:
        raise click.UsageError("--offset and --page say the same: give one of them")
    with options.open() as library:
        results = Search(library).search(
            query,
            mode=mode,
            sort=sort,
            limit=limit,
            offset=offset if offset is not None else ((page or 1) - 1) * max(limit, 0),
            filters=filters,
            literal=literal,
            cites=cites,
            cited_by=cited_by,
            with_facets=facets,
        )
    if options.as_json:
        emit_json(_document(results, facets))
        return
    _print(results)


def _document(results: Results, with_facets: bool) -> dict[str, Any]:
    document = asdict(results)
    hits = document.pop("hits")
    for hit in hits:
        del hit["paper"]  # the contract's fields only
    if not with_facets:
        del document["facets"]
    return {**document, "results": hits}


def _print(results: Results) -> None:
    if not results.hits:
        if results.total:
            say(f"There are {results.total} results, none after the first {results.offset}.")
        else:
            say("Nothing found. Try other words, another --mode, or fewer filters.")
    else:
        first, last = results.offset + 1, results.offset + len(results.hits)
        shown = f"{first} to {last}" if results.offset else str(last)
        by = "" if results.sort == "relevance" else f", by {results.sort}"
        say(f"{shown} of {results.total} papers for {results.query!r} ({results.mode}{by})")
    for chip in results.chips:
        say(f"{chip.text!r} is read as {chip.label} ({chip.kind})")
    if results.chips:
        say("With --literal the words stay as they are.")
    for hit in results.hits:
        _print_hit(hit)
    for facet in results.facets:
        say(f"\n{facet.name}")
        largest = sorted(facet.values, key=lambda each: -each.count)[:_MOST_VALUES]
        values = [each for each in facet.values if each in largest or each.chosen]
        table([(f"  {each.count}", each.value, each.label) for each in values])
        if len(facet.values) > len(values):
            say(f"  and {len(facet.values) - len(values)} more")


def _print_hit(hit: Hit) -> None:
    say()
    say_marked(f"{hit.rank:>3}  ", hit.title, hit.why.title)
    say(f"     {hit.key} · {known(hit.year)} · {known(hit.taxonomy)} · {_count_checkpoints(hit)}")
    if hit.why.sentence:
        say_marked("     ", hit.why.sentence.text, hit.why.sentence.spans)
    say(f"     {_why(hit)}")


def _count_checkpoints(hit: Hit) -> str:
    return "no checkpoint linked" if not hit.checkpoints else f"{hit.checkpoints} checkpoint(s)"


def _why(hit: Hit) -> str:
    reasons = []
    if hit.why.exact:
        reasons.append(f"its {hit.why.exact}")
    if hit.why.lexical:
        reasons.append("words: " + ", ".join(hit.why.lexical))
    if hit.why.dense is not None:
        reasons.append(f"meaning: cosine {hit.why.dense:.2f}")
    for part in ("family", "node", "condition"):
        if hit.why.parts.get(part, 0.0) > 0 and not reasons:
            reasons.append(f"its {part}")
    return "; ".join(reasons) or "meets the conditions"


COMMANDS = (search,)
