"""What the tests of the ingest share: services behind the settings, runs without waits, what came of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import HashEncoder, dump
from services.universe import Universe
from services.works import Work
from services.world import World
from source_helpers import SkippingClock

from graph.library import Library
from ingest.pipeline import Job, RunReport, run_job
from ingest.record import WorkId

SURVEY = "arXiv:2312.10163"
NO_FACTS = ("ingest_run", "ingest_stage")
DATES = ("retrieved_at", "created_at", "facts_date", "finished_at", "started_at", "checked_at", "replaced_at")


@contextmanager
def serving(
    world: World, monkeypatch: pytest.MonkeyPatch, *, faults: float = 0.0, seed: int = 0
) -> Iterator[Universe]:
    """The services of a world, at the addresses that the settings name."""
    with Universe(world, faults=faults, seed=seed) as universe:
        for name, value in universe.environment().items():
            monkeypatch.setenv(name, value)
        yield universe


def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on a clock that skips waits, with HashEncoder in place of the model."""
    monkeypatch.setattr("ingest.pipeline.SystemClock", SkippingClock)
    monkeypatch.setattr("ingest.embedding.SentenceEncoder", lambda name=None: HashEncoder(name or "hash"))


def survey_job(survey: str = SURVEY, **options: Any) -> Job:
    """The job of `ingest survey`."""
    named = WorkId.parse(survey)
    return Job("survey", str(named), lambda collector: collector.survey(named), **options)


def ids_job(*names: str, **options: Any) -> Job:
    """The job of `ingest ids`."""
    named = [WorkId.parse(name) for name in names]
    return Job("ids", " ".join(map(str, named)), lambda collector: collector.works(named), **options)


def bring_in(path: Path, job: Job, **options: Any) -> RunReport:
    """Do a job on the library at this path, with HashEncoder and no waits."""
    options.setdefault("encoder", HashEncoder())
    options.setdefault("clock", SkippingClock())
    with Library.create(path) as library:
        return run_job(library, job, **options)


def facts(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table but those of runs, row ids included, without the dates of retrieval."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for name in dump(path):
            if name in NO_FACTS:
                continue
            rows = connection.execute(f"SELECT rowid AS row_number, * FROM {name}").fetchall()
            known = [{key: row[key] for key in row.keys() if key not in DATES} for row in rows]  # noqa: SIM118
            found[name] = sorted(known, key=repr)
    return found


def cited(world: World, key: str | None = None) -> list[Work]:
    """The identified works that a work (the survey) cites."""
    return world.cited_by(key or world.survey)


def with_arxiv_ids(works: list[Work]) -> list[Work]:
    return [work for work in works if work.arxiv_id]
