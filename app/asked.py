"""What a search asks for besides its text and the map's filters, as the address says it.

For example ?q=diffusion&sort=year&venue=CVPR&drop=family:clip, or ?like=sam&like=clip for papers like these.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from graph.filters import Filters
from graph.search import SORTS, Sort
from graph.search.query import FIELDS

_CONDITION = re.compile(rf'(?<!\S)(?P<field>{"|".join(FIELDS)}):(?P<value>"[^"]*"|[^\s"]+)', re.IGNORECASE)
MOST_LIKE = 12


@dataclass(frozen=True)
class Asked:
    """Text, filters and order, the readings that a person removed, and papers to find others like."""

    query: str = ""
    filters: Filters = field(default_factory=Filters)
    sort: Sort = "relevance"
    dropped: tuple[str, ...] = ()
    like: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.query or self.like)


@dataclass(frozen=True)
class Condition:
    """A condition that stands in a query, such as `cites:clip`; `text` is what to take out to remove it."""

    text: str
    field: str
    value: str


def read_asked(query: str, filters: Filters) -> Asked:
    """The search with this text and these filters that the address asks for; what cannot be, is left out."""
    asked = st.query_params
    sort = asked.get("sort")
    return Asked(
        query=query,
        filters=replace(filters, venue=asked.get("venue") or None),
        sort=next((each for each in SORTS if each == sort), "relevance"),
        dropped=tuple(asked.get_all("drop")),
        like=tuple(dict.fromkeys(filter(None, asked.get_all("like"))))[:MOST_LIKE],
    )


def write_asked(**values: str | Sequence[str] | None) -> None:
    """Make the address say these values; None and nothing take a parameter out of it."""
    for name, value in values.items():
        if not value and name in st.query_params:
            del st.query_params[name]
    set_values = {name: value for name, value in values.items() if value}
    if set_values:
        st.query_params.update(set_values)


def conditions(query: str) -> list[Condition]:
    """The conditions of a query, in the order in which they stand."""
    return [
        Condition(found[0], found["field"].lower(), found["value"].strip('"'))
        for found in _CONDITION.finditer(query)
    ]


def without(query: str, text: str) -> str:
    """The query with one condition taken out."""
    found = next((each for each in _CONDITION.finditer(query) if each[0] == text), None)
    return query if found is None else " ".join((query[: found.start()] + query[found.end() :]).split())
