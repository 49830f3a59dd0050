"""The filters as command-line options, the same for every command that takes them."""

import functools
from collections.abc import Callable
from typing import Any

import click

from graph.filters import Filters, parse_years

_OPTIONS = (
    click.option("--pillar", metavar="P", help="Only papers of this branch, such as generative."),
    click.option(
        "--taxonomy",
        metavar="NODE",
        help="Only papers at or below this node; 'vfm-atlas taxonomy' lists all.",
    ),
    click.option("--year", metavar="A:B", help="Only papers of these years: A:B, A:, :B or one year."),
    click.option("--has-checkpoint", is_flag=True, help="Only papers with a linked checkpoint."),
    click.option("--collection", metavar="NAME", help="Only papers of this reading list."),
    click.option("--core", is_flag=True, help="Only the core papers."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the filter options; it receives them as one argument `filters`."""

    @functools.wraps(command)
    def with_filters(
        *arguments: Any,
        pillar: str | None,
        taxonomy: str | None,
        year: str | None,
        has_checkpoint: bool,
        core: bool,
        collection: str | None,
        **others: Any,
    ) -> Any:
        years = parse_years(year) if year else (None, None)
        filters = Filters(pillar, taxonomy, years, has_checkpoint, core, collection=collection)
        return command(*arguments, filters=filters, **others)

    for option in reversed(_OPTIONS):
        with_filters = option(with_filters)
    return with_filters
