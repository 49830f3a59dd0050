"""Libraries that make trouble: titles that are code, a paper with a title only, nothing at all."""

import pytest
from browser import chromium, explorer, heading, overflow, screenshot, settled
from pages import HOSTILE, add_paper
from playwright.sync_api import expect

from graph.library import Library
from graph.snapshot import take_snapshot

pytestmark = pytest.mark.browser
PAGES = (
    "/", "/taxonomy", "/timeline", "/unification", "/checkpoints", "/leaderboard", "/story", "/compare",
    "/collections", "/exports", "/data", "/changes", "/ingest",
)  # fmt: skip
TITLES = {
    "script": "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">",
    "markdown": HOSTILE,
    "emoji": "🦜🦜 Parrots 👩‍👩‍👧‍👦 and ثخي \u202e reversed",
    "long": "unbroken" * 40 + " and many words" * 12,
}


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """The address of an explorer whose few papers all are out of the ordinary."""
    chromium()  # before a server is started for nothing
    path = tmp_path_factory.mktemp("troubled") / "library.sqlite"
    with Library.create(path) as library, library.writing() as session:
        for key, title in TITLES.items():
            add_paper(session, key, title=title, year=2024)
        add_paper(session, "bare", title="Only a Title")
        take_snapshot(session)
    with explorer(path, tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="module")
def emptiness(tmp_path_factory):
    """The address of an explorer on a library without any paper."""
    chromium()
    path = tmp_path_factory.mktemp("empty") / "library.sqlite"
    with Library.create(path) as library, library.writing() as session:
        take_snapshot(session)
    with explorer(path, tmp_path_factory.mktemp("home")) as url:
        yield url


def assert_whole(page):
    settled(page)
    assert overflow(page) <= 0, page.url
    assert "broken" not in page.title()
    expect(page.get_by_role("main").locator("a[href*='evil']")).to_have_count(0)
    expect(page.get_by_role("main").locator("img[src=x]")).to_have_count(0)


def test_titles_that_are_code_stay_titles_on_every_page(new_page, troubled, tmp_path):
    page = new_page(viewport={"width": 390, "height": 844})
    for path in (*PAGES, "/?q=parrots", "/?paper=long", "/compare?papers=script,markdown,long"):
        page.goto(troubled + path)
        assert_whole(page)
    screenshot(page, "trouble-compare", tmp_path)
    for key, title in TITLES.items():
        page.goto(f"{troubled}/paper?key={key}")
        heading(page, title.split(" ")[0])
        assert_whole(page)
        screenshot(page, f"trouble-{key}", tmp_path)


def test_a_paper_with_nothing_but_a_title_has_a_page_that_says_what_is_missing(page, troubled, tmp_path):
    page.goto(f"{troubled}/paper?key=bare")
    heading(page, "Only a Title")
    expect(page.get_by_text("No summary or abstract")).to_be_visible()
    assert_whole(page)
    screenshot(page, "trouble-bare", tmp_path)


def test_every_page_of_an_empty_library_says_so_and_none_breaks(page, emptiness, tmp_path):
    for path in PAGES:
        page.goto(emptiness + path)
        assert_whole(page)
        assert len(page.get_by_role("main").inner_text().strip()) > 40, path
        screenshot(page, f"empty{path.replace('/', '-')}", tmp_path)
