"""The first page: the map of the field, the search, and where to start."""

from collections.abc import Callable, Iterable

import numpy as np
import streamlit as st

from app.answers import find
from app.asked import read_asked, write_asked
from app.chosen import filters_of, read_choice, write_choice
from app.components.map import Choice, draw_map, link_map
from app.components.mapdata import map_name
from app.mapscenes import map_data, scene_of_map, scene_of_years
from app.parts import first_page, pages, signed
from app.shelving import collect_button
from app.state import open_library, reading, snapshot_id
from app.views.card import show_card
from app.views.results import finish_act, show_results
from graph.coverage import UNKNOWN
from graph.mapview import MapData
from graph.snapshot import current_snapshot

EXAMPLES = (
    "promptable segmentation",
    "diffusion model as a zero-shot classifier",
    "learn from masked images",
)
MAP = "map"
VIEWS = ("Map", "Years")
_SHORT_LIST = 4
_LONG_LIST = 40


def show() -> None:
    """Draw the page."""
    st.session_state["shown"] = ("home", "")
    snapshot = snapshot_id()
    has_taxonomy, papers, sentence = _opening(snapshot)
    with st.container(key="opening", gap="xsmall"):
        # Another library than the catalogue's may be on any subject.
        st.title("Visual foundation models" if has_taxonomy else "Papers", anchor=False)
        st.markdown(sentence)
    if not papers:
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
        return
    query, view = _controls(has_examples=has_taxonomy)
    with st.container(key="explore"):
        left, right = st.columns([8, 5], gap="medium")
    with left:
        scene = scene_of_map if view == VIEWS[0] else scene_of_years
        draw_map(scene(snapshot, MAP), key="map-drawing")
    with right:
        _panel(snapshot, query)


def _controls(*, has_examples: bool) -> tuple[str, str]:
    """The search with its examples, and the choice of a view; returns what is asked, and the view."""
    # One row where there is room for it; a phone breaks it.
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="controls"):
        query = st.text_input(
            "Search papers by topic, name, arXiv id or DOI",
            key="q",
            type="search",
            live=True,  # a duration in words would be parsed by pandas, whose import delays the first page
            on_change=_asked,
            bind="query-params",
            icon=":material/search:",
            placeholder="Search papers by topic, name, arXiv id or DOI",
            label_visibility="collapsed",
        )
        if has_examples:
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", width="content", key="examples"
            ):
                st.caption("Try", width="content")
                for example in EXAMPLES:
                    st.button(example, type="tertiary", on_click=_ask, args=(example,))
        view = st.segmented_control(
            "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", label_visibility="collapsed",
            required=True, width="content",
        )  # fmt: skip
    return (query or "").strip(), view or VIEWS[0]


def _ask(query: str) -> None:
    st.session_state["q"] = query
    write_asked(drop=None)
    _asked()


def _asked() -> None:
    """A new question lets the paper go that hides the answers, and what others were to be like."""
    first_page()
    write_asked(paper=None, like=None)
    if not st.session_state["q"]:
        write_asked(drop=None, sort=None, venue=None)


@st.fragment
def _panel(snapshot: str, query: str) -> None:
    """The right column, which changes alone when something is chosen on the map."""
    finish_act()
    data = map_data(snapshot)
    choice = read_choice(data)
    asked = read_asked(query, filters_of(choice, data))
    answer = find(snapshot, asked) if asked else None
    note = (
        f"{data.unplaced:,} papers have no place yet, the next ingest gives them one" if data.unplaced else ""
    )
    link_map(MAP, choice, write_choice, hits=answer.keys if answer else None, note=note)
    if choice.paper:
        back = "Back to the results" if asked else "Back to where to start"
        show_card(snapshot, choice.paper, back=back, choose=_choose(choice))
    elif choice.area:
        _papers_inside(data, choice)
    elif answer:
        show_results(data, asked, answer)
    else:
        _start_here(snapshot, data, choice)


def _choose(choice: Choice) -> Callable[[str | None], None]:
    def choose(key: str | None) -> None:
        write_choice(Choice(key, choice.topic, choice.years, choice.runnable, choice.area))

    return choose


def _papers_inside(data: MapData, choice: Choice) -> None:
    st.subheader(f"{len(choice.area)} papers inside the lasso", anchor=False)
    collect_button(choice.area, key="area", label="Add them to a collection")
    numbers = [data.number_of[key] for key in choice.area]
    _list(data, numbers[:_LONG_LIST], choice, "inside")
    if len(numbers) > _LONG_LIST:
        st.caption(f"and {len(numbers) - _LONG_LIST} more")


def _start_here(snapshot: str, data: MapData, choice: Choice) -> None:
    kept = data.passing(choice.topic, choice.years, runnable=choice.runnable)
    numbers = np.flatnonzero(kept)
    newest = numbers[np.lexsort((numbers, -data.month[numbers], -data.year[numbers]))]
    bridges = [number for number in _bridges(snapshot) if kept[number]]
    lists: tuple[tuple[str, str, Iterable[int]], ...] = (
        ("Most influential", "cited by most papers here", numbers[data.cited[numbers] > 0]),
        ("Bridges", "between generative and discriminative work", bridges),
        ("Newest", "latest first", newest[data.year[newest] > 0]),
        ("Ready to run", "with a checkpoint, most cited first", numbers[data.runnable[numbers]]),
    )
    if not len(numbers):
        st.info("No paper passes these filters.", icon=":material/filter_alt_off:")
    for title, note, found in lists:
        chosen = [int(number) for number in found][:_SHORT_LIST]
        if chosen:
            st.subheader(f"{title} :small[{note}]", anchor=False)
            _list(data, chosen, choice, title)


def _list(data: MapData, numbers: list[int], choice: Choice, name: str) -> None:
    """Papers that a click chooses on the map."""
    with st.container(gap=None, key=f"choose-{name.lower().replace(' ', '-')}"):
        for number in numbers:
            year = int(data.year[number]) or None
            label = f"{map_name(data.names[number], data.titles[number], year)} ({year or f'year {UNKNOWN}'})"
            st.button(
                signed(data.pillar_name(number), label), type="tertiary", on_click=_choose(choice),
                args=(data.keys[number],), key=f"{name}-{data.keys[number]}", width="stretch",
            )  # fmt: skip


@st.cache_resource(max_entries=2)
def _bridges(snapshot: str) -> list[int]:
    """Numbers of the papers with a bridge score, highest first."""
    from graph.analysis.ranking import read_ranks

    data = map_data(snapshot)
    ranks = read_ranks(open_library(), "bridge")
    number_of = {int(paper_id): number for number, paper_id in enumerate(data.ids)}
    scored = [
        (float(score), number_of[int(paper_id)])
        for paper_id, score in zip(ranks.paper_ids, ranks.scores, strict=True)
        if score > 0 and int(paper_id) in number_of
    ]
    return [number for _, number in sorted(scored, key=lambda each: (-each[0], each[1]))]


@st.cache_data(max_entries=4)
def _opening(snapshot: str) -> tuple[bool, int, str]:
    """Whether there is a taxonomy, how many papers there are, and the sentence that says what is here."""
    with reading() as session:
        current = current_snapshot(session)
        counts, day = (current.counts, str(current.facts_date)) if current else ({}, UNKNOWN)
    has_taxonomy = counts.get("taxonomy_nodes", 0) > 0
    subject = (
        " around the survey “Towards the Unification of Generative and Discriminative Visual Foundation "
        "Model” (arXiv:2312.10163)"
    )
    sentence = (
        f"**{counts.get('papers', 0):,}** papers, **{counts.get('citations', 0):,}** citations and "
        f"**{counts.get('checkpoints', 0):,}** checkpoints{subject if has_taxonomy else ''}. "
        # Neither italic nor code: each would make the first page wait for one more font.
        f"Facts of {day}, snapshot {snapshot or UNKNOWN}."
    )
    return has_taxonomy, counts.get("papers", 0), sentence
