"""The results of a search beside the map, and what a press of their buttons does."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.answers import PER_PAGE, Answer, document
from app.asked import Asked, read_asked, without, write_asked
from app.chosen import read_choice, write_choice
from app.components.map import Choice
from app.components.results import draw_results
from app.parts import first_page, pages
from app.shelving import collect_dialog, finish_dialog
from app.state import snapshot_id, warmup
from graph.mapview import MapData

_LIST = "results-list"
_PENDING = "results-pending"
_POLL_SECONDS = 0.25

Told = dict[str, Any]


def show_results(data: MapData, asked: Asked, answer: Answer) -> None:
    """Draw an answer, a page at a time. To be called in a fragment, which a press runs again."""
    count = -(-answer.total // PER_PAGE)
    number = _page(count)
    shown = document(snapshot_id(), asked, answer, number, data)
    with st.container(key="results"):
        draw_results(shown, lambda told: _act(told, data, asked), key=_LIST)
        if count > 1:
            st.pagination(count, key="page", bind="query-params")
    if answer.is_waiting:
        _wait_for_model()


def finish_act() -> None:
    """Do what a press began and only a run can do: another page, a dialog, the whole page anew."""
    finish_dialog()
    pending = st.session_state.pop(_PENDING, None)
    if pending is None:
        return
    what, keys = pending
    if what == "open":
        st.switch_page(pages()["paper"], query_params={"key": keys[0]})
    elif what == "compare":
        st.switch_page(pages()["compare"], query_params={"papers": ",".join(keys)})
    elif what == "collect":
        collect_dialog(keys)
    else:
        st.rerun()


def _page(count: int) -> int:
    """The page to show; it must be known before the widget that chooses it is drawn."""
    said = st.session_state.get("page") or st.query_params.get("page", "1")
    number = int(said) if str(said).isdecimal() else 1
    if 1 <= number <= max(count, 1):
        return number
    first_page()
    return 1


@st.fragment(run_every=_POLL_SECONDS)
def _wait_for_model() -> None:
    if warmup().is_ready or warmup().error:
        st.rerun()


# What a press does, before the run that it begins


def _act(told: Told, data: MapData, asked: Asked) -> None:
    act = _ACTS.get(str(told.get("do")))
    if act is not None:
        act(told, data, read_asked(asked.query, asked.filters))


def _keys(told: Told) -> list[str]:
    return [str(key) for key in told.get("keys") or ()]


def _pend(told: Told, data: MapData, asked: Asked) -> None:
    if _keys(told):
        st.session_state[_PENDING] = (told["do"], _keys(told))


def _show(told: Told, data: MapData, asked: Asked) -> None:
    _choose(data, paper=_keys(told)[0])


def _like(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    write_asked(like=_keys(told))


def _unlike(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    write_asked(like=[key for key in asked.like if key != told.get("value")])


def _drop(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    write_asked(drop=list(dict.fromkeys([*asked.dropped, str(told.get("value"))])))


def _ask(told: Told, data: MapData, asked: Asked) -> None:
    """Another query; the box, which is outside of the fragment, is to show it."""
    _type(str(told.get("value")))


def _uncondition(told: Told, data: MapData, asked: Asked) -> None:
    _type(without(asked.query, str(told.get("value"))))


def _type(query: str) -> None:
    first_page()
    st.session_state["q"] = query
    st.session_state[_PENDING] = ("rerun", [])


def _sort(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    value = str(told.get("value"))
    write_asked(sort=None if value == "relevance" else value)


def _facet(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    name, value = str(told.get("name")), str(told.get("value") or "") or None
    if name == "venue":
        write_asked(venue=value)
    elif name == "checkpoint":
        _choose(data, runnable=value is not None)
    elif name == "year":
        _choose(data, years=(int(value), int(value)) if value and value.isdecimal() else None)
    elif name in ("pillar", "taxonomy"):
        _choose(data, topic=value)


def _less(told: Told, data: MapData, asked: Asked) -> None:
    first_page()
    everything: dict[str, Any] = {"topic": None, "years": None, "runnable": False}
    value = str(told.get("value"))
    if value in everything:
        _choose(data, **{value: everything[value]})
        return
    write_asked(venue=None)
    if value == "all":
        _choose(data, **everything)


def _clear(told: Told, data: MapData, asked: Asked) -> None:
    _less({"value": "all"}, data, asked)


def _choose(data: MapData, **changed: Any) -> None:
    choice = read_choice(data)
    now = {name: getattr(choice, name) for name in ("paper", "topic", "years", "runnable", "area")}
    write_choice(Choice(**now | changed))


_ACTS: dict[str, Callable[[Told, MapData, Asked], None]] = {
    "open": _pend, "compare": _pend, "collect": _pend, "show": _show, "like": _like, "unlike": _unlike,
    "drop": _drop, "ask": _ask, "uncondition": _uncondition, "sort": _sort, "facet": _facet, "less": _less,
    "clear": _clear,
}  # fmt: skip
