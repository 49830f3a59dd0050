"""A person brings a survey in through the explorer, in a real browser, and looks at what changed."""

import os
import re
from pathlib import Path

import pytest
from browser import ARGUMENTS, chromium, explorer
from playwright.sync_api import expect, sync_playwright
from services.universe import Universe
from services.world import World

from graph.library import Library
from graph.snapshot import take_snapshot
from ingest.pipeline import STAGES, progress_path
from ingest.progress import StateFile, Tracker

pytestmark = pytest.mark.browser
PATIENCE_MS = 30_000
RUN_MS = 120_000
SURVEY = "arXiv:2312.10163"
REFERENCES = 12
SCREENSHOTS = os.environ.get("VFM_ATLAS_SCREENSHOTS")


@pytest.fixture
def universe(monkeypatch):
    chromium()  # before anything is started for nothing
    with Universe(World.from_catalogue(references=REFERENCES)) as running:
        for name, address in running.environment().items():
            monkeypatch.setenv(name, address)
        yield running


@pytest.fixture
def library(tmp_path):
    """The file of a library without any paper."""
    path = tmp_path / "library.sqlite"
    with Library.create(path) as opened, opened.writing() as session:
        take_snapshot(session)
    return path


@pytest.fixture
def server(library, universe, tmp_path):
    with explorer(library, tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """A page that notes every request to another machine, and every error of a script."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    outside, broken = [], []
    opened.on("request", lambda request: "//127.0.0.1" not in request.url and outside.append(request.url))
    opened.on("pageerror", lambda error: broken.append(str(error)))
    yield opened
    context.close()
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    assert broken == []


def screenshot(page, name, folder):
    """A picture for people to look at; an empty page would compress to next to nothing."""
    path = Path(SCREENSHOTS or folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    assert len(page.screenshot(path=path, full_page=True)) > 20_000


def heading(page, text, level=1):
    expect(page.get_by_role("heading", level=level, name=text)).to_be_visible()


def link(page, text):
    return page.get_by_test_id("stMain").get_by_role("link", name=text).first


def assert_fits(page):
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, (page.url, width)


@pytest.mark.model
def test_bring_a_survey_in_look_at_what_changed_open_a_paper_and_go_back(page, server, universe, tmp_path):
    page.goto(server)
    expect(page.get_by_text("0 papers")).to_be_visible()
    link(page, "Bring papers in").click()
    heading(page, "Bring papers in")
    page.get_by_label("Id of the survey").fill(SURVEY)
    expect(page.get_by_text(re.compile(r"at most \d+ requests, about"))).to_be_visible()
    expect(page.get_by_role("cell", name="Semantic Scholar").first).to_be_visible()
    assert_fits(page)
    screenshot(page, "ingest-plan", tmp_path)
    assert sum(universe.counts().values()) == 0  # so far everything was a plan
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_text("Ask the services · done")).to_be_visible()
    screenshot(page, "ingest-running", tmp_path)
    expect(page.get_by_text("Take a snapshot · done")).to_be_visible(timeout=RUN_MS)
    heading(page, "Last run", level=3)
    expect(page.get_by_text(re.compile("to Semantic Scholar, .* to Hugging Face"))).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert_fits(page)
    screenshot(page, "ingest-done", tmp_path)

    link(page, "See what changed").click()
    heading(page, "What changed")
    heading(page, re.compile(r"New papers \(\d\d\)"), level=3)
    expect(page).to_have_url(re.compile(r"/changes\?.*before=.*after="))
    comparison = page.url
    assert_fits(page)
    screenshot(page, "changes", tmp_path)
    link(page, re.compile("Towards the Unification")).click()
    heading(page, re.compile("^Towards the Unification"))
    expect(page.get_by_text("invented test text").first).to_be_visible()
    screenshot(page, "new-paper", tmp_path)
    page.go_back()
    heading(page, "What changed")
    assert page.url == comparison
    heading(page, re.compile(r"New papers \(\d\d\)"), level=3)
    page.go_back()
    heading(page, "Bring papers in")
    # The other pages know of the papers without a new start.
    page.get_by_role("button", name="Library").click()
    page.get_by_role("menuitem", name="Data").click()
    heading(page, "The data and how complete it is")
    expect(page.get_by_role("cell", name=re.compile(f"survey {SURVEY}"))).to_be_visible()
    link(page, re.compile(r"^DOI \(")).click()
    expect(page).to_have_url(re.compile("lacks=doi"))
    expect(page.get_by_text(re.compile("papers without DOI"))).to_be_visible()
    assert_fits(page)


def test_a_run_can_be_stopped_while_it_waits(page, server, universe):
    universe.semantic_scholar.faults.then(*["429"] * 8)
    page.goto(f"{server}/ingest?id={SURVEY}")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text(re.compile("Semantic Scholar may be asked again in"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Ask the services · stopped here")).to_be_visible()
    expect(page.get_by_text("start it again to go on")).to_be_visible()


def test_a_run_that_another_program_started_is_seen_to_go_on_and_to_end(page, server, library):
    page.goto(f"{server}/ingest")
    heading(page, "Bring papers in")
    with StateFile(progress_path(library)) as state:
        tracker = Tracker("survey", SURVEY, STAGES, state)
        tracker.begin("embed", total=40)
        expect(page.get_by_text("running, 0 of 40")).to_be_visible()
        expect(page.get_by_text("Started by another program")).to_be_visible()
        expect(page.get_by_label("Id of the survey")).to_have_count(0)
        tracker.advance("embed", 30)
        expect(page.get_by_text("running, 30 of 40")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75")
        tracker.finish("embed", "40 texts encoded")
        tracker.end("done", "snapshot 0123456789ab")
    expect(page.get_by_text("done, 40 texts encoded")).to_be_visible()
    heading(page, "Last run", level=3)
    expect(page.get_by_label("Id of the survey")).to_be_visible()
