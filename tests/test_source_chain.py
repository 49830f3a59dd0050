"""Which source answers when the first ones do not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.universe import Universe
from services.works import Entry
from services.world import World
from source_helpers import arxiv, doi, transport_to, work, world_of

from ingest.errors import Offline, ServiceDown, UnknownWork
from ingest.sources.answers import ReferenceList, WorkSource
from ingest.sources.chain import first_that_answers
from ingest.sources.crossref import CrossrefSource
from ingest.sources.openalex import OpenAlexSource
from ingest.sources.semantic_scholar import SemanticScholarSource
from ingest.transport.transport import Transport

SURVEY = doi("10.5555/survey")


@pytest.fixture
def world() -> World:
    """A survey and two works that it cites, with a DOI so that every source can be asked."""
    cited = [work(f"c{n}", doi=f"10.5555/c{n}", venue="ICML", venue_year=2021) for n in range(2)]
    entries = [Entry(each.key, each.title) for each in cited]
    return world_of(work("survey", doi="10.5555/survey", entries=entries), *cited)


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def sources(transport: Transport) -> tuple[WorkSource, ...]:
    return SemanticScholarSource(transport), OpenAlexSource(transport), CrossrefSource(transport)


def references(source: WorkSource) -> ReferenceList:
    return source.references(SURVEY)


def test_the_first_source_that_answers_is_the_only_one_asked(universe: Universe, tmp_path: Path) -> None:
    heard: list[str] = []
    with transport_to(universe, tmp_path) as transport:
        listed = first_that_answers(sources(transport), references, heard.append)
    assert listed.origin == "semanticscholar"
    assert heard == []
    assert universe.counts() == {
        "arxiv": 0,
        "semanticscholar": 1,
        "openalex": 0,
        "crossref": 0,
        "huggingface": 0,
    }


def test_a_source_that_is_down_is_stood_in_for(universe: Universe, tmp_path: Path) -> None:
    heard: list[str] = []
    universe.semantic_scholar.faults.always = "502"
    with transport_to(universe, tmp_path) as transport:
        listed = first_that_answers(sources(transport), references, heard.append)
        assert listed.origin == "openalex"
        assert len(listed.entries) == 2
        assert len(heard) == 1
        assert heard[0].startswith("OpenAlex stands in for Semantic Scholar (Semantic Scholar: ")
    universe.openalex.strict = True
    universe.openalex.faults.always = "cut"
    with transport_to(universe, tmp_path, refresh=True) as transport:
        listed = first_that_answers(sources(transport), references, heard.append)
    assert listed.origin == "crossref"
    assert [reference.ids for reference, _record in listed.entries] == [
        (doi("10.5555/c0"),),
        (doi("10.5555/c1"),),
    ]
    assert [line.partition(" (")[0] for line in heard[1:]] == [
        "Crossref stands in for Semantic Scholar",
        "Crossref stands in for OpenAlex",
    ]


def test_a_source_that_does_not_know_the_work_is_passed_over(universe: Universe, tmp_path: Path) -> None:
    heard: list[str] = []
    odd = [OpenAlexSource, CrossrefSource]
    with transport_to(universe, tmp_path) as transport:
        chain = (odd[1](transport), odd[0](transport))
        preprint = universe.world.works["c0"]
        universe.world.change("c0", doi=None, arxiv_id="2105.00001")
        listed = first_that_answers(
            chain, lambda source: source.references(arxiv("2105.00001")), heard.append
        )
    assert listed.origin == "openalex"
    assert heard == ["OpenAlex stands in for Crossref (Crossref cannot look up arXiv:2105.00001)"]
    assert preprint.openalex_id


def test_a_work_that_nobody_knows_names_everybody_who_was_asked(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport, pytest.raises(UnknownWork) as error:
        first_that_answers(sources(transport), lambda source: source.references(doi("10.5555/no")))
    assert str(error.value) == (
        "Semantic Scholar does not know doi:10.5555/no; OpenAlex does not know doi:10.5555/no; "
        "Crossref does not know doi:10.5555/no; check the id"
    )


def test_a_work_that_one_source_may_know_is_not_called_unknown(universe: Universe, tmp_path: Path) -> None:
    universe.openalex.faults.always = "503"
    with transport_to(universe, tmp_path) as transport, pytest.raises(ServiceDown) as error:
        first_that_answers(sources(transport), lambda source: source.references(doi("10.5555/no")))
    assert error.value.service == "OpenAlex"
    assert str(error.value).startswith("OpenAlex: ")
    assert "Crossref does not know doi:10.5555/no" in str(error.value)
    assert "\n" not in str(error.value)


def test_being_offline_is_not_stood_in_for(
    universe: Universe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    with transport_to(universe, tmp_path) as transport, pytest.raises(Offline):
        first_that_answers(sources(transport), references)
    assert sum(universe.counts().values()) == 0


def test_a_chain_of_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no source to ask"):
        first_that_answers((), references)
