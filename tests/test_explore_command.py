"""`vfm-atlas explore`: it serves on this machine alone, ends on Ctrl-C, and asks nobody for anything."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from command_line import PROGRAM, fail, succeed

from app.commands.explore import HOST
from app.explorer_config import flags
from graph.settings import default_library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent differently on Windows")
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def explorer(port: int, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A running `vfm-atlas explore` that answers; its output is read by the caller, once it has ended."""
    command = [PROGRAM, "explore", "--port", str(port), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, env={**os.environ, **environment}, **pipes) as process:
        try:
            wait_until_healthy(process, port)
            yield process
        finally:
            process.kill()


def wait_until_healthy(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/_stcore/health", timeout=5) as answer:
                assert answer.read() == b"ok"
                return
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the explorer did not answer: {process.communicate()}")


def test_without_a_library_it_builds_one_serves_this_machine_only_and_ends_on_ctrl_c(tmp_path):
    library, port = tmp_path / "library.sqlite", free_port()
    with explorer(port, "--no-browser", "--library", str(library)) as process:
        with socket.socket() as neighbour:
            # Another address of this machine is still free: the server does not listen on all of them.
            neighbour.bind(("127.0.0.2" if sys.platform == "linux" else "::1", port))
        with urllib.request.urlopen(f"http://{HOST}:{port}/", timeout=10) as page:
            assert b"<title>" in page.read()
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - interrupted < 10
    assert process.returncode == 0
    assert err.splitlines()[:2] == [
        "no library yet: building it from the shipped catalogue",
        f"VFM Atlas: http://{HOST}:{port} (Ctrl-C ends it)",
    ]
    assert "Traceback" not in out + err
    assert "Error" not in out + err
    assert succeed("stats", "--library", library).out


def test_it_opens_a_browser_only_when_it_may(built_path, tmp_path):
    """The browser is a script that writes down what it is asked to open."""
    opened = tmp_path / "opened"
    for name in ("xdg-open", "open"):
        browser = tmp_path / "bin" / name
        browser.parent.mkdir(exist_ok=True)
        browser.write_text(f'#!/bin/sh\necho "$1" >> "{opened}"\n')
        browser.chmod(0o755)
    surroundings = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "DISPLAY": ":9"}
    for options, expected in (("--no-browser",), False), ((), True):
        port = free_port()
        with explorer(port, *options, "--library", str(built_path), **surroundings) as process:
            deadline = time.monotonic() + (PATIENCE_SECONDS if expected else 1)
            while time.monotonic() < deadline and not opened.exists():
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        assert opened.exists() == expected
    assert opened.read_text() == f"http://{HOST}:{port}\n"


def test_a_port_in_use_is_one_line_that_suggests_the_next(built_path):
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        message = fail("explore", "--port", port, "--no-browser", "--library", built_path, code=1)
    assert (
        message
        == f"cannot serve on port {port} (Address already in use): choose another, such as --port {port + 1}"
    )


def test_after_the_last_port_the_usual_one_is_suggested(built_path):
    with socket.socket() as other:
        other.bind((HOST, 65535))
        other.listen()
        message = fail("explore", "--port", 65535, "--library", built_path, code=1)
    assert message.endswith("such as --port 8501")


def test_a_library_that_cannot_be_used_stops_it_before_it_serves(tmp_path):
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"no database" * 1000)
    message = fail("explore", "--port", free_port(), "--no-browser", "--library", garbage, code=1)
    assert message.startswith(f"{garbage} cannot be read as a library")


def test_the_pages_show_the_library_of_the_option(built_path, tmp_path, monkeypatch):
    """Streamlit runs the pages without our options: they read the environment."""
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(tmp_path / "another.sqlite"))
    opened = []
    monkeypatch.setattr("app.commands.explore.serve", lambda *_, **__: opened.append(default_library()))
    succeed("explore", "--port", free_port(), "--library", built_path)
    assert opened == [str(built_path)]


def test_nothing_is_sent_home_and_errors_stay_out_of_the_page():
    chosen = dict(
        flag.removeprefix("--").split("=", 1) for flag in flags(port=1, address=HOST, open_browser=False)
    )
    assert chosen["browser.gatherUsageStats"] == "false"
    assert chosen["server.showEmailPrompt"] == "false"
    assert chosen["client.showErrorDetails"] == "none"
    assert chosen["server.headless"] == "true"
    assert (chosen["server.address"], chosen["server.port"]) == (HOST, "1")


def test_every_flag_is_an_option_that_streamlit_has():
    from streamlit import config

    known = config._config_options_template
    for flag in flags(port=1, address=HOST, open_browser=True):
        assert flag.removeprefix("--").split("=")[0] in known
