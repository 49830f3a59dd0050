"""The map alone on an empty page of Chromium: no server, only the module and what Python packs for it."""

import base64
import json

import numpy as np
from sqlalchemy.orm import Session

from app.components.map import joined_module
from graph.mapview import KINDS, MapData, MapNode, read_map

_PARTS = "relationLabel"
_HTML = """<!doctype html><html lang="en"><meta charset="utf-8"><title>map</title>
<style>:root {{ {variables} }} body {{ margin: 0; width: {width}px; background: var(--st-background-color) }}
{css}</style><body><div class="map"></div>"""
LIGHT = {
    "--st-text-color": "#1c2024", "--st-background-color": "#ffffff", "--st-primary-color": "#3451b2",
    "--st-secondary-background-color": "#f4f5f7", "--st-font": "sans-serif",
}  # fmt: skip
DARK = LIGHT | {
    "--st-text-color": "#edeef0",
    "--st-background-color": "#14161a",
    "--st-primary-color": "#9eb1ff",
    "--st-secondary-background-color": "#1e2127",
}


def show_scene(page, scene: bytes, *, width: int = 900, theme: dict[str, str] | None = None) -> None:
    """Mount a scene; `view` is then the page's map, `told` what it tells the server, `parts` its pieces."""
    from importlib.resources import files

    css = (files("app.components") / "map.css").read_text(encoding="utf-8")
    page.goto("about:blank")
    variables = "; ".join(f"{name}: {value}" for name, value in (theme or LIGHT).items())
    page.set_content(_HTML.format(variables=variables, css=css, width=width))
    module = joined_module().replace("export default function", "window.mount = function")
    page.add_script_tag(type="module", content=f"{module}\nwindow.parts = {{ {_PARTS} }};")
    page.wait_for_function("window.parts")
    page.evaluate("window.told = []")
    mount(page, scene)


def mount(page, scene: bytes) -> None:
    """Give the component data, as Streamlit does at first and whenever the data changes."""
    page.evaluate(
        """text => {
          const data = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          window.cleanup = window.mount({ data, parentElement: document.body });
          const [name, view] = Object.entries(window.vfmAtlasMaps.views)[0];
          window.view = view;
          window.vfmAtlasMaps.links[name] = (choice) => window.told.push(choice);
        }""",
        base64.b64encode(scene).decode(),
    )
    settle(page)


def settle(page) -> None:
    """Wait until the map has drawn what changed."""
    page.evaluate(
        "new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done)), 200))"
    )


def tell(page, **state) -> None:
    """Say from the server's side what is chosen."""
    full = {
        "map": "map", "seq": 0, "paper": None, "topic": None, "years": None, "runnable": False, "area": [],
        "hits": None, "note": "",
    }  # fmt: skip
    page.evaluate("state => view.show(state)", json.loads(json.dumps(full | state)))
    settle(page)


def place_of(page, key: str) -> tuple[float, float]:
    """Where a paper's point is on the page."""
    x, y = page.evaluate(
        """key => {
          const paper = view.scene.numberOf.get(key);
          const box = view.surface.getBoundingClientRect();
          const { x, y } = view.scene;
          return [box.left + view.camera.toX(x[paper]), box.top + view.camera.toY(y[paper])];
        }""",
        key,
    )
    return x, y


def map_of(session: Session) -> MapData:
    """The map of a library."""
    return read_map(session)


def many_papers(count: int, links: int, *, seed: int = 7) -> MapData:
    """A made-up map of any size: topics as clouds, citations to papers that are cited already."""
    random = np.random.default_rng(seed)
    topics = 12
    topic = random.integers(0, topics, count)
    middles = random.random((topics, 2)) * 0.8 + 0.1
    points = middles[topic] + random.normal(0, 0.05, (count, 2))
    cited = np.sort(random.pareto(1.2, count) * 2)[::-1].astype(np.uint32)
    nodes = [MapNode("root", "All", -1, 0, None, count)] + [
        MapNode(f"t{at}", f"Topic number {at}", 0, 1, f"t{at}", int((topic == at).sum()))
        for at in range(topics)
    ]
    names = tuple(f"Paper {number}" for number in range(count))
    return MapData(
        keys=tuple(f"p{number}" for number in range(count)),
        names=names,
        titles=tuple(f"{name}: a title of the usual length about something" for name in names),
        ids=np.arange(count, dtype=np.int64),
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        year=random.integers(2010, 2026, count).astype(np.int16),
        month=np.zeros(count, dtype=np.int16),
        cited=cited,
        node=(topic + 1).astype(np.int16),
        runnable=random.random(count) < 0.1,
        start=np.sort(random.integers(0, count, links)).astype(np.uint32),
        end=(random.random(links) ** 3 * count).astype(np.uint32),
        kind=np.full(links, KINDS.index("cites"), dtype=np.uint8),
        also_paper=np.zeros(0, dtype=np.uint32),
        also_node=np.zeros(0, dtype=np.int16),
        nodes=tuple(nodes),
        topics=(),
        landmarks=tuple(range(12)),
    )
