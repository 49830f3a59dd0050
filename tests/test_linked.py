"""A link made at another snapshot says so, and leads to what changed since."""

from pathlib import Path

import pytest
from helpers import write_small_library
from pages import HOSTILE, add_paper, commit, fresh_server, unescaped
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

import app.linked
from graph.library import Library

EXPLORER = Path(app.linked.__file__).with_name("explorer.py")


@pytest.fixture
def snapshots(tmp_path, monkeypatch):
    """The ids of a library's former and present snapshot."""
    path = write_small_library(tmp_path / "shown.sqlite")
    with Library.open(path) as library, Session(library.engine) as session:
        add_paper(session, "new", title="A new paper", year=2025)
        ids = commit(session)
    with fresh_server(path, monkeypatch):
        yield ids


def opened(snapshot=None):
    at = AppTest.from_file(str(EXPLORER), default_timeout=60)
    if snapshot:
        at.query_params["snapshot"] = snapshot
    at.run()
    assert not at.exception, at.exception
    return at


def notices(at):
    return [unescaped(info.value) for info in at.info]


def test_without_a_snapshot_or_with_the_present_one_nothing_is_said(snapshots):
    assert notices(opened()) == notices(opened(snapshots[1])) == []


def test_a_former_snapshot_is_named_with_a_way_to_what_changed(snapshots):
    before, now = snapshots
    at = opened(before)
    assert notices(at) == [f"This link was made at snapshot {before}; the library is at {now} now."]
    (link,) = [each.proto for each in at.get("page_link") if each.proto.label == "What changed since"]
    assert f"before={before}" in link.query_string
    assert f"after={now}" in link.query_string


def test_a_snapshot_of_another_library_is_said_to_be_one_and_hostile_text_stays_text(snapshots):
    assert "of another library" in notices(opened("0123456789ab"))[0]
    (notice,) = [info.value for info in opened(HOSTILE).info]
    assert "<img" not in notice.replace("\\<", "")
