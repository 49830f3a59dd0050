"""The world behind the local services, what goes wrong with them on purpose, and how they are run."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from services.faults import ABSURD_BYTES, BY_CHANCE, MOST_IN_A_ROW, Faults
from services.server import Asked
from services.universe import SETTINGS, Universe
from services.words import TEST_TEXT
from services.world import World

from ingest.record import WorkId
from ingest.rows import Catalogue

SURVEY = "2312.10163"
RESNET = "1512.03385"


@pytest.fixture
def universe() -> Iterator[Universe]:
    with Universe() as running:
        yield running


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as client:
        yield client


def feed_of(universe: Universe, http: httpx.Client, ids: list[str]) -> str:
    query = {"id_list": ",".join(ids), "max_results": "100"}
    return http.get(universe.arxiv.url + "/api/query", params=query).raise_for_status().text


# The world


def test_the_survey_cites_as_many_works_of_the_catalogue_as_asked(catalogue: Catalogue):
    world = World.from_catalogue(references=300)
    written = {row.key: row for row in catalogue.papers}
    cited = world.cited_by(world.survey)
    assert len(cited) == 300
    assert not any(written[work.key].after_survey for work in cited)
    assert sum(entry.key is None for entry in world.works[world.survey].entries) == 5
    assert len(world.citing(world.survey)) == 20
    assert all(work.year >= 2024 for work in world.citing(world.survey))
    assert len(World.from_catalogue(references=700).cited_by(world.survey)) == 700


def test_what_the_catalogue_states_is_kept_and_the_rest_is_marked_as_invented(catalogue: Catalogue):
    world = World.from_catalogue()
    inside = {row.key for row in catalogue.papers}
    for row in catalogue.papers:
        work = world.works[row.key]
        assert (work.title, work.arxiv_id, work.year) == (row.title, row.arxiv_id, row.year)
        assert work.authors == row.authors or not row.authors
        assert work.abstract.startswith(TEST_TEXT)
    assert all("Invented Work" in work.title for key, work in world.works.items() if key not in inside)
    stated = {(each.citing, each.cited) for each in catalogue.citations}
    made = {(key, entry.key) for key in inside - {world.survey} for entry in world.works[key].entries}
    assert {(citing, cited) for citing, cited in made if cited in inside} == stated
    assert all(len(world.works[key].entries) >= 30 for key in inside)
    assert {row.hub_id for row in catalogue.checkpoints} <= world.models.keys()


def test_two_worlds_are_equal_and_changing_one_leaves_the_other():
    one, other = World.from_catalogue(seed=3), World.from_catalogue(seed=3)
    assert (one.works, one.models) == (other.works, other.models)
    assert one.works != World.from_catalogue(seed=4).works
    one.rename("resnet", "Another Title")
    one.cite("resnet", "clip")
    one.say("openalex", "clip", year=1999)
    one.move_model(next(iter(one.models)), "new/name")
    assert one.works["resnet"].entries[-1].title == one.works["clip"].title
    assert "Another Title" in {entry.title for entry in one.works["vfm-survey"].entries}
    assert "new/name" not in other.models
    assert other.works == World.from_catalogue(seed=3).works


def test_every_id_is_readable_and_belongs_to_one_work():
    world = World.from_catalogue()
    seen: set[WorkId] = set()
    for work in world.works.values():
        named = [work.s2_id, f"CorpusId:{work.corpus_id}", work.openalex_id, work.arxiv_id, work.doi]
        ids = {WorkId.parse(name) for name in named if name}
        assert len(ids) == sum(name is not None for name in named)
        assert not ids & seen
        seen |= ids
        for each in ids:
            assert world.find(each.scheme, each.value) is work


# Changes of the world


def test_changes_of_the_world_are_seen_by_all_services(universe: Universe, http: httpx.Client):
    world = universe.world
    world.rename("clip", "A Renamed Title")
    world.say("openalex", "clip", title="What OpenAlex Says")
    new = world.add_citing()
    world.drop("resnet")
    assert "<title>A Renamed Title</title>" in feed_of(universe, http, ["2103.00020"])
    one = http.get(universe.openalex.url + f"/works/{world.works['clip'].openalex_id}").json()
    assert one["title"] == "What OpenAlex Says"
    s2_url = universe.semantic_scholar.url + f"/graph/v1/paper/ARXIV:{SURVEY}"
    citing = http.get(s2_url + "/citations").json()["data"]
    assert new.s2_id in {each["citingPaper"]["paperId"] for each in citing}
    cited = http.get(s2_url + "/references?limit=1000").json()["data"]
    nameless = {each["citedPaper"]["title"] for each in cited if each["citedPaper"]["paperId"] is None}
    assert "Deep Residual Learning for Image Recognition" in nameless
    assert "<entry>" not in feed_of(universe, http, [RESNET])
    world.uncite("vfm-survey", "clip")
    world.cite("clip", "vfm-survey")
    assert "clip" not in {work.key for work in world.cited_by("vfm-survey")}
    assert "clip" in {work.key for work in world.citing("vfm-survey")}
    with pytest.raises(AttributeError, match="no 'titel'"):
        world.change("clip", titel="typing error")


# Faults


def asked_for(universe: Universe, http: httpx.Client) -> httpx.Response:
    return http.get(universe.semantic_scholar.url + f"/graph/v1/paper/ARXIV:{SURVEY}/references?limit=1000")


@pytest.mark.parametrize("status", ["429", "500", "502", "503", "504"])
def test_a_scripted_fault_is_met_once(universe: Universe, http: httpx.Client, status: str):
    universe.semantic_scholar.faults.then(status, on="/references")
    assert http.get(universe.semantic_scholar.url + f"/graph/v1/paper/ARXIV:{SURVEY}").status_code == 200
    broken = asked_for(universe, http)
    assert broken.status_code == int(status)
    assert ("html" in broken.headers["content-type"]) == (status in ("502", "503"))
    assert "retry-after" not in broken.headers
    assert asked_for(universe, http).status_code == 200
    assert [asked.fault for asked in universe.semantic_scholar.log] == [None, status, None]
    assert universe.semantic_scholar.statuses[int(status)] == 1


def test_bodies_break_in_each_way_that_can_be_scripted(universe: Universe, http: httpx.Client):
    faults = universe.semantic_scholar.faults
    faults.then("429-wait", "429-date", "html", "truncated", "slow", "cut")
    assert asked_for(universe, http).headers["retry-after"] == "1"
    assert asked_for(universe, http).headers["retry-after"].endswith("GMT")
    page = asked_for(universe, http)
    assert (page.status_code, page.text[:6]) == (200, "<html>")
    half = asked_for(universe, http)
    assert half.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        half.json()
    late = asked_for(universe, http)
    assert late.elapsed.total_seconds() >= faults.slow
    assert len(late.json()["data"]) == 305
    with pytest.raises(httpx.RemoteProtocolError):
        asked_for(universe, http)
    assert faults.waiting == 0
    faults.always = "503"
    assert {asked_for(universe, http).status_code for _ in range(4)} == {503}
    with pytest.raises(ValueError, match="no fault is called '418'"):
        faults.then("418")


@pytest.mark.parametrize("kind", ["absurd", "bomb"])
def test_an_absurd_answer_need_not_be_read_to_its_end(universe: Universe, http: httpx.Client, kind: str):
    universe.arxiv.faults.then(kind)
    read = 0
    with http.stream("GET", universe.arxiv.url + f"/api/query?id_list={RESNET}") as reply:
        for piece in reply.iter_bytes():
            read += len(piece)
            if read > 2**20:
                break
    assert read > 2**20
    assert universe.arxiv.log[0].sent < ABSURD_BYTES / 2


def chances(faults: Faults, target: str, times: int = 60) -> list[str | None]:
    return [faults.choose(Asked("GET", target, {}, b"", 0.0)) for _ in range(times)]


def test_chance_repeats_exactly_and_never_fails_a_request_three_times():
    targets = [f"/works/{number}" for number in range(200)]
    one, other = Faults(rate=0.6, seed=5), Faults(rate=0.6, seed=5)
    met = {target: chances(one, target) for target in targets}
    assert met == {target: chances(other, target) for target in reversed(targets)}
    assert met != {target: chances(Faults(rate=0.6, seed=6), target) for target in targets}
    for kinds in met.values():
        failures = "".join("x" if kind not in (None, "slow") else "." for kind in kinds)
        assert "x" * (MOST_IN_A_ROW + 1) not in failures
    assert {kind for kinds in met.values() for kind in kinds} == {None, *BY_CHANCE}
    first = [chances(Faults(rate=0.2), target, 1)[0] for target in targets]
    assert 0.1 < sum(kind is not None for kind in first) / len(first) < 0.3


def test_a_request_is_the_same_under_another_key():
    keyed = [Asked("GET", f"/works?filter=a&{secret}", {}, b"", 0.0) for secret in ("api_key=1", "mailto=2")]
    assert keyed[0].identity == keyed[1].identity
    assert keyed[0].identity != Asked("GET", "/works?filter=b", {}, b"", 0.0).identity


def test_whoever_asks_three_times_gets_through_a_fifth_of_faults(http: httpx.Client):
    with Universe(faults=0.2, seed=1) as universe:
        dois = [work.doi for work in universe.world.works.values() if work.doi][:40]
        for doi in dois:
            assert any(is_whole(universe, http, doi) for _attempt in range(MOST_IN_A_ROW + 1))
        assert universe.openalex.count > len(dois)


def is_whole(universe: Universe, http: httpx.Client, doi: str) -> bool:
    try:
        reply = http.get(f"{universe.openalex.url}/works/doi:{doi}")
        return reply.status_code == 200 and reply.json()["doi"].endswith(doi.lower())
    except (httpx.TransportError, json.JSONDecodeError):
        return False


# The servers


def test_requests_are_noted_and_counted_and_connections_are_kept(universe: Universe, http: httpx.Client):
    url = universe.semantic_scholar.url + "/graph/v1/paper/batch"
    http.post(url, params={"fields": "title"}, json={"ids": [f"ARXIV:{SURVEY}"]}, headers={"X-Mine": "1"})
    http.get(universe.crossref.url + "/works/10.1%2Fnone?mailto=a")
    (asked,) = universe.semantic_scholar.log
    assert (asked.method, asked.path) == ("POST", "/graph/v1/paper/batch")
    assert asked.query == {"fields": ["title"]}
    assert json.loads(asked.body) == {"ids": [f"ARXIV:{SURVEY}"]}
    assert asked.headers["x-mine"] == "1"
    assert universe.crossref.log[0].path == "/works/10.1/none"
    assert universe.crossref.log[0].at >= asked.at
    assert universe.counts() == {
        "arxiv": 0,
        "semanticscholar": 1,
        "openalex": 0,
        "crossref": 1,
        "huggingface": 0,
    }
    universe.reset_counts()
    assert set(universe.counts().values()) == {0}
    replies = [http.get(url) for _ in range(3)]
    streams = {id(reply.extensions["network_stream"]) for reply in replies}
    assert len(streams) == 1


def test_the_settings_lead_to_the_running_services_and_nothing_stays_open(http: httpx.Client):
    with Universe() as universe:
        settings = universe.environment()
        assert set(settings) == set(SETTINGS.values())
        assert (
            http.get(settings["VFM_ATLAS_ARXIV_URL"] + "/api/query?search_query=all:vision").status_code
            == 200
        )
    for url in settings.values():
        with socket.socket() as connection:
            assert connection.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_mistake_in_a_service_is_raised_when_it_ends(http: httpx.Client):
    universe = Universe().__enter__()
    universe.world.find("arxiv", RESNET)
    del universe.world.works["resnet"]
    url = universe.semantic_scholar.url + f"/graph/v1/paper/ARXIV:{RESNET}"
    assert http.get(url).status_code == 500
    with pytest.raises(KeyError, match="resnet"):
        universe.__exit__(None, None, None)


def test_the_universe_runs_as_a_program():
    program = subprocess.Popen(
        [sys.executable, "-m", "services.universe", "--references", "10"],
        cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip
    with program:
        lines = [program.stdout.readline() for _ in SETTINGS]
        settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
        paper = httpx.get(
            settings["VFM_ATLAS_S2_URL"] + f"/graph/v1/paper/ARXIV:{SURVEY}",
            params={"fields": "referenceCount"},
        )
        program.send_signal(signal.SIGINT)
        _out, err = program.communicate(timeout=10)
    assert paper.json()["referenceCount"] == 15
    assert "'semanticscholar': 1" in err
    assert program.returncode == 0
