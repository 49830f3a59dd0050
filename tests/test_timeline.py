"""Papers per year and pillar, and the pages Timeline and Unification."""

from collections import Counter

import pytest
from helpers import write_small_library
from pages import (
    HOSTILE,
    add_paper,
    assert_text_stays_text,
    commit,
    fresh_server,
    links,
    run_view,
    says,
    tables,
)
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app import charts
from app.components.map import Choice
from graph.analysis.unification import read_unification
from graph.library import Library
from graph.palette import PILLARS
from graph.schema import Assignment, Citation, Embedding, Paper, TaxonomyNode
from graph.timeline import read_timeline


@pytest.fixture
def path(tmp_path):
    return write_small_library(tmp_path / "shown.sqlite")


@pytest.fixture
def session(path):
    with Library.open(path) as library, Session(library.engine) as opened:
        yield opened


@pytest.fixture
def small_server(path, monkeypatch):
    with fresh_server(path, monkeypatch):
        yield


@pytest.fixture
def server(built_path, monkeypatch):
    with fresh_server(built_path, monkeypatch):
        yield


def test_counts_are_those_of_the_papers_one_by_one(library):
    with library.reading() as session:
        timeline = read_timeline(session)
        primary = (Assignment.paper_id == Paper.id) & Assignment.is_primary
        rows = session.execute(
            select(Paper.year, TaxonomyNode.pillar)
            .outerjoin(Assignment, primary)
            .outerjoin(TaxonomyNode, TaxonomyNode.id == Assignment.node_id)
        ).all()
    counted = Counter((year, pillar) for year, pillar in rows if year is not None)
    assert {(each.year, each.pillar): each.papers for each in timeline.counts} == counted
    assert timeline.undated == sum(year is None for year, _ in rows)
    years = [each.year for each in timeline.counts]
    assert years == sorted(years)
    assert timeline.years == (years[0], years[-1])


def test_pillars_come_in_the_order_of_the_taxonomy_and_papers_without_one_last(session):
    add_paper(session, "stray", title="Stray", year=2001)
    timeline = read_timeline(session)
    order = list(session.scalars(select(TaxonomyNode.pillar).order_by(TaxonomyNode.position)))
    named = [pillar for pillar in timeline.pillars if pillar is not None]
    assert named == sorted(named, key=order.index)
    assert timeline.pillars[-1] is None
    assert timeline.counts[0].year == 2001


def test_a_library_without_years_has_no_span(session):
    session.execute(update(Paper).values(year=None))
    timeline = read_timeline(session)
    assert (timeline.counts, timeline.pillars, timeline.years) == ((), (), None)
    assert timeline.undated == len(session.scalars(select(Paper.id)).all())


def test_the_page_lists_the_papers_of_the_chosen_years_and_branch(server, library):
    at = run_view("timeline", years=["2021", "2022"], pillar="generative")
    with library.reading() as session:
        counts = read_timeline(session).counts
    wanted = sum(each.papers for each in counts if each.pillar == "generative" and each.year in (2021, 2022))
    assert says(at, f"{wanted} papers, 2021 to 2022")
    assert "High-Resolution Image Synthesis with Latent Diffusion Models" in " ".join(links(at))


def test_the_table_below_the_chart_holds_every_number_of_it(server, library):
    at = run_view("timeline")
    with library.reading() as session:
        timeline = read_timeline(session)
    (row,) = [row for row in tables(at) if row.split(" | ")[1] == "2023"]
    counts = {each.pillar: each.papers for each in timeline.counts if each.year == 2023}
    assert row.split(" | ")[2:] == [
        *(str(counts.get(pillar, 0)) for pillar in timeline.pillars), str(sum(counts.values()))
    ]  # fmt: skip


def test_what_is_rising_and_what_was_noticed_late_is_told_with_what_it_rests_on(server):
    at = run_view("timeline")
    assert {"On the rise", "Noticed late"} <= {heading.value for heading in at.subheader}
    assert says(at, "reference lists of these years")
    assert any("expected" in link for link in links(at))


def test_titles_on_the_timeline_stay_text(small_server, session):
    add_paper(session, "new", title=HOSTILE, short_name=HOSTILE, year=2025)
    commit(session)
    assert_text_stays_text(run_view("timeline"))


def test_the_chart_fades_years_that_are_not_chosen_and_takes_a_brush():
    rows = [{"year": year, "pillar": "generative", "papers": 3, "position": 0} for year in (2020, 2021)]
    drawn = charts.stacked_years(rows, ["generative"], (2021, 2021)).to_dict()
    assert drawn["data"]["values"] == rows
    assert drawn["encoding"]["color"]["scale"]["range"] == [PILLARS["generative"].color]
    assert "datum.year >= 2021" in str(drawn["encoding"]["opacity"])
    assert drawn["params"][0]["select"] == {"type": "interval", "encodings": ["x"]}


def test_the_unification_page_says_what_was_measured_and_on_how_much_it_rests(server, own_path):
    at = run_view("unification")
    with Library.open(own_path) as library:
        found = read_unification(library)
    assert says(at, f"{found.coverage.covered} of {found.coverage.papers}")
    (row,) = [
        row for row in found.mixing if row.year == 2023 and row.pair == ("generative", "discriminative")
    ]
    assert says(at, f"**{row.ratio:.2f}** ({row.low:.2f} to {row.high:.2f})")
    assert says(at, "they keep apart")
    ratio = f"{row.ratio:.2f} ({row.low:.2f} to {row.high:.2f})"
    assert any(f"2023 | {row.observed} | {row.expected:.1f} | {ratio}" in line for line in tables(at))
    assert "CLIP (2021)" in " ".join(links(at))


def test_another_pair_of_pillars_is_part_of_the_address(server):
    first = tables(run_view("unification"))
    second = tables(run_view("unification", pair="generative and unified"))
    assert first != second


def test_without_citations_or_texts_the_unification_page_says_what_is_needed(small_server, session):
    session.execute(delete(Citation))
    session.execute(delete(Embedding))
    commit(session)
    at = run_view("unification")
    assert says(at, "Nothing can be measured yet")
    assert "Bring papers in" in links(at)


def test_few_citations_are_not_made_into_a_verdict(small_server):
    at = run_view("unification")
    assert not says(at, "they keep apart")
    assert not says(at, "they seek each other")


def test_the_lanes_of_the_three_lines_are_drawn_and_a_chosen_paper_leads_to_its_page(server):
    at = run_view("unification")
    assert "vfm_atlas_map" in {each.proto.component_name for each in at.get("bidi_component")}
    at.session_state["lanes-choice"] = Choice(paper="mae")
    at.run()
    assert not at.exception
    assert any("Masked Autoencoders Are Scalable Vision Learners" in link for link in links(at))
