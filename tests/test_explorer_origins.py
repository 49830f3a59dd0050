"""Who says what: the data page, the origins of a paper, and a library that no catalogue made."""

import pytest
from helpers import elsewhere, paper_id, write_small_library
from pages import (
    HOSTILE,
    NOW,
    add_paper,
    add_run,
    assert_text_stays_text,
    commit,
    fresh_server,
    links,
    run_view,
    says,
    tables,
    unescaped,
)
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from graph.contexts import read_contexts
from graph.library import Library
from graph.mentions import read_mentions
from graph.schema import (
    Citation,
    HubMention,
    Paper,
    Source,
    SourceRecord,
    Version,
)
from graph.snapshot import take_snapshot

SURVEY = "arXiv:2312.10163"


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


# The page Data


def test_the_data_page_says_who_gives_each_fact(session):
    fact = elsewhere(session)
    session.execute(
        insert(Citation).values(
            citing_id=paper_id(session, "cfg"), cited_id=paper_id(session, "clip"), **fact
        )
    )
    commit(session)
    at = run_view("coverage")
    assert any("venue | 3 | 50% | the catalogue" in row for row in tables(at))
    assert says(at, "Citations are given by the catalogue 3, arXiv 1.")
    assert {"What changed", "Bring papers in"} <= set(links(at))


def test_each_fact_leads_to_the_papers_that_lack_it(session):
    session.execute(update(Paper).where(Paper.key == "later").values(title=HOSTILE))
    commit(session)
    at = run_view("coverage")
    assert "venue (3)" in links(at)
    assert says(at, "Choose a fact to see the papers that lack it.")
    at = run_view("coverage", lacks="venue")
    assert "**venue (3)**" in links(at)
    assert says(at, "3 papers without venue, newest first.")
    lacking = [label for label in links(at) if "(20" in label]
    assert [label[-5:-1] for label in lacking] == ["2024", "2023", "2022"]
    assert_text_stays_text(at)


def test_a_fact_that_nobody_counts_is_said():
    at = run_view("coverage", lacks=f"beauty {HOSTILE}")
    assert "no fact 'beauty" in unescaped(at.warning[0].value)
    assert_text_stays_text(at)


def test_long_lists_of_gaps_are_paged(built_path, monkeypatch):
    with fresh_server(built_path, monkeypatch):
        at = run_view("coverage", lacks="abstract")
        first = links(at)
        assert says(at, "571 papers without abstract")
        at = run_view("coverage", lacks="abstract", page="2")
        assert len(at.get("pagination")) == 1
        assert len(links(at)) == len(first)
        assert links(at) != first


def test_past_runs_are_listed_with_what_nobody_answered(session):
    add_run(session, SURVEY, snapshot="0123456789ab", unanswered=[f"arXiv:1: nobody knows it {HOSTILE}"])
    add_run(session, SURVEY)
    add_run(session, HOSTILE)
    session.commit()
    at = run_view("coverage")
    rows = [row for row in tables(at) if SURVEY in unescaped(row)]
    assert any("6 new papers; snapshot 0123456789ab | 1" in unescaped(row) for row in rows)
    assert any("not finished, 1 stages done" in unescaped(row) for row in rows)
    assert any("What nobody answered on 2026-02-03 04:05 (1)" in unescaped(e.label) for e in at.expander)
    assert_text_stays_text(at)


# The page of a paper


def test_a_paper_says_in_one_sentence_what_is_not_known_of_it():
    assert says(
        run_view("paper", key="cfg"), "Not known of this paper: abstract, venue, DOI, reference list."
    )


def test_versions_are_links_to_their_texts(session):
    at = run_view("paper", key="clip")
    urls = {button.proto.url: unescaped(button.proto.label) for button in at.get("link_button")}
    assert urls["https://arxiv.org/abs/2103.00020"]
    session.execute(delete(Version))
    values = {
        "paper_id": paper_id(session, "clip"), "kind": "published", "venue": "ICML 2021", "year": 2021,
        "identifier": "doi:10.1/x)](javascript:alert(1)) \"'<b>",
    }  # fmt: skip
    session.execute(insert(Version).values(**values, **elsewhere(session)))
    commit(session)
    at = run_view("paper", key="clip")
    urls = {unescaped(button.proto.label): button.proto.url for button in at.get("link_button")}
    (label,) = [label for label in urls if label.startswith("published ICML 2021: doi:10.1/x")]
    assert urls[label].startswith("https://doi.org/10.1/x)%5D(javascript:alert(1))%20%22%27%3Cb%3E")


def test_an_address_that_is_no_web_address_is_no_button(session):
    session.execute(update(Paper).where(Paper.key == "clip").values(code_url="javascript:alert(1)"))
    commit(session)
    at = run_view("paper", key="clip")
    assert not any("javascript" in button.proto.url for button in at.get("link_button"))


def test_a_paper_tells_which_descriptions_make_it_up(session):
    source = Source(origin="semanticscholar", name="Semantic Scholar Graph API")
    session.add(source)
    session.flush()
    record = SourceRecord(
        external_id="a" * 40, content={"title": HOSTILE}, paper_id=paper_id(session, "clip"),
        matched_by="arXiv id", source_id=source.id, retrieved_at=NOW,
    )  # fmt: skip
    session.add(record)
    session.commit()
    at = run_view("paper", key="clip")
    assert says(at, "Made of 2 descriptions, the catalogue's among them")
    assert says(at, f"semanticscholar:{'a' * 40} · joined by arXiv id")
    assert says(at, "**arXiv id** 2103.00020")
    assert_text_stays_text(at)


def test_the_sentences_around_a_citation_are_shown_on_demand(session):
    values = {"contexts": ["We follow it closely.", HOSTILE, "A third sentence."]}
    session.execute(update(Citation).where(Citation.cited_id == paper_id(session, "clip")).values(**values))
    commit(session)
    at = run_view("paper", key="clip")
    assert not says(at, "We follow it closely.")
    at.toggle[0].set_value(True).run()
    assert says(at, "“We follow it closely.”")
    assert not says(at, "A third sentence.")
    assert_text_stays_text(at)
    assert read_contexts(session, "ldm", citing=True) == {"clip": values["contexts"]}
    assert read_contexts(session, "clip", citing=False) == {"ldm": values["contexts"]}
    assert read_contexts(session, "clip", citing=True) == {}


def mention(session, key, hub_id, rank, **values):
    facts = {
        "paper_id": paper_id(session, key), "hub_id": hub_id, "rank": rank, "library": None, "task": None,
        "licence": None, "gated": None, "downloads": None, "likes": None, "revision": None, "base_models": [],
    }  # fmt: skip
    source = session.scalar(select(Source.id).where(Source.origin == "huggingface"))
    if source is None:
        added = Source(origin="huggingface", name="Hugging Face Hub API")
        session.add(added)
        session.flush()
        source = added.id
    session.execute(insert(HubMention).values(**facts | values, source_id=source, retrieved_at=NOW))


def test_models_that_name_a_paper_are_candidates_not_checkpoints(session):
    mention(session, "clip", "lab/clip-base", 1, downloads=9)
    tuned = {"downloads": 182644, "licence": "mit", "base_models": ["lab/clip-base"]}
    mention(session, "clip", f"someone/{HOSTILE}", 2, **tuned)
    for rank in range(3, 14):
        mention(session, "clip", f"someone/tuned-{rank}", rank)
    mention(session, "ldm", "someone/other", 1)
    session.commit()
    found = [each.hub_id for each in read_mentions(session, "clip")]
    assert found[0].startswith("someone/<img")  # the linked checkpoint is no candidate
    assert len(found) == 12
    at = run_view("paper", key="clip")
    assert says(at, "Models on the hub whose cards name this paper (not confirmed)")
    buttons = [button.proto for button in at.get("link_button") if "huggingface.co" in button.proto.url]
    assert len(buttons) == 10
    assert "<" not in buttons[0].url
    assert says(at, "182,644 downloads · licence mit · made from lab/clip-base")
    assert says(at, "downloads not known · licence not known")
    assert says(at, "and 2 more, less likely")
    assert_text_stays_text(at)
    assert not says(run_view("paper", key="cfg"), "Models on the hub")


# A library without the catalogue: what an ingest alone makes


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A library with two papers and nothing else: no taxonomy, no years, no vectors."""
    path = tmp_path / "bare.sqlite"
    with Library.create(path) as library, library.writing() as session:
        for key in ("one", "two"):
            add_paper(session, key, title=f"Paper {key}")
        take_snapshot(session)
    with fresh_server(path, monkeypatch):
        yield path


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["home", "taxonomy", "coverage", "changes", "ingest"])
def test_every_page_can_show_a_library_without_a_catalogue(name):
    run_view(name)


@pytest.mark.usefixtures("bare")
def test_a_paper_of_a_library_without_vectors_can_be_shown():
    assert says(run_view("paper", key="one"), "Nothing that is known of it resembles another paper")


@pytest.mark.usefixtures("bare")
def test_a_library_without_a_catalogue_is_not_said_to_be_of_the_survey(monkeypatch):
    from app.state import Warmup

    monkeypatch.setattr(Warmup, "begin", lambda self: setattr(self, "error", "no model for this test"))
    at = run_view("home", q="paper")
    assert not says(at, "Unification")
    assert says(at, "**2** papers")


def test_an_empty_library_leads_to_the_ingest(tmp_path, monkeypatch):
    path = tmp_path / "empty.sqlite"
    with Library.create(path) as library, library.writing() as session:
        take_snapshot(session)
    with fresh_server(path, monkeypatch):
        assert "Bring papers in" in links(run_view("home"))
