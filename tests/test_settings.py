"""Settings come from one table, and the environment is honoured."""

import re
from pathlib import Path

import pytest

from graph.errors import LibraryMissing
from graph.library import Library
from graph.settings import SETTINGS, default_library, offline

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_default_and_says_what_it_does(setting):
    assert re.fullmatch(r"[A-Z0-9_]+", setting.name)
    assert setting.default
    assert len(setting.help.split()) >= 4


def test_no_setting_is_listed_twice():
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


def test_every_variable_that_the_code_names_is_in_the_table():
    rooms = [ROOT / room for room in ("app", "evaluation", "graph", "ingest")]
    named = {
        name
        for room in rooms
        for path in room.rglob("*.py")
        for name in re.findall(
            r"\b(?:VFM_ATLAS_[A-Z0-9_]+|[A-Z0-9]+_API_KEY|HF_ENDPOINT|HF_TOKEN)\b", path.read_text()
        )
    }
    assert named == {setting.name for setting in SETTINGS}


def test_the_library_is_in_the_users_data_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = Path(default_library())
    assert path.name == "library.sqlite"
    assert path.parent.name == "vfm-atlas"
    assert path.is_relative_to(Path.home()) or path.is_relative_to(tmp_path)


def test_the_library_of_the_environment_is_opened(built_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
    assert default_library() == str(built_path)
    with Library.open() as library:
        assert library.path == built_path


def test_the_library_of_the_environment_may_be_a_url_or_start_at_home(built_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", f"sqlite:///{built_path}")
    with Library.open() as library:
        assert library.path == built_path
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", "~/mine.sqlite")
    with pytest.raises(LibraryMissing, match=re.escape(str(Path.home() / "mine.sqlite"))):
        Library.open()


def test_a_library_that_is_named_wins_over_the_environment(built_path, monkeypatch, tmp_path):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(tmp_path / "another.sqlite"))
    with Library.open(built_path) as library:
        assert library.path == built_path
    with pytest.raises(LibraryMissing, match=r"another\.sqlite: make one with 'vfm-atlas build'$"):
        Library.open()


def test_an_empty_variable_is_no_library(monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", "")
    assert default_library().endswith("library.sqlite")


@pytest.mark.parametrize("value", ["1", "true", "YES", "on", " 1 ", "anything"])
def test_offline_is_on_for(value, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", value)
    assert offline()


@pytest.mark.parametrize("value", ["0", "", " ", "false", "No", "OFF", " 0 ", None])
def test_offline_is_off_for(value, monkeypatch):
    if value is not None:
        monkeypatch.setenv("VFM_ATLAS_OFFLINE", value)
    assert not offline()
