"""arXiv as a source, against a local service and against feeds that arXiv would never send."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.universe import Universe
from services.world import World
from source_helpers import ScriptedTransport, arxiv, assert_sound, doi, transport_to, work, world_of

from ingest.errors import ServiceDown, ServiceRefused
from ingest.record import WorkId
from ingest.sources.arxiv import ArxivSource

ENTRY = {
    "id": "http://arxiv.org/abs/2105.00001v3",
    "title": "A Title",
    "updated": "2021-06-01T17:59:46Z",
    "published": "2021-05-02T17:59:46Z",
    "summary": "An abstract.",
    "arxiv:comment": "20 pages",
    "arxiv:journal_ref": "ICML 2021",
    "arxiv:doi": "10.5555/a",
    "author": "<name>Ada Small</name>",
}
xml_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]), max_size=30)


@pytest.fixture(scope="module")
def world() -> World:
    """The world around the survey, for reading."""
    return World.from_catalogue()


@pytest.fixture
def universe(world: World) -> Iterator[Universe]:
    with Universe(world) as running:
        yield running


def entry(leave_out: str = "", **parts: str) -> str:
    known = {**ENTRY, **{name.replace("_", ":", 1): text for name, text in parts.items()}}
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in known.items() if name != leave_out)
    return f"<entry>{inner}</entry>"


def feed(*entries: str, total: object = None) -> bytes:
    count = len(entries) if total is None else total
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
        f"<opensearch:totalResults>{count}</opensearch:totalResults>{''.join(entries)}</feed>"
    ).encode()


def ids_asked(url: str) -> list[str]:
    return parse_qs(urlsplit(url).query)["id_list"][0].split(",")


def known_ids(world: World) -> list[WorkId]:
    return [arxiv(each.arxiv_id) for each in world.works.values() if each.arxiv_id]


def test_three_hundred_works_cost_three_requests_and_a_second_run_none(
    universe: Universe, tmp_path: Path
) -> None:
    wanted = known_ids(universe.world)[:300]
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(wanted)
    assert list(found.records) == wanted
    assert found.missing == ()
    assert [len(asked.listed("id_list")) for asked in universe.arxiv.log] == [100, 100, 100]
    with transport_to(universe, tmp_path) as transport:
        assert ArxivSource(transport).records(wanted) == found
    assert universe.arxiv.count == 3


def test_each_id_gets_its_own_record_whatever_the_order_of_the_feed(
    universe: Universe, tmp_path: Path
) -> None:
    wanted = known_ids(universe.world)[:100]
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(wanted)
    for each, record in found.records.items():
        known = universe.world.find("arxiv", each.value)
        assert known is not None
        assert each in record.ids
        assert record.title == known.title
        assert record.abstract == known.abstract
        assert record.authors == known.authors
        assert record.external_id == f"{known.arxiv_id}v{known.version}"
        assert (record.year, record.month) == (known.year, known.month)
        assert record.id_of("doi") == (known.doi.lower() if known.doi else None)
        assert_sound(record)


def test_passed_over_ids_are_asked_for_once_more_together(universe: Universe, tmp_path: Path) -> None:
    wanted = known_ids(universe.world)[:250]
    once, never = wanted[3], [wanted[120], wanted[249]]
    universe.arxiv.faults.drop_once = {once.value}
    universe.arxiv.faults.drop = {each.value for each in never}
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(wanted)
    assert found.missing == tuple(never)
    assert once in found.records
    assert universe.arxiv.count == 4
    assert ids_asked(universe.arxiv.log[3].target) == [each.value for each in (once, *never)]


def test_nothing_is_asked_for_ids_that_are_not_of_arxiv(universe: Universe, tmp_path: Path) -> None:
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records([doi("10.5555/a"), WorkId("openalex", "W1")])
        assert ArxivSource(transport).records([]).missing == ()
    assert found.missing == (doi("10.5555/a"), WorkId("openalex", "W1"))
    assert universe.arxiv.count == 0


def test_a_malformed_id_does_not_cost_the_others(universe: Universe, tmp_path: Path) -> None:
    wanted = known_ids(universe.world)[:40]
    wanted[7:7] = [arxiv("not-an-id")]
    wanted[30:30] = [arxiv("neither/is-this")]
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(wanted)
    assert found.missing == (arxiv("not-an-id"), arxiv("neither/is-this"))
    assert len(found.records) == 40
    # Two refusals, the page, and the two once more, each refused.
    assert universe.arxiv.statuses == {400: 4, 200: 1}


def test_a_refusal_that_names_no_id_is_found_by_halving() -> None:
    def reply(request):
        asked = ids_asked(request.url)
        if "bad/0000000" in asked:
            return 400, feed("<entry><title>Error</title><summary>no</summary></entry>")
        return feed(*(entry(id=f"http://arxiv.org/abs/{each}v1") for each in asked))

    wanted = [arxiv(f"2105.{n:05}") for n in range(50)]
    wanted.insert(17, arxiv("bad/0000000"))
    transport = ScriptedTransport(reply)
    found = ArxivSource(transport).records(wanted)
    assert found.missing == (arxiv("bad/0000000"),)
    assert len(found.records) == 50
    assert len(transport.asked) < 15


def test_another_refusal_is_told() -> None:
    source = ArxivSource(ScriptedTransport((404, b"<html/>")))
    with pytest.raises(ServiceRefused, match="arXiv: answers 404 to a list of ids"):
        source.records([arxiv("2105.00001")])


def test_a_withdrawn_work_keeps_what_is_there(tmp_path: Path) -> None:
    gone = work("gone", arxiv_id="2105.00001", withdrawn=True)
    with Universe(world_of(gone)) as universe, transport_to(universe, tmp_path) as transport:
        record = ArxivSource(transport).records([arxiv("2105.00001")]).records[arxiv("2105.00001")]
        assert universe.arxiv.count == 1
    assert (record.title, record.abstract, record.year) == (gone.title, None, 2021)


def test_old_ids_are_found_with_and_without_their_subject_class(tmp_path: Path) -> None:
    old = work("old", arxiv_id="math/0309136", year=2003, month=9)
    asked = [arxiv("math.gt/0309136"), arxiv("math/0309136")]
    with Universe(world_of(old)) as universe, transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(asked)
        assert universe.arxiv.statuses == {200: 1}
    assert list(found.records) == asked
    assert found.records[asked[0]].ids == (arxiv("math/0309136"),)


def test_the_month_is_that_of_the_first_version() -> None:
    source = ArxivSource(ScriptedTransport(feed(entry())))
    record = source.records([arxiv("2105.00001")]).records[arxiv("2105.00001")]
    assert (record.year, record.month) == (2021, 5)
    assert (record.external_id, record.venue) == ("2105.00001v3", "ICML 2021")
    assert record.ids == (arxiv("2105.00001"), doi("10.5555/a"))


@pytest.mark.parametrize("date", ["", "soon", "2021-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "99999"])
@pytest.mark.parametrize("name", ["published", "updated"])
def test_a_false_date_costs_the_date_and_no_more(name: str, date: str) -> None:
    entries = [entry(id="http://arxiv.org/abs/2105.00002v1"), entry(**{name: date})]
    source = ArxivSource(ScriptedTransport(feed(*entries)))
    found = source.records([arxiv("2105.00001"), arxiv("2105.00002")])
    assert found.missing == ()
    record = found.records[arxiv("2105.00001")]
    assert record.abstract == "An abstract."
    assert (record.year, record.month) == ((None, None) if name == "published" else (2021, 5))


@pytest.mark.parametrize("total", [10**9, -1, "many", 3])
def test_a_feed_that_announces_more_than_there_is_loses_nothing(total: object) -> None:
    def reply(request):
        start = int(parse_qs(urlsplit(request.url).query)["start"][0])
        return feed(entry(), total=total) if start == 0 else feed(total=total)

    transport = ScriptedTransport(reply)
    found = ArxivSource(transport).records([arxiv("2105.00001"), arxiv("2105.00002")])
    assert set(found.records) == {arxiv("2105.00001")}
    assert len(transport.asked) <= 4


def test_a_feed_without_end_is_left() -> None:
    transport = ScriptedTransport(feed(entry(), total=10**9))
    found = ArxivSource(transport).records([arxiv("2105.00001"), arxiv("2105.00002")])
    assert set(found.records) == {arxiv("2105.00001")}
    assert len(transport.asked) <= 4


def test_works_that_were_not_asked_for_are_left_out() -> None:
    strange = [
        entry(id="http://arxiv.org/abs/2105.00009v1"),
        entry(id="http://example.org/2105.00001"),
        entry(),
    ]
    source = ArxivSource(ScriptedTransport(feed(*strange)))
    assert set(source.records([arxiv("2105.00001")]).records) == {arxiv("2105.00001")}


def test_hostile_texts_stay_data(universe: Universe, tmp_path: Path) -> None:
    universe.arxiv.faults.hostile = {"*"}
    wanted = known_ids(universe.world)[:200]
    with transport_to(universe, tmp_path) as transport:
        found = ArxivSource(transport).records(wanted)
    for record in found.records.values():
        assert_sound(record)
    assert any("<script>" in record.title for record in found.records.values())
    # A title of 9,000 characters is none.
    assert 0 < len(found.missing) < 100


def test_a_service_that_fails_is_down(universe: Universe, tmp_path: Path) -> None:
    universe.arxiv.faults.always = "503"
    with transport_to(universe, tmp_path) as transport, pytest.raises(ServiceDown, match="arXiv"):
        ArxivSource(transport).records([arxiv("1512.03385")])


def test_faults_by_chance_do_not_change_what_is_found(world: World, tmp_path: Path) -> None:
    wanted = known_ids(world)[:250]
    answers = []
    for rate in (0.0, 0.4):
        with Universe(world, faults=rate, seed=5) as universe:
            with transport_to(universe, tmp_path / str(rate)) as transport:
                found = ArxivSource(transport).records(wanted)
            answers.append([(each, record.to_json()) for each, record in sorted(found.records.items())])
    assert answers[0] == answers[1]


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(ENTRY)), text=xml_text, raw=st.booleans())
def test_any_text_in_any_place_of_an_entry_is_read_or_dropped(name: str, text: str, raw: bool) -> None:
    inner = f"<b>{escape(text)}</b>" if raw else escape(text)
    body = feed(entry(id="http://arxiv.org/abs/2105.00002v1"), entry(**{name: inner}))
    found = ArxivSource(ScriptedTransport(body)).records([arxiv("2105.00001"), arxiv("2105.00002")])
    for record in found.records.values():
        assert_sound(record)
    assert found.records[arxiv("2105.00002")].title == "A Title"


@pytest.mark.parametrize("name", sorted(ENTRY))
def test_an_entry_that_lacks_a_part_is_read_or_dropped(name: str) -> None:
    body = feed(entry(id="http://arxiv.org/abs/2105.00002v1"), entry(leave_out=name))
    found = ArxivSource(ScriptedTransport(body)).records([arxiv("2105.00001"), arxiv("2105.00002")])
    for record in found.records.values():
        assert_sound(record)
    assert (arxiv("2105.00001") in found.records) == (name not in {"id", "title"})
