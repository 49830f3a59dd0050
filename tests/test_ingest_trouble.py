"""What services leave out, get wrong or refuse is made up for, or said in one line with nothing changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import HAZARD, fail, run
from helpers import dump, write_small_library
from ingest_helpers import (
    SURVEY,
    bring_in,
    cited,
    ids_job,
    serving,
    survey_job,
    with_arxiv_ids,
    without_waits,
)
from services.universe import Universe
from services.works import Work
from services.world import World
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.library import Library
from graph.papers import read_card
from graph.schema import Citation, HubMention, Identifier, Paper, Source, SourceRecord
from graph.snapshot import current_snapshot_id
from ingest.errors import ServiceDown, UnknownWork

REFERENCES = 25


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Universe]:
    without_waits(monkeypatch)
    with serving(World.from_catalogue(references=REFERENCES), monkeypatch) as served:
        yield served


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_small_library(tmp_path / "library.sqlite")


@pytest.fixture
def works(universe: Universe) -> list[Work]:
    """What the survey cites and the catalogue of the tests does not know."""
    return [
        work for work in with_arxiv_ids(cited(universe.world)) if work.key not in ("resnet", "clip", "ldm")
    ]


def origins_of(session: Session, work: Work) -> set[str]:
    """Who describes the paper with this arXiv id."""
    return set(
        session.scalars(
            select(Source.origin)
            .join(SourceRecord, SourceRecord.source_id == Source.id)
            .join(Identifier, Identifier.paper_id == SourceRecord.paper_id)
            .where(Identifier.scheme == "arxiv", Identifier.value == work.arxiv_id)
        )
    )


def abstract_of(path: Path, work: Work) -> str | None:
    with Library.open(path) as library, library.reading() as session:
        paper = select(Identifier.paper_id).where(Identifier.value == work.arxiv_id)
        return session.scalar(select(Paper.abstract).where(Paper.id.in_(paper)))


# --- left out ----------------------------------------------------------------------------------------------


def test_a_work_that_one_service_passes_over_is_asked_for_twice_described_by_another_and_named(
    universe, works, path
):
    null, silent, *_ = works
    universe.semantic_scholar.faults.drop.add(null.key)
    universe.world.say("semanticscholar", silent.key, abstract=None)
    universe.arxiv.faults.drop.add(silent.key)
    report = bring_in(path, survey_job())
    assert sorted(report.unanswered) == sorted(
        [
            f"arXiv:{silent.arxiv_id}: arXiv does not answer for it",
            f"arXiv:{null.arxiv_id}: Semantic Scholar does not answer for it",
        ]
    )
    batches = [each for each in universe.semantic_scholar.log if each.method == "POST"]
    assert sum(null.s2_id.encode() in each.body for each in batches) == 2
    assert sum(silent.arxiv_id in each.one("id_list") for each in universe.arxiv.log) == 2
    assert abstract_of(path, null) == null.abstract
    assert abstract_of(path, silent) is None
    with Library.open(path) as library, library.reading() as session:
        assert origins_of(session, null) == {"arxiv", "semanticscholar"}  # the latter by its list alone


def test_a_work_that_comes_at_the_second_time_of_asking_is_not_named(universe, works, path):
    universe.semantic_scholar.faults.drop_once.add(works[0].key)
    universe.world.say("semanticscholar", works[1].key, abstract=None)
    universe.arxiv.faults.drop_once.add(works[1].key)
    assert bring_in(path, survey_job()).unanswered == []
    assert [abstract_of(path, work) for work in works[:2]] == [work.abstract for work in works[:2]]


def test_a_work_that_nobody_knows_is_named_and_the_others_come(universe, works, path):
    stranger = "arXiv:2501.77777"
    report = bring_in(path, ids_job(f"arXiv:{works[0].arxiv_id}", stranger))
    assert report.unanswered[-1] == f"{stranger}: no service that was asked knows it"
    assert abstract_of(path, works[0]) == works[0].abstract


def test_a_work_without_an_arxiv_id_that_semantic_scholar_lacks_is_described_by_openalex(
    universe, path, monkeypatch
):
    work = next(each for each in universe.world.works.values() if each.doi and not each.arxiv_id)
    universe.semantic_scholar.faults.drop.add(work.key)
    report = bring_in(path, ids_job(work.doi))
    assert report.unanswered == [f"doi:{work.doi.lower()}: Semantic Scholar does not answer for it"]
    with Library.open(path) as library, library.reading() as session:
        records = session.scalars(select(SourceRecord))
        assert {record.content["title"] for record in records} == {work.title}


def test_an_answer_without_content_is_no_empty_paper(universe, path):
    universe.semantic_scholar.faults.then("502", "503", "502", on="/batch")
    report = bring_in(path, survey_job())
    assert universe.semantic_scholar.statuses[502] + universe.semantic_scholar.statuses[503] == 3
    assert report.unanswered == []
    assert report.counts["abstracts"] == REFERENCES + 1


def test_a_work_that_a_service_finds_under_an_old_id_is_not_taken_for_missing(universe, works, path):
    """Semantic Scholar answers to every DOI of a work and shows one of them."""
    work = works[0]
    universe.world.change(work.key, doi="10.5555/old.name")
    universe.world.say("semanticscholar", work.key, doi="10.5555/new.name")
    report = bring_in(path, ids_job("10.5555/old.name"))
    assert report.unanswered == []
    with Library.open(path) as library, library.reading() as session:
        dois = set(session.scalars(select(Identifier.value).where(Identifier.scheme == "doi")))
        assert {"10.5555/old.name", "10.5555/new.name"} <= dois


# --- down --------------------------------------------------------------------------------------------------


def test_openalex_stands_in_for_semantic_scholar_with_the_citations_among_the_works(universe, works, path):
    universe.semantic_scholar.faults.always = "503"
    report = bring_in(path, survey_job())
    world = universe.world
    assert [line.partition(" (")[0] for line in report.unanswered] == [
        f"what Semantic Scholar knows of {REFERENCES + 1} works"
    ]
    assert abstract_of(path, works[0]) == works[0].abstract
    with Library.open(path) as library, library.reading() as session:
        assert origins_of(session, works[0]) == {"arxiv", "openalex"}
        ids = select(Identifier.paper_id, Identifier.value).where(Identifier.scheme == "openalex")
        names = dict(session.execute(ids).all())
        told = select(Citation.citing_id, Citation.cited_id).join(Source).where(Source.origin == "openalex")
        found = {(names[citing], names[target]) for citing, target in session.execute(told)}
    listed = [
        work
        for work in [world.works[world.survey], *cited(world)]
        if work.key not in world.without_references
    ]
    here = {work.openalex_id for work in [world.works[world.survey], *cited(world)]}
    expected = {(work.openalex_id, each.openalex_id) for work in listed for each in cited(world, work.key)}
    assert found == {pair for pair in expected if pair[1] in here}
    assert len(found) > len(cited(world))


def test_crossref_stands_in_where_openalex_is_down_too(universe, path):
    universe.semantic_scholar.faults.always = universe.openalex.faults.always = "503"
    survey = next(work for work in universe.world.works.values() if work.doi and len(work.entries) > 20)
    report = bring_in(path, survey_job(survey.doi))
    assert universe.crossref.count >= 1
    semantic_scholar, citations, *_ = report.unanswered
    assert semantic_scholar.startswith("what Semantic Scholar knows of ")
    assert citations.startswith("citations between the works (OpenAlex: failed a moment ago")
    with Library.open(path) as library, library.reading() as session:
        told = session.scalars(select(Paper.title).join(Citation, Citation.cited_id == Paper.id))
        assert len(set(told)) > 10


def test_the_next_run_completes_what_a_stand_in_gave(universe, path):
    universe.semantic_scholar.faults.always = "503"
    bring_in(path, survey_job())
    universe.semantic_scholar.faults.always = None
    report = bring_in(path, survey_job())
    assert report.unanswered == []
    with Library.open(path) as library, library.reading() as session:
        assert read_card(session, "survey").cites
        contexts = select(Citation).join(Source).where(Citation.contexts.is_not(None))
        assert session.scalars(contexts).first() is not None


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (lambda hub: setattr(hub.faults, "always", "503"), "answers 503 Service Unavailable in 5 attempts"),
        (lambda hub: setattr(hub.faults, "always", "absurd"), "an answer of more than 32 MB was refused"),
        (lambda hub: setattr(hub, "token", "another"), "check the key in HF_TOKEN"),
    ],
    ids=["down", "absurd", "refused"],
)
def test_papers_are_taken_in_without_the_hub_and_the_next_run_asks_it_again(
    universe, path, monkeypatch, breaks, reason
):
    monkeypatch.setenv("HF_TOKEN", "hf_not_the_right_one")
    breaks(universe.hub)
    report = bring_in(path, survey_job())
    with Library.open(path) as library, library.reading() as session:
        assert current_snapshot_id(session) == report.snapshot
        assert report.counts["abstracts"] == REFERENCES + 1
        assert session.scalars(select(HubMention)).first() is None
    assert "questions to the hub" in report.unanswered[-1]
    assert reason in report.unanswered[-1]
    assert len(report.unanswered) <= 3
    assert universe.hub.count <= 5
    universe.hub.faults.always, universe.hub.token = None, None
    again = bring_in(path, survey_job())
    assert again.unanswered == []
    assert again.stages["link"].endswith(f"for {len(with_arxiv_ids(cited(universe.world))) + 1} papers")


def test_one_model_that_the_hub_cannot_tell_of_does_not_cost_the_others(universe, works, path):
    universe.hub.faults.then("absurd", on=works[3].arxiv_id)
    report = bring_in(path, survey_job())
    (line,) = report.unanswered
    assert line.startswith(f"models that name arXiv:{works[3].arxiv_id} (Hugging Face: ")
    assert universe.hub.count == len(with_arxiv_ids(cited(universe.world))) + 1


def test_with_every_service_down_nothing_is_written(universe, path):
    for service in universe.services:
        service.faults.always = "503"
    before = dump(path)
    with pytest.raises(ServiceDown):
        bring_in(path, survey_job())
    with pytest.raises(UnknownWork, match="nothing to take in: what Semantic Scholar knows of 1 works"):
        bring_in(path, ids_job("arXiv:2304.02643"))
    assert dump(path) == before


# --- hostile -----------------------------------------------------------------------------------------------


def test_markup_and_control_characters_in_texts_stay_harmless_data(universe, path):
    for service in universe.services:
        # The survey itself stays: a title of 5,000 letters is none, and a survey without one is unknown.
        service.faults.hostile |= universe.world.works.keys() - {universe.world.survey}
    ended = run("--library", path, "ingest", "survey", SURVEY)
    assert ended.code == 0, ended.err
    assert not HAZARD.search((ended.out + ended.err).replace("\n", ""))
    with Library.open(path) as library, library.reading() as session:
        titles = list(session.scalars(select(Paper.title)))
        assert any("<script>" in title for title in titles), "markup is kept as the text that it is"
        assert not any(HAZARD.search(title) for title in titles)
        assert max(map(len, titles)) <= 2_000
    for command in ("search script --mode lexical", "diff previous current", "merges", "stats"):
        shown = run("--library", path, *command.split())
        assert shown.code == 0, shown.err
        assert not HAZARD.search(shown.out.replace("\n", ""))


def test_a_paper_in_its_own_list_does_not_cite_itself(universe, works, path):
    universe.world.cite(universe.world.survey, universe.world.survey)
    universe.world.cite(works[0].key, works[0].key)
    report = bring_in(path, survey_job())
    assert report.unanswered == []
    with Library.open(path) as library, library.reading() as session:
        cites = read_card(session, "survey").cites
        assert "survey" not in {link.key for link in cites}
        assert len(cites) == REFERENCES + 5


def test_works_that_claim_each_others_ids_and_cite_in_a_circle_end_as_papers(universe, works, path):
    first, second, *_ = works
    universe.world.say("semanticscholar", first.key, doi="10.5555/a", abstract=None)
    universe.world.say("semanticscholar", second.key, doi="10.5555/b", abstract=None)
    universe.world.say("arxiv", first.key, doi="10.5555/b")
    universe.world.say("arxiv", second.key, doi="10.5555/a")
    universe.world.cite(first.key, second.key)
    universe.world.cite(second.key, first.key)
    report = bring_in(path, survey_job())
    with Library.open(path) as library, library.reading() as session:
        ids = select(Identifier.value, Identifier.paper_id).where(Identifier.scheme == "arxiv")
        papers = dict(session.execute(ids).all())
        pair = papers[first.arxiv_id], papers[second.arxiv_id]
        assert pair[0] != pair[1], "no paper has two arXiv ids"
        found = {tuple(row) for row in session.execute(select(Citation.citing_id, Citation.cited_id))}
        assert {pair, pair[::-1]} <= found
    assert report.conflicts


# --- one clear line, nothing changed -----------------------------------------------------------------------


def a_hundred_megabytes(universe: Universe) -> None:
    universe.semantic_scholar.faults.then("absurd", on="/references")


def a_bomb(universe: Universe) -> None:
    universe.semantic_scholar.faults.then("bomb", on="/batch")


def an_empty_list(universe: Universe) -> None:
    universe.world.works[universe.world.survey].entries = []


def a_loop_of_ids(universe: Universe) -> None:
    """OpenAlex sends one id on to the other, and back."""
    universe.semantic_scholar.faults.always = "503"
    universe.world.merged |= {"W1": "W2", "W2": "W1"}


def a_refused_key(universe: Universe) -> None:
    universe.semantic_scholar.keys = frozenset({"the-right-one"})


def all_is_well(_universe: Universe) -> None:
    pass


LINES = {
    a_hundred_megabytes: (SURVEY, "Semantic Scholar: an answer of more than 32 MB was refused"),
    a_bomb: (SURVEY, "Semantic Scholar: an answer of more than 32 MB was refused"),
    an_empty_list: (SURVEY, f"the reference list of {SURVEY} is empty at Semantic Scholar, OpenAlex"),
    a_loop_of_ids: ("W1", "OpenAlex: sent a request on more than 5 times"),
    a_refused_key: (SURVEY, "check the key in S2_API_KEY"),
    all_is_well: ("arXiv:9912.12345", "Semantic Scholar does not know arXiv:9912.12345; OpenAlex does not"),
}


@pytest.mark.parametrize("trouble", LINES, ids=lambda each: each.__name__)
def test_what_cannot_be_taken_in_is_one_line_and_the_library_is_as_it_was(
    universe, path, monkeypatch, trouble
):
    survey, expected = LINES[trouble]
    if trouble is a_refused_key:
        monkeypatch.setenv("S2_API_KEY", "not-the-right-one")
    trouble(universe)
    before, content = dump(path), path.read_bytes()
    ended = run("--library", path, "ingest", "survey", survey)
    assert (ended.code, ended.out) == (1, "")
    assert expected in ended.err.splitlines()[-1]
    assert ended.err.splitlines()[-1].startswith("vfm-atlas: ")
    assert "Traceback" not in ended.err
    assert dump(path) == before
    assert path.read_bytes() == content
    assert sum(asked.sent for asked in universe.semantic_scholar.log) < 64 * 2**20


def test_ids_that_nobody_knows_are_one_line_and_nothing_is_written(universe, path):
    before = dump(path)
    ended = run("--library", path, "ingest", "ids", "arXiv:9912.12345", "10.5555/nobody")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == (
        "vfm-atlas: nothing to take in: arXiv:9912.12345: no service that was asked knows it; "
        "doi:10.5555/nobody: no service that was asked knows it"
    )
    assert dump(path) == before


def test_what_is_no_id_is_a_usage_error_and_nobody_is_asked(universe, path):
    line = fail("--library", path, "ingest", "survey", "the segment anything survey", code=2)
    assert line.startswith("cannot read 'the segment anything survey' as an id: allowed are arXiv:2312.10163")
    assert set(universe.counts().values()) == {0}
