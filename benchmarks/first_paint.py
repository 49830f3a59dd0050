"""How long the explorer's first page takes to be painted, against a Streamlit page with one chart.

Both servers run with the same flags and the same Streamlit, in processes of their own, one after the other.
The page itself notes the time, in the frame after its content is there: what drives the browser adds nothing.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app.commands.explore import HOST
from app.explorer_config import flags
from benchmarks.comparison import Comparison

MOST_RATIO = 1.5
CHART_PAGE = """
import streamlit as st

st.title("One chart", anchor=False)
st.line_chart({"papers": [1, 2, 4, 8]})
"""
ALTERNATIVE = "a Streamlit page with one st.line_chart"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PATIENCE_SECONDS = 60

_HEADING = "document.querySelector('h1')?.checkVisibility()"
# The map is drawn, the list beside it is whole, and then the heading: cheap questions first, in every frame.
_HOME = f"""window.vfmAtlasMaps?.views.map?.drawn
  && document.querySelector('.st-key-choose-ready-to-run button') && {_HEADING}"""
_CHART = f"""document.querySelector('[data-testid="stVegaLiteChart"] :is(canvas, svg)')?.checkVisibility()
  && {_HEADING}"""
_WATCH = """
const painted = window.painted = {};
const note = name => requestAnimationFrame(() => setTimeout(() => { painted[name] = performance.now() }));
const look = () => {
  if (!("heading" in painted) && HEADING) { painted.heading = 0; note("heading"); }
  if (PAGE) note("page");
  else requestAnimationFrame(look);
};
look();
""".replace("HEADING", _HEADING)


@dataclass(frozen=True)
class Visit:
    """Seconds from navigation until heading and page are painted, and from the start of the server."""

    heading: float
    page: float
    page_from_start: float


@dataclass(frozen=True)
class Opening:
    """Two visits to a server that was just started."""

    first: Visit
    second: Visit


_TIMES = {
    "first page, from server start": attrgetter("first.page_from_start"),
    "first page, first visit": attrgetter("first.page"),
    "first page, second visit": attrgetter("second.page"),
    "its heading, first visit": attrgetter("first.heading"),
    "its heading, second visit": attrgetter("second.heading"),
}


def find_chromium() -> str | None:
    """The path of Chromium on this machine."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def measure(pairs: int) -> list[Comparison]:
    """Open both pages in turn; each time with fresh processes and an empty browser cache."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        chart = home / "chart.py"
        chart.write_text(CHART_PAGE, encoding="utf-8")
        atlas = [str(Path(sys.executable).with_name("vfm-atlas")), "--library", str(home / "library.sqlite")]
        subprocess.run([*atlas, "build"], env=environment(home), check=True, capture_output=True)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        ours: list[Opening] = []
        theirs: list[Opening] = []
        for _ in range(pairs):
            port = free_port()
            ours.append(
                _open(browser, [*atlas, "explore", "--no-browser", "--port", str(port)], port, home, _HOME)
            )
            port = free_port()
            streamlit = [sys.executable, "-m", "streamlit", "run", str(chart)]
            same = flags(port=port, address=HOST, open_browser=False)
            theirs.append(_open(browser, [*streamlit, *same], port, home, _CHART))
        browser.close()
    return [
        Comparison(what, ALTERNATIVE, list(map(time_of, ours)), list(map(time_of, theirs)), MOST_RATIO)
        for what, time_of in _TIMES.items()
    ]


def _open(browser: Browser, command: Sequence[str], port: int, home: Path, ready: str) -> Opening:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(_WATCH.replace("PAGE", ready))
    begin = time.time()
    with server(command, port, home) as url:
        opening = Opening(_visit(context, url, begin), _visit(context, url, begin))
    context.close()
    return opening


def _visit(context: BrowserContext, url: str, server_start: float) -> Visit:
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.painted?.page", polling=100, timeout=_PATIENCE_SECONDS * 1e3)
    painted, navigation = page.evaluate("[window.painted, performance.timeOrigin]")
    page.close()
    whole = painted["page"] / 1e3
    return Visit(painted["heading"] / 1e3, whole, navigation / 1e3 + whole - server_start)


@contextmanager
def server(command: Sequence[str], port: int, home: Path) -> Iterator[str]:
    """A server that runs until the end of the context; gives its address."""
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_healthy(process, f"{url}/_stcore/health")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"no answer from {url}; the server's exit code: {server.poll()}")


def environment(home: Path) -> dict[str, str]:
    """Ours without the user's own Streamlit settings, which would be in both pages' way."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    return {**kept, "HOME": str(home), "VFM_ATLAS_OFFLINE": "1"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
