"""Counts by which results can be narrowed: each facet over what the other filters leave."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.filters import Filters, is_venue
from graph.schema import Citation
from graph.search.columns import Columns, Membership
from graph.search.results import Facet, FacetValue

NAMES = ("pillar", "taxonomy", "year", "venue", "checkpoint")
_BY_NUMBER = ("pillar", "taxonomy", "venue")


def count(
    columns: Columns,
    found: NDArray[np.int64],
    passing: Mapping[str, NDArray[np.bool_]],
    chosen: tuple[Filters, ...],
) -> tuple[Facet, ...]:
    """Every facet of the papers found.

    Args:
        columns: of the library.
        found: ids of what was found before any filter of a facet.
        passing: by facet, which of `found` pass its filter; a facet without a filter is left out. Other
            filters stand under names of their own.
        chosen: the filters, to mark the values that are chosen.
    """
    facets = []
    for name in NAMES:
        kept = np.ones(len(found), dtype=np.bool_)
        for other, passed in passing.items():
            if other != name:
                kept &= passed
        membership = columns.facets[name]
        counts = membership.counts(columns.mask(found[kept]))
        facets.append(Facet(name, _values(name, membership, counts, chosen)))
    return tuple(facets)


def relation(session: Session, paper_id: int, key: str, found: NDArray[np.int64]) -> Facet:
    """How the papers found stand to one paper; the values of citations are those of the query language."""
    cites = select(Citation.citing_id).where(Citation.cited_id == paper_id)
    cited = select(Citation.cited_id).where(Citation.citing_id == paper_id)
    groups = (
        (f"cites:{key}", f"cites {key}", cites),
        (f"citedby:{key}", f"cited by {key}", cited),
    )
    return Facet(
        "relation",
        tuple(
            FacetValue(value, label, int(np.isin(found, list(set(session.scalars(papers)))).sum()))
            for value, label, papers in groups
        ),
    )


def _values(
    name: str, membership: Membership, counts: list[int], chosen: tuple[Filters, ...]
) -> tuple[FacetValue, ...]:
    values = [
        FacetValue(value, label, number, any(_is_chosen(name, value, filters) for filters in chosen))
        for (value, label), number in zip(membership.names, counts, strict=True)
    ]
    shown = [each for each in values if each.count or each.chosen]
    if name in _BY_NUMBER:
        shown.sort(key=lambda each: -each.count)
    return tuple(shown)


def _is_chosen(name: str, value: str, filters: Filters) -> bool:
    if name == "year":
        first, last = filters.years
        is_limited = (first, last) != (None, None)
        return is_limited and (first or 0) <= int(value) <= (last or 9999)
    if name == "venue":
        return filters.venue is not None and is_venue(value, filters.venue)
    if name == "checkpoint":
        return filters.has_checkpoint
    return value == (filters.pillar if name == "pillar" else filters.taxonomy)
