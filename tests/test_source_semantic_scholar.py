"""Semantic Scholar as a source, against a local service and against answers that no sane service gives."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.universe import Universe
from services.works import Entry
from services.world import World
from source_helpers import (
    ScriptedTransport,
    arxiv,
    assert_reference_sound,
    assert_sound,
    identity,
    ids_in,
    json_values,
    paper,
    paths_in,
    replaced,
    transport_to,
    work,
    world_of,
)

from ingest.errors import ServiceDown, ServiceRefused, UnknownWork
from ingest.record import Record, WorkId
from ingest.sources.semantic_scholar import SemanticScholarSource
from ingest.transport.message import Request

SURVEY = arxiv("2312.10163")


@pytest.fixture(scope="module")
def world() -> World:
    """The world around the survey, for reading."""
    return World.from_catalogue()


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def page(*cited: dict[str, object], **more: object) -> dict[str, object]:
    rows = [{"citedPaper": each, "contexts": [], "intents": [], "isInfluential": False} for each in cited]
    return {"offset": 0, "data": rows} | more


def test_three_hundred_references_cost_one_page_and_one_batch(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        listed = source.references(SURVEY)
        found = source.records([SURVEY, *ids_in(listed)])
    assert len(ids_in(listed)) == 300
    assert len(found.records) == 301
    assert found.missing == ()
    assert [asked.method for asked in universe.semantic_scholar.log] == ["GET", "POST"]


def test_a_second_run_asks_nothing(universe: Universe, tmp_path: Path) -> None:
    # Not even for a work that the service does not know.
    wanted = [SURVEY, arxiv("1512.03385"), arxiv("2401.99999")]
    answers = []
    for _run in range(2):
        universe.reset_counts()
        with transport_to(universe, tmp_path) as transport:
            source = SemanticScholarSource(transport)
            answers.append((source.references(SURVEY), source.records(wanted), source.citing(SURVEY)))
    assert universe.semantic_scholar.count == 0
    assert answers[0] == answers[1]


def test_entries_come_in_the_order_of_the_list_with_what_is_said_of_them(
    universe: Universe, tmp_path: Path
) -> None:
    with transport_to(universe, tmp_path) as transport:
        listed = SemanticScholarSource(transport).references(SURVEY)
    entries = universe.world.works[universe.world.survey].entries
    assert [reference.title for reference, _record in listed.entries] == [entry.title for entry in entries]
    assert listed.complete
    assert listed.origin == "semanticscholar"
    references = [reference for reference, _record in listed.entries]
    assert any(len(each.contexts) > 1 for each in references)
    assert {intent for each in references for intent in each.intents} >= {"background", "methodology"}
    assert {each.is_influential for each in references} == {True, False}
    for _reference, record in listed.entries:
        assert record is not None
        assert_sound(record)


def test_an_entry_that_nobody_identified_is_named_after_its_place(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        listed = SemanticScholarSource(transport).references(SURVEY)
    loose = [
        (place, record)
        for place, (reference, record) in enumerate(listed.entries)
        if not reference.ids and record is not None
    ]
    assert len(loose) == 5
    for place, record in loose:
        assert record.external_id == f"arXiv:2312.10163#{place}"
        assert record.ids == ()
        assert "no index holds" in record.title


def test_a_survey_that_nobody_knows_is_named(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        with pytest.raises(UnknownWork, match=r"Semantic Scholar does not know arXiv:2312\.99999"):
            source.references(arxiv("2312.99999"))
        with pytest.raises(UnknownWork, match="Semantic Scholar cannot look up openalex:W12"):
            source.references(WorkId("openalex", "W12"))
    assert universe.semantic_scholar.count == 1


def test_an_empty_list_is_not_a_withheld_one() -> None:
    for said, complete in (({"offset": 0, "data": []}, True), ({"data": None}, False), ({}, False)):
        transport = ScriptedTransport(said)
        listed = SemanticScholarSource(transport).references(SURVEY)
        assert (listed.entries, listed.complete) == ((), complete)
        assert len(transport.asked) == 1


def test_a_long_list_is_read_to_its_end_in_pages_of_a_thousand(tmp_path: Path) -> None:
    entries = [Entry(None, f"Entry {n}") for n in range(2_500)]
    survey = work("survey", arxiv_id="2312.10163", entries=entries)
    with Universe(world_of(survey)) as universe, transport_to(universe, tmp_path) as transport:
        listed = SemanticScholarSource(transport).references(SURVEY)
        assert universe.semantic_scholar.count == 3
    assert [reference.title for reference, _ in listed.entries] == [entry.title for entry in entries]
    assert listed.complete


def test_a_list_that_is_longer_than_the_service_pages_is_not_called_complete(tmp_path: Path) -> None:
    survey = work("survey", arxiv_id="2312.10163", entries=[Entry(None, f"Entry {n}") for n in range(12_000)])
    with Universe(world_of(survey)) as universe, transport_to(universe, tmp_path) as transport:
        listed = SemanticScholarSource(transport).references(SURVEY)
        assert universe.semantic_scholar.count == 10
    assert len(listed.entries) == 9_999
    assert not listed.complete


@pytest.mark.parametrize(
    "more",
    [
        {"offset": 0, "next": 1_000},
        {"offset": "x", "next": 1_000},
        {"next": 7},
        {"offset": 3_000, "next": 2_000},
    ],
)
def test_paging_in_circles_ends(more: dict[str, object]) -> None:
    transport = ScriptedTransport(page(paper(1)) | more)
    listed = SemanticScholarSource(transport).references(SURVEY)
    assert len(transport.asked) <= 2
    assert not listed.complete
    assert ids_in(listed)[0] == WorkId("s2", identity(1))


def test_a_work_in_its_own_list_is_an_entry_like_any_other(tmp_path: Path) -> None:
    survey = work("survey", arxiv_id="2312.10163")
    survey.entries = [Entry("survey", survey.title)]
    with Universe(world_of(survey)) as universe, transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        assert ids_in(source.references(SURVEY)) == [SURVEY]
        found = source.records([SURVEY], references=True)
        assert found.records[SURVEY].references is not None
        assert SURVEY in found.records[SURVEY].references[0].ids
        assert source.citing(SURVEY, known=[SURVEY]) == []
        assert universe.semantic_scholar.count == 3


def test_a_list_too_large_for_one_answer_is_read_in_smaller_pages() -> None:
    largest = 200

    def reply(request: Request) -> object:
        asked = parse_qs(urlsplit(request.url).query)
        start, limit = int(asked["offset"][0]), int(asked["limit"][0])
        if limit > largest:
            return 400, {"error": "Response would exceed maximum size. Use a smaller limit."}
        end = min(start + limit, 300)
        return page(*map(paper, range(start, end)), offset=start, **({"next": end} if end < 300 else {}))

    listed = SemanticScholarSource(ScriptedTransport(reply)).references(SURVEY)
    assert ids_in(listed) == [WorkId("s2", identity(n)) for n in range(300)]
    assert listed.complete
    largest = 50
    with pytest.raises(ServiceRefused, match=r"refuses to list what belongs to arXiv:2312\.10163"):
        SemanticScholarSource(ScriptedTransport(reply)).references(SURVEY)


def test_citing_works_leave_out_what_is_known(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        citing = source.citing(SURVEY)
        known = [citing[0].ids[0], citing[5].ids[-1]]
        new = source.citing(SURVEY, known)
    assert len(citing) == 20
    assert new == [record for record in citing if not set(record.ids) & set(known)]
    assert len(new) == 18
    assert universe.semantic_scholar.count == 1
    with transport_to(universe, tmp_path) as transport, pytest.raises(UnknownWork, match=r"2312\.99999"):
        SemanticScholarSource(transport).citing(arxiv("2312.99999"))


def test_hostile_texts_stay_data(universe: Universe, tmp_path: Path) -> None:
    universe.semantic_scholar.faults.hostile = {"*"}
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        listed = source.references(SURVEY)
        found = source.records(ids_in(listed))
    records = [record for _, record in listed.entries if record] + list(found.records.values())
    for record in records:
        assert_sound(record)
    titles = {record.title for record in records}
    assert any("<script>" in title for title in titles)
    assert not any("\x1b" in title or "\u202e" in title for title in titles)
    # A title of 9,000 characters is none.
    assert found.missing
    assert all(record.title != "" and len(record.title) <= 2_000 for record in records)


def test_a_service_that_fails_is_down_and_not_without_answers(universe: Universe, tmp_path: Path) -> None:
    universe.semantic_scholar.faults.always = "502"
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        with pytest.raises(ServiceDown, match="Semantic Scholar"):
            source.records([SURVEY])
        with pytest.raises(ServiceDown, match="Semantic Scholar"):
            source.references(SURVEY)


def test_faults_by_chance_do_not_change_what_is_found(world: World, tmp_path: Path) -> None:
    answers = []
    for rate in (0.0, 0.4):
        with Universe(world, faults=rate, seed=3) as universe:
            with transport_to(universe, tmp_path / str(rate)) as transport:
                source = SemanticScholarSource(transport)
                listed = source.references(SURVEY)
                found = source.records(ids_in(listed)).records
            answers.append([(each, record.to_json()) for each, record in sorted(found.items())])
    assert answers[0] == answers[1]


PAPER = {
    "paperId": identity(1),
    "externalIds": {"ArXiv": "2105.00001", "DOI": "10.5555/a", "CorpusId": 5, "DBLP": "x"},
    "title": "A Title",
    "abstract": "An abstract.",
    "authors": [{"authorId": "1", "name": "Ada Small"}],
    "year": 2021,
    "publicationDate": "2021-05-06",
    "venue": "ICML",
    "citationCount": 4,
    "referenceCount": 1,
    "references": [{"paperId": identity(2), "externalIds": {"DOI": "10.5555/b"}}],
}
LIST = {
    "offset": 0,
    "next": 1_000,
    "data": [
        {"citedPaper": PAPER, "contexts": ["As shown."], "intents": ["background"], "isInfluential": True}
    ],
}


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(sorted(paths_in([PAPER]), key=repr)), value=json_values)
def test_any_value_in_any_place_of_a_batch_is_read_or_dropped(path, value) -> None:
    source = SemanticScholarSource(ScriptedTransport(replaced([PAPER], path, value)))
    asked = [arxiv("2105.00001"), WorkId("s2", identity(1))]
    found = source.records(asked, references=True, counts={asked[0]: 1})
    for record in found.records.values():
        assert_sound(record)
    assert set(found.records) | set(found.missing) == set(asked)


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(sorted(paths_in(LIST), key=repr)), value=json_values)
def test_any_value_in_any_place_of_a_list_is_read_or_dropped(path, value) -> None:
    transport = ScriptedTransport(replaced(LIST, path, value))
    source = SemanticScholarSource(transport)
    listed = source.references(SURVEY)
    for reference, record in listed.entries:
        assert_reference_sound(reference)
        if record:
            assert_sound(record)
    citing: list[Record] = source.citing(SURVEY)
    for record in citing:
        assert_sound(record)
    assert len(transport.asked) <= 8
