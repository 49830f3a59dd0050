"""What the library holds, how complete it is, and where it comes from."""

from collections.abc import Mapping

import streamlit as st

from app.parts import (
    field_words,
    named_in_url,
    origin_words,
    paged,
    pages,
    paper_label,
    paper_link,
    plain,
    shortened,
    when_words,
)
from app.state import open_library, reading, snapshot_id
from graph.completeness import Missing, papers_missing
from graph.coverage import UNKNOWN, share
from graph.errors import UnknownName
from graph.network import PAPER_EDGES
from graph.runs import PastRun, list_runs
from graph.stats import Stats, read_stats

_PER_PAGE = 20
_RUNS = 10
_MOST_NAMED = 200

_LISTS = {
    "complete": "read in full",
    "partial": "read in part",
    "not_found": "could not be found: what these papers cite is not known",
    "unread": "not read: what these papers cite is not known",
}


def show() -> None:
    """Draw the page; the URL may name a fact whose gaps are listed."""
    lacks = named_in_url("lacks")
    facts = _stats(snapshot_id())
    papers = facts.counts["papers"]
    st.title("The data and how complete it is", anchor=False)
    st.markdown(
        f"Snapshot {facts.snapshot or UNKNOWN}, facts of {facts.facts_date or UNKNOWN}, "
        f"{papers:,} papers of which {facts.counts['core_papers']:,} are core. "
        f"Every fact carries its source; a paper's page shows it."
    )
    with st.container(horizontal=True, gap="medium"):
        st.page_link(pages()["changes"], label="What changed", icon=":material/difference:")
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
    left, right = st.columns(2, gap="large")
    with left:
        _known(facts, papers)
        _table(
            "Reference lists",
            [
                {"Papers": f"{facts.reference_lists.get(status, 0):,}", "Reference list": words}
                for status, words in _LISTS.items()
            ],
        )
    with right:
        _table(
            "Links between papers",
            [{"Link": PAPER_EDGES[kind], "Count": f"{count:,}"} for kind, count in facts.edges.items()],
        )
        givers = _givers(facts.origins.get("citations", {}))
        st.caption(f"Citations are given by {givers}." if givers else "No citation is known.")
        _table(
            "Papers per branch",
            [{"Branch": name, "Papers": f"{count:,}"} for name, count in facts.pillars.items()],
        )
    _gaps(facts, papers, lacks)
    _past_runs(_runs())
    st.caption(f"Library file: {plain(str(open_library().path))}")


def _table(title: str, rows: list[dict[str, str]]) -> None:
    if rows:
        st.subheader(title, anchor=False)
        st.table(rows, border="horizontal", hide_index=True)


def _known(facts: Stats, papers: int) -> None:
    _table(
        "Known of the papers",
        [
            {
                "Fact": field_words(name),
                "Papers": f"{count:,}",
                "Share": share(count, papers),
                "Given by": _givers(facts.origins.get(name, {})),
            }
            for name, count in facts.coverage.items()
        ],
    )


def _givers(counts: Mapping[str, int]) -> str:
    """Who gives a fact, and for how many papers where there are several."""
    if len(counts) == 1:
        return plain(origin_words(next(iter(counts))))
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return plain(", ".join(f"{origin_words(origin)} {count:,}" for origin, count in most_first))


def _gaps(facts: Stats, papers: int, lacks: str) -> None:
    """A link for each fact that some paper lacks, and the papers that lack the chosen one."""
    gaps = {name: papers - count for name, count in facts.coverage.items() if count < papers}
    if not gaps:
        return
    st.subheader("What is missing", anchor=False)
    with st.container(horizontal=True, gap="medium", key="gaps"):
        for name, count in gaps.items():
            label = f"{field_words(name)} ({count:,})"
            st.page_link(
                pages()["coverage"],
                label=f"**{label}**" if name == lacks else label,
                query_params={"lacks": name},
            )
    if not lacks:
        st.caption("Choose a fact to see the papers that lack it.")
        return
    try:
        missing = _missing(snapshot_id(), lacks)
    except UnknownName as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    st.caption(f"{len(missing):,} papers without {field_words(lacks)}, newest first." if missing else "None.")
    paged(missing, _PER_PAGE, _lacking, key="lacking", close=True)


def _lacking(paper: Missing) -> None:
    paper_link(paper.key, paper_label(paper.short_name, paper.title, paper.year))


def _past_runs(past: list[PastRun]) -> None:
    _table(
        "Past runs",
        [
            {
                "When (UTC)": when_words(run.finished_at or run.started_at),
                "What": plain(f"{run.kind} {shortened(run.subject, 60)}"),
                "Result": plain(_result(run)),
                "Not answered": f"{len(run.unanswered):,}" if run.finished_at else "",
            }
            for run in past
        ],
    )
    for run in past:
        if run.unanswered:
            when = when_words(run.finished_at or run.started_at)
            with st.expander(plain(f"What nobody answered on {when} ({len(run.unanswered)})")):
                st.markdown("\n".join(f"- {plain(line)}" for line in run.unanswered[:_MOST_NAMED]))
                if len(run.unanswered) > _MOST_NAMED:
                    st.caption(f"and {len(run.unanswered) - _MOST_NAMED:,} more")


def _result(run: PastRun) -> str:
    if run.finished_at is None:
        return f"not finished, {len(run.stages)} stages done: started again, it goes on from there"
    return f"{run.stages.get('merge', '')}; snapshot {run.snapshot or UNKNOWN}".removeprefix("; ")


@st.cache_data(max_entries=4)
def _stats(snapshot: str) -> Stats:
    with reading() as session:
        return read_stats(session)


@st.cache_data(max_entries=16)
def _missing(snapshot: str, fact: str) -> list[Missing]:
    with reading() as session:
        return papers_missing(session, fact)


def _runs() -> list[PastRun]:
    # Not cached: a run that changed nothing leaves the snapshot as it was.
    with reading() as session:
        return list_runs(session, _RUNS)
