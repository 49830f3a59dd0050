"""The first page: what is here, the search, and where to start."""

import streamlit as st

from app.parts import (
    brief_line,
    first_page,
    node_link,
    paged,
    pages,
    paper_link,
    paper_list,
    plain,
    shortened,
)
from app.state import best_mode, reading, searcher, snapshot_id, warmup
from graph.brief import PaperBrief, list_briefs
from graph.coverage import UNKNOWN
from graph.filters import Filters
from graph.schema import Paper, TaxonomyNode
from graph.search import Hit, Results
from graph.stats import Stats, read_stats
from graph.taxonomy import TaxonomyEntry, read_taxonomy

EXAMPLES = (
    "promptable segmentation",
    "diffusion model as a zero-shot classifier",
    "learn from masked images",
)
PER_PAGE = 10
_MOST = 100
_SHORT_LIST = 8
_SUMMARY_CHARACTERS = 260


def show() -> None:
    """Draw the page."""
    st.session_state["shown"] = ("home", "")
    facts = _facts(snapshot_id())
    # Another library than the catalogue's may be on any subject.
    st.title("Visual foundation models" if facts.taxonomy else "Papers", anchor=False)
    st.markdown(_sentence(facts))
    if not facts.counts["papers"]:
        st.page_link(pages()["ingest"], label="Bring papers in", icon=":material/download:")
        return
    query = st.text_input(
        "Search papers by topic, name, arXiv id or DOI",
        key="q",
        type="search",
        live=True,  # a duration in words would be parsed by pandas, whose import delays the first page
        on_change=first_page,
        bind="query-params",
        icon=":material/search:",
        placeholder="Try: " + EXAMPLES[0],
    )
    if query and query.strip():
        _search(query, facts)
    else:
        if facts.taxonomy:
            _examples()
        _start_here(snapshot_id())


def _sentence(facts: Stats) -> str:
    counts = facts.counts
    subject = (
        " around the survey “Towards the Unification of Generative and Discriminative Visual Foundation "
        "Model” (arXiv:2312.10163)"
    )
    return (
        f"**{counts['papers']:,}** papers, **{counts['citations']:,}** citations and "
        f"**{counts['checkpoints']:,}** checkpoints{subject if facts.taxonomy else ''}. "
        # Neither italic nor code: each would make the first page wait for one more font.
        f"Facts of {facts.facts_date or UNKNOWN}, snapshot {facts.snapshot or UNKNOWN}."
    )


def _examples() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="examples"):
        st.caption("For example", width="content")
        for example in EXAMPLES:
            st.button(example, type="tertiary", on_click=_ask, args=(example,))


def _ask(query: str) -> None:
    st.session_state["q"] = query


def _search(query: str, facts: Stats) -> None:
    filters = _filters(facts)
    mode = best_mode()
    results = searcher().search(query, mode=mode, limit=_MOST, filters=filters)
    _say_mode(results)
    if not results.hits:
        st.info("Nothing found. Try other words or fewer filters.", icon=":material/search_off:")
    paged(results.hits, PER_PAGE, _result, key="results")


def _filters(facts: Stats) -> Filters:
    branches, years, runnable = st.columns([6, 2, 2], vertical_alignment="center", gap="medium")
    with branches:
        # The options are what the URL carries, so they stay short and plain.
        pillar = None
        if facts.pillars:
            pillar = st.pills(
                "Branch", list(facts.pillars), key="pillar", bind="query-params",
                label_visibility="collapsed", wrap=True,
            )  # fmt: skip
    with years:
        first, last = span = (min(facts.years, default=0), max(facts.years, default=0))
        if first < last:
            first, last = st.slider("Years", *span, span, key="years", bind="query-params")
    with runnable:
        has_checkpoint = st.toggle("With a checkpoint", key="runnable", bind="query-params")
    # Papers whose year is not known stay in until the years are narrowed.
    return Filters(pillar, None, (None, None) if (first, last) == span else (first, last), has_checkpoint)


def _say_mode(results: Results) -> None:
    found = f"{results.total} papers found" if results.total != 1 else "1 paper found"
    listed = f"; the best {_MOST} are listed" if results.total > _MOST else ""
    if results.mode == "hybrid":
        st.caption(f"{found}, by words and by meaning{listed}")
    elif warmup().error:
        st.caption(f"{found}, by words{listed}")
        st.warning(plain(str(warmup().error)), icon=":material/warning:")
    else:
        st.caption(f"{found}, by words; ranking by meaning is being loaded ...")
        _wait_for_model()


@st.fragment(run_every=0.5)
def _wait_for_model() -> None:
    if warmup().is_ready or warmup().error:
        st.rerun()


def _result(hit: Hit) -> None:
    paper = hit.paper
    with st.container(gap=None):
        paper_link(paper.key, paper.title, as_title=True)
        st.markdown(brief_line(paper))
        if paper.summary:
            st.markdown(plain(shortened(paper.summary, _SUMMARY_CHARACTERS)))
        st.caption(_why(hit))


def _why(hit: Hit) -> str:
    reasons = []
    if hit.why.exact:
        reasons.append(f"its {hit.why.exact}")
    if hit.why.lexical:
        reasons.append("words: " + plain(", ".join(hit.why.lexical)))
    if hit.why.dense is not None:
        reasons.append(f"meaning: {hit.why.dense:.2f}")
    return "Found by " + "; ".join(reasons)


def _start_here(snapshot: str) -> None:
    headings = (
        ("Most cited here", "by the reference lists that were read"),
        ("Where both lines meet", "unified models, most cited first"),
        ("With a checkpoint", "most cited papers with linked weights"),
        ("Newest", "latest preprints first"),
    )
    lists = [(heading, papers) for heading, papers in zip(headings, _lists(snapshot), strict=True) if papers]
    for ((title, note), papers), column in zip(lists, st.columns(4), strict=False):
        with column:
            st.subheader(title, anchor=False)
            st.caption(note)
            paper_list(papers)
    branches = _branches(snapshot)
    if branches:
        st.subheader("The field in seven branches", anchor=False)
    for row in _rows_of(branches, 4):
        for column, branch in zip(st.columns(4), row, strict=False):
            with column, st.container(border=True, gap=None):
                node_link(branch.id, f"{branch.label} ({branch.papers})", pillar=branch.pillar, strong=True)
                st.caption(plain(branch.definition))


def _rows_of(branches: list[TaxonomyEntry], size: int) -> list[list[TaxonomyEntry]]:
    return [branches[at : at + size] for at in range(0, len(branches), size)]


@st.cache_data(max_entries=4)
def _facts(snapshot: str) -> Stats:
    with reading() as session:
        return read_stats(session)


@st.cache_data(max_entries=4)
def _lists(snapshot: str) -> tuple[list[PaperBrief], ...]:
    from sqlalchemy import exists

    from graph.schema import CheckpointLink

    with reading() as session:
        has_checkpoint = exists().where(CheckpointLink.paper_id == Paper.id)
        return (
            list_briefs(session, limit=_SHORT_LIST),
            list_briefs(session, TaxonomyNode.pillar == "unified", limit=_SHORT_LIST),
            list_briefs(session, has_checkpoint, limit=_SHORT_LIST),
            list_briefs(session, Paper.year.is_not(None), order="newest", limit=_SHORT_LIST),
        )


@st.cache_data(max_entries=4)
def _branches(snapshot: str) -> list[TaxonomyEntry]:
    with reading() as session:
        return [entry for entry in read_taxonomy(session) if entry.id == entry.pillar]
