"""The survey's thesis as numbers: do generative and discriminative work cite each other, and write alike?"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import charts
from app.components.map import Choice, draw_map, link_map
from app.mapscenes import scene_of_years
from app.parts import brief_line, pages, paper_link, plain
from app.state import open_library, reading, snapshot_id
from graph.analysis.unification import FEWEST_CITATIONS, PILLARS, Distance, Mixing, Unification
from graph.brief import PaperBrief, briefs_of, list_briefs
from graph.schema import Paper

_PAIRS = {
    "generative and discriminative": ("generative", "discriminative"),
    "generative and unified": ("generative", "unified"),
    "discriminative and unified": ("discriminative", "unified"),
}
_BRIDGES = 12
_LANES = "lanes"
_NO_REGARD = 1.0


def show() -> None:
    """Draw the page."""
    st.session_state["shown"] = ("unification", "")
    st.title("Are generative and discriminative models merging?", anchor=False)
    found = _measured(snapshot_id())
    if not found.mixing and not found.distances:
        st.markdown(
            "Nothing can be measured yet: that takes dated papers of both lines whose reference lists or "
            "texts are known."
        )
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
        return
    st.markdown(
        f"Two answers, year by year, each with a 95% interval. They rest on the reference lists of "
        f"**{found.coverage.covered} of {found.coverage.papers}** papers of the three pillars: what the "
        "others cite is not known, and with an ingest these numbers change."
    )
    pair = _PAIRS[_chosen_pair()]
    mixed = [row for row in found.mixing if row.pair == pair and row.ratio is not None]
    apart = [row for row in found.distances if row.pair == pair]
    left, right = st.columns(2, gap="large")
    with left:
        _citations(mixed, pair)
    with right:
        _texts(apart, pair)
    _lanes()
    _bridges()
    _meaning()


def _chosen_pair() -> str:
    chosen = st.pills(
        "Which two", list(_PAIRS), key="pair", bind="query-params", default=next(iter(_PAIRS)),
        label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    return chosen or next(iter(_PAIRS))


def _citations(rows: Sequence[Mixing], pair: tuple[str, str]) -> None:
    st.subheader("Do they cite each other?", anchor=False)
    if not rows:
        st.caption("No citation between them is known.")
        return
    st.markdown(_verdict(rows))
    data = [
        {"year": row.year, "ratio": row.ratio, "low": row.low, "high": row.high, "enough": row.enough,
         "rests on": f"{row.observed} citations between them of {row.citations}, {row.papers} citing papers"}
        for row in rows
    ]  # fmt: skip
    st.altair_chart(
        charts.line_with_interval(
            data, value="ratio", title="observed / expected citations", chance=_NO_REGARD, pillar=pair[-1],
            most=max(2.0, *(row.ratio or 0 for row in rows)),
        ),
        width="stretch", alt="Observed through expected citations per year, listed in the table below",
    )  # fmt: skip
    st.caption(
        "Dashed: 1, no regard to pillars. Below they keep apart, above they seek each other. "
        f"Hollow: fewer than {FEWEST_CITATIONS} citations in that year."
    )
    with st.expander("The numbers"):
        st.table(
            [
                {"Year": str(row.year), "Observed": str(row.observed), "Expected": f"{row.expected:.1f}",
                 "Ratio (95%)": _bounded(row.ratio, row.low, row.high), "Citing papers": str(row.papers)}
                for row in rows
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip


def _verdict(rows: Sequence[Mixing]) -> str:
    """What the latest year with enough citations says."""
    sure = [row for row in rows if row.enough]
    if not sure:
        return "Too few citations are known in any year to tell."
    row = max(sure, key=lambda row: (row.citations, row.year))
    words = f"**{row.ratio:.2f}** ({row.low:.2f} to {row.high:.2f}) of what chance would bring"
    if row.high is not None and row.high < _NO_REGARD:
        tells = "they keep apart"
    elif row.low is not None and row.low > _NO_REGARD:
        tells = "they seek each other"
    else:
        tells = "chance alone could do that"
    return f"In {row.year}, the year with most citations known, {words}: {tells}."


def _texts(rows: Sequence[Distance], pair: tuple[str, str]) -> None:
    st.subheader("Do they write alike?", anchor=False)
    if not rows:
        st.caption("Too few texts of both are known.")
        return
    sure = [row for row in rows if row.enough] or rows
    first, last = sure[0], sure[-1]
    st.markdown(
        f"Distance of their texts **{last.distance:.2f}** ({last.low:.2f} to {last.high:.2f}) in "
        f"{last.year}; {first.distance:.2f} ({first.low:.2f} to {first.high:.2f}) in {first.year}."
    )
    data = [
        {"year": row.year, "distance": row.distance, "low": max(row.low, 0.0), "high": row.high,
         "enough": row.enough, "rests on": f"{row.papers[0]} and {row.papers[1]} papers"}
        for row in rows
    ]  # fmt: skip
    st.altair_chart(
        charts.line_with_interval(
            data, value="distance", title="distance in meaning", chance=0.0, pillar=pair[-1]
        ),
        width="stretch", alt="Distance in meaning per year, listed in the table below",
    )  # fmt: skip
    st.caption("0: both write alike. Papers of a year and the one before. Hollow: fewer than five papers.")
    with st.expander("The numbers", key="texts"):
        st.table(
            [
                {"Year": str(row.year), "Papers": f"{row.papers[0]} and {row.papers[1]}",
                 "Distance (95%)": _bounded(row.distance, row.low, row.high)}
                for row in rows
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip


def _bounded(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None or low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _lanes() -> None:
    """The three lines along the years; choosing a paper shows its citations and a link to its page."""
    st.subheader("Where the lines meet", anchor=False)
    st.caption(
        "Generative, unified and discriminative papers along the years. A chosen paper shows what it cites "
        "and what cites it, over the borders of its lane as well."
    )
    draw_map(scene_of_years(snapshot_id(), _LANES), key="lanes-drawing")
    _chosen_on_lanes()


@st.fragment
def _chosen_on_lanes() -> None:
    def choose(choice: Choice) -> None:
        st.session_state["lanes-choice"] = choice

    chosen = st.session_state.get("lanes-choice", Choice())
    link_map(_LANES, chosen, choose)
    if chosen.paper:
        with reading() as session:
            papers = list_briefs(session, Paper.key == chosen.paper)
        for paper in papers:
            paper_link(paper.key, paper.title, as_title=True)
            st.caption(brief_line(paper))


def _bridges() -> None:
    papers, scores, note = _top_bridges(snapshot_id())
    if not papers:
        return
    st.subheader("Who is a bridge?", anchor=False)
    st.markdown(
        "A reader who follows references from discriminative work to generative work, or the other way, "
        "passes through these papers. The score is the geometric mean of the two shares of such walks."
    )
    st.caption(plain(note))
    columns = st.columns(2, gap="large")
    half = -(-len(papers) // 2)
    for number, (paper, score) in enumerate(zip(papers, scores, strict=True)):
        with columns[number // half], st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(f"{score:.3f}", width="content")
            paper_link(paper.key, f"{paper.short_name} ({paper.year})", pillar=paper.pillar)


def _meaning() -> None:
    st.subheader("What the numbers mean", anchor=False)
    st.markdown(
        "- **Expected** citations are those that would come about if every paper kept its number of "
        "references, and every cited paper its number of citations in that year, but nobody looked at "
        "pillars.\n"
        "- **Intervals** come from drawing papers again, not citations: one paper's references are chosen "
        "together.\n"
        "- **Distance** is the maximum mean discrepancy between the vectors of both sides' texts.\n"
        "- Datasets and foundations are common ground and left out. Only papers whose reference list was "
        "read count as citing.\n"
        f"- A unified model counts under *{PILLARS[-1]}*, so merging shows in the other two pairs as well."
    )


@st.cache_data(max_entries=2)
def _measured(snapshot: str) -> Unification:
    from graph.analysis.unification import read_unification

    return read_unification(open_library())


@st.cache_data(max_entries=2)
def _top_bridges(snapshot: str) -> tuple[list[PaperBrief], list[float], str]:
    from graph.analysis.ranking import best_first, read_ranks

    ranks: Any = read_ranks(open_library(), "bridge")
    order = [at for at in best_first(ranks.scores).tolist() if ranks.scores[at] > 0][:_BRIDGES]
    with reading() as session:
        papers = briefs_of(session, [int(ranks.paper_ids[at]) for at in order])
    return papers, [float(ranks.scores[at]) for at in order], ranks.note
