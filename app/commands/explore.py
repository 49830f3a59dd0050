"""The command that opens the explorer in a browser."""

import gc
import os
import socket
import sys
from pathlib import Path

import click

from app.console import Options, global_options, progress
from graph.errors import AtlasError, LibraryMissing
from graph.library import Library

HOST = "127.0.0.1"
PORT = 8501


class PortInUse(AtlasError):
    """Another program listens where the explorer should."""


@click.command()
@click.option(
    "--port", metavar="N", default=PORT, type=click.IntRange(1, 65535), help="Port to serve on.",
    show_default=True,
)  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@global_options
def explore(options: Options, port: int, no_browser: bool) -> None:
    """Open the explorer in a browser; Ctrl-C ends it.

    A library that is missing is built first. Only this machine can reach the explorer.
    """
    _require_free(port)
    try:
        options.open().close()
    except LibraryMissing:
        progress("no library yet: building it from the shipped catalogue")
        from ingest.build import build_shipped

        with Library.create(options.library) as library:
            build_shipped(library)
    if options.library:
        os.environ["VFM_ATLAS_LIBRARY"] = options.library
    progress(f"VFM Atlas: http://{HOST}:{port} (Ctrl-C ends it)")
    serve(port, open_browser=not no_browser)


def serve(port: int, *, open_browser: bool) -> None:
    """Run Streamlit's server on the explorer until it is interrupted."""
    from streamlit.web import cli as streamlit

    import app.explorer_config

    script = Path(app.explorer_config.__file__).with_name("explorer.py")
    flags = app.explorer_config.flags(port=port, open_browser=open_browser, address=HOST)
    sys.argv = ["streamlit", "run", str(script), *flags]
    # Streamlit collects garbage after every run of a page, before the browser has all of it. What is imported
    # by now never becomes garbage: looking through it again and again only delays the page.
    gc.freeze()
    streamlit.main(prog_name="streamlit")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        if os.name != "nt":  # there the option would let two programs share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as reason:
            other = port + 1 if 1024 <= port < 65535 else PORT
            advice = f"choose another, such as --port {other}"
            raise PortInUse(f"cannot serve on port {port} ({reason.strerror}): {advice}") from reason


COMMANDS = (explore,)
