"""Papers along the years: how each pillar grew, what is on the rise, and what was noticed late."""

from collections.abc import Sequence

import streamlit as st
from sqlalchemy import ColumnElement

from app import charts
from app.parts import brief_line, paged, pages, paper_link, plain, signed
from app.state import reading, snapshot_id
from graph.analysis.trends import Rising, SleepingBeauties
from graph.brief import PaperBrief, list_briefs
from graph.schema import Paper, TaxonomyNode
from graph.timeline import Timeline, read_timeline

_PER_PAGE = 20
_TRENDS = 8
_UNPLACED = "no place yet"


def show() -> None:
    """Draw the page."""
    st.session_state["shown"] = ("timeline", "")
    st.title("Timeline", anchor=False)
    timeline = _timeline(snapshot_id())
    if timeline.years is None:
        st.markdown("No paper of this library has a year yet.")
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
        return
    undated = f" Of {timeline.undated:,} more the year is not known." if timeline.undated else ""
    st.markdown(f"Papers of this library by the year of their preprint, coloured by branch.{undated}")
    pillars = [pillar or _UNPLACED for pillar in timeline.pillars]
    # The chart stands above the slider but shows what it says, which is known only once it is drawn.
    place = st.container()
    controls = st.columns([3, 2], gap="large", vertical_alignment="center")
    with controls[0]:
        years = _slider(timeline.years)
    with controls[1]:
        pillar = st.pills(
            "Branch", pillars, key="pillar", bind="query-params", label_visibility="collapsed", wrap=True
        )
    with place:
        st.markdown(" &emsp; ".join(signed(pillar, pillar).replace("] ", "]\u00a0") for pillar in pillars))
        _chart(timeline, pillars, years)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _papers(years, pillar)
    with right:
        _trends()
    _table(timeline, pillars)


def _slider(span: tuple[int, int]) -> tuple[int, int]:
    if span[0] == span[1]:
        return span
    first, last = st.slider(
        "Years", *span, span, key="years", bind="query-params", label_visibility="collapsed",
        on_change=_forget_brush,
    )  # fmt: skip
    return first, last


def _forget_brush() -> None:
    """A brush that was drawn before no longer says which years are chosen."""
    st.session_state["brush"] = st.session_state.get("brush", 0) + 1


def _chart(timeline: Timeline, pillars: Sequence[str], years: tuple[int, int]) -> None:
    rows = [
        {"year": count.year, "pillar": count.pillar or _UNPLACED, "papers": count.papers,
         "position": pillars.index(count.pillar or _UNPLACED)}
        for count in timeline.counts
    ]  # fmt: skip
    known = {row["year"] for row in rows}
    first, last = timeline.years or (0, 0)
    # A year without papers has its place on the axis, too.
    rows += [{"year": year, "papers": 0} for year in range(first, last) if year not in known]
    key = f"timeline-{st.session_state.get('brush', 0)}"

    def brushed() -> None:
        chosen = st.session_state[key]["selection"].get("years", {}).get("year")
        if chosen:
            st.session_state["years"] = (min(map(int, chosen)), max(map(int, chosen)))

    st.altair_chart(
        charts.stacked_years(rows, pillars, years), width="stretch", key=key, on_select=brushed,
        alt="Papers per year, stacked by branch; the table at the end of the page has the numbers",
    )  # fmt: skip


def _papers(years: tuple[int, int], pillar: str | None) -> None:
    papers = _listed(snapshot_id(), years, pillar)
    span = str(years[0]) if years[0] == years[1] else f"{years[0]} to {years[1]}"
    st.subheader(f"{len(papers):,} papers, {span}", anchor=False)
    st.caption("Most cited in this library first.")
    paged(papers, _PER_PAGE, _paper, key="results")


def _paper(paper: PaperBrief) -> None:
    with st.container(gap=None):
        paper_link(paper.key, paper.title, as_title=True)
        st.caption(brief_line(paper))


def _trends() -> None:
    rising, sleeping, names = _moving(snapshot_id())
    if rising.papers and rising.years:
        st.subheader("On the rise", anchor=False)
        st.caption(
            f"Cited more in {rising.years[0]} to {rising.years[1]} than their past lets expect, measured "
            f"against the growth of all citations ({rising.recent_lists} reference lists of these years)."
        )
        with st.container(gap=None):
            for each in rising.papers[:_TRENDS]:
                paper = names[each.key]
                paper_link(paper.key, f"{paper.short_name}: {each.recent}, expected {each.expected:.1f}",
                           pillar=paper.pillar)  # fmt: skip
    if sleeping.papers:
        st.subheader("Noticed late", anchor=False)
        st.caption("Citations came years after the paper (beauty coefficient, Ke et al. 2015).")
        with st.container(gap=None):
            for beauty in sleeping.papers[:_TRENDS]:
                paper = names[beauty.key]
                paper_link(paper.key, f"{paper.short_name} ({paper.year}), awoke {beauty.awoke}",
                           pillar=paper.pillar)  # fmt: skip


def _table(timeline: Timeline, pillars: Sequence[str]) -> None:
    counts = {(each.year, each.pillar or _UNPLACED): each.papers for each in timeline.counts}
    years = sorted({each.year for each in timeline.counts}, reverse=True)
    with st.expander("Papers per year and branch as a table"):
        st.table(
            [
                {"Year": str(year)}
                | {plain(pillar): str(counts.get((year, pillar), 0)) for pillar in pillars}
                | {"All": str(sum(counts.get((year, pillar), 0) for pillar in pillars))}
                for year in years
            ],
            border="horizontal", hide_index=True,
        )  # fmt: skip


@st.cache_data(max_entries=2)
def _timeline(snapshot: str) -> Timeline:
    with reading() as session:
        return read_timeline(session)


@st.cache_data(max_entries=16)
def _listed(snapshot: str, years: tuple[int, int], pillar: str | None) -> list[PaperBrief]:
    conditions: list[ColumnElement[bool]] = [Paper.year.between(*years)]
    if pillar == _UNPLACED:
        conditions.append(TaxonomyNode.pillar.is_(None))
    elif pillar is not None:
        conditions.append(TaxonomyNode.pillar == pillar)
    with reading() as session:
        return list_briefs(session, *conditions)


@st.cache_data(max_entries=2)
def _moving(snapshot: str) -> tuple[Rising, SleepingBeauties, dict[str, PaperBrief]]:
    from graph.analysis.citegraph import CitationGraph
    from graph.analysis.trends import rising, sleeping_beauties

    with reading() as session:
        graph = CitationGraph.read(session)
        up, late = rising(graph, limit=_TRENDS), sleeping_beauties(graph, limit=_TRENDS)
        keys = [each.key for each in up.papers] + [each.key for each in late.papers]
        papers = list_briefs(session, Paper.key.in_(keys)) if keys else []
    return up, late, {paper.key: paper for paper in papers}
