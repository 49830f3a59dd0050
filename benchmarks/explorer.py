"""How the explorer's map answers: a click until the paper's card is there, and frames while it is dragged.

The alternatives are the least that Streamlit and the browser can do: a button that changes a heading, and an
empty page over which the mouse is dragged. All of it with software rendering, as Chromium does without a GPU.
"""

import base64
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from app.commands.explore import HOST
from app.components.map import joined_module
from app.components.mapdata import map_scene
from app.explorer_config import flags
from benchmarks.comparison import Comparison
from benchmarks.first_paint import ARGUMENTS, environment, find_chromium, free_port, server
from graph.mapview import MapData, MapNode

MOST_CLICK_SECONDS = 0.5
MOST_FRAME_SECONDS = 1 / 50
PAPERS, LINKS = 10_000, 40_000
KEYS = ("sam", "mae", "ldm", "clip", "vit", "dino", "detr", "flamingo")
BUTTON_PAGE = """
import streamlit as st

name = st.session_state.get("name", "none")
st.title(name, anchor=False)
for key in {keys}:
    st.button(key, on_click=lambda key=key: st.session_state.update(name=key))
"""
_PLACE = """key => {
  const view = window.vfmAtlasMaps.views.map;
  const paper = view.scene.numberOf.get(key);
  const box = view.surface.getBoundingClientRect();
  return [box.left + view.camera.toX(view.scene.x[paper]), box.top + view.camera.toY(view.scene.y[paper])];
}"""
_FRAMES = """() => {
  const times = (window.frames_ = []);
  let last = performance.now();
  const next = (now) => { times.push(now - last); last = now; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
_DRAG_SECONDS = 3.0


def measure(pairs: int) -> list[Comparison]:
    """Click and drag in turn on ours and on the alternative."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        clicks = _clicks(browser, Path(folder), pairs)
        frames = _frames(browser, pairs)
        browser.close()
    return [
        Comparison(
            "click on the map, until the card is filled", "st.button, until a heading has changed", *clicks,
            most_seconds=MOST_CLICK_SECONDS,
        ),
        Comparison(
            f"a frame while the map of {PAPERS:,} papers is dragged", "the same on an empty page", *frames,
            most_seconds=MOST_FRAME_SECONDS,
        ),
    ]  # fmt: skip


def _clicks(browser: Browser, home: Path, pairs: int) -> tuple[list[float], list[float]]:
    atlas = [str(Path(sys.executable).with_name("vfm-atlas")), "--library", str(home / "library.sqlite")]
    subprocess.run([*atlas, "build"], env=environment(home), check=True, capture_output=True)
    script = home / "button.py"
    script.write_text(BUTTON_PAGE.format(keys=KEYS), encoding="utf-8")
    ports = free_port(), free_port()
    plain = flags(port=ports[1], address=HOST, open_browser=False)
    streamlit = [sys.executable, "-m", "streamlit", "run", str(script), *plain]
    explorer = [*atlas, "explore", "--no-browser", "--port", str(ports[0])]
    ours: list[float] = []
    theirs: list[float] = []
    with server(explorer, ports[0], home) as our_url, server(streamlit, ports[1], home) as their_url:
        pages = [browser.new_page(viewport={"width": 1440, "height": 900}) for _ in range(2)]
        pages[0].goto(our_url)
        pages[0].wait_for_function("Boolean(window.vfmAtlasMaps?.views.map?.drawn)")
        pages[1].goto(their_url)
        pages[1].get_by_role("button", name=KEYS[0]).wait_for()
        for number in range(pairs + 1):
            key = KEYS[number % len(KEYS)]
            mine, other = _click_map(pages[0], key), _click_button(pages[1], key)
            if number:  # the first of each loads what is loaded once
                ours.append(mine)
                theirs.append(other)
    return ours, theirs


def _click_map(page: Page, key: str) -> float:
    title = page.evaluate(
        "key => (({ scene }) => scene.titles[scene.numberOf.get(key)])(window.vfmAtlasMaps.views.map)", key
    )
    x, y = page.evaluate(_PLACE, key)
    page.wait_for_timeout(500)
    begin = time.perf_counter()
    page.mouse.click(x, y)
    page.locator(".st-key-card h3", has_text=re.compile(re.escape(title[:40]))).wait_for()
    return time.perf_counter() - begin


def _click_button(page: Page, key: str) -> float:
    button = page.get_by_role("button", name=key, exact=True)
    page.wait_for_timeout(500)
    begin = time.perf_counter()
    button.click()
    page.get_by_role("heading", name=key, exact=True).wait_for()
    return time.perf_counter() - begin


def _frames(browser: Browser, pairs: int) -> tuple[list[float], list[float]]:
    ours, theirs = browser.new_page(), browser.new_page()
    theirs.set_content("<p>empty</p>")
    ours.set_content('<body style="margin: 0"><div class="map"></div></body>')
    css = (Path(__file__).parent.parent / "app" / "components" / "map.css").read_text(encoding="utf-8")
    ours.add_style_tag(content=css)
    module = joined_module().replace("export default function", "window.mount = function")
    ours.add_script_tag(type="module", content=module)
    ours.wait_for_function("Boolean(window.mount)")
    ours.evaluate(
        """text => window.mount({
          data: Uint8Array.from(atob(text), (each) => each.charCodeAt(0)), parentElement: document.body })""",
        base64.b64encode(map_scene(_made_up(), "map", "Made-up papers")).decode(),
    )
    ours.wait_for_function("Boolean(window.vfmAtlasMaps.views.map.drawn)")
    ours.evaluate("window.vfmAtlasMaps.views.map.zoom(2)")
    ours.wait_for_timeout(1000)
    pairs_of_times = [(_drag(ours), _drag(theirs)) for _ in range(pairs)]
    return [mine for mine, _ in pairs_of_times], [other for _, other in pairs_of_times]


def _drag(page: Page) -> float:
    """The mean time of a frame, in seconds, while the mouse drags over the page."""
    page.bring_to_front()
    page.mouse.move(500, 300)
    page.mouse.down()
    page.evaluate(_FRAMES)
    end = time.perf_counter() + _DRAG_SECONDS
    step = 0
    while time.perf_counter() < end:
        step += 1
        page.mouse.move(500 - 3 * (step % 60), 300 - step % 40)
    times = page.evaluate("window.frames_")
    page.mouse.up()
    page.wait_for_timeout(300)
    return statistics.mean(times) / 1e3


def _made_up() -> MapData:
    """Papers in clouds of topics, most cited first, and citations between them."""
    draw = np.random.default_rng(7)
    topic = draw.integers(0, 12, PAPERS)
    points = (draw.random((12, 2)) * 0.8 + 0.1)[topic] + draw.normal(0, 0.05, (PAPERS, 2))
    names = tuple(f"Paper {number}" for number in range(PAPERS))
    nodes = [MapNode("root", "All", -1, 0, None, PAPERS)]
    nodes += [
        MapNode(f"t{at}", f"Topic number {at}", 0, 1, f"t{at}", int((topic == at).sum())) for at in range(12)
    ]
    return MapData(
        keys=names, names=names, titles=names, ids=np.arange(PAPERS),
        x=points[:, 0].astype(np.float32), y=points[:, 1].astype(np.float32),
        year=draw.integers(2010, 2026, PAPERS).astype(np.int16), month=np.zeros(PAPERS, dtype=np.int16),
        cited=np.sort(draw.pareto(1.2, PAPERS) * 2)[::-1].astype(np.uint32),
        node=(topic + 1).astype(np.int16), runnable=draw.random(PAPERS) < 0.1,
        start=np.sort(draw.integers(0, PAPERS, LINKS)).astype(np.uint32),
        end=(draw.random(LINKS) ** 3 * PAPERS).astype(np.uint32), kind=np.zeros(LINKS, dtype=np.uint8),
        also_paper=np.zeros(0, dtype=np.uint32), also_node=np.zeros(0, dtype=np.int16),
        nodes=tuple(nodes), topics=(), landmarks=tuple(range(12)),
    )  # fmt: skip
