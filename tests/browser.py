"""What the browser tests share: Chromium, and a server of our own on a free port."""

import os
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

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def chromium() -> str:
    """The path of Chromium; skips the test where there is none, unless the run requires browsers."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "no Chromium on this machine (apt-get install chromium)"
        if os.environ.get("VFM_ATLAS_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return found


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
