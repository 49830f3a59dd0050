"""Batches of Semantic Scholar: which answer belongs to which question, and what fits into one."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.universe import Universe
from services.works import Entry
from services.world import World
from source_helpers import (
    ScriptedTransport,
    arxiv,
    asked_ids,
    assert_sound,
    doi,
    identity,
    ids_in,
    paper,
    transport_to,
    work,
    world_of,
)

from ingest.errors import ServiceRefused
from ingest.record import WorkId
from ingest.sources.semantic_scholar import BATCH, NESTED, SemanticScholarSource
from ingest.transport.message import Answer, Request

SURVEY = arxiv("2312.10163")


@pytest.fixture(scope="module")
def world() -> World:
    """The world around the survey, for reading."""
    return World.from_catalogue()


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def test_citations_among_three_hundred_works_cost_at_most_five_requests(
    universe: Universe, tmp_path: Path
) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        listed = source.references(SURVEY)
        counts = {
            record.ids[0]: record.reference_count or 0
            for _, record in listed.entries
            if record and record.ids
        }
        universe.reset_counts()
        found = source.records(ids_in(listed), references=True, counts=counts)
    assert universe.semantic_scholar.count <= 5
    assert set(universe.semantic_scholar.statuses) == {200}
    known = {each for record in found.records.values() for each in record.ids}
    inner = [
        each
        for record in found.records.values()
        for each in record.references or ()
        if known.intersection(each.ids)
    ]
    stated = [
        universe.world.cited_by(entry.key)
        for entry in universe.world.works[universe.world.survey].entries
        if entry.key
    ]
    expected = sum(len([w for w in cited if WorkId("s2", w.s2_id) in known]) for cited in stated)
    assert len(inner) == expected > 1_000


def test_a_batch_brings_the_facts_of_a_work(tmp_path: Path) -> None:
    known = work("a", arxiv_id="2105.00001", doi="10.5555/a", venue="ICML", venue_year=2021, elsewhere=7)
    with Universe(world_of(known)) as universe, transport_to(universe, tmp_path) as transport:
        found = SemanticScholarSource(transport).records([doi("10.5555/a")])
    record = found.records[doi("10.5555/a")]
    assert_sound(record)
    assert record.external_id == known.s2_id
    assert record.ids == (
        arxiv("2105.00001"),
        doi("10.5555/a"),
        WorkId("s2", known.s2_id),
        WorkId("corpus", str(known.corpus_id)),
    )
    assert (record.title, record.authors, record.abstract) == (known.title, known.authors, known.abstract)
    assert (record.year, record.month, record.published_year) == (2021, 5, 2021)
    assert record.venue == "International Conference on Machine Learning"
    assert (record.citation_count, record.reference_count, record.references) == (7, 0, None)


def test_arxiv_is_no_venue(tmp_path: Path) -> None:
    known = work("a", arxiv_id="2105.00001")
    with Universe(world_of(known)) as universe, transport_to(universe, tmp_path) as transport:
        record = SemanticScholarSource(transport).records([arxiv("2105.00001")]).records[arxiv("2105.00001")]
    assert (record.venue, record.published_year) == (None, None)


def test_the_first_of_january_stands_for_the_year_only() -> None:
    days = ["2021-01-01", "2021-01-02", "2020-05-06", "2021-W05-1", "2021-13-01"]
    answer = [paper(n, year=2021, publicationDate=day) for n, day in enumerate(days)]
    asked = [WorkId("s2", identity(n)) for n in range(len(days))]
    found = SemanticScholarSource(ScriptedTransport(answer)).records(asked)
    assert [found.records[each].month for each in asked] == [None, 1, None, None, None]


def test_passed_over_works_are_asked_for_once_more_together(universe: Universe, tmp_path: Path) -> None:
    wanted = [arxiv(value) for value in ("1512.03385", "2103.00020", "2112.10752", "2304.02643")]
    universe.semantic_scholar.faults.drop_once = {"2103.00020"}
    universe.semantic_scholar.faults.drop = {"2304.02643", "2112.10752"}
    with transport_to(universe, tmp_path) as transport:
        found = SemanticScholarSource(transport).records(wanted)
    assert set(found.records) == {wanted[0], wanted[1]}
    assert found.missing == (wanted[2], wanted[3])
    first, second = universe.semantic_scholar.log
    assert len(asked_ids(first.body)) == 4
    # The one that is known goes along, because a batch of unknown works only is refused.
    assert asked_ids(second.body)[1:] == ["ARXIV:2103.00020", "ARXIV:2112.10752", "ARXIV:2304.02643"]


def test_works_that_are_all_unknown_are_missing(universe: Universe, tmp_path: Path) -> None:
    wanted = [arxiv(f"2401.9999{n}") for n in range(8)]
    with transport_to(universe, tmp_path) as transport:
        found = SemanticScholarSource(transport).records([*wanted, WorkId("openalex", "W1")])
    assert found.records == {}
    assert found.missing == (*wanted, WorkId("openalex", "W1"))
    assert universe.semantic_scholar.count == 6


def test_one_id_that_the_service_cannot_read_does_not_cost_the_others() -> None:
    def reply(request):
        wanted = asked_ids(request.body)
        if "DOI:10.1/odd" in wanted:
            return 400, {"error": "No valid paper ids given"}
        return [paper(int(each, 16)) for each in wanted]

    wanted = [WorkId("s2", identity(n)) for n in range(100)]
    wanted.insert(61, doi("10.1/odd"))
    transport = ScriptedTransport(reply)
    found = SemanticScholarSource(transport).records(wanted)
    assert found.missing == (doi("10.1/odd"),)
    assert len(found.records) == 100
    assert len(transport.asked) < 25


def test_more_than_five_hundred_works_go_into_batches_of_five_hundred() -> None:
    transport = ScriptedTransport(lambda request: [paper(int(each, 16)) for each in asked_ids(request.body)])
    found = SemanticScholarSource(transport).records(WorkId("s2", identity(n)) for n in range(1_200))
    assert [len(asked_ids(request.body)) for request in transport.asked] == [BATCH, BATCH, 200]
    assert len(found.records) == 1_200


def test_answers_are_told_apart_by_their_ids_whatever_their_order() -> None:
    answer = [
        paper(3, externalIds={"CorpusId": 33}),
        None,
        paper(1, externalIds={"DOI": "10.5555/ONE", "ArXiv": "2105.00001"}),
    ]
    asked = [doi("10.5555/one"), WorkId("corpus", "33"), WorkId("s2", identity(2))]
    found = SemanticScholarSource(ScriptedTransport(answer)).records(asked)
    assert {each: record.title for each, record in found.records.items()} == {
        asked[0]: "Paper 1",
        asked[1]: "Paper 3",
    }
    assert found.missing == (asked[2],)


def test_two_ids_of_one_work_bring_one_record(tmp_path: Path) -> None:
    known = work("a", arxiv_id="2105.00001", doi="10.5555/a")
    asked = [arxiv("2105.00001"), doi("10.5555/a"), WorkId("s2", known.s2_id), arxiv("2105.00001")]
    with Universe(world_of(known)) as universe, transport_to(universe, tmp_path) as transport:
        found = SemanticScholarSource(transport).records(asked)
        assert universe.semantic_scholar.count == 1
        assert len(asked_ids(universe.semantic_scholar.log[0].body)) == 3
    assert list(found.records) == asked[:3]
    assert len(set(map(id, found.records.values()))) == 1


def test_a_work_asked_for_by_a_name_that_it_does_not_show_is_known_by_its_place() -> None:
    asked = [WorkId("s2", identity(1)), doi("10.5555/alias"), arxiv("2105.00002")]
    other = paper(3, externalIds={"ArXiv": "2105.00003"})
    source = SemanticScholarSource(ScriptedTransport([paper(1), paper(2), other]))
    found = source.records(asked)
    assert found.records[asked[1]].title == "Paper 2"
    # arXiv gives no work two ids: that is another one.
    assert found.missing == (asked[2],)


def test_places_count_for_nothing_where_the_order_was_not_kept() -> None:
    asked = [WorkId("s2", identity(1)), doi("10.5555/alias"), doi("10.5555/another")]
    source = SemanticScholarSource(ScriptedTransport([paper(2), paper(1), paper(3)]))
    assert set(source.records(asked).records) == {asked[0]}


def test_batches_with_references_stay_below_what_the_service_sends() -> None:
    counts = {WorkId("s2", identity(n)): 10 + n * 7 % 900 for n in range(120)}
    seen: list[int] = []

    def reply(request):
        wanted = [WorkId("s2", each) for each in asked_ids(request.body)]
        seen.append(sum(counts[each] for each in wanted))
        return [
            paper(
                int(each.value, 16),
                referenceCount=counts[each],
                references=[paper(n) for n in range(counts[each])],
            )
            for each in wanted
        ]

    found = SemanticScholarSource(ScriptedTransport(reply)).records(counts, references=True, counts=counts)
    assert max(seen) <= NESTED
    assert len(seen) <= sum(counts.values()) // NESTED + 2
    assert {each: len(record.references or ()) for each, record in found.records.items()} == counts


def test_a_batch_that_is_refused_as_too_large_is_halved(tmp_path: Path) -> None:
    cited = work("cited")
    many = [work(f"w{n}", arxiv_id=f"2105.0000{n}", entries=[Entry("cited", "x")] * 3_000) for n in range(6)]
    with Universe(world_of(*many, cited)) as universe, transport_to(universe, tmp_path) as transport:
        # Nothing is known of their number beforehand.
        found = SemanticScholarSource(transport).records(
            [arxiv(each.arxiv_id) for each in many if each.arxiv_id], references=True
        )
        assert universe.semantic_scholar.statuses == {400: 1, 200: 2}
    assert [len(record.references or ()) for record in found.records.values()] == [3_000] * 6


def test_a_work_with_more_references_than_a_batch_brings_has_its_list_read_by_the_page(
    tmp_path: Path,
) -> None:
    cited = work("cited")
    large = work("large", arxiv_id="2105.00001", entries=[Entry("cited", "x")] * 9_500)
    small = work("small", arxiv_id="2105.00002", entries=[Entry("cited", "x")] * 3)
    asked = [arxiv("2105.00001"), arxiv("2105.00002")]
    with Universe(world_of(large, small, cited)) as universe, transport_to(universe, tmp_path) as transport:
        source = SemanticScholarSource(transport)
        found = source.records(asked, references=True, counts={asked[0]: 9_500, asked[1]: 3})
        assert set(universe.semantic_scholar.statuses) == {200}
        assert universe.semantic_scholar.count == 12
    assert [len(found.records[each].references or ()) for each in asked] == [9_500, 3]


def test_a_list_that_is_stated_and_withheld_is_not_empty() -> None:
    answer = [
        paper(1, referenceCount=40, references=[]),
        paper(2, referenceCount=40, references=None),
        paper(3, referenceCount=0, references=[]),
        paper(4, referenceCount=2, references=[{"paperId": None}, {"paperId": identity(9)}]),
    ]
    asked = [WorkId("s2", identity(n)) for n in range(1, 5)]
    source = SemanticScholarSource(ScriptedTransport(answer))
    lists = [source.records(asked, references=True).records[each].references for each in asked]
    assert lists[:3] == [None, None, ()]
    assert lists[3] is not None
    assert [each.ids for each in lists[3]] == [(WorkId("s2", identity(9)),)]


def test_a_refused_question_names_what_was_asked() -> None:
    source = SemanticScholarSource(ScriptedTransport((400, {"error": "Unsupported fields"})))
    with pytest.raises(ServiceRefused, match=r"refuses to describe arXiv:2312\.10163 and 1 others"):
        source.records([SURVEY, arxiv("2105.00001")])


def test_the_second_question_is_a_new_one_where_an_event_loop_runs() -> None:
    async def ask() -> list[int]:
        transport = ScriptedTransport([None])
        SemanticScholarSource(transport).records([SURVEY])
        return [request.attempt for request in transport.asked]

    assert asyncio.run(ask()) == [1, 2]


def test_an_interrupt_ends_the_waiting() -> None:
    class Waiting(ScriptedTransport):
        def fetch(self, request: Request) -> Answer:
            for _ in range(400):
                time.sleep(0.02)
            return super().fetch(request)

    threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        SemanticScholarSource(Waiting([None])).records([SURVEY])
    assert time.monotonic() - start < 4


def test_nothing_is_said_behind_the_back_of_the_one_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    # The client warns of each work without an answer; here they are returned.
    with caplog.at_level(logging.INFO):
        found = SemanticScholarSource(ScriptedTransport([None])).records([SURVEY])
    assert found.missing == (SURVEY,)
    assert caplog.records == []
