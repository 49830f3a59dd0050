"""Bringing papers in through the explorer: what is asked, the run, its end, and what the pages show then."""

import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from helpers import CatalogueFolder, HashEncoder, rebuild, write_small_library
from pages import (
    HOSTILE,
    add_run,
    assert_text_stays_text,
    commit,
    fresh_server,
    links,
    run_view,
    says,
    tables,
    unescaped,
)
from services.universe import Universe
from services.world import World
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.runs import Runs, Wish, plan, read_ids
from app.views import ingest
from graph.library import Library
from graph.runs import list_runs
from graph.schema import (
    Paper,
)
from graph.settings import default_cache
from ingest.errors import UnreadableId
from ingest.pipeline import STAGES, progress_path
from ingest.progress import StateFile, Tracker

SURVEY = "arXiv:2312.10163"
NOW = datetime(2026, 2, 3, 4, 5, 6)


@pytest.fixture
def path(tmp_path):
    """The file of a small library that the pages show."""
    return write_small_library(tmp_path / "shown.sqlite")


@pytest.fixture(autouse=True)
def _fresh_server(path, monkeypatch):
    with fresh_server(path, monkeypatch):
        yield


@pytest.fixture
def session(path):
    """A session whose changes are kept when the test asks for `commit`."""
    with Library.open(path) as library, Session(library.engine) as opened:
        yield opened


# What a person asks for


def planned(path, wish):
    with Library.open(path) as library:
        return plan(wish, library)


def test_ids_are_read_as_people_paste_them():
    text = f"{SURVEY}\n10.1109/CVPR.2016.90, arXiv:2103.00020;\n\n  CorpusId: 123  \n{SURVEY}"
    assert list(map(str, read_ids(text))) == [
        SURVEY, "doi:10.1109/cvpr.2016.90", "arXiv:2103.00020", "CorpusId:123",
    ]  # fmt: skip


def test_an_id_that_is_none_is_named_alone():
    with pytest.raises(UnreadableId, match="'nonsense'"):
        read_ids(f"{SURVEY} nonsense")


def test_a_plan_tells_what_is_asked_and_asks_nobody(path):
    with Library.open(path) as library:
        survey = plan(Wish("survey", SURVEY), library)
        papers = plan(Wish("papers", "arXiv:2103.00020 arXiv:2112.10752", hub_links=False), library)
        current = plan(Wish("update"), library)
        unchecked = plan(Wish("update", checkpoints=False), library)
    assert survey.budget.subject == f"survey {SURVEY}"
    assert {line.service for line in survey.budget.lines} == {"Semantic Scholar", "arXiv", "Hugging Face"}
    assert papers.job.subject == "arXiv:2103.00020 arXiv:2112.10752"
    assert {line.service for line in papers.budget.lines} == {"Semantic Scholar", "arXiv"}
    assert (survey.refresh, papers.refresh, current.refresh) == (False, False, True)
    assert current.budget.requests == unchecked.budget.requests + 2  # the small library links two checkpoints


# The page Ingest


def start_buttons(at):
    return [button for button in at.button if button.label == "Start"]


def test_before_anything_is_asked_the_page_says_how_much(path):
    budget = planned(path, Wish("survey", SURVEY)).budget
    at = run_view("ingest", id=SURVEY)
    assert says(at, f"Survey {SURVEY}**: at most {budget.requests} requests, about 3 min")
    assert says(at, "What was answered before is not asked again.")
    told = {tuple(row.split(" | ")[1:3]) for row in tables(at)}
    assert told == {(line.service, str(line.requests)) for line in budget.lines}
    assert says(at, f"Assumed: {budget.assumptions[0]}")
    (start,) = start_buttons(at)
    assert not start.disabled


def test_options_change_the_requests():
    at = run_view("ingest", id=SURVEY)
    at.checkbox(key="thorough").check()
    at.checkbox(key="hub").uncheck().run()
    services = {row.split(" | ")[1] for row in tables(at)}
    assert services == {"Semantic Scholar", "arXiv", "OpenAlex", "Crossref"}


def test_papers_and_updates_are_planned_too():
    at = run_view("ingest", what="Papers")
    assert not start_buttons(at)
    at.text_area[0].set_value("arXiv:2103.00020\narXiv:2112.10752").run()
    assert says(at, "Papers arXiv:2103.00020 arXiv:2112.10752**: at most")
    assert start_buttons(at)
    at = run_view("ingest", what="Update")
    assert says(at, "Update the library**: at most")
    assert says(at, "What was answered before is asked again.")
    assert any(box.key == "checkpoints" for box in at.checkbox)
    assert start_buttons(at)


def test_nothing_is_started_whose_requests_were_not_shown():
    from app.state import runs

    at = run_view("ingest", id=SURVEY)
    at.text_input[0].set_value("arXiv:2103.00020")
    start_buttons(at)[0].click().run()
    assert runs().progress() is None
    assert says(at, "Survey arXiv:2103.00020**: at most")
    assert start_buttons(at)


def test_without_an_id_there_is_nothing_to_start():
    at = run_view("ingest")
    assert not start_buttons(at)
    assert not at.table
    assert SURVEY in at.text_input[0].placeholder


def test_an_id_that_cannot_be_read_is_one_line_and_no_start():
    at = run_view("ingest", id=f"no id {HOSTILE}")
    assert says(at, "cannot read 'no id")
    assert not start_buttons(at)


def test_an_address_of_a_service_that_is_none_is_said(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_S2_URL", "nowhere")
    assert says(run_view("ingest", id=SURVEY), "VFM_ATLAS_S2_URL 'nowhere' is no address of a service")


def test_offline_is_said_and_nothing_can_be_started(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    at = run_view("ingest", id=SURVEY)
    assert "VFM_ATLAS_OFFLINE is set" in at.warning[0].value
    (start,) = start_buttons(at)
    assert start.disabled


@pytest.fixture
def elsewhere_run(path):
    """The tracker of a run on the library that another program carries out."""
    with StateFile(progress_path(path)) as state:
        yield Tracker("survey", SURVEY, STAGES, state)


def test_a_run_of_another_program_is_shown_as_it_goes(elsewhere_run):
    elsewhere_run.begin("fetch")
    elsewhere_run.finish("fetch", f"306 records {HOSTILE}")
    elsewhere_run.finish("merge", "6 new papers", skipped=True)
    elsewhere_run.begin("embed", total=40)
    elsewhere_run.advance("embed", 10)
    elsewhere_run.count_requests({"semanticscholar": 4, "arxiv": 1, "openalex": 0})
    elsewhere_run.note(f"Semantic Scholar asks to wait 30 s {HOSTILE}")
    at = run_view("ingest", id=SURVEY)
    assert at.subheader[0].value == r"Survey arXiv\:2312\.10163"
    assert says(at, "Ask the services** · done, 306 records")
    assert says(at, "Make papers of the answers** · done by an earlier run, 6 new papers")
    assert says(at, "Encode new texts for search by meaning** · running, 10 of 40")
    assert says(at, "Index the words** · waiting")
    assert says(at, "Semantic Scholar asks to wait 30 s")
    assert says(at, "requests sent: 4 to Semantic Scholar, 1 to arXiv")
    assert [bar.proto.value for bar in at.get("progress")] == [25]
    assert says(at, "Started by another program")
    # Nothing may be started or stopped here meanwhile.
    assert not at.button
    assert_text_stays_text(at)


@pytest.mark.parametrize(
    ("state", "note", "words"),
    [
        ("failed", f"Semantic Scholar: down {HOSTILE}", "failed here"),
        ("stopped", "stopped; the same command goes on from here", "stopped here"),
    ],
)
def test_a_run_that_did_not_end_well_says_so_in_one_line(path, state, note, words):
    with StateFile(progress_path(path)) as file:
        tracker = Tracker("survey", SURVEY, STAGES, file)
        tracker.begin("fetch")
        tracker.end(state, note)
    at = run_view("ingest")
    assert says(at, f"Ask the services** · {words}")
    assert says(at, "Index the words** · not begun")
    said = [unescaped(each.value) for each in [*at.error, *at.info]]
    assert len(said) == 1
    assert ("Semantic Scholar: down" if state == "failed" else "start it again to go on") in said[0]
    assert_text_stays_text(at)


def test_a_run_whose_process_is_gone_counts_as_stopped(path):
    with StateFile(progress_path(path)) as file:
        Tracker("survey", SURVEY, STAGES, file).begin("fetch")
    at = run_view("ingest", id=SURVEY)
    assert says(at, "Ask the services** · stopped here")
    assert start_buttons(at)


def test_the_outcome_of_a_run_elsewhere_is_read_from_the_library(path, session):
    unanswered = [f"arXiv:{number:04}.00001: no service knows it {HOSTILE}" for number in range(12)]
    session.execute(update(Paper).where(Paper.key == "clip").values(venue="elsewhere"))
    _before, after = commit(session)
    add_run(session, SURVEY, snapshot=after, unanswered=unanswered)
    session.commit()
    with StateFile(progress_path(path)) as file:
        Tracker("survey", SURVEY, STAGES, file).end("done", f"snapshot {after}")
    at = run_view("ingest")
    assert says(at, f"Snapshot **{after}**")
    assert "See what changed" in links(at)
    assert says(at, "Nobody answered for** (12)")
    assert [unescaped(each.label) for each in at.expander][-1] == "2 more"
    assert_text_stays_text(at)


# Runs of the explorer itself, against services on this machine


@pytest.fixture
def universe(monkeypatch):
    with Universe(World.from_catalogue(references=4)) as running:
        for name, address in running.environment().items():
            monkeypatch.setenv(name, address)
        yield running


@pytest.mark.model
def test_a_survey_is_brought_in_and_every_page_follows(own_path, universe, monkeypatch):
    from app.state import runs, searcher

    with fresh_server(own_path, monkeypatch):
        assert says(run_view("home"), "**571** papers")
        assert not says(run_view("paper", key="ade20k"), "invented test text")
        at = run_view("ingest", id=SURVEY)
        start_buttons(at)[0].click().run()
        assert not at.exception
        assert runs().wait(120)
        assert runs().error is None
        report = runs().report
        at = run_view("ingest")
        assert says(at, "Take a snapshot** · done")
        assert says(at, f"Snapshot {report.before} → **{report.snapshot}**")
        assert says(at, f"to Semantic Scholar, {universe.counts()['huggingface']} to Hugging Face")
        assert report.counts["papers"] > 571
        assert says(run_view("home"), f"**{report.counts['papers']}** papers")
        assert says(run_view("changes", before=report.before, after=report.snapshot), "New papers")
        new = [hit.key for hit in searcher().search("invented report no index holds", mode="lexical").hits]
        assert says(run_view("paper", key=new[0]), "An invented report that no index holds")
        # What was read in and changed nothing is said, too, and asks nobody.
        universe.reset_counts()
        runs().start(planned(own_path, Wish("survey", SURVEY)))
        assert runs().wait(120)
        assert says(run_view("ingest"), f"Nothing new: the library is as it was, snapshot {report.snapshot}")
        assert sum(universe.counts().values()) == 0


def test_a_survey_that_nobody_knows_is_one_line_and_leaves_the_library_as_it_was(path, universe):
    from app.state import runs

    run = runs()
    run.start(planned(path, Wish("survey", "arXiv:9912.00001")))
    assert run.wait(60)
    at = run_view("ingest")
    assert len(at.error) == 1
    assert "arXiv:9912.00001" in unescaped(at.error[0].value)
    assert "\n" not in at.error[0].value
    assert says(at, "failed")
    assert len(list_runs_of(path)) == 0


def list_runs_of(path):
    with Library.open(path) as library, library.reading() as session:
        return list_runs(session)


def test_a_run_stops_at_once_even_while_it_waits_for_a_service(path, universe):
    run = Runs(path)
    universe.semantic_scholar.faults.then(*["429"] * 8)
    run.start(planned(path, Wish("survey", SURVEY)))
    deadline = time.monotonic() + 60
    while not (run.progress() and "asked again in" in run.progress().note):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    asked = time.monotonic()
    run.stop()
    assert run.is_stopping
    assert run.wait(60)
    assert time.monotonic() - asked < 0.5
    assert run.progress().state == "stopped"
    assert (run.report, run.error) == (None, None)
    assert not list_runs_of(path)


def test_a_run_that_is_stopped_before_it_began_does_not_begin(path, monkeypatch):
    asked = threading.Event()

    def late(library, job, *, started, **_):
        assert asked.wait(60)
        tracker = Tracker(job.kind, job.subject, STAGES)
        started(tracker)
        tracker.begin("fetch")
        raise AssertionError("the run went on")

    monkeypatch.setattr("ingest.pipeline.run_job", late)
    run = Runs(path)
    run.start(planned(path, Wish("survey", SURVEY)))
    assert run.progress() is None
    run.stop()
    asked.set()
    assert run.wait(60)
    assert (run.report, run.error) == (None, None)


def test_only_one_run_works_on_a_library(path, elsewhere_run, universe):
    run = Runs(path)
    run.start(planned(path, Wish("survey", SURVEY)))
    assert run.wait(60)
    assert "works on this library" in run.error


def test_a_failure_nobody_foresaw_is_one_line_too(path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("ingest.pipeline.run_job", broken)
    run = Runs(path)
    run.start(planned(path, Wish("survey", SURVEY)))
    assert run.wait(60)
    assert run.error == "the run failed: RuntimeError, see the terminal of the explorer"


# What the server keeps follows the library


def test_search_follows_the_embedding_model_of_the_library(path, tmp_path, monkeypatch):
    from app.state import searcher

    monkeypatch.setattr("app.state.QueryEncoder", lambda name, _samples: HashEncoder(name))
    first = searcher()
    assert first.search("latent", mode="dense").hits
    assert searcher() is first
    with Library.open(path) as library:
        rebuild(library, CatalogueFolder(tmp_path / "small"), HashEncoder("other"))
    assert searcher().search("latent", mode="dense").hits


def test_search_finds_a_paper_that_came_while_the_server_ran(path, tmp_path):
    from app.state import searcher

    folder = CatalogueFolder(tmp_path / "small")
    assert not searcher().search("quokka", mode="lexical").hits
    folder.set("papers.csv", 3, title="Quokka Networks")
    with Library.open(path) as library:
        rebuild(library, folder)
    assert [hit.key for hit in searcher().search("quokka", mode="lexical").hits] == ["resnet"]


def test_the_first_page_pulls_in_nothing_of_ingest(built_path, tmp_path):
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file(sys.argv[1], default_timeout=60).run()\n"
        "assert not page.exception and page.title[0].value == 'Visual foundation models'\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, Path(__file__).parent.parent / "app" / "explorer.py"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "VFM_ATLAS_LIBRARY": str(built_path)},
    )  # fmt: skip
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "streamlit" in imported
    assert not imported & {"ingest", "arxiv", "semanticscholar", "huggingface_hub", "requests", "tenacity"}


def test_every_stage_has_words():
    assert list(ingest.STAGES) == list(STAGES)


def test_progress_is_kept_in_the_cache_folder(path):
    assert progress_path(path).is_relative_to(default_cache())
