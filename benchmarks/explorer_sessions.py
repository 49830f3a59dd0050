"""`python -m benchmarks.explorer_sessions`: the server's memory over many sessions, and ten users at once.

A session opens the first page, searches, opens a paper's page and leaves. The alternative, in the same run,
is a Streamlit page with one chart that is opened as often. 1 if memory grows by more than MOST_GROWTH after
the first ten sessions.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from app.explorer_config import flags
from benchmarks.first_paint import ARGUMENTS, CHART_PAGE, environment, find_chromium, free_port, server
from benchmarks.pages import table

MOST_GROWTH = 0.05
FIRST = 10
USERS = 10
_DRAWN = "window.vfmAtlasMaps?.views.map?.drawn"
_CHART = "document.querySelector('[data-testid=\"stVegaLiteChart\"] :is(canvas, svg)')"
_QUERIES = (
    "promptable segmentation",
    "SAM2",
    "learn from masked images",
    "text to image",
    "clip before 2022",
)


def ours(page: Page, url: str, number: int) -> None:
    """One session of a person."""
    page.goto(url)
    page.wait_for_function(_DRAWN)
    page.goto(f"{url}/?q={_QUERIES[number % len(_QUERIES)]}")
    page.get_by_text("found, by words").wait_for()
    page.goto(f"{url}/paper?key={('sam', 'clip', 'ldm', 'mae')[number % 4]}")
    page.get_by_role("heading", level=1).wait_for()


def theirs(page: Page, url: str, _number: int) -> None:
    """The same number of pages, each with one chart."""
    for _ in range(3):
        page.goto(url)
        page.wait_for_function(_CHART)


def memory(browser: Browser, url: str, visit: Callable[[Page, str, int], None], sessions: int) -> list[float]:
    """MB that the server and what it started hold after each session."""
    port = int(url.rpartition(":")[2])
    held = []
    for number in range(sessions):
        context = browser.new_context()
        visit(context.new_page(), url, number)
        context.close()
        held.append(_held(port))
    return held


def together(browser: Browser, url: str, drawn: str) -> float:
    """Seconds until ten pages that are opened at once are drawn."""
    contexts = [browser.new_context() for _ in range(USERS)]
    pages = [context.new_page() for context in contexts]
    begin = time.perf_counter()
    for page in pages:
        page.goto(url, wait_until="commit")
    for page in pages:
        page.wait_for_function(drawn)
    spent = time.perf_counter() - begin
    for context in contexts:
        context.close()
    return spent


def _held(port: int) -> float:
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if str(port) in line or f"--server.port={port}" in line:
            return (
                sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20
            )
    raise RuntimeError(f"no process serves port {port}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer_sessions", description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    chosen = parser.parse_args()
    rows, growth = [], 0.0
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        library, script = home / "library.sqlite", home / "chart.py"
        script.write_text(CHART_PAGE, encoding="utf-8")
        atlas = str(Path(sys.executable).with_name("vfm-atlas"))
        subprocess.run(
            [atlas, "--library", library, "build"], check=True, capture_output=True, env=environment(home)
        )
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for name, visit, drawn in (("VFM Atlas", ours, _DRAWN), ("one chart", theirs, _CHART)):
            port = free_port()
            command = [atlas, "--library", str(library), "explore", "--no-browser", "--port", str(port)]
            if visit is theirs:
                options = flags(port=port, address="127.0.0.1", open_browser=False)
                command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
            with server(command, port, home) as url:
                held = memory(browser, url, visit, chosen.sessions)
                users = together(browser, url, drawn)
            tail = statistics.median(held[-3:]) / held[min(FIRST, len(held)) - 1] - 1
            growth = tail if visit is ours else growth
            rows.append(
                [name, f"{held[0]:.0f}", f"{held[min(FIRST, len(held)) - 1]:.0f}", f"{held[-1]:.0f}",
                 f"{tail:+.1%}", f"{users:.1f} s"]
            )  # fmt: skip
        browser.close()
    heads = ["server", "MB after 1 session", f"after {FIRST}", f"after {chosen.sessions}", "growth since",
             f"{USERS} users at once, until all is drawn"]  # fmt: skip
    print(table(heads, rows))
    return int(growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
