"""The ways that people go through the explorer, from a first look to something in their hands."""

import re
from urllib.parse import parse_qs, urlsplit

import bibtexparser
import pytest
from browser import heading, main_link, screenshot, settled
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SEARCH = "Search papers by topic, name, arXiv id or DOI"


def navigate(page, section, name):
    """Through a menu of the navigation."""
    bar = page.get_by_test_id("stHeader")
    bar.get_by_text(section, exact=True).click()
    page.get_by_text(name, exact=True).last.click()  # the menu is drawn at the end of the document


def search_for(page, server, words):
    page.goto(server)
    page.get_by_label(SEARCH).fill(words)
    expect(page.locator(".said")).to_contain_text("papers found")


def test_a_newcomer_goes_from_a_landmark_over_its_lineage_to_the_unification(page, server, tmp_path):
    page.goto(server)
    heading(page, "Visual foundation models")
    page.locator(".st-key-choose-most-influential").get_by_role("button").first.click()
    chosen = page.locator(".st-key-card h3").inner_text()
    screenshot(page, "newcomer-1-landmark", tmp_path)
    page.get_by_role("link", name="Open paper page").click()
    heading(page, chosen)
    settled(page)
    screenshot(page, "newcomer-2-paper", tmp_path, full_page=True)
    page.get_by_role("tab", name=re.compile("Built on it|Lineage|Cited by")).first.click()
    page.get_by_role("tabpanel").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name=chosen)).to_have_count(0)
    settled(page)
    screenshot(page, "newcomer-3-lineage", tmp_path)
    page.goto(server)
    bridge = page.locator(".st-key-choose-bridges").get_by_role("button").first
    bridge.click()
    expect(page.locator(".st-key-card h3")).to_be_visible()
    screenshot(page, "newcomer-4-bridge", tmp_path)
    page.get_by_test_id("stHeader").get_by_role("link", name="Unification").click()
    heading(page, "Are generative and discriminative models merging?")
    settled(page)
    expect(page.get_by_text("95% interval")).to_be_visible()
    screenshot(page, "newcomer-5-unification", tmp_path)


def test_a_question_ends_at_code_that_runs_on_a_laptop(page, server, tmp_path):
    search_for(page, server, "promptable segmentation that runs on a laptop")
    page.get_by_role("checkbox", name="with a checkpoint", exact=True).click()
    expect(page).to_have_url(re.compile("runnable=true"))
    settled(page)
    for line in page.locator(".hits .facts").all_inner_texts():
        assert "checkpoint" in line
    screenshot(page, "question-1-answers", tmp_path)
    page.locator(".hits .title").first.click()
    settled(page)
    opening = page.get_by_role("link", name="Open paper page")
    if opening.count():
        opening.click()
    expect(page).to_have_url(re.compile("/paper"))
    settled(page)
    page.get_by_test_id("stExpander").filter(has_text="from_pretrained").first.click()
    snippet = page.get_by_test_id("stCode").filter(has_text="from_pretrained").first
    expect(snippet).to_be_visible()
    snippet.scroll_into_view_if_needed()
    screenshot(page, "question-2-snippet", tmp_path)
    code = snippet.locator("code").inner_text()
    compile(code, "snippet", "exec")


def test_related_work_becomes_a_reading_list_and_a_bibtex_file(page, server, tmp_path):
    search_for(page, server, "open vocabulary segmentation")
    expect(page.locator(".said")).to_contain_text("by words and by meaning", timeout=90_000)
    for at in range(5):
        page.locator(".choose").nth(at).check()
    bar = page.get_by_role("group", name="The chosen papers")
    bar.get_by_role("button", name="Collect").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Collection").fill("related work")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("5 added: related work")).to_be_visible()
    page.keyboard.press("Escape")
    navigate(page, "Desk", "Collections")
    heading(page, "Collections")
    main_link(page, re.compile(r"related work \(5\)")).click()
    settled(page)
    screenshot(page, "related-work", tmp_path)
    with page.expect_download() as started:
        page.get_by_role("button", name="BibTeX").click()
    parsed = bibtexparser.parse_file(started.value.path())
    assert not parsed.failed_blocks
    assert len(parsed.entries) == 5
    for entry in parsed.entries:
        assert {"title", "year"} <= entry.fields_dict.keys()


def test_the_keyboard_alone_leads_from_the_search_to_a_paper_and_its_neighbour(page, server, tmp_path):
    page.goto(server)
    heading(page, "Visual foundation models")
    expect(page.get_by_label(SEARCH)).to_be_focused()
    page.keyboard.type("masked autoencoders")
    expect(page.locator(".said")).to_contain_text("papers found")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/paper"))
    settled(page)
    first = page.get_by_role("heading", level=1).inner_text()
    tab_to(page, lambda text: text.startswith(("Cites", "Cited by", "Lineage", "Built")), role="tab")
    page.keyboard.press("ArrowRight")
    before = page.url
    tab_to(page, lambda text: re.search(r"\(20\d\d\)", text), role="link")
    screenshot(page, "keyboard-focus", tmp_path)
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(before)
    expect(page.get_by_role("heading", level=1, name=first, exact=True)).to_have_count(0)


def tab_to(page, wanted, role):
    """Presses Tab until the focus is on something wanted, as a person would; it must not take for ever."""
    for _ in range(120):
        page.keyboard.press("Tab")
        kind, text = page.evaluate(
            "(({ tagName, role, innerText }) => "
            "[role ?? (tagName === 'A' ? 'link' : tagName), innerText ?? ''])(document.activeElement)"
        )
        if kind == role and wanted(text.strip()):
            return
    pytest.fail(f"Tab does not reach any {role} that is wanted")


def test_a_deep_link_is_restored_in_another_browser(new_page, server, tmp_path):
    page = new_page()
    page.goto(f"{server}/timeline")
    settled(page)
    page.get_by_role("button", name="unified", exact=True).or_(
        page.get_by_role("radio", name="unified", exact=True)
    ).first.click()
    expect(page).to_have_url(re.compile("pillar=unified"))
    page.get_by_role("slider").first.press("ArrowRight")
    expect(page).to_have_url(re.compile("years="))
    settled(page)
    said = page.get_by_role("heading", name=re.compile(r"papers, \d{4} to")).inner_text()
    other = new_page(color_scheme="dark")
    other.goto(page.url)
    settled(other)
    heading(other, said, level=3)
    screenshot(other, "deep-link", tmp_path)


def test_back_goes_through_every_page_that_was_seen(page, server):
    page.goto(f"{server}/paper?key=sam")
    heading(page, "Segment Anything")
    seen = []
    for name in ("Taxonomy", "Timeline", "Unification"):
        seen.append(page.url)
        page.get_by_test_id("stHeader").get_by_role("link", name=name).click()
        page.wait_for_url(re.compile(name.lower()))
        settled(page)
    for url in reversed(seen):
        page.go_back()
        expect(page).to_have_url(url)
        settled(page)
    heading(page, "Segment Anything")


def test_a_click_on_the_icicle_chooses_a_node_and_back_returns(page, server, tmp_path):
    page.goto(f"{server}/taxonomy?node=generative")
    settled(page)
    chart = page.get_by_test_id("stVegaLiteChart")
    label = chart.locator("text").filter(has_text=re.compile("^Unified models")).first
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    page.mouse.click(box["x"] + box["width"] + 12, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile("node=unified"))
    heading(page, "Unified models", level=3)
    screenshot(page, "icicle", tmp_path)
    page.go_back()
    expect(page).to_have_url(re.compile("node=generative"))
    heading(page, re.compile("Generative"), level=3)


def test_a_brush_on_the_timeline_sets_the_years(page, server, tmp_path):
    page.goto(f"{server}/timeline")
    settled(page)
    bars = page.get_by_test_id("stVegaLiteChart")
    box = bars.bounding_box()
    y = box["y"] + 0.6 * box["height"]
    page.mouse.move(box["x"] + 0.7 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], y, steps=5)
    page.mouse.move(box["x"] + 0.9 * box["width"], y, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("years="))
    first, last = map(int, parse_qs(urlsplit(page.url).query)["years"])
    heading(page, re.compile(rf"papers, {first} to {last}"), level=3)
    assert 2015 < first < last
    screenshot(page, "brush", tmp_path)


def test_the_navigation_has_menus_and_every_page_is_one_click_inside_them(page, server, tmp_path):
    page.goto(server)
    settled(page)
    page.get_by_test_id("stHeader").get_by_text("Desk", exact=True).click()
    screenshot(page, "menu", tmp_path)
    page.get_by_text("Compare", exact=True).last.click()
    page.wait_for_url(re.compile("/compare"))
    for section, name, path in (
        ("Models", "Leaderboard", "leaderboard"),
        ("Library", "Data", "data"),
        ("Desk", "Exports", "exports"),
    ):
        settled(page)
        navigate(page, section, name)
        page.wait_for_url(re.compile(f"/{path}"))
