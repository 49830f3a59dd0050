"""A person finds a checkpoint, looks at the gate, measures a model of the zoo, and sees the number."""

import os
import re
from pathlib import Path

import pytest
from browser import ARGUMENTS, chromium, explorer
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.browser
PATIENCE_MS = 30_000
RUN_MS = 120_000
SCREENSHOTS = os.environ.get("VFM_ATLAS_SCREENSHOTS")


@pytest.fixture
def server(own_path, tmp_path):
    chromium()  # before a server is started for nothing
    with explorer(own_path, tmp_path) as url:
        yield url


@pytest.fixture
def page():
    """A page that notes every request to another machine, and every error of a script."""
    outside, broken = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        opened.on("request", lambda request: "//127.0.0.1" not in request.url and outside.append(request.url))
        opened.on("pageerror", lambda error: broken.append(str(error)))
        yield opened
        browser.close()
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


def open_page(page, name):
    page.get_by_test_id("stTopNav").get_by_role("button", name="Models").click()
    page.get_by_role("menuitem", name=name).click()


def assert_fits(page):
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, (page.url, width)


def test_find_a_checkpoint_look_at_the_gate_measure_it_and_see_the_number(page, server, tmp_path):
    page.goto(server)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    open_page(page, "Checkpoints")
    heading(page, "Checkpoints")
    page.get_by_role("button", name="Promptable segmentation that runs on this machine").click()
    expect(page).to_have_url(re.compile(r"task=mask-generation"))
    expect(link(page, "facebook/sam-vit-base")).to_be_visible()
    assert_fits(page)
    screenshot(page, "checkpoints", tmp_path)

    link(page, "facebook/sam-vit-base").click()
    heading(page, "facebook/sam-vit-base")
    expect(page.get_by_text("Not looked at yet", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Run it on this machine")).to_be_disabled()
    page.go_back()
    heading(page, "Checkpoints")
    expect(page).to_have_url(re.compile(r"task=mask-generation"))

    link(page, "zoo/sam-scenes").click()
    heading(page, "zoo/sam-scenes")
    expect(page.get_by_text("Runs here", exact=True)).to_be_visible()
    expect(page.get_by_text("not the paper's model").first).to_be_visible()
    page.get_by_label("Examples").fill("8")
    page.get_by_role("button", name="Run it on this machine").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_text(re.compile(r"zoo/sam-scenes, Segmentation from a box: 0\.\d+"))).to_be_visible(
        timeout=RUN_MS
    )
    expect(page.get_by_role("button", name="Run it on this machine")).to_be_enabled()
    assert_fits(page)
    screenshot(page, "checkpoint", tmp_path)

    link(page, "Beside other checkpoints").click()
    heading(page, "Leaderboard")
    heading(page, "Segmentation from a box: 8 examples of scenes (test)", level=3)
    expect(page.get_by_role("cell", name="zoo/sam-scenes").first).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile(r"0\.\d+ \(0\.\d+ to \d\.\d+\)"))).to_be_visible()
    assert_fits(page)
    screenshot(page, "leaderboard", tmp_path)

    open_page(page, "Story")
    heading(page, "Two ways to the same answer")
    assert_fits(page)
