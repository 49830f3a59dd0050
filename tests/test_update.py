"""An update finds what is new and nothing else, and asks nothing twice when it is cut off."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import fail, run, succeed
from helpers import HashEncoder, dump, keys, write_small_library
from ingest_helpers import SURVEY, bring_in, cited, facts, serving, survey_job, with_arxiv_ids, without_waits
from services.universe import Universe
from services.works import Model, Work
from services.world import World
from source_helpers import SkippingClock, work
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.diff import Difference, compare
from graph.errors import UnknownName
from graph.library import Library
from graph.schema import Checkpoint, FormerRecord, HubMention, Identifier, Paper
from graph.shelf import add_to_collection
from graph.snapshot import read_content
from ingest.errors import IngestError
from ingest.pipeline import Job, RunReport
from ingest.progress import Stopped, Tracker
from ingest.record import WorkId
from ingest.update import update_job

REFERENCES = 20
CHECKPOINTS = ("lab/clip-base", "lab/ldm")


def small_world() -> World:
    world = World.from_catalogue(references=REFERENCES)
    # The small catalogue has a work that no service would know.
    world.add(work("later", arxiv_id="2401.00001", year=2024, month=1))
    for hub_id in CHECKPOINTS:
        world.add_model(Model(hub_id, "transformers", "zero-shot", "mit"))
    return world


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Universe]:
    with serving(small_world(), monkeypatch) as served:
        yield served


@pytest.fixture(scope="module")
def up_to_date(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A library that holds the survey, after its first update."""
    folder = tmp_path_factory.mktemp("up to date")
    made = write_small_library(folder / "library.sqlite")
    with pytest.MonkeyPatch.context() as patch, serving(small_world(), patch):
        patch.setenv("VFM_ATLAS_CACHE", str(folder / "cache"))
        bring_in(made, survey_job())
        assert update(made).unanswered == []
    return made.read_bytes()


@pytest.fixture
def path(universe: Universe, up_to_date: bytes, tmp_path: Path) -> Path:
    """A library of the test's own that is up to date."""
    own = tmp_path / "library.sqlite"
    own.write_bytes(up_to_date)
    return own


def job_for(path: Path, **options: object) -> Job:
    with Library.open(path) as library, library.reading() as session:
        return update_job(session, **options)[0]


def update(path: Path, **options: object) -> RunReport:
    own = {name: options.pop(name) for name in ("started", "listeners", "clock") if name in options}
    return bring_in(path, job_for(path, **options), refresh=True, **own)


def difference(path: Path) -> Difference:
    """What changed since the state before."""
    with Library.open(path) as library, library.reading() as session:
        before, after = (read_content(session, name).content for name in ("previous", "current"))
        return compare(before, after)


def is_only(found: Difference, *kinds: str) -> bool:
    """Whether there are changes of these kinds and no others."""
    return {name for name, count in found.counts().items() if count} == set(kinds)


def paper_of(session: Session, work: Work) -> Paper:
    held = select(Identifier.paper_id).where(Identifier.scheme == "arxiv", Identifier.value == work.arxiv_id)
    return session.scalars(select(Paper).where(Paper.id.in_(held))).one()


# --- what is new -------------------------------------------------------------------------------------------


def test_where_nothing_is_new_the_snapshot_stays_and_everything_was_asked(universe, path):
    before = facts(path)
    report = update(path)
    assert (report.changed, report.unanswered) == (False, [])
    assert facts(path) == before
    asked = [each.path for each in universe.semantic_scholar.log]
    assert f"/graph/v1/paper/ARXIV:{SURVEY[6:]}/citations" in asked
    assert sorted(each.path for each in universe.hub.log) == [f"/api/models/{name}" for name in CHECKPOINTS]


def test_a_work_that_cites_the_survey_comes_with_its_citations(universe, path):
    new = universe.world.add_citing()
    report = update(path)
    with Library.open(path) as library, library.reading() as session:
        key = paper_of(session, new).key
    found = difference(path)
    assert is_only(found, "new_papers", "new_citations")
    assert found.new_papers == {key: new.title}
    assert (key, "survey") in found.new_citations
    held = {work.key for work in cited(universe.world)} & {
        work.key for work in universe.world.cited_by(new.key)
    }
    assert len([pair for pair in found.new_citations if pair[0] == key]) == len(held) + 1
    assert report.stages["link"].startswith("0 candidates for 1 papers")
    assert [each.one("filter") for each in universe.hub.log if each.path == "/api/models"] == [
        f"arxiv:{new.arxiv_id}"
    ]


def test_a_changed_title_is_shown_and_the_former_one_kept(universe, path):
    renamed = next(each for each in cited(universe.world) if each.key not in ("resnet", "clip", "ldm", "cfg"))
    with Library.open(path) as library, library.reading() as session:
        key = paper_of(session, renamed).key
    former = renamed.title
    universe.world.rename(renamed.key, "Another Title Altogether")
    report = update(path)
    assert report.stages["merge"].startswith("0 new papers, ")
    found = difference(path)
    assert is_only(found, "changed_fields")
    assert [(each.key, each.field, each.before, each.after) for each in found.changed_fields] == [
        (key, "title", former, "Another Title Altogether")
    ]
    with Library.open(path) as library, library.reading() as session:
        history = [row.content["title"] for row in session.scalars(select(FormerRecord))]
    assert former in history


def test_a_work_that_its_services_forget_stays(universe, path):
    forgotten = with_arxiv_ids(cited(universe.world))[-1]
    with Library.open(path) as library, library.reading() as session:
        key = paper_of(session, forgotten).key
    universe.world.drop(forgotten.key)
    report = update(path)
    assert report.unanswered == [f"arXiv:{forgotten.arxiv_id}: no service that was asked knows it"]
    with Library.open(path) as library:
        assert key in keys(library)


def test_checkpoints_that_moved_died_or_ask_for_consent_are_told(universe, path):
    world = universe.world
    world.move_model("lab/clip-base", "lab/clip-base-v2")
    world.remove_model("lab/ldm")
    report = update(path)
    assert report.stages["link"].endswith("2 checkpoints checked, 2 changed")
    found = difference(path)
    assert is_only(found, "changed_checkpoints", "dead_checkpoints")
    told = [(each.key.split("|")[0], each.before, each.after) for each in found.changed_checkpoints]
    assert sorted(told, key=str) == [
        ("lab/clip-base", "live", "moved"),
        ("lab/clip-base", None, "lab/clip-base-v2"),
        ("lab/ldm", "live", "gone"),
    ]
    world.models["lab/ldm"] = Model("lab/ldm", "diffusers", "text-to-image", "mit", gated="auto")
    update(path)
    with Library.open(path) as library, library.reading() as session:
        ldm = session.scalars(select(Checkpoint).where(Checkpoint.hub_id == "lab/ldm")).one()
        assert (ldm.state, ldm.gated) == ("gated", True)
        assert ldm.checked_at is not None


def test_new_candidates_for_a_paper_that_is_known_are_not_looked_for(universe, path):
    """That would be a request per paper; `ingest survey --refresh` asks them."""
    known = with_arxiv_ids(cited(universe.world))[0]
    universe.world.add_model(Model("lab/new", "timm", None, arxiv_ids=(known.arxiv_id,), downloads=10**9))
    update(path)
    with Library.open(path) as library, library.reading() as session:
        new = select(HubMention).where(HubMention.hub_id == "lab/new")
        assert session.scalars(new).first() is None
    bring_in(path, survey_job(), refresh=True)
    with Library.open(path) as library, library.reading() as session:
        assert session.scalars(new).one().paper_id == paper_of(session, known).id


# --- what is followed --------------------------------------------------------------------------------------


def test_the_papers_of_a_collection_are_followed(universe, path):
    followed = with_arxiv_ids(cited(universe.world))[3]
    new = universe.world.add_citing(followed.key)
    with Library.open(path) as library, library.writing() as session:
        key = paper_of(session, followed).key
        add_to_collection(session, "mine", [key])
        before = session.scalar(select(func.count(Paper.id)))
    report = update(path, collection="mine", checkpoints=False)
    assert report.subject == f"arXiv:{followed.arxiv_id}"
    with Library.open(path) as library, library.reading() as session:
        assert paper_of(session, new).title == new.title
        arrived = session.scalar(select(func.count(Paper.id))) - before
    assert f"/graph/v1/paper/ARXIV:{followed.arxiv_id}/citations" in [
        each.path for each in universe.semantic_scholar.log
    ]
    # The works of this world cite each other, too.
    assert universe.hub.count == arrived > 1


def test_a_work_can_be_followed_that_was_never_ingested(universe, path):
    other = with_arxiv_ids(cited(universe.world))[5]
    new = universe.world.add_citing(other.key)
    update(path, surveys=[WorkId("arxiv", other.arxiv_id)])
    with Library.open(path) as library, library.reading() as session:
        assert paper_of(session, new)


def test_a_work_that_cites_two_followed_ones_is_asked_for_once(universe, path):
    first, second = with_arxiv_ids(cited(universe.world))[2:4]
    new = universe.world.add_citing(first.key)
    universe.world.cite(new.key, second.key)
    update(path, surveys=[WorkId("arxiv", each.arxiv_id) for each in (first, second)])
    batches = [each for each in universe.semantic_scholar.log if new.s2_id.encode() in each.body]
    assert len(batches) == 2  # its facts, its references


def test_openalex_tells_who_cites_where_semantic_scholar_does_not_know_the_work(universe, path):
    new = universe.world.add_citing()
    universe.semantic_scholar.faults.always = "503"
    report = update(path, checkpoints=False)
    assert all(line.startswith("what Semantic Scholar knows of ") for line in report.unanswered)
    with Library.open(path) as library, library.reading() as session:
        assert paper_of(session, new).title == new.title


def test_a_followed_work_that_nobody_knows_does_not_stop_the_update(universe, path):
    new = universe.world.add_citing()
    unknown = WorkId("arxiv", "9912.12345")
    report = update(path, surveys=[unknown, WorkId("arxiv", SURVEY[6:])])
    (line,) = report.unanswered
    assert line.startswith(f"works that cite {unknown} (Semantic Scholar does not know {unknown}; OpenAlex ")
    with Library.open(path) as library, library.reading() as session:
        assert paper_of(session, new)


def test_a_collection_that_is_not_there_and_an_empty_library_are_one_line(universe, path, tmp_path):
    with pytest.raises(UnknownName, match="no collection 'other'"):
        job_for(path, collection="other")
    with Library.create(tmp_path / "empty.sqlite"):
        pass
    with pytest.raises(IngestError, match="nothing to update: ingest a survey first"):
        job_for(tmp_path / "empty.sqlite")


# --- cut off -----------------------------------------------------------------------------------------------


def stop_after(requests: int) -> tuple[Callable[[Tracker], None], Callable[[object], None]]:
    """What stops a run after so many requests."""
    trackers: list[Tracker] = []

    def listen(progress: object) -> None:
        if sum(progress.requests.values()) >= requests:
            trackers[0].stop()

    return trackers.append, listen


def asked_of(universe: Universe) -> list[str]:
    return [each.identity for service in universe.services for each in service.log]


@pytest.mark.parametrize("requests", range(1, 8))
def test_an_update_that_was_cut_off_asks_only_what_it_did_not_ask_since_it_began(
    universe, path, tmp_path, requests
):
    """Wherever it was cut: before or after its new papers, and new ids of others, were in the library."""
    new = universe.world.add_citing()
    undisturbed = tmp_path / "undisturbed.sqlite"
    undisturbed.write_bytes(path.read_bytes())
    started, listen = stop_after(requests)
    with pytest.raises(Stopped):
        update(path, started=started, listeners=[listen])
    first = asked_of(universe)
    universe.reset_counts()
    report = update(path)
    rest = asked_of(universe)
    universe.reset_counts()
    assert update(undisturbed).snapshot == report.snapshot
    assert sorted(first + rest) == sorted(asked_of(universe)), "together they asked it all, and once"
    assert any(f"arxiv:{new.arxiv_id}" in each for each in first + rest), "its models were looked for"
    assert list(difference(path).new_papers.values()) == [new.title]
    assert report.unanswered == []


def test_an_update_that_ended_asks_everything_the_next_time(universe, path):
    update(path)
    first = universe.counts()
    universe.reset_counts()
    update(path)
    assert universe.counts() == first


def test_a_cut_off_update_of_long_ago_begins_anew(universe, path):
    started, listen = stop_after(3)
    with pytest.raises(Stopped):
        update(path, started=started, listeners=[listen])
    asked = [each.identity for each in universe.semantic_scholar.log]
    universe.reset_counts()
    SkippingClock.skipped += 25 * 3600
    update(path)
    assert set(asked) <= {each.identity for each in universe.semantic_scholar.log}


def test_another_refresh_in_between_does_not_inherit_the_moment(universe, path):
    started, listen = stop_after(2)
    with pytest.raises(Stopped):
        update(path, started=started, listeners=[listen])
    universe.reset_counts()
    bring_in(path, survey_job(hub_links=False), refresh=True)
    assert universe.semantic_scholar.count == 3
    assert universe.semantic_scholar.log[0].path.endswith("/references")


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_tells_what_came_and_the_difference_shows_exactly_that(universe, path, monkeypatch):
    without_waits(monkeypatch)
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    new = universe.world.add_citing()
    budget = succeed("update", "--dry-run", "--json").document
    assert set(universe.counts().values()) == {0}
    told = succeed("update", "--json").document
    assert (told["kind"], told["subject"], told["changed"]) == ("update", SURVEY, True)
    assert sum(told["requests"].values()) <= budget["requests"]
    found = succeed("diff", told["before"], told["snapshot"], "--json").document
    assert list(found["new_papers"].values()) == [new.title]
    again = succeed("update", "--no-checkpoints", "--no-hub")
    assert "nothing new" in again.out.splitlines()[0]
    assert "no collection 'other'" in fail("update", "--collection", "other", code=2)


def test_offline_an_update_says_that_it_needs_the_network(universe, path, monkeypatch):
    without_waits(monkeypatch)
    monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
    before = dump(path)
    ended = run("--library", path, "update")
    assert ended.code == 1
    assert "unset VFM_ATLAS_OFFLINE" in ended.err.splitlines()[-1]
    assert dump(path) == before


def test_an_update_keeps_the_embedding_model(universe, path):
    universe.world.add_citing()
    report = bring_in(path, job_for(path), refresh=True, encoder=HashEncoder())
    assert report.stages["embed"].startswith("1 texts encoded")
