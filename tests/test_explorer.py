"""The explorer's pages, run by Streamlit's own test harness on the shipped catalogue."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from pages import HOSTILE, fresh_server, links, run_view, texts, unescaped
from streamlit.testing.v1 import AppTest

from app.parts import paper_label, plain
from graph.coverage import UNKNOWN
from graph.library import Library
from graph.shelf import add_note
from ingest.catalogue import read_catalogue

ENTRY = Path(__file__).parent.parent / "app" / "explorer.py"
KEYS = [row.key for row in read_catalogue().papers]


@pytest.fixture(autouse=True)
def _fresh_server(built_path, monkeypatch):
    """Each test has a server of its own: nothing cached, the shared library, no model."""
    with fresh_server(built_path, monkeypatch):
        yield


def test_first_page_tells_what_is_here_and_where_to_start(catalogue):
    at = AppTest.from_file(ENTRY, default_timeout=60).run()
    assert not at.exception
    counted = f"**571** papers, **3,538** citations and **{len(catalogue.checkpoints)}** checkpoints"
    assert counted in at.markdown[0].value
    headings = [heading.value.split(" :small")[0] for heading in at.subheader]
    assert headings == ["Most influential", "Bridges", "Newest", "Ready to run"]
    assert any("CLIP" in button.label for button in at.button)


def test_paper_page_shows_facts_links_and_checkpoints():
    at = run_view("paper", key="sam")
    said = texts(at)
    assert "Segment Anything" in said[0]
    assert any("Alexander Kirillov" in text for text in said)
    assert any("Promptable segmentation" in label for label in links(at))
    assert any("SAM builds on ViT" in label for label in links(at))
    assert any("facebook/sam-vit-base" in unescaped(element.label) for element in at.expander)
    assert any("SamModel.from_pretrained" in element.value for element in at.code)
    assert any("Revision not pinned yet" in text for text in said)


def test_a_note_is_seen_without_a_new_build(own_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(own_path))
    assert not run_view("paper", key="sam").info
    with Library.open(own_path) as library, library.writing() as session:
        add_note(session, "sam", "compare with SEEM")
    assert run_view("paper", key="sam").info[0].value == "compare with SEEM"


@pytest.mark.parametrize("name", ["2304.02643", "arXiv:2304.02643v1", "Segment Anything", "SAM"])
def test_paper_page_opens_by_any_name(name):
    assert run_view("paper", key=name).title[0].value == "Segment Anything"


@pytest.mark.parametrize("key", KEYS[::12])
def test_every_paper_has_a_page(key):
    run_view("paper", key=key)


def test_unknown_outgoing_citations_are_said_to_be_unknown():
    at = run_view("paper", key="dalle3")
    assert [tab.label for tab in at.tabs][1] == "Cites (?)"
    assert any("What it cites is not known" in text for text in texts(at))
    assert f"**DOI** {UNKNOWN}" in texts(at)


def test_unknown_paper_offers_the_nearest_names():
    at = run_view("paper", key="samm")
    assert at.title[0].value == "No such paper"
    assert "sam" in links(at)


def test_paper_page_without_a_name_leads_to_the_search():
    at = run_view("paper")
    assert links(at) == ["Search for one"]


def test_taxonomy_page_shows_the_tree_and_the_papers_of_a_node():
    at = run_view("taxonomy", node="unified.representation")
    assert at.subheader[0].value == "Generative models as classifiers and encoders"
    assert any("Promptable segmentation (22)" in label for label in links(at))
    assert any("Diffusion Classifier" in label or "Zero-Shot Classifier" in label for label in links(at))


def test_unknown_taxonomy_node_is_said():
    assert run_view("taxonomy", node="<b>nope").subheader[0].value == "No such node"


def test_coverage_page_says_what_is_not_known():
    at = run_view("coverage")
    assert any("not read: what these papers cite is not known" in str(table.value) for table in at.table)


def test_text_from_papers_is_shown_as_text(built_path, tmp_path, monkeypatch):
    path = shutil.copy(built_path, tmp_path / "hostile.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE paper SET title = ?, summary = ?, venue = ? WHERE key = 'sam'", [HOSTILE] * 3
        )
    connection.close()
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    at = run_view("paper", key="sam")
    assert at.title[0].value == plain(HOSTILE)
    for element in [*at.markdown, *at.caption, *at.title]:
        unescaped = re.sub(r"\\.", "", element.value)
        assert not re.search(r"[<`$]|\]\(|https?://", unescaped), element.value


def test_plain_escapes_what_markdown_would_read():
    assert plain("a*b_c") == r"a\*b\_c"
    assert plain("two\nlines\t here") == "two lines here"
    assert plain("\u202eturned\u202c and \u2066set apart\u2069") == "turned and set apart"
    assert "http\\:\u2060\\/\\/" in plain("http://x")
    assert "://" not in plain("http://x").replace("\\", "")


def test_a_paper_is_called_by_what_says_most():
    assert paper_label("SAM", "Segment Anything", 2023) == "SAM: Segment Anything (2023)"
    assert paper_label("CLIP", "CLIP: Learning", 2021) == "CLIP: Learning (2021)"
    assert paper_label("A title too…", "A title too long", 2021) == "A title too long (2021)"
    assert paper_label("He et al. 2015", "Deep Residual Learning", 2015) == "Deep Residual Learning (2015)"
    assert paper_label("CLIP", "CLIP", None) == "CLIP (year not known)"


def test_a_page_number_in_the_address_shows_that_page():
    first, third = (run_view("taxonomy", node="generative", **page) for page in ({}, {"page": "3"}))
    assert links(first) != links(third)


def test_broken_library_is_one_line_on_the_page(tmp_path, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(tmp_path / "none.sqlite"))
    at = AppTest.from_file(ENTRY, default_timeout=60).run()
    assert not at.exception
    assert "vfm\\-atlas build" in at.error[0].value
