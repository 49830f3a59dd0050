"""A fifth of all answers goes wrong by chance, and the library is the one that it would have been."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import write_small_library
from ingest_helpers import bring_in, cited, facts, serving, survey_job, with_arxiv_ids
from services.faults import BY_CHANCE
from services.world import World
from source_helpers import SkippingClock

REFERENCES = 60
RATE = 0.2
SEEDS = range(4)


def small_world() -> World:
    """One in which every service is needed: works without an abstract, works that Semantic Scholar lacks."""
    world = World.from_catalogue(references=REFERENCES)
    for work in with_arxiv_ids(cited(world))[:20]:
        world.say("semanticscholar", work.key, abstract=None)
    for number, work in enumerate(cited(world)[20:26]):
        world.change(work.key, doi=f"10.5555/faults.{number}")
    return world


@dataclass
class Outcome:
    """The library that a run ended with, and what happened on the way."""

    library: dict[str, list[dict[str, object]]]
    unanswered: list[str]
    asked: Counter[str]
    faults: Counter[str]
    waited: float


def ingest(folder: Path, *, rate: float = 0.0, seed: int = 0) -> Outcome:
    clock = SkippingClock()
    began, real = clock.now(), time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VFM_ATLAS_CACHE", str(folder / "cache"))
        with serving(small_world(), patch, faults=rate, seed=seed) as universe:
            path = write_small_library(folder / "library.sqlite")
            report = bring_in(path, survey_job(thorough=True), clock=clock)
            asked = Counter(universe.counts())
            faults = Counter(one.fault for service in universe.services for one in service.log)
    waited = clock.now() - began - (time.time() - real)
    return Outcome(facts(path), report.unanswered, asked, faults, waited)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return ingest(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return [ingest(tmp_path_factory.mktemp("disturbed"), rate=RATE, seed=seed) for seed in SEEDS]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_under_faults_ends_with_the_same_library(undisturbed, disturbed, seed):
    found = disturbed[seed]
    assert found.library.keys() == undisturbed.library.keys()
    for table, rows in undisturbed.library.items():
        assert found.library[table] == rows, table
    assert found.unanswered == undisturbed.unanswered == []


def test_these_runs_met_every_kind_of_fault_at_every_service(undisturbed, disturbed):
    met = sum((each.faults for each in disturbed), Counter())
    assert set(met) - {None} == set(BY_CHANCE)
    assert all(undisturbed.asked[name] for name in disturbed[0].asked)
    for each in disturbed:
        assert each.asked.total() - each.faults[None] > RATE * undisturbed.asked.total() / 2
        assert all(each.asked[name] >= count for name, count in undisturbed.asked.items())


def test_these_runs_waited_on_a_clock_of_their_own(disturbed):
    assert min(each.waited for each in disturbed) > 5
