"""The page Changes: what the library had before and has now, and nothing that did not change."""

import pytest
import streamlit as st
from helpers import elsewhere, paper_id, write_small_library
from pages import (
    HOSTILE,
    add_paper,
    assert_text_stays_text,
    commit,
    fresh_server,
    links,
    run_view,
    says,
    texts,
    unescaped,
)
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from graph.diff import checkpoint_key
from graph.library import Library
from graph.schema import (
    Assignment,
    Checkpoint,
    Citation,
    Paper,
    Snapshot,
)


@pytest.fixture
def path(tmp_path):
    """The file of a small library that the pages show."""
    return write_small_library(tmp_path / "shown.sqlite")


@pytest.fixture(autouse=True)
def _fresh_server(path, monkeypatch):
    with fresh_server(path, monkeypatch):
        yield


@pytest.fixture
def session(path):
    """A session whose changes are kept when the test commits them."""
    with Library.open(path) as library, Session(library.engine) as opened:
        yield opened


def test_a_library_with_one_state_says_that_there_is_nothing_to_compare():
    at = run_view("changes")
    assert says(at, "The library has had one state so far")
    assert "Bring papers in" in links(at)


@pytest.fixture
def changed(session):
    """A library in which everything that is compared has changed; the ids of both snapshots."""
    fact = elsewhere(session)
    ids = {key: paper_id(session, key) for key in ("survey", "resnet", "clip", "ldm", "cfg", "later")}
    add_paper(session, "new", title=HOSTILE, year=2025)
    link = {"citing_id": paper_id(session, "new"), "cited_id": ids["clip"], **fact}
    session.execute(insert(Citation).values(**link))
    session.execute(delete(Citation).where(Citation.citing_id == ids["ldm"], Citation.cited_id == ids["cfg"]))
    session.execute(delete(Paper).where(Paper.key == "later"))
    values = {"venue": "ICLR 2023", "abstract": "A text.", "summary": "Another summary.", "year": 2023}
    session.execute(update(Paper).where(Paper.key == "cfg").values(**values))
    session.execute(update(Paper).where(Paper.key == "ldm").values(venue=HOSTILE, code_url="x" * 300))
    session.execute(
        update(Assignment).where(Assignment.paper_id == ids["resnet"]).values(node_id="things.data")
    )
    session.execute(update(Checkpoint).where(Checkpoint.hub_id == "lab/ldm").values(state="gone"))
    return commit(session)


def test_every_kind_of_change_has_its_section(changed):
    at = run_view("changes")
    headings = [heading.value for heading in at.subheader]
    assert headings == [
        "New papers (1)", "Papers gone (1)", "New citations (1)", "Citations gone (1)",
        "Papers with changed facts (2)", "Moved in the taxonomy (1)", "Dead checkpoints (1)",
        "Changed checkpoints (1)",
    ]  # fmt: skip
    assert says(at, "**1** new paper, **1** paper gone")
    assert says(at, "venue: not known → ICLR 2023") or says(at, "venue ICLR 2023")
    assert says(at, "summary: another text")
    assert says(at, "new: abstract")
    assert says(at, "year: 2022 → 2023")
    assert says(at, "taxonomy: things.models → things.data")
    assert says(at, "state: unchecked → gone")
    assert not says(at, "x" * 200)  # long values are shortened
    # A paper that is gone is named but cannot be opened.
    assert "Later: A Paper After the Survey (2024)" in texts(at)
    assert not any("A Paper After the Survey" in label for label in links(at))
    assert any("Learning Transferable Visual Models" in label for label in links(at))
    assert_text_stays_text(at)


def test_the_other_way_round_shows_the_opposite(changed):
    before, after = changed
    at = run_view("changes", before=after, after=before)
    assert [heading.value for heading in at.subheader][:2] == ["New papers (1)", "Papers gone (1)"]
    assert says(at, "year: 2023 → 2022")
    assert says(at, "state: gone → unchecked")
    assert "Keep this comparison as a link" not in links(at)


def test_a_comparison_can_be_kept_as_a_link(changed):
    before, after = changed
    at = run_view("changes")
    (link,) = [each for each in at.get("page_link") if each.proto.label == "Keep this comparison as a link"]
    assert f"before={before}" in link.proto.query_string
    assert f"after={after}" in link.proto.query_string


def test_choosing_a_snapshot_writes_both_into_the_address(changed):
    before, after = changed
    at = run_view("changes")
    at.selectbox[0].set_value(after).run()
    assert not at.exception
    assert at.query_params["before"] == after
    assert at.query_params["after"] == after
    assert says(at, "Both are the same snapshot")
    at.selectbox[1].set_value(before).run()
    assert says(at, "year: 2023 → 2022")


def test_a_snapshot_that_is_unknown_or_was_not_kept_is_said(changed, session):
    before, _after = changed
    at = run_view("changes", before=f"nope{HOSTILE}")
    assert "There is no snapshot nope" in unescaped(at.warning[0].value)
    assert says(at, "**1** new paper")
    assert_text_stays_text(at)
    session.execute(update(Snapshot).where(Snapshot.id == before).values(content=None))
    session.commit()
    st.cache_data.clear()
    at = run_view("changes")
    assert f"the contents of snapshot {before} were not kept" in unescaped(at.info[0].value)
    assert any("contents not kept" in option for option in at.selectbox[0].options)


def test_long_lists_are_cut_and_open_on_demand(session):
    for number in range(30):
        add_paper(session, f"n{number}", title=f"Number {number}")
    commit(session)
    at = run_view("changes")
    assert sum("Number" in label for label in links(at)) == 25
    at.toggle[0].set_value(True).run()
    assert sum("Number" in label for label in links(at)) == 30


def test_checkpoints_of_a_difference_are_named_by_hub_id():
    from app.views.changes import _checkpoint_words

    assert (
        unescaped(_checkpoint_words(checkpoint_key("lab/x", "diffusers", "Pipe"))) == "lab/x · diffusers Pipe"
    )
