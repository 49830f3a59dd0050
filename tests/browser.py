"""What the browser tests share: Chromium, and a server of our own on a free port."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

HOST = "127.0.0.1"
PATIENCE_MS = 30_000
SCREENSHOTS = os.environ.get("VFM_ATLAS_SCREENSHOTS")
LEAST_BYTES = 10_000


def chromium() -> str:
    """The path of Chromium; skips the test where there is none, unless the run requires browsers."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "no Chromium on this machine (apt-get install chromium)"
        if os.environ.get("VFM_ATLAS_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def new_browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield opened
        opened.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def explorer(library: Path, home: Path) -> Iterator[str]:
    """The explorer, served by the installed command; ended as a person would, with Ctrl-C."""
    port = free_port()
    command = [Path(sys.executable).parent / "vfm-atlas", "--library", library, "explore", "--no-browser"]
    environment = {**os.environ, "HOME": str(home)}
    server = subprocess.Popen(
        [*map(str, command), "--port", str(port)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_until_healthy(server, f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()
            raise


def _wait_until_healthy(server: subprocess.Popen, url: str) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise AssertionError(server.communicate()[0].decode())
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the explorer did not come up within 30 seconds")


def new_context(browser: Browser, outside: list[str], broken: list[str], **options: object) -> BrowserContext:
    """A browser of a person's own; it notes requests to other machines and errors of scripts."""
    usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(**usual | options)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.on("request", lambda request: _is_outside(request.url) and outside.append(request.url))
    context.on("weberror", lambda error: broken.append(str(error.error)))
    return context


def _is_outside(url: str) -> bool:
    return not url.startswith((f"http://{HOST}:", f"ws://{HOST}:", "data:", "blob:", "about:"))


def screenshot(page: Page, name: str, folder: Path, *, full_page: bool = False) -> None:
    """A picture for people to look at, in the folder that the environment names or the given one.

    An empty page would compress to next to nothing.
    """
    path = Path(SCREENSHOTS or folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(300)
    assert len(page.screenshot(path=path, full_page=full_page)) > LEAST_BYTES


def heading(page: Page, text: str | re.Pattern[str], level: int = 1) -> None:
    """Waits for a heading; errors name it."""
    expect(page.get_by_role("heading", level=level, name=text).first).to_be_visible()


def main_link(page: Page, text: str | re.Pattern[str]) -> Locator:
    """The first link of this name in the page itself, not in its navigation."""
    return page.get_by_test_id("stMain").get_by_role("link", name=text).first


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    # Streamlit scrolls its main part, not the document.
    return page.evaluate(
        "Math.max(...[document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]"
        ".map((each) => each.scrollWidth - each.clientWidth))"
    )


def settled(page: Page) -> None:
    """Waits until the server has said all that it has to say to this page."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"], [data-stale="true"]')).to_have_count(0)
    page.wait_for_timeout(300)
