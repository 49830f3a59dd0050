"""OpenAlex as a source, against a local service and against answers that no sane service gives."""

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
    doi,
    json_values,
    paths_in,
    replaced,
    transport_to,
    work,
    world_of,
)

from ingest.errors import ServiceDown, ServiceRefused, UnknownWork
from ingest.record import WorkId
from ingest.sources.openalex import OpenAlexSource

SURVEY = arxiv("2312.10163")


@pytest.fixture(scope="module")
def world() -> World:
    """The world around the survey, for reading."""
    return World.from_catalogue()


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def oa(value: str) -> WorkId:
    return WorkId("openalex", value)


def test_three_hundred_works_cost_three_requests_and_a_second_run_none(
    universe: Universe, tmp_path: Path
) -> None:
    wanted = [oa(each.openalex_id) for each in universe.world.cited_by(universe.world.survey)]
    with transport_to(universe, tmp_path) as transport:
        found = OpenAlexSource(transport).records(wanted)
    assert len(found.records) == 300
    assert universe.openalex.count == 3
    for record in found.records.values():
        assert_sound(record)
    with transport_to(universe, tmp_path) as transport:
        assert OpenAlexSource(transport).records(wanted) == found
    assert universe.openalex.count == 3


def test_a_reference_list_costs_one_request_and_one_per_hundred_works(
    universe: Universe, tmp_path: Path
) -> None:
    with transport_to(universe, tmp_path) as transport:
        listed = OpenAlexSource(transport).references(SURVEY)
    assert universe.openalex.count == 4
    assert len(listed.entries) == 300
    assert listed.complete
    assert listed.origin == "openalex"
    known = {each.openalex_id for each in universe.world.cited_by(universe.world.survey)}
    assert {record.id_of("openalex") for _, record in listed.entries if record} == known
    for reference, record in listed.entries:
        assert record is not None
        assert reference.ids == record.ids


def test_a_work_is_found_by_any_of_its_ids(tmp_path: Path) -> None:
    preprint = work("p", arxiv_id="2105.00001")
    published = work("q", arxiv_id="2105.00002", doi="10.5555/Q", venue="ICML", venue_year=2022, elsewhere=5)
    asked = [arxiv("2105.00001"), doi("10.5555/q"), oa(published.openalex_id), arxiv("2105.00002")]
    with Universe(world_of(preprint, published)) as universe, transport_to(universe, tmp_path) as transport:
        found = OpenAlexSource(transport).records(asked)
    # Its arXiv id is that of a published work, of which only the publisher's DOI can be looked up.
    assert found.missing == ()
    assert {found.records[each].title for each in asked[1:]} == {published.title}
    record = found.records[doi("10.5555/q")]
    assert record.ids == (arxiv("2105.00002"), doi("10.5555/q"), oa(published.openalex_id))
    assert (record.year, record.published_year, record.venue) == (
        2022,
        2022,
        "International Conference on Machine Learning",
    )
    assert record.citation_count == 4
    first = found.records[arxiv("2105.00001")]
    assert (first.year, first.month, first.venue, first.published_year) == (2021, 5, None, None)
    assert first.abstract == preprint.abstract
    assert first.authors == preprint.authors


def test_reference_lists_come_with_the_records(tmp_path: Path) -> None:
    cited = work("cited")
    citing = work("citing", arxiv_id="2105.00001", entries=[Entry("cited", cited.title)])
    bare = work("bare", arxiv_id="2105.00002")
    asked = [arxiv("2105.00001"), arxiv("2105.00002")]
    with Universe(world_of(citing, cited, bare)) as universe, transport_to(universe, tmp_path) as transport:
        source = OpenAlexSource(transport)
        found = source.records(asked, references=True)
        assert source.records(asked).records[asked[0]].references is None
        assert universe.openalex.count == 1
    references = found.records[asked[0]].references
    assert references is not None
    assert [each.ids for each in references] == [(oa(cited.openalex_id),)]
    # 0 is what it says of a list that nobody read.
    assert found.records[asked[1]].references is None
    assert found.records[asked[1]].reference_count == 0


@pytest.mark.parametrize("count", [0, 40, None, "many"])
def test_an_empty_list_is_one_that_nobody_read(count: object) -> None:
    said = {
        "id": "https://openalex.org/W1",
        "title": "A",
        "referenced_works": [],
        "referenced_works_count": count,
    }
    listed = OpenAlexSource(ScriptedTransport(said)).references(oa("W1"))
    assert (listed.entries, listed.complete) == ((), False)


def test_a_list_shorter_than_stated_is_not_complete() -> None:
    said = {"id": "W1", "title": "A", "referenced_works": ["W2"], "referenced_works_count": 2, "results": []}
    listed = OpenAlexSource(ScriptedTransport(said)).references(oa("W1"))
    assert [reference.ids for reference, _record in listed.entries] == [(oa("W2"),)]
    assert listed.entries[0][1] is None
    assert not listed.complete


def test_a_survey_that_nobody_knows_is_named(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = OpenAlexSource(transport)
        for ask in (source.references, source.citing):
            with pytest.raises(UnknownWork, match=r"OpenAlex does not know arXiv:2312\.99999"):
                ask(arxiv("2312.99999"))
            with pytest.raises(UnknownWork, match="OpenAlex cannot look up CorpusId:12"):
                ask(WorkId("corpus", "12"))


def test_a_merged_work_is_found_under_its_old_id(tmp_path: Path) -> None:
    cited = work("cited", arxiv_id="2105.00002")
    survey = work("survey", entries=[Entry("cited", cited.title)])
    world = world_of(survey, cited)
    old = world.merge_in_openalex("survey")
    with Universe(world) as universe, transport_to(universe, tmp_path) as transport:
        listed = OpenAlexSource(transport).references(oa(old))
    assert [reference.ids[0] for reference, _record in listed.entries] == [arxiv("2105.00002")]


def test_citing_works_are_read_to_the_end_and_leave_out_what_is_known(tmp_path: Path) -> None:
    survey = work("survey", arxiv_id="2312.10163")
    citing = [work(f"c{n}", entries=[Entry("survey", survey.title)]) for n in range(250)]
    with Universe(world_of(survey, *citing)) as universe, transport_to(universe, tmp_path) as transport:
        source = OpenAlexSource(transport)
        found = source.citing(SURVEY)
        assert universe.openalex.count == 4
        assert len(found) == 250
        known = [found[0].ids[0], found[249].ids[0]]
        assert source.citing(SURVEY, known) == found[1:249]
        assert source.citing(oa(survey.openalex_id)) == found


@pytest.mark.parametrize("cursor", ["same", 7, None, ""])
def test_a_cursor_that_leads_nowhere_ends(cursor: object) -> None:
    said = {"results": [{"id": "W1", "title": "A"}], "meta": {"next_cursor": cursor}}
    transport = ScriptedTransport(said)
    assert [record.external_id for record in OpenAlexSource(transport).citing(oa("W9"))] == ["W1"]
    assert len(transport.asked) <= 2


def test_a_doi_that_a_filter_would_misread_is_asked_for_alone() -> None:
    odd = doi("10.1002/(sici)1097,17|15<1661::aid>3.0.co;2-2")

    def reply(request):
        known = {"id": "W2", "doi": f"https://doi.org/{odd.value}", "title": "Odd"}
        if "/works/doi:" in request.url:
            return known
        assert odd.value not in parse_qs(urlsplit(request.url).query)["filter"][0]
        return {"results": [{"id": "W1", "doi": "10.5555/a", "title": "Even"}]}

    transport = ScriptedTransport(reply)
    found = OpenAlexSource(transport).records([doi("10.5555/a"), odd])
    assert {each: record.title for each, record in found.records.items()} == {
        doi("10.5555/a"): "Even",
        odd: "Odd",
    }
    assert len(transport.asked) == 2
    assert "%7C15%3C1661" in transport.asked[1].url


def test_passed_over_works_are_asked_for_once_more_together(universe: Universe, tmp_path: Path) -> None:
    wanted = [SURVEY, arxiv("2401.99998"), arxiv("2401.99999"), WorkId("s2", "a" * 40)]
    with transport_to(universe, tmp_path) as transport:
        found = OpenAlexSource(transport).records(wanted)
    assert found.missing == tuple(wanted[1:])
    assert universe.openalex.count == 2
    assert universe.openalex.log[1].one("filter").count("|") == 1


def test_abstracts_are_put_together_from_their_index() -> None:
    index = {
        "<i>Deep</i>": [0],
        "nets": [1, 4],
        "learn;": [2],
        "&amp;": [3],
        "far": [10**9],
        "x": "no",
        "y": [-1, None],
    }
    said = {"results": [{"id": "W1", "title": "On <b>Nets</b>", "abstract_inverted_index": index}]}
    record = OpenAlexSource(ScriptedTransport(said)).records([oa("W1")]).records[oa("W1")]
    assert record.abstract == "Deep nets learn; & nets"
    assert record.title == "On Nets"


def test_an_index_that_asks_for_an_endless_text_is_no_abstract() -> None:
    indexes = [{"long": list(range(50_000))}, {f"w{n}": [n] for n in range(30_000)}, {"a": [10**8]}]
    for index in indexes:
        said = {"results": [{"id": "W1", "title": "A", "abstract_inverted_index": index}]}
        record = OpenAlexSource(ScriptedTransport(said)).records([oa("W1")])
        assert record.records[oa("W1")].abstract is None


def test_a_repository_is_no_venue_and_its_link_names_the_preprint() -> None:
    place = {
        "landing_page_url": "http://arxiv.org/abs/2105.00001",
        "source": {"display_name": "arXiv", "type": "x"},
    }
    other = {
        "landing_page_url": "https://zenodo.org/1",
        "source": {"display_name": "Zenodo", "type": "repository"},
    }
    for venue in (place, other, None, {"source": None}):
        said = {
            "id": "W1",
            "title": "A",
            "publication_year": 2021,
            "primary_location": venue,
            "locations": [other, place],
        }
        transport = ScriptedTransport({"results": [said]})
        record = OpenAlexSource(transport).records([oa("W1")]).records[oa("W1")]
        assert (record.venue, record.year, record.published_year) == (None, 2021, None)
        assert record.ids == (arxiv("2105.00001"), oa("W1"))


def test_hostile_texts_stay_data(universe: Universe, tmp_path: Path) -> None:
    universe.openalex.faults.hostile = {"*"}
    with transport_to(universe, tmp_path) as transport:
        listed = OpenAlexSource(transport).references(SURVEY)
    records = [record for _reference, record in listed.entries if record]
    assert len(records) > 150
    for record in records:
        assert_sound(record)
        assert "<script>" not in record.title


def test_a_service_that_fails_or_wants_a_key_is_down(universe: Universe, tmp_path: Path) -> None:
    universe.openalex.strict = True
    with transport_to(universe, tmp_path) as transport, pytest.raises(ServiceDown, match="OpenAlex"):
        OpenAlexSource(transport).records([SURVEY])
    universe.openalex.faults.always = "cut"
    with transport_to(universe, tmp_path) as transport, pytest.raises(ServiceDown, match="OpenAlex"):
        OpenAlexSource(transport).references(SURVEY)


def test_a_refused_question_is_told_without_what_the_service_says() -> None:
    transport = ScriptedTransport((400, {"message": "api_key=secret is odd"}))
    with pytest.raises(ServiceRefused, match="OpenAlex: answers 400 to /works") as refusal:
        OpenAlexSource(transport).records([SURVEY])
    assert "secret" not in str(refusal.value)


WORK = {
    "id": "https://openalex.org/W1",
    "doi": "https://doi.org/10.5555/a",
    "title": "A Title",
    "publication_year": 2021,
    "publication_date": "2021-05-06",
    "authorships": [{"author": {"display_name": "Ada Small"}}],
    "primary_location": {"source": {"display_name": "ICML", "type": "conference"}},
    "locations": [{"landing_page_url": "https://arxiv.org/abs/2105.00001"}],
    "cited_by_count": 3,
    "referenced_works_count": 1,
    "referenced_works": ["https://openalex.org/W2"],
    "abstract_inverted_index": {"An": [0], "abstract": [1]},
}
PAGE = {"meta": {"next_cursor": "more"}, "results": [WORK], **WORK}


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(sorted(paths_in(PAGE), key=repr)), value=json_values)
def test_any_value_in_any_place_is_read_or_dropped(path, value) -> None:
    source = OpenAlexSource(ScriptedTransport(replaced(PAGE, path, value)))
    asked = [oa("W1"), arxiv("2105.00001"), doi("10.5555/a")]
    found = source.records(asked, references=True)
    assert set(found.records) | set(found.missing) == set(asked)
    records = [*found.records.values(), *source.citing(oa("W9"))]
    try:
        for reference, record in source.references(oa("W1")).entries:
            assert_reference_sound(reference)
            records += [record] if record else []
    except UnknownWork:
        assert path[:1] in ((), ("id",), ("doi",))
    for record in records:
        assert_sound(record)
