"""What is chosen on the first page's map, as its address says it.

For example ?paper=sam&topic=unified&years=2020&years=2023&runnable=true.
"""

import streamlit as st

from app.components.map import Choice
from graph.filters import Filters
from graph.mapview import MapData

_AREA = "area"
_TRUE = "true"


def read_choice(data: MapData) -> Choice:
    """The choice that the address and, for the lasso, this session hold; what cannot be, is left out."""
    asked = st.query_params
    topic = asked.get("topic")
    known = {node.id for node in data.nodes if node.parent >= 0}
    area = st.session_state.get(_AREA, ())
    return Choice(
        paper=asked.get("paper") or None,
        topic=topic if topic in known else None,
        years=_years(asked.get_all("years")),
        runnable=asked.get("runnable") == _TRUE,
        area=tuple(key for key in area if key in data.number_of),
    )


def write_choice(choice: Choice) -> None:
    """Make the address say a choice. What did not change is not touched: each change is a step of Back."""
    years = [str(year) for year in choice.years] if choice.years else []
    wanted: dict[str, list[str]] = {
        "paper": [choice.paper] if choice.paper else [],
        "topic": [choice.topic] if choice.topic else [],
        "years": years,
        "runnable": [_TRUE] if choice.runnable else [],
    }
    now = {name: st.query_params.get_all(name) for name in wanted}
    for name, values in wanted.items():
        if not values and now[name]:
            del st.query_params[name]
    changed = {name: values for name, values in wanted.items() if values and values != now[name]}
    if changed:
        st.query_params.update(changed)
    st.session_state[_AREA] = choice.area


def filters_of(choice: Choice, data: MapData) -> Filters:
    """The same choice for the search."""
    is_pillar = choice.topic in data.pillars
    return Filters(
        pillar=choice.topic if is_pillar else None,
        taxonomy=None if is_pillar else choice.topic,
        years=choice.years or (None, None),
        has_checkpoint=choice.runnable,
    )


def _years(values: list[str]) -> tuple[int, int] | None:
    if len(values) != 2 or not all(value.isdecimal() and len(value) == 4 for value in values):
        return None
    first, last = sorted(map(int, values))
    return first, last
