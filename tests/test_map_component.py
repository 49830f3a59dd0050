"""The map component in Chromium without a server: camera, names, keys, lasso, filters, and what it tells."""

import dataclasses
import json
import re
from importlib.resources import files

import pytest
from browser import ARGUMENTS, chromium
from map_page import DARK, many_papers, map_of, mount, place_of, settle, show_scene, tell
from playwright.sync_api import expect, sync_playwright

from app.components.mapdata import ego_scene, lanes_of_interest, lanes_scene, map_scene
from graph.analysis.lanes import read_lanes
from graph.ego import ego_graph

browser_test = pytest.mark.browser
NAME = "map"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def data(built_path):
    from graph.library import Library

    with Library.open(built_path) as library, library.reading() as session:
        return map_of(session)


@pytest.fixture(scope="module")
def scene(data):
    return map_scene(data, NAME, "Map of the field")


@pytest.fixture(scope="module")
def window(browser):
    """One page for all tests; each of them fills it anew."""
    context = browser.new_context(viewport={"width": 1000, "height": 900}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window):
    """A page on which no script may fail."""
    broken = []
    note = lambda error: broken.append(str(error))  # noqa: E731  (taken off by the same name)
    window.on("pageerror", note)
    window.mouse.move(0, 0)
    yield window
    window.remove_listener("pageerror", note)
    assert broken == []


@pytest.fixture
def shown(page, scene):
    """The page with the map of the shipped catalogue."""
    show_scene(page, scene)
    return page


def told(page):
    """The last choice that the map told the server."""
    return page.evaluate("told.at(-1) ?? null")


def overlaps(page):
    """Pairs of names on the map that cover one another."""
    return page.evaluate(
        """() => {
          const boxes = view.labels.map((label) => {
            const [x, y] = [view.camera.toX(label.x) + label.dx, view.camera.toY(label.y) + label.dy];
            return [label.lines.join(" "), x, y, x + label.width, y + label.height];
          });
          const meet = (a, b) => a[1] < b[3] && b[1] < a[3] && a[2] < b[4] && b[2] < a[4];
          const after = (at) => boxes.slice(at + 1);
          return boxes.flatMap((a, at) => after(at).filter((b) => meet(a, b)).map((b) => [a[0], b[0]]));
        }"""
    )


def pixel(page, x, y):
    """Colour of the drawn map at a place of the page."""
    return page.evaluate(
        """([x, y]) => {
          const box = view.base.getBoundingClientRect();
          const at = [x - box.left, y - box.top].map((value) => Math.round(value * view.ratio));
          return [...view.base.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
        }""",
        [x, y],
    )


def test_every_module_imports_only_what_another_one_exports():
    folder = files("app.components")
    modules = {
        path.name: path.read_text(encoding="utf-8")
        for path in folder.iterdir()
        if path.name.startswith("map_") and path.name.endswith(".js")
    }
    assert len(modules) > 10
    for name, text in modules.items():
        assert len(text.splitlines()) < 300, name
        for wanted, source in re.findall(r'^import \{([^}]*)\} from "\./([\w.]+)";', text, re.MULTILINE):
            for symbol in wanted.split(","):
                assert re.search(
                    rf"^export (async )?(function|class|const) {symbol.strip()}\b",
                    modules[source],
                    re.MULTILINE,
                ), f"{name}: {symbol}"


@browser_test
@pytest.mark.parametrize("steps", [0, 1, 2, 4, 6])
def test_names_never_cover_one_another_and_a_topic_is_named_at_every_zoom(shown, steps):
    for _ in range(steps):
        shown.evaluate("view.zoom(2)")
    settle(shown)
    assert overlaps(shown) == []
    topics = shown.evaluate("view.labels.filter((label) => label.paper === undefined).length")
    assert topics > 0 or shown.locator(".here").inner_text()
    papers = shown.evaluate(
        "view.labels.filter((label) => label.paper !== undefined).map((label) => label.paper)"
    )
    assert len(papers) == len(set(papers))
    if steps == 0:
        assert 9 <= len(papers) <= 12
        assert topics >= 12


@browser_test
def test_the_point_under_the_pointer_stays_there_while_zooming(shown):
    before, after = shown.evaluate(
        """() => {
          const at = () => [view.camera.fromX(300), view.camera.fromY(200)];
          const before = at();
          view.camera.zoomAt(5, 300, 200);
          return [before, at()];
        }"""
    )
    assert before == pytest.approx(after)


@browser_test
def test_a_wheel_zooms_and_at_the_whole_map_leaves_the_page_to_scroll(shown):
    box = shown.locator("canvas.over").bounding_box()
    shown.mouse.move(box["x"] + 200, box["y"] + 200)
    shown.mouse.wheel(0, -300)
    settle(shown)
    assert shown.evaluate("view.camera.zoom") > 1.5
    prevented = """() => {
      const event = new WheelEvent("wheel", { deltaY: 100, cancelable: true });
      view.surface.dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert shown.evaluate(prevented)
    shown.evaluate("view.fit()")
    assert not shown.evaluate(prevented)


@browser_test
def test_dragging_pans_and_the_map_cannot_be_lost(shown):
    box = shown.locator("canvas.over").bounding_box()
    shown.evaluate("view.zoom(3)")
    before = place_of(shown, "clip")
    shown.mouse.move(box["x"] + 300, box["y"] + 200)
    shown.mouse.down()
    shown.mouse.move(box["x"] + 360, box["y"] + 240, steps=4)
    shown.mouse.up()
    after = place_of(shown, "clip")
    assert after[0] - before[0] == pytest.approx(60, abs=1)
    assert after[1] - before[1] == pytest.approx(40, abs=1)
    assert told(shown) is None  # a drag is no click
    shown.evaluate("view.camera.pan(1e6, 1e6)")
    on_screen = (
        "view.scene.keys.some((_, paper) => view.camera.shows(view.scene.x[paper], view.scene.y[paper], 0))"
    )
    assert shown.evaluate(on_screen)


@browser_test
def test_two_fingers_zoom(shown):
    shown.evaluate(
        """() => {
          const send = (type, id, x) => view.surface.dispatchEvent(new PointerEvent(type, {
            pointerId: id, pointerType: "touch", button: 0, clientX: x, clientY: 300, bubbles: true }));
          view.surface.setPointerCapture = () => {};
          send("pointerdown", 1, 300); send("pointerdown", 2, 400);
          send("pointermove", 2, 500); send("pointerup", 2, 500); send("pointerup", 1, 300);
        }"""
    )
    assert shown.evaluate("view.camera.zoom") == pytest.approx(2)
    assert told(shown) is None


@browser_test
def test_a_click_chooses_and_draws_its_links_within_the_budget(shown, data):
    shown.mouse.click(*place_of(shown, "clip"))
    settle(shown)
    assert told(shown)["paper"] == "clip"
    clip = data.number_of["clip"]
    total = int(((data.start == clip) | (data.end == clip)).sum())
    expect(shown.locator(".status")).to_contain_text(f"40 of {total} links of CLIP drawn")
    kinds = shown.evaluate("view.links.shown.map((link) => view.scene.kind[link] > 0)")
    typed = int(((data.kind > 0) & ((data.start == clip) | (data.end == clip))).sum())
    assert kinds == [True] * min(typed, 40) + [False] * max(0, 40 - typed)
    assert overlaps(shown) == []


@browser_test
def test_hovering_shows_a_card_with_the_title_as_text(page, data):
    title = "<img src=x onerror=alert(1)> **bold** \U0001f600 " + "long " * 100
    hostile = dataclasses.replace(data, titles=(title, *data.titles[1:]))
    show_scene(page, map_scene(hostile, NAME, "Map"))
    page.mouse.move(*place_of(page, data.keys[0]))
    card = page.locator(".card")
    expect(card).to_be_visible()
    assert card.locator("strong").text_content() == title
    assert page.locator(".card img").count() == 0
    box, frame = card.bounding_box(), page.locator(".frame").bounding_box()
    assert box["x"] >= frame["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    page.locator("summary").click()
    assert page.locator("tbody button").first.text_content() == title


@browser_test
def test_arrow_keys_go_to_a_paper_in_that_direction_and_say_which(shown):
    surface = shown.locator("canvas.over")
    surface.focus()
    shown.keyboard.press("n")
    live = shown.locator(".live")
    expect(live).to_contain_text("Learning Transferable Visual Models")
    for key, axis, sign in (
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", 1, -1),
    ):
        before = place_of(shown, shown.evaluate("view.scene.keys[view.active]"))
        shown.keyboard.press(key)
        after = place_of(shown, shown.evaluate("view.scene.keys[view.active]"))
        assert sign * (after[axis] - before[axis]) > 0
        expect(live).to_contain_text("cited by")
    shown.keyboard.press("n")
    shown.keyboard.press("p")
    active = shown.evaluate("view.scene.keys[view.active]")
    shown.keyboard.press("Enter")
    assert told(shown)["paper"] == active
    shown.keyboard.press("Escape")
    assert told(shown)["paper"] is None
    shown.keyboard.press("Escape")
    assert shown.evaluate("document.activeElement === document.body")


@browser_test
def test_keys_zoom_and_show_all_again(shown):
    shown.locator("canvas.over").focus()
    shown.keyboard.press("+")
    shown.keyboard.press("+")
    assert shown.evaluate("view.camera.zoom") > 1.7
    shown.keyboard.press("-")
    assert shown.evaluate("view.camera.zoom") < 1.4
    shown.keyboard.press("0")
    assert shown.evaluate("view.camera.zoom") == 1


@browser_test
def test_every_paper_can_be_reached_with_n_and_p(shown, data):
    assert shown.evaluate("view.order().length") == len(data)
    tell(shown, topic="unified")
    assert shown.evaluate("view.order().length") == data.passing("unified").sum()


@browser_test
@pytest.mark.parametrize(
    "chosen",
    [
        {"topic": "generative"},
        {"topic": "unified.joint"},
        {"years": [2020, 2021]},
        {"runnable": True},
        {"topic": "discriminative", "years": [2019, 2023], "runnable": True},
        {"topic": "nothing of the kind"},
    ],
)
def test_the_map_filters_exactly_as_the_server_does(shown, data, chosen):
    tell(shown, **chosen)
    years = tuple(chosen["years"]) if "years" in chosen else None
    kept = data.passing(chosen.get("topic"), years, runnable=chosen.get("runnable", False))
    assert shown.evaluate("[...view.kept]") == kept.astype(int).tolist()


@browser_test
def test_papers_outside_the_filter_fade_and_cannot_be_clicked(shown):
    x, y = place_of(shown, "clip")
    full = pixel(shown, x, y)
    tell(shown, topic="generative")
    faded = pixel(shown, x, y)
    assert sum(faded) > sum(full) + 150  # nearer to the white of the background
    shown.mouse.click(x, y)
    assert told(shown) is None


@browser_test
def test_found_papers_are_marked_and_walked_in_the_order_of_the_search(shown):
    tell(shown, hits=["sam", "ldm", "mae"])
    expect(shown.locator(".status")).to_contain_text("3 results marked")
    shown.locator("canvas.over").focus()
    shown.keyboard.press("n")
    assert shown.evaluate("view.scene.keys[view.active]") == "sam"
    shown.keyboard.press("n")
    assert shown.evaluate("view.scene.keys[view.active]") == "ldm"
    assert overlaps(shown) == []


@browser_test
def test_a_lasso_takes_the_papers_inside_it(shown):
    x, y = place_of(shown, "sam")
    shown.keyboard.down("Shift")
    shown.mouse.move(x - 20, y - 20)
    shown.mouse.down()
    for dx, dy in ((20, -20), (20, 20), (-20, 20)):
        shown.mouse.move(x + dx, y + dy, steps=3)
    shown.mouse.up()
    shown.keyboard.up("Shift")
    area = told(shown)["area"]
    assert "sam" in area
    assert len(area) < 60
    for key in area:
        left, top = place_of(shown, key)
        assert abs(left - x) <= 21
        assert abs(top - y) <= 21
    expect(shown.locator(".live")).to_have_text(f"{len(area)} papers inside the lasso")
    shown.locator("canvas.over").focus()
    shown.keyboard.press("Escape")
    assert told(shown)["area"] == []


@browser_test
def test_the_lasso_button_serves_those_who_have_no_shift_key(shown):
    button = shown.get_by_role("button", name=re.compile("lasso"))
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    box = shown.locator("canvas.over").bounding_box()
    shown.mouse.move(box["x"] + 5, box["y"] + 5)
    shown.mouse.down()
    for x, y in ((800, 5), (800, 440), (5, 440)):
        shown.mouse.move(box["x"] + x, box["y"] + y, steps=3)
    shown.mouse.up()
    assert len(told(shown)["area"]) == 200  # what is told is bounded, what is shown is not
    assert shown.evaluate("view.filter.area.size") > 200
    expect(button).to_have_attribute("aria-pressed", "false")


@browser_test
def test_the_legend_says_what_each_shape_means_and_filters(shown, data):
    entries = shown.locator(".legend button")
    labels = {node.id: node.label for node in data.nodes}
    assert [text.split("\n")[0] for text in entries.all_inner_texts()] == [
        labels[each] for each in data.pillars
    ]
    unified = shown.get_by_role("button", name="Unified models")
    unified.click()
    assert told(shown)["topic"] == "unified"
    expect(unified).to_have_attribute("aria-pressed", "true")
    assert shown.locator("select").input_value() == "unified"
    unified.click()
    assert told(shown)["topic"] is None


@browser_test
def test_the_taxonomy_filter_counts_its_papers(shown, data):
    options = shown.locator("select option").all_inner_texts()
    assert options[0] == f"All topics ({len(data)})"
    assert "Promptable segmentation (27)" in [option.strip() for option in options]
    shown.locator("select").select_option("discriminative.promptable")
    assert told(shown)["topic"] == "discriminative.promptable"
    expect(shown.locator(".status")).to_contain_text("27 of 571 papers")


@browser_test
def test_the_year_brush_is_worked_with_the_keyboard(shown, data):
    first, last = (
        shown.get_by_role("slider", name="First year"),
        shown.get_by_role("slider", name="Last year"),
    )
    assert (first.get_attribute("aria-valuenow"), last.get_attribute("aria-valuenow")) == ("2009", "2025")
    first.focus()
    shown.keyboard.press("PageUp")
    shown.keyboard.press("ArrowRight")
    last.focus()
    shown.keyboard.press("ArrowLeft")
    shown.wait_for_timeout(400)  # told once, after the last key
    assert told(shown)["years"] == [2015, 2024]
    assert shown.evaluate("told.length") <= 2
    inside = int(((data.year >= 2015) & (data.year <= 2024)).sum())
    expect(shown.locator(".brush-words")).to_contain_text(f"2015 to 2024, {inside} papers")
    assert shown.evaluate("view.shown") == inside
    shown.keyboard.press("Escape")
    shown.wait_for_timeout(400)
    assert told(shown)["years"] is None


@browser_test
def test_the_year_brush_is_dragged_and_let_go(shown):
    handle = shown.get_by_role("slider", name="First year").bounding_box()
    track = shown.locator(".brush-track").bounding_box()
    year = track["width"] / 17
    shown.mouse.move(handle["x"] + 5, handle["y"] + 20)
    shown.mouse.down()
    shown.mouse.move(handle["x"] + 5 + 8 * year, handle["y"] + 20, steps=6)
    shown.mouse.up()
    assert told(shown)["years"] == [2017, 2025]
    shown.get_by_role("button", name="All years").click()
    assert told(shown)["years"] is None


@browser_test
def test_list_and_map_light_each_other_up(shown):
    shown.locator("summary").click()
    row = shown.locator("tbody tr").nth(2)
    row.hover()
    assert shown.evaluate("view.active") == 2
    expect(shown.locator(".card")).to_be_visible()
    row.get_by_role("button").click()
    assert shown.evaluate("told.at(-1).paper === view.scene.keys[2]")
    expect(shown.locator("tbody tr").nth(2)).to_have_attribute("aria-current", "true")
    key = shown.evaluate("view.scene.keys[0]")
    shown.mouse.move(*place_of(shown, key))
    expect(shown.locator("tbody tr").nth(0)).to_have_class("active")


@browser_test
def test_camera_and_choice_stay_when_the_same_data_comes_again(shown, scene, data):
    shown.evaluate("view.zoom(4)")
    tell(shown, paper="clip")
    camera = shown.evaluate("JSON.stringify(view.camera.state())")
    mount(shown, scene)
    assert shown.evaluate("JSON.stringify(view.camera.state())") == camera
    assert shown.evaluate("view.selected") == data.number_of["clip"]
    other = map_scene(dataclasses.replace(data, titles=("Another", *data.titles[1:])), NAME, "Map")
    mount(shown, other)
    assert shown.evaluate("view.camera.zoom") == 1
    mount(shown, scene)
    assert shown.evaluate("JSON.stringify(view.camera.state())") == camera


@browser_test
def test_an_answer_to_an_earlier_choice_does_not_undo_a_later_one(shown):
    shown.evaluate("view.change({ topic: 'unified' })")
    shown.evaluate("view.change({ topic: 'generative' })")
    tell(shown, seq=1, topic="unified")
    assert shown.evaluate("view.filter.topic") == "generative"
    tell(shown, seq=2, topic="resource")  # newer: the address was changed by Back, say
    assert shown.evaluate("view.filter.topic") == "resource"


@browser_test
def test_a_chosen_paper_outside_the_frame_is_brought_into_it(shown):
    shown.evaluate("view.camera.zoomAt(10, 5, 5)")
    tell(shown, paper="ldm")
    box = shown.locator(".frame").bounding_box()
    x, y = place_of(shown, "ldm")
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]


@browser_test
def test_the_dark_map_is_dark_and_sharp_screens_get_more_pixels(browser, scene):
    context = browser.new_context(viewport={"width": 1000, "height": 900}, device_scale_factor=2)
    page = context.new_page()
    show_scene(page, scene, theme=DARK)
    frame = page.locator(".frame").bounding_box()
    assert pixel(page, frame["x"] + 4, frame["y"] + 4) == [0x14, 0x16, 0x1A]
    assert page.evaluate("view.base.width") == pytest.approx(2 * page.evaluate("view.frame.clientWidth"))
    context.close()


@browser_test
def test_the_years_view_has_three_lanes_and_says_how_many_lines_it_draws(page, library, data):
    with library.reading() as session:
        lanes = read_lanes(session)
    show_scene(page, lanes_scene(data, lanes, NAME, "Lanes"))
    assert set(lanes_of_interest(data.pillars)) <= {lane.pillar for lane in lanes.lanes}
    status = page.locator(".status").inner_text()
    found = re.search(r"(\d+) of ([\d,]+) citations from lane to lane drawn", status)
    assert found
    assert int(found[1]) == 140 < int(found[2].replace(",", ""))
    assert overlaps(page) == []
    before = [place_of(page, key)[0] for key in ("resnet", "clip", "sam")]
    assert before == sorted(before)


@browser_test
def test_the_ego_graph_names_relations_and_opens_only_other_papers(page, library):
    with library.reading() as session:
        graph = ego_graph(session, "hq-sam")
    show_scene(page, ego_scene(graph, NAME, "HQ-SAM and the papers around it"))
    page.mouse.click(*place_of(page, "hq-sam"))
    assert told(page) is None
    page.locator("canvas.over").focus()
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(page.locator(".live")).not_to_be_empty()
    sam = page.evaluate("parts.relationLabel(view.scene, view.scene.numberOf.get('sam'))")
    assert sam == "HQ-SAM extends it"
    page.mouse.click(*place_of(page, "sam"))
    assert told(page)["paper"] == "sam"


@browser_test
def test_a_map_without_papers_or_with_one_is_no_error(page, data):
    for count in (1, 2):
        show_scene(page, map_scene(many_papers(count, 0), NAME, "Few"))
        assert page.evaluate("view.shown") == count
        page.locator("canvas.over").focus()
        page.keyboard.press("n")
        page.keyboard.press("ArrowLeft")


@browser_test
def test_papers_without_a_place_are_in_the_list_though_not_on_the_map(page, data):
    x = data.x.copy()
    x[:3] = float("nan")
    show_scene(page, map_scene(dataclasses.replace(data, x=x), NAME, "Map"))
    assert page.evaluate("view.shown") == len(data) - 3
    assert page.evaluate("view.order().length") == len(data)
    page.mouse.click(*place_of(page, data.keys[5]))
    assert told(page)["paper"] == data.keys[5]


@browser_test
def test_ten_thousand_papers_are_drawn_and_moved_without_drawing_anew(page):
    show_scene(page, map_scene(many_papers(10_000, 40_000), NAME, "Many"))
    assert page.evaluate("view.shown") == 10_000
    renders = page.evaluate(
        """async () => {
          let renders = 0;
          const render = view.render.bind(view);
          view.render = (isIdle) => { renders += 1; render(isIdle); };
          view.cost = 50;
          view.camera.zoom = 3;
          for (let step = 0; step < 10; step += 1) {
            view.camera.pan(5, 2);
            view.moving();
            await new Promise(requestAnimationFrame);
          }
          return renders;
        }"""
    )
    assert renders == 0
    settle(page)
    assert overlaps(page) == []


def test_a_scene_says_its_version_and_equal_data_have_an_equal_one(data, scene):
    header = json.loads(scene[4 : 4 + int.from_bytes(scene[:4], "little")])
    assert scene == map_scene(data, NAME, "Map of the field")
    assert header["version"] not in map_scene(data, NAME, "Another label").decode("latin-1")


@browser_test
def test_years_that_are_being_chosen_are_not_taken_back_by_an_answer_to_an_earlier_choice(shown):
    slider = shown.get_by_role("slider", name="First year")
    slider.focus()
    shown.keyboard.press("End")
    chosen = slider.get_attribute("aria-valuenow")
    assert chosen == slider.get_attribute("aria-valuemax")
    # As the server answers what was chosen before: within the pause after which the years are told.
    shown.evaluate("view.show({ seq: 0, paper: null, topic: null, years: null, area: [], hits: null })")
    assert slider.get_attribute("aria-valuenow") == chosen
