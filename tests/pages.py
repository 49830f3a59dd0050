"""One page of the explorer at a time, run by Streamlit's own test harness, and what it says."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from graph.schema import IngestRun, IngestStage, Paper, Snapshot
from graph.snapshot import take_snapshot

NOW = datetime(2026, 2, 3, 4, 5, 6)

HOSTILE = (
    "<img src=x onerror=alert(1)> **bold** :red[x] :material/home: $x^2$ [go](http://evil.example) "
    "`code` </script><script>alert(2)</script> www.evil.example me@evil.example"
)


@contextmanager
def fresh_server(library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of its own on a library: nothing is cached."""
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(library))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def view_of(name: str) -> AppTest:
    """A script that shows one page without the navigation around it."""

    def script(name):
        import importlib

        import streamlit as st

        from app.navigation import make_pages

        st.session_state["pages"] = make_pages()
        importlib.import_module(f"app.views.{name}").show()

    return AppTest.from_function(script, kwargs={"name": name}, default_timeout=60)


def run_view(name: str, /, **parameters: str) -> AppTest:
    """The page as a URL with these parameters shows it; it must not raise."""
    at = view_of(name)
    for parameter, value in parameters.items():
        at.query_params[parameter] = value
    at.run()
    assert not at.exception, at.exception
    return at


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def texts(at: AppTest) -> list[str]:
    """Everything a page says, with the escapes taken out, as the browser shows it."""
    parts = [
        element.value for kind in ("title", "subheader", "markdown", "caption") for element in at.get(kind)
    ]
    return [unescaped(part) for part in parts] + links(at)


def found(at: AppTest) -> dict[str, Any]:
    """What the list of a search's results is told to draw."""
    drawn = [each.proto for each in at.get("bidi_component")]
    told = next(each.json for each in drawn if each.component_name == "vfm_atlas_results")
    return json.loads(json.loads(told)["told"])


def links(at: AppTest) -> list[str]:
    return [unescaped(link.proto.label) for link in at.get("page_link")]


def says(at: AppTest, words: str) -> bool:
    """Whether a text of the page contains these words."""
    return any(words in text for text in texts(at))


def assert_text_stays_text(at: AppTest) -> None:
    """Nothing on the page is read as Markdown, HTML or an address, whatever papers are called."""
    shown = [*at.markdown, *at.caption, *at.title, *at.subheader, *at.error, *at.info, *at.warning]
    said = [element.value for element in shown] + tables(at) + [each.label for each in at.expander]
    said += [each.proto.label for kind in ("page_link", "link_button") for each in at.get(kind)]
    for text in said:
        assert not re.search(r"[<`$]|\]\(|https?://", re.sub(r"\\.", "", text)), text


def tables(at: AppTest) -> list[str]:
    """The cells of all tables, row by row."""
    return [" | ".join(map(str, row)) for table in at.table for row in table.value.itertuples()]


def add_paper(session: Session, key: str, **values: object) -> None:
    """A paper of which next to nothing is known."""
    facts = {"short_name": key, "is_core": False, "after_survey": False, "reference_list": "unread"}
    session.add(Paper(key=key, **facts | values))
    session.flush()


def add_run(
    session: Session, subject: str, *, snapshot: str | None = None, unanswered: tuple[str, ...] = ()
) -> None:
    """An ingest that came to this snapshot, or one that is not finished; one of its stages is done."""
    run = IngestRun(
        kind="survey", subject=subject, inputs_sha256="0", state="done" if snapshot else "running",
        started_at=NOW, finished_at=NOW if snapshot else None, snapshot_id=snapshot,
        unanswered=list(unanswered),
    )  # fmt: skip
    session.add(run)
    session.flush()
    session.add(IngestStage(run_id=run.id, name="merge", position=1, finished_at=NOW, result="6 new papers"))


def commit(session: Session) -> tuple[str | None, str]:
    """Keep what was changed and take a snapshot of it; returns the ids of the one before and of this one."""
    before = session.scalar(select(Snapshot.id).where(Snapshot.is_current))
    after = take_snapshot(session).id
    session.commit()
    return before, after
