"""What the tests share: a fence around each of them, the shipped catalogue, and a library built from it."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import chromium, explorer, new_browser, new_context
from helpers import CatalogueFolder, write_small_library
from http_server import Asker, talking
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy.orm import Session

from graph.encoder import SentenceEncoder
from graph.library import Library
from ingest.build import build
from ingest.catalogue import read_catalogue, shipped_folder
from ingest.embedding import ShippedVectors
from ingest.rows import Catalogue

# A busy machine draws examples slowly and runs them slowly; neither says anything of the code.
settings.register_profile("atlas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("atlas")

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
CLOSED_PORT_URL = "http://127.0.0.1:9"
SERVICE_ADDRESSES = (
    "HF_ENDPOINT",
    "VFM_ATLAS_ARXIV_URL",
    "VFM_ATLAS_CROSSREF_URL",
    "VFM_ATLAS_OPENALEX_URL",
    "VFM_ATLAS_S2_URL",
)


@pytest.fixture(autouse=True)
def _fence(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's home folder or settings, and none reaches another machine."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name == "VFM_ATLAS_REQUIRE_BROWSER":
            continue
        if name.startswith(("VFM_ATLAS_", "XDG_", "HF_", "STREAMLIT_")) or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(home / "cache"))
    for name in SERVICE_ADDRESSES:
        monkeypatch.setenv(name, CLOSED_PORT_URL)
    # The hub's client reads the environment once, asks for a list of agents, and keeps it at home.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr("huggingface_hub.constants.AGENT_HARNESSES_PATH", str(home / "agents.json"))
    monkeypatch.setattr(socket.socket, "connect", _only_to_this_machine(socket.socket.connect))


def _only_to_this_machine(connect):
    def fenced(self, address):
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    return fenced


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    return read_catalogue()


@pytest.fixture(scope="session")
def shipped() -> ShippedVectors:
    """The vectors that ship with the catalogue."""
    return ShippedVectors.read(shipped_folder())


@pytest.fixture(scope="session")
def built_path(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue, shipped: ShippedVectors
) -> Path:
    """A library file built from the shipped catalogue; nobody writes to it."""
    path = tmp_path_factory.mktemp("built") / "library.sqlite"
    with Library.create(path) as library:
        build(library, catalogue, shipped)
    return path


@pytest.fixture
def library(built_path: Path) -> Iterator[Library]:
    """The shared library, for reading."""
    with Library.open(built_path) as opened:
        yield opened


@pytest.fixture
def own_path(built_path: Path, tmp_path: Path) -> Path:
    """A copy of the library that a test may change."""
    return Path(shutil.copy(built_path, tmp_path / "own.sqlite"))


@pytest.fixture
def small(tmp_path: Path) -> CatalogueFolder:
    """A small catalogue that a test may change cell by cell."""
    return CatalogueFolder(tmp_path / "catalogue")


@pytest.fixture
def small_library(tmp_path: Path) -> Iterator[Library]:
    """A library of the test's own, built from the small catalogue with HashEncoder."""
    with Library.create(write_small_library(tmp_path / "small.sqlite")) as library:
        yield library


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library with nothing in it; whoever writes to it throws that away."""
    with Library.create(tmp_path_factory.mktemp("empty") / "library.sqlite") as library:
        yield library


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Library]:
    """An empty library of the test's own."""
    with Library.create(tmp_path / "own.sqlite") as library:
        yield library


@pytest.fixture
def session(empty_library: Library) -> Iterator[Session]:
    """A session on an empty library, whose changes are thrown away."""
    with empty_library.reading() as opened:
        yield opened


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    """The real embedding model, loaded once per run."""
    return SentenceEncoder()


@pytest.fixture(scope="session")
def server(built_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer on a copy of the shared library; collections and notes are shared."""
    chromium()  # before a server is started for nothing
    own = Path(shutil.copy(built_path, tmp_path_factory.mktemp("served") / "library.sqlite"))
    with explorer(own, tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium per module: while one is driven, the thread has an event loop that others trip over."""
    with new_browser() as opened:
        yield opened


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that makes pages in browsers of their own; none may reach another machine or break."""
    outside: list[str] = []
    broken: list[str] = []
    contexts: list[BrowserContext] = []

    def make(**options: object) -> Page:
        contexts.append(new_context(browser, outside, broken, **options))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()
    assert outside == []
    assert broken == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page in a browser of its own."""
    return new_page()


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Callable[..., Asker]]:
    """A function that makes a transport to a server of its own, which answers by the given script."""
    with talking(tmp_path) as make:
        yield make


def pytest_report_header() -> str:
    import faiss
    import networkx
    import sqlalchemy
    import streamlit

    parts = [f"{module.__name__} {module.__version__}" for module in (faiss, networkx, sqlalchemy, streamlit)]
    return ", ".join(parts)
