"""A person's way through the explorer, in a real browser: search, open a paper, follow a citation."""

import re

import pytest
from browser import PATIENCE_MS, heading, main_link, overflow, screenshot
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SEARCH_LABEL = "Search papers by topic, name, arXiv id or DOI"


def test_search_open_a_paper_follow_a_citation_and_come_back_by_link(page, server, tmp_path):
    page.goto(server)
    heading(page, "Visual foundation models")
    page.get_by_label(SEARCH_LABEL).fill("promptable segmentation")
    expect(page.get_by_text(re.compile(r"papers found, by words"))).to_be_visible()
    assert "q=promptable" in page.url
    # Words answer at once; meaning joins when the model is there, without another click.
    expect(page.get_by_text("by words and by meaning")).to_be_visible(timeout=3 * PATIENCE_MS)
    screenshot(page, "search", tmp_path)
    page.get_by_role("link", name="Segment Anything", exact=True).click()
    heading(page, "Segment Anything")
    expect(page.get_by_text("Introduces promptable segmentation").first).to_be_visible()
    assert re.search(r"/paper\?key=sam$", page.url)
    screenshot(page, "paper", tmp_path)
    page.get_by_role("tab", name=re.compile("Cites")).click()
    main_link(page, re.compile("Masked Autoencoders")).click()
    heading(page, "Masked Autoencoders Are Scalable Vision Learners")
    deep_link = page.url
    page.reload()
    heading(page, "Masked Autoencoders Are Scalable Vision Learners")
    assert page.url == deep_link
    page.go_back()
    heading(page, "Segment Anything")


def test_a_search_can_be_passed_on_as_a_link(page, server):
    page.goto(f"{server}/?q=open+vocabulary+detection&topic=discriminative&runnable=true")
    expect(page.get_by_text(re.compile("papers? found"))).to_be_visible()
    expect(page.get_by_role("checkbox", name="with a checkpoint", exact=True)).to_be_checked()
    shown = page.locator(".st-key-results").get_by_text("cited by")
    expect(shown.first).to_be_visible()
    for line in shown.all_inner_texts():
        assert "■" in line  # the sign of the branch that the link asks for
        assert "checkpoint" in line
    expect(main_link(page, re.compile("Open-Vocabulary Object Detection"))).to_be_visible()


def test_the_ego_graph_is_drawn_and_opens_papers_with_the_keyboard(page, server):
    page.goto(f"{server}/paper?key=hq-sam")
    canvas = page.locator("canvas[role=application]")
    expect(canvas).to_be_visible()
    assert "hq-sam" not in (canvas.get_attribute("aria-label") or "")
    assert "Arrow keys walk" in canvas.get_attribute("aria-label")
    assert drawn_pixels(canvas) > 500
    canvas.focus()
    page.keyboard.press("n")
    page.keyboard.press("p")
    live = page.locator("p.live")
    expect(live).to_contain_text(", 20")
    chosen = live.text_content().split(", 20")[0]
    page.keyboard.press("Enter")
    heading(page, chosen)


def test_the_ego_graph_opens_papers_with_a_click(page, server):
    page.goto(f"{server}/paper?key=sam")
    canvas = page.locator("canvas[role=application]")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    # The last column holds one paper alone, in the middle: DINOv3.
    page.mouse.click(box["x"] + box["width"] * 6 / 7 + 20, box["y"] + 30 + (box["height"] - 30) / 2)
    heading(page, "DINOv3")


def drawn_pixels(canvas):
    data = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
    return canvas.evaluate(f"c => {data}.filter((value, at) => at % 4 === 3 && value > 0).length")


def test_back_leads_to_the_search_and_links_within_a_page_change_the_address(page, server):
    page.goto(f"{server}/?q=control+edges")
    main_link(page, re.compile("Conditional Control")).click()
    heading(page, "Adding Conditional Control")
    main_link(page, re.compile("LDM: High-Resolution")).click()
    heading(page, "High-Resolution Image Synthesis")
    expect(page).to_have_url(re.compile(r"/paper\?key=ldm$"))
    page.go_back()
    heading(page, "Adding Conditional Control")
    page.go_back()
    expect(page.get_by_text(re.compile("papers? found"))).to_be_visible()
    expect(page.get_by_label(SEARCH_LABEL)).to_have_value("control edges")


def test_an_example_query_is_one_click_and_a_new_node_begins_at_its_first_page(page, server):
    page.goto(server)
    page.get_by_role("button", name="learn from masked images").click()
    expect(page).to_have_url(re.compile("q=learn"))
    page.goto(f"{server}/taxonomy?node=generative&page=3")
    expect(page.get_by_role("button", name="Page 3")).to_have_attribute("aria-current", "page")
    main_link(page, re.compile("Unified models")).click()
    expect(page.get_by_role("heading", name="Unified models")).to_be_visible()
    expect(page.get_by_role("button", name="Page 1", exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("path", ["/", "/?q=diffusion", "/paper?key=clip", "/taxonomy?node=unified", "/data"])
@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_is_wider_than_the_screen(page, server, path, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(700)
    assert overflow(page) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colour_scheme_of_the_system(browser, server, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(server)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    color = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    context.close()
    assert color == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 26)"}[scheme]
