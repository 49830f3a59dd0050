"""Searching in a real browser: typing, chips, facets, order, choosing, the keyboard alone, links and Back."""

import os
import re
from pathlib import Path

import pytest
from browser import ARGUMENTS, chromium, explorer
from pages import HOSTILE
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.browser
PATIENCE_MS = 20_000
SCREENSHOTS = os.environ.get("VFM_ATLAS_SCREENSHOTS")
FOCUSED = "(document.activeElement?.shadowRoot?.activeElement ?? document.activeElement)"
HITS = "window.vfmAtlasMaps?.views.map?.hits?.length"


@pytest.fixture(scope="module")
def server(built_path, tmp_path_factory):
    chromium()  # before a server is started for nothing
    own = tmp_path_factory.mktemp("own") / "library.sqlite"  # collections are written
    own.write_bytes(built_path.read_bytes())
    with explorer(own, tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def new_page(browser):
    """Makes pages that note every request to another machine, and every error of a script."""
    outside, broken, contexts = [], [], []

    def make(**options):
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.on("request", lambda request: "//127.0.0.1" not in request.url and outside.append(request.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    assert broken == []


def screenshot(page, name, folder):
    """A picture for people to look at; an empty page would compress to next to nothing."""
    path = Path(SCREENSHOTS or folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(300)
    assert len(page.screenshot(path=path)) > 20_000


def box(page):
    return page.get_by_label("Search papers by topic, name, arXiv id or DOI")


def titles(page):
    return page.locator(".hits .title").all_inner_texts()


def settled(page):
    """Waits until meaning has joined: until then the order may change."""
    expect(page.locator(".said")).to_contain_text("by words and by meaning", timeout=3 * PATIENCE_MS)


def found(page):
    return int(page.locator(".said").inner_text().split()[0].replace(",", ""))


def narrow(page, facet, value):
    """Chooses a value of a facet; what is left is what its count said."""
    option = page.get_by_label(f"Filter by {facet}").locator(f"option[value='{value}']")
    count = int(re.search(r"\((\d+)\)", option.inner_text())[1])
    page.get_by_label(f"Filter by {facet}").select_option(value)
    expect(page.locator(".said")).to_have_text(re.compile(rf"^{count} papers? found"))
    return count


def test_a_question_is_narrowed_step_by_step_and_the_address_restores_it(new_page, server, tmp_path):
    page = new_page()
    page.goto(server)
    box(page).press_sequentially("SD variants", delay=40)
    settled(page)
    chip = page.get_by_role("button", name="Remove: the Stable Diffusion family")
    expect(chip).to_be_visible()
    expect(page.locator(".hits mark").first).to_be_visible()
    page.wait_for_function(f"{HITS} > 10")
    before = titles(page)
    chip.click()
    expect(chip).to_be_hidden()
    expect(page).to_have_url(re.compile("drop=family%3Astablediffusion"))
    assert titles(page) != before
    page.go_back()
    expect(chip).to_be_visible()
    count = narrow(page, "branch", "generative")
    expect(page).to_have_url(re.compile("topic=generative"))
    pressed = page.get_by_role("button", name=re.compile("Generative VFMs"))
    expect(pressed).to_have_attribute("aria-pressed", "true")  # the map says the same
    of_branch, count = count, narrow(page, "venue", "CVPR")
    assert of_branch > count > 1
    expect(page).to_have_url(re.compile("venue=CVPR"))
    page.get_by_label("Order").select_option("year")
    expect(page).to_have_url(re.compile("sort=year"))
    expect(page.locator(".facts").first).to_contain_text("2023")
    years = [int(text[:4]) for text in page.locator(".facts").all_inner_texts()]
    assert years == sorted(years, reverse=True)
    screenshot(page, "narrowed", tmp_path)
    other = new_page()
    other.goto(page.url)
    settled(other)
    expect(box(other)).to_have_value("SD variants")
    assert titles(other) == titles(page)
    expect(other.get_by_label("Order")).to_have_value("year")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".said")).not_to_have_text(re.compile(rf"^{count} papers? found"))
    assert "topic=" not in page.url
    assert "venue=" not in page.url
    page.go_back()  # one press was one step
    expect(page).to_have_url(re.compile("topic=generative.*venue=CVPR|venue=CVPR.*topic=generative"))
    expect(page.locator(".said")).to_have_text(re.compile(rf"^{count} papers? found"))


def test_a_search_is_worked_with_the_keyboard_alone(new_page, server):
    page = new_page()
    page.goto(server)
    expect(page.locator("canvas.over")).to_be_visible()
    page.locator("canvas.over").focus()
    page.keyboard.press("/")
    assert page.evaluate(f"{FOCUSED}.tagName") == "INPUT"
    page.keyboard.type("a/b promptable segmentation")  # in a field, "/" is a letter
    settled(page)
    expect(box(page)).to_have_value("a/b promptable segmentation")
    page.keyboard.press("ArrowDown")
    shown = titles(page)
    assert page.evaluate(f"{FOCUSED}.textContent") == shown[0]
    assert page.evaluate("window.vfmAtlasMaps.views.map.active") is not None
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(f"{FOCUSED}.textContent") == shown[1]
    page.keyboard.press("Escape")
    assert page.evaluate(f"{FOCUSED}.tagName") == "INPUT"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=shown[0])).to_be_visible()
    page.go_back()
    settled(page)
    expect(box(page)).to_have_value("a/b promptable segmentation")
    assert titles(page) == shown


def test_chosen_papers_are_collected_compared_and_lead_to_others_like_them(new_page, server, tmp_path):
    page = new_page()
    page.goto(f"{server}/?q=promptable+segmentation")
    settled(page)
    bar = page.get_by_role("group", name="The chosen papers")
    expect(bar).to_be_hidden()
    for at in (0, 2):
        page.locator(".choose").nth(at).check()
    expect(bar).to_contain_text("2 chosen")
    bar.get_by_role("button", name="Collect").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Collection").fill("prompts")
    page.keyboard.press("Enter")
    screenshot(page, "collect", tmp_path)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("2 added: prompts")).to_be_visible()
    expect(dialog).to_be_hidden()
    bar.get_by_role("button", name="More like these").click()
    expect(page.locator(".said")).to_contain_text("papers most like these")
    assert page.url.count("like=") == 2
    expect(page.locator(".chip")).to_have_count(2)
    screenshot(page, "more-like-these", tmp_path)
    page.locator(".chip").first.click()
    expect(page.locator(".chip")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chip")).to_have_count(2)
    bar.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1, name="Compare papers")).to_be_visible()
    expect(page.get_by_role("link", name="Take out")).to_have_count(2)


def test_a_page_turned_at_the_end_of_the_list_begins_at_its_beginning(new_page, server):
    page = new_page()
    page.goto(f"{server}/?q=diffusion+models&page=2")
    settled(page)
    second = titles(page)
    page.get_by_role("button", name="Page 3", exact=True).click()
    expect(page.locator(".title").first).not_to_have_text(second[0])
    expect(page.locator(".title").first).to_be_in_viewport()
    assert not set(second) & set(titles(page))
    expect(page).to_have_url(re.compile("page=3"))
    page.reload()
    settled(page)
    expect(page.get_by_role("button", name="Page 3", exact=True)).to_have_attribute("aria-current", "page")


def test_the_citations_of_a_paper_are_searched_from_its_page(new_page, server):
    page = new_page()
    page.goto(f"{server}/paper?key=sam")
    page.get_by_role("tab", name=re.compile("Cited by")).click()
    page.get_by_role("link", name="Search inside what cites it").click()
    chip = page.get_by_role("button", name="Remove: inside what cites SAM")
    expect(chip).to_be_visible()
    inside = found(page)
    box(page).press_sequentially(" medical", delay=20)
    expect(page).to_have_url(re.compile("medical"))
    settled(page)
    assert found(page) <= inside
    chip.click()
    expect(box(page)).to_have_value("medical")
    expect(chip).to_be_hidden()


def test_what_finds_nothing_offers_names_and_wider_filters(new_page, server):
    page = new_page()
    page.goto(f"{server}/?q=Segmnt+Anythng&topic=generative&years=2009&years=2010")
    page.get_by_role("button", name=re.compile("Without the years")).or_(
        page.get_by_role("button", name=re.compile("Without any filter"))
    ).first.click()
    expect(page.locator(".hits li").first).to_be_visible()
    page.goto(f"{server}/?q=cites:sammm")
    expect(page.get_by_text("There is no paper 'sammm' here.")).to_be_visible()
    page.get_by_role("button", name="SAM", exact=True).click()
    expect(box(page)).to_have_value("cites:sam")
    expect(page.locator(".hits li").first).to_be_visible()


@pytest.mark.parametrize("query", [HOSTILE, "x" * 10_000, 'year:abc "', "' OR 1=1 --", "🦜 ثخي"])
def test_no_query_breaks_the_page(new_page, server, query):
    page = new_page()
    page.goto(server)
    box(page).fill(query)
    expect(page.locator(".said, .empty p").filter(has_text=re.compile(r"\w")).first).to_be_visible()
    expect(page.locator("canvas.over")).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_results_come_first(new_page, server, tmp_path, scheme):
    page = new_page(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    page.goto(f"{server}/?q=promptable+segmentation")
    settled(page)
    assert page.locator(".hits li").first.bounding_box()["y"] < 844
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    screenshot(page, f"search-phone-{scheme}", tmp_path)
