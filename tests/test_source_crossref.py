"""Crossref as a source, against a local service and against answers that no sane service gives."""

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

from ingest.errors import ServiceDown, UnknownWork
from ingest.record import WorkId
from ingest.sources.crossref import CrossrefSource


@pytest.fixture(scope="module")
def world() -> World:
    """The world around the survey, for reading."""
    return World.from_catalogue()


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def dois_of(world: World) -> list[WorkId]:
    return [doi(each.doi.lower()) for each in world.works.values() if each.doi]


def message(**facts: object) -> dict[str, object]:
    return {"status": "ok", "message": {"DOI": "10.5555/a", "title": ["A Title"]} | facts}


def listed(*works: dict[str, object]) -> dict[str, object]:
    return {"status": "ok", "message": {"items": list(works)}}


def references_of(*entries: dict[str, object], **facts: object):
    said = message(reference=list(entries), **{"references-count": len(entries), **facts})
    return CrossrefSource(ScriptedTransport(said)).references(doi("10.5555/a"))


def test_three_hundred_works_cost_three_requests_and_a_second_run_none(
    universe: Universe, tmp_path: Path
) -> None:
    wanted = dois_of(universe.world)[:300]
    with transport_to(universe, tmp_path) as transport:
        found = CrossrefSource(transport).records(wanted)
    assert list(found.records) == wanted
    assert universe.crossref.count == 3
    for each, record in found.records.items():
        assert record.ids == (each,)
        assert_sound(record)
    with transport_to(universe, tmp_path) as transport:
        assert CrossrefSource(transport).records(wanted) == found
    assert universe.crossref.count == 3


def test_a_record_holds_what_the_publisher_registered(universe: Universe, tmp_path: Path) -> None:
    known = next(
        each
        for each in universe.world.works.values()
        if each.doi and each.venue == "ICML" and each.venue_year
    )
    with transport_to(universe, tmp_path) as transport:
        record = CrossrefSource(transport).records([doi(known.doi.lower())]).records[doi(known.doi.lower())]
    assert record.title == known.title
    assert record.authors == known.authors
    assert (record.year, record.month, record.published_year) == (
        known.venue_year,
        known.month,
        known.venue_year,
    )
    assert record.venue == "International Conference on Machine Learning"
    assert record.reference_count == len(known.entries)


def test_abstracts_come_without_their_tags(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        found = CrossrefSource(transport).records(dois_of(universe.world)[:100])
    abstracts = {each: record.abstract for each, record in found.records.items() if record.abstract}
    assert len(abstracts) > 20
    for each, abstract in abstracts.items():
        known = universe.world.find("doi", each.value)
        assert known is not None
        assert abstract == known.abstract


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<jats:title>Abstract</jats:title><jats:p>One.</jats:p><jats:p>Two.</jats:p>", "One. Two."),
        ("<jats:p>H<jats:sub>2</jats:sub>O &amp; <jats:italic>more</jats:italic></jats:p>", "H2O & more"),
        ("<p>a &lt; b</p><script>alert(1)</script>", "a < b alert(1)"),
        ("p < 0.05 and q > 3", "p < 0.05 and q > 3"),
        ("<mml:math><mml:mi>x</mml:mi></mml:math>-axis", "x-axis"),
        ("<p>a<!-- hidden --><?hidden too?> b</p>", "a b"),
        ("<jats:p/>", None),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><p>&b;</p>", "]>&b;"),
        ("<b>" * 100 + "deep", "deep"),
        ("<b>" * 30_000 + "deeper", None),
        ("x" * 300_000, None),
        ({"a": 1}, None),
    ],
)
def test_markup_becomes_plain_text(marked: object, plain: str | None) -> None:
    source = CrossrefSource(ScriptedTransport(listed(message(abstract=marked)["message"])))
    assert source.records([doi("10.5555/a")]).records[doi("10.5555/a")].abstract == plain


def test_titles_and_names_come_in_several_forms() -> None:
    said = message(
        title=[None, "On <i>H</i> &amp; O", "Sur H"],
        author=[
            {"given": "Ada", "family": "Small"},
            {"name": "The Collaboration"},
            {"family": "Tiny; Bo"},
            {"given": 3},
            "x",
        ],
        issued={"date-parts": [[2021, 13]]},
    )["message"]
    record = CrossrefSource(ScriptedTransport(listed(said))).records([doi("10.5555/a")])
    found = record.records[doi("10.5555/a")]
    assert found.title == "On H & O"
    assert found.authors == ("Ada Small", "The Collaboration", "Tiny, Bo")
    assert (found.year, found.month) == (2021, None)


def test_a_preprint_server_is_no_venue() -> None:
    said = message(
        **{"type": "posted-content", "container-title": ["bioRxiv"], "issued": {"date-parts": [[2021]]}}
    )
    source = CrossrefSource(ScriptedTransport(listed(said["message"])))
    record = source.records([doi("10.5555/a")]).records[doi("10.5555/a")]
    assert (record.year, record.venue, record.published_year) == (2021, None, None)


def test_a_reference_list_is_read_in_the_order_of_the_list(tmp_path: Path) -> None:
    printed = work("printed", doi="10.5555/printed", venue="ICML", venue_year=2021)
    preprints = [work(f"p{n}", arxiv_id=f"2105.0000{n}") for n in range(8)]
    cited = [printed, *preprints]
    entries = [*(Entry(each.key, each.title) for each in cited), Entry(None, "A Report")]
    survey = work("survey", doi="10.5555/survey", entries=entries)
    with Universe(world_of(survey, *cited)) as universe, transport_to(universe, tmp_path) as transport:
        found = CrossrefSource(transport).references(doi("10.5555/survey"))
        assert universe.crossref.count == 1
    assert found.complete
    assert found.origin == "crossref"
    assert len(found.entries) == 10
    reference, record = found.entries[0]
    assert (reference.ids, reference.title) == ((doi("10.5555/printed"),), printed.title)
    assert record is not None
    assert (record.external_id, record.authors, record.year) == ("10.5555/printed", ("Small",), 2021)
    for place, (reference, record) in enumerate(found.entries[1:9], 1):
        if record is None:
            # As printed: the arXiv id can be read from it.
            assert reference.ids == (arxiv(f"2105.0000{place - 1}"),)
            assert "arXiv preprint" in (reference.title or "")
        else:
            assert (reference.ids, record.title) == ((), preprints[place - 1].title)
            assert record.external_id == f"doi:10.5555/survey#{place}"
    assert {record is None for _, record in found.entries[1:9]} == {True, False}
    assert found.entries[9][0].title == "A Report. Printed privately."
    assert found.entries[9][1] is None


@pytest.mark.parametrize(
    ("citation", "ids"),
    [
        ("Small, A.: Things. arXiv preprint arXiv:2105.00001v2 (2021)", (arxiv("2105.00001"),)),
        ("Small, A.: Things. https://arxiv.org/abs/2105.00001.", (arxiv("2105.00001"),)),
        ("Small, A.: Things. https://doi.org/10.5555/A.1.", (doi("10.5555/a.1"),)),
        ("Small, A.: Things. doi:10.48550/arXiv.2105.00001", (arxiv("2105.00001"),)),
        ("Old. arXiv:hep-th/9711200", (arxiv("hep-th/9711200"),)),
        ("Things (10.5555/a), and others (10.5555/b)", ()),
        ("Things on 21.05.00001", ()),
    ],
)
def test_ids_are_read_from_a_citation_as_printed(citation: str, ids: tuple[WorkId, ...]) -> None:
    found = references_of({"unstructured": citation})
    assert [(reference.ids, record) for reference, record in found.entries] == [(ids, None)]


def test_entries_that_say_nothing_are_left_out() -> None:
    found = references_of(
        {}, {"key": "1"}, {"article-title": "B", "year": "2016a"}, {"article-title": "\x00"}
    )
    assert [reference.title for reference, _record in found.entries] == ["B"]
    record = found.entries[0][1]
    assert record is not None
    assert (record.year, record.external_id) == (2016, "doi:10.5555/a#0")


def test_a_list_that_is_not_registered_is_not_known() -> None:
    for facts in ({"references-count": 0}, {"references-count": 12}, {"references-count": None}):
        found = references_of(**facts)
        assert (found.entries, found.complete) == ((), False)
    assert not references_of({"DOI": "10.5555/b"}, **{"references-count": 2}).complete
    assert references_of({"DOI": "10.5555/b"}).complete


def test_reference_lists_come_with_the_records(tmp_path: Path) -> None:
    cited = work("cited", doi="10.5555/cited")
    citing = work("citing", doi="10.5555/citing", entries=[Entry("cited", cited.title)])
    with Universe(world_of(citing, cited)) as universe, transport_to(universe, tmp_path) as transport:
        source = CrossrefSource(transport)
        found = source.records([doi("10.5555/citing"), doi("10.5555/cited")], references=True)
        assert source.records([doi("10.5555/citing")]).records[doi("10.5555/citing")].references is None
        assert universe.crossref.count == 2
    references = found.records[doi("10.5555/citing")].references
    assert references is not None
    assert [each.ids for each in references] == [(doi("10.5555/cited"),)]
    assert found.records[doi("10.5555/cited")].references is None


def test_a_survey_that_nobody_knows_is_named(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        source = CrossrefSource(transport)
        with pytest.raises(UnknownWork, match=r"Crossref does not know doi:10\.5555/nothing"):
            source.references(doi("10.5555/nothing"))
        with pytest.raises(UnknownWork, match=r"Crossref cannot look up arXiv:2312\.10163"):
            source.references(arxiv("2312.10163"))
    assert universe.crossref.count == 1


def test_passed_over_works_are_asked_for_once_more_together(universe: Universe, tmp_path: Path) -> None:
    wanted = [dois_of(universe.world)[0], doi("10.5555/no"), doi("10.5555/never"), arxiv("2312.10163")]
    with transport_to(universe, tmp_path) as transport:
        found = CrossrefSource(transport).records(wanted)
    assert found.missing == tuple(wanted[1:])
    assert [asked.one("filter").count("doi:") for asked in universe.crossref.log] == [3, 2]


def test_a_doi_that_a_filter_would_misread_is_asked_for_alone() -> None:
    odd = doi("10.1002/(sici)1097,17")

    def reply(request):
        if urlsplit(request.url).path == "/works":
            assert parse_qs(urlsplit(request.url).query)["filter"] == ["doi:10.5555/a"]
            return listed(message()["message"])
        return message(DOI=odd.value, title=["Odd"])

    transport = ScriptedTransport(reply)
    found = CrossrefSource(transport).records([doi("10.5555/a"), odd])
    assert found.records[odd].title == "Odd"
    assert len(transport.asked) == 2


def test_an_address_does_not_grow_with_its_ids() -> None:
    transport = ScriptedTransport(listed())
    wanted = [doi(f"10.5555/{n}" + "<" * 280) for n in range(20)]
    assert CrossrefSource(transport).records(wanted).missing == tuple(wanted)
    assert all(len(request.url) < 8_000 for request in transport.asked)
    assert len(transport.asked) == 2 * 4


@pytest.mark.parametrize(
    "odd", ["10.5555/\x1b[31m", "10.5555/\u202ea", "10.5555/\ud800", "10.5555/" + "x" * 400]
)
def test_what_hides_in_an_id_makes_it_none(odd: str) -> None:
    found = references_of({"DOI": odd, "article-title": "B"}, {"DOI": "10.5555/C", "article-title": "C"})
    assert [reference.ids for reference, _record in found.entries] == [(), (doi("10.5555/c"),)]


def test_hostile_texts_stay_data(universe: Universe, tmp_path: Path) -> None:
    universe.crossref.faults.hostile = {"*"}
    with transport_to(universe, tmp_path) as transport:
        found = CrossrefSource(transport).records(dois_of(universe.world)[:100])
    for record in found.records.values():
        assert_sound(record)
        assert "<script>" not in record.title
    assert found.missing


def test_a_service_that_fails_is_down(universe: Universe, tmp_path: Path) -> None:
    universe.crossref.faults.always = "500"
    with transport_to(universe, tmp_path) as transport, pytest.raises(ServiceDown, match="Crossref"):
        CrossrefSource(transport).references(doi("10.5555/a"))


MESSAGE = message(
    author=[{"given": "Ada", "family": "Small"}],
    issued={"date-parts": [[2021, 5, 6]]},
    abstract="<jats:p>An abstract.</jats:p>",
    type="proceedings-article",
    reference=[
        {"DOI": "10.5555/b", "article-title": "B", "author": "Tiny", "year": "2016", "unstructured": "B."}
    ],
    **{"container-title": ["ICML"], "is-referenced-by-count": 3, "references-count": 1},
)
WHOLE = {**MESSAGE, "message": {**MESSAGE["message"], "items": [MESSAGE["message"]]}}


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(sorted(paths_in(WHOLE), key=repr)), value=json_values)
def test_any_value_in_any_place_is_read_or_dropped(path, value) -> None:
    source = CrossrefSource(ScriptedTransport(replaced(WHOLE, path, value)))
    found = source.records([doi("10.5555/a")], references=True)
    records = list(found.records.values())
    try:
        for reference, record in source.references(doi("10.5555/a")).entries:
            assert_reference_sound(reference)
            records += [record] if record else []
    except UnknownWork:
        assert path in ((), ("message",), ("message", "DOI"))
    for record in records:
        assert_sound(record)
