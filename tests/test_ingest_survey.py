"""A survey of 300 references from the first request to the snapshot: the real clients on local services."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import HashEncoder, write_small_library
from ingest_helpers import SURVEY, bring_in, cited, serving, survey_job, with_arxiv_ids
from services.server import Asked
from services.universe import Universe
from services.words import contexts, intents
from services.works import Work
from services.world import World
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from graph.completeness import missing_of
from graph.contexts import read_contexts
from graph.library import Library
from graph.mentions import read_mentions
from graph.papers import read_card
from graph.schema import Citation, FieldValue, Identifier, IngestRun, Paper, Source, SourceRecord
from graph.search import Search
from graph.snapshot import current_snapshot, list_snapshots
from graph.stats import read_stats
from ingest.pipeline import STAGES, RunReport

WITHOUT_ABSTRACT = 40


@dataclass
class Cold:
    """The first ingest: where it went, what it reported, what the services were asked."""

    universe: Universe
    cache: Path
    path: Path
    report: RunReport
    asked: dict[str, tuple[Asked, ...]]
    lacking: list[Work]

    @property
    def world(self) -> World:
        return self.universe.world

    def again(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **options: object) -> RunReport:
        """The same ingest into a copy of the library, with the answers of the first one stored."""
        monkeypatch.setenv("VFM_ATLAS_CACHE", str(self.cache))
        for name, value in self.universe.environment().items():
            monkeypatch.setenv(name, value)
        self.universe.reset_counts()
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(self.path.read_bytes())
        job = survey_job(hub_links=bool(options.pop("hub_links", True)))
        return bring_in(copy, job, **options)


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cold]:
    folder = tmp_path_factory.mktemp("survey")
    world = World.from_catalogue(references=300)
    lacking = with_arxiv_ids(cited(world))[:WITHOUT_ABSTRACT]
    for work in lacking:
        world.say("semanticscholar", work.key, abstract=None)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("S2_API_KEY", "OPENALEX_API_KEY", "HF_TOKEN", "VFM_ATLAS_CONTACT", "VFM_ATLAS_OFFLINE"):
            patch.delenv(name, raising=False)
        patch.setenv("VFM_ATLAS_CACHE", str(folder / "cache"))
        with serving(world, patch) as universe:
            path = write_small_library(folder / "library.sqlite")
            report = bring_in(path, survey_job())
            asked = {service.name: service.log for service in universe.services}
            yield Cold(universe, folder / "cache", path, report, asked, lacking)


@pytest.fixture
def session(cold: Cold) -> Iterator[Session]:
    with Library.open(cold.path) as library, library.reading() as opened:
        yield opened


def key_of(session: Session, work: Work) -> str:
    """The key of the paper that a work of the world became."""
    found = session.scalars(
        select(Paper.key)
        .join(Identifier, Identifier.paper_id == Paper.id)
        .where(Identifier.scheme == "s2", Identifier.value == work.s2_id)
    ).all()
    assert len(found) == 1, f"{work.key} is one paper"
    return found[0]


# --- what is asked -----------------------------------------------------------------------------------------


def test_metadata_and_abstracts_come_in_three_requests(cold):
    page, batch, *_lists = cold.asked["semanticscholar"]
    (abstracts,) = cold.asked["arxiv"]
    assert (page.method, page.path) == ("GET", f"/graph/v1/paper/ARXIV:{SURVEY[6:]}/references")
    assert (batch.method, batch.path) == ("POST", "/graph/v1/paper/batch")
    assert "references" not in batch.one("fields")
    assert sorted(abstracts.listed("id_list")) == sorted(work.arxiv_id for work in cold.lacking)


def test_citations_among_the_works_come_in_at_most_five_more(cold):
    lists = cold.asked["semanticscholar"][2:]
    assert 1 <= len(lists) <= 5
    assert all("references.paperId" in each.listed("fields") for each in lists)


def test_the_hub_is_asked_once_per_work_with_an_arxiv_id_and_for_nothing_else(cold):
    asked = [each.one("filter") for each in cold.asked["huggingface"]]
    works = with_arxiv_ids([cold.world.works[cold.world.survey], *cited(cold.world)])
    assert {each.path for each in cold.asked["huggingface"]} == {"/api/models"}
    assert sorted(asked) == sorted(f"arxiv:{work.arxiv_id}" for work in works)


def test_nobody_else_is_asked_and_every_request_is_reported(cold):
    assert cold.asked["openalex"] == cold.asked["crossref"] == ()
    assert cold.report.requests == {name: len(log) for name, log in cold.asked.items() if log}
    assert {each.status for log in cold.asked.values() for each in log} == {200}


def test_every_request_says_who_asks(cold):
    agents = {each.headers["user-agent"] for log in cold.asked.values() for each in log}
    (agent,) = agents
    assert agent.startswith("vfm-atlas/")


def test_a_second_run_asks_nothing_and_changes_nothing(cold, monkeypatch, tmp_path):
    report = cold.again(monkeypatch, tmp_path)
    assert set(cold.universe.counts().values()) == {0}
    assert report.requests == {}
    assert not report.changed
    assert report.stages["merge"] == "0 new papers, 0 new or changed records"
    assert report.stages["embed"].startswith("0 texts encoded")
    assert report.stages["link"] == cold.report.stages["link"]


def test_refresh_asks_all_of_it_again(cold, monkeypatch, tmp_path):
    report = cold.again(monkeypatch, tmp_path, refresh=True, hub_links=False)
    assert report.requests == {
        name: count for name, count in cold.report.requests.items() if name != "huggingface"
    }
    assert not report.changed


# --- what the library holds then ---------------------------------------------------------------------------


def test_every_work_of_the_list_is_one_paper_that_the_survey_cites(cold, session):
    cites = read_card(session, "survey").cites
    assert cites is not None
    by_key = {link.key for link in cites}
    identified = [key_of(session, work) for work in cited(cold.world)]
    assert len(set(identified)) == len(identified) == 300
    assert by_key >= set(identified)
    # The rest are the entries of which only a title is known.
    loose = {read_card(session, key).title for key in by_key - set(identified)}
    entries = cold.world.works[cold.world.survey].entries
    assert loose == {entry.title for entry in entries if entry.key is None}


def test_works_that_the_catalogue_has_are_joined_with_it(cold, session):
    for key in ("resnet", "clip", "ldm", "cfg"):
        assert key_of(session, cold.world.works[key]) == key
        assert read_card(session, key).summary


def test_citations_among_the_works_are_exactly_those_of_their_lists(cold, session):
    works = [cold.world.works[cold.world.survey], *cited(cold.world)]
    keys = {work.key: key_of(session, work) for work in works}
    expected = {
        (keys[work.key], keys[entry.key]) for work in works for entry in work.entries if entry.key in keys
    }
    names = dict(session.execute(select(Paper.id, Paper.key)).all())
    rows = session.execute(
        select(Citation.citing_id, Citation.cited_id).join(Source).where(Source.origin == "semanticscholar")
    )
    found = {(names[citing], names[target]) for citing, target in rows}
    assert len(expected) > 1_500
    assert {pair for pair in found if pair[1] in keys.values()} == expected


def test_contexts_intents_and_influence_of_the_surveys_citations_are_kept(cold, session):
    told = read_contexts(session, "survey", citing=True)
    rows = {
        key: (kinds, influential)
        for key, kinds, influential in session.execute(
            select(Paper.key, Citation.intents, Citation.is_influential)
            .join(Paper, Paper.id == Citation.cited_id)
            .join(Source, Source.id == Citation.source_id)
            .where(
                Source.origin == "semanticscholar",
                Citation.citing_id == select(Paper.id).where(Paper.key == "survey").scalar_subquery(),
            )
        )
    }
    influential = 0
    for work in cited(cold.world):
        key = key_of(session, work)
        said = contexts(cold.world.survey, work.key, work.title)
        assert told.get(key, []) == list(said)
        assert (rows[key][0] or []) == list(intents(cold.world.survey, work.key, len(said)))
        influential += rows[key][1] is True
    assert 5 < influential < 100


def test_abstracts_that_semantic_scholar_lacks_are_arxivs(cold, session):
    lacking = {work.key for work in cold.lacking}
    for work in cited(cold.world):
        card = read_card(session, key_of(session, work))
        sources = [each.source for each in card.provenance if each.field == "abstract"]
        assert card.abstract == work.abstract
        assert sources == (["arXiv API"] if work.key in lacking else ["Semantic Scholar Graph API"])


def test_preprint_and_published_text_are_versions_of_one_paper(cold, session):
    published = [work for work in with_arxiv_ids(cited(cold.world)) if work.venue]
    assert len(published) > 100
    for work in published:
        versions = {each.kind: each for each in read_card(session, key_of(session, work)).versions}
        assert versions["preprint"].identifier == f"arXiv:{work.arxiv_id}"
        assert versions["preprint"].year == work.year
        assert versions["published"].venue
        if work.doi:
            assert versions["published"].identifier == f"doi:{work.doi.lower()}"


def test_every_fact_says_who_told_it_and_when(cold, session):
    began = session.scalar(select(func.min(SourceRecord.retrieved_at)))
    rows = session.execute(
        select(Source.origin, func.count(), func.min(FieldValue.retrieved_at))
        .join(Source, Source.id == FieldValue.source_id)
        .where(Source.origin != "catalogue")
        .group_by(Source.origin)
    )
    told = {origin: (count, first) for origin, count, first in rows}
    assert set(told) == {"semanticscholar", "arxiv"}
    assert all(count > 100 and first >= began for count, first in told.values())
    card = read_card(session, key_of(session, cold.lacking[0]))
    assert {each.field for each in card.provenance} >= {"title", "authors", "year", "arxiv_id", "s2_id"}
    assert {each.source for each in card.provenance} == {"arXiv API", "Semantic Scholar Graph API"}


def test_coverage_tells_which_lists_were_read_and_what_is_missing(cold, session):
    stats = read_stats(session)
    read = [work for work in cited(cold.world) if work.entries]
    assert stats.reference_lists["complete"] >= len(read)
    assert stats.coverage["abstract"] == 301  # the survey's own, and all that it cites
    work = next(each for each in reversed(cited(cold.world)) if each.doi is None and each.venue is None)
    paper = session.scalars(select(Paper).where(Paper.key == key_of(session, work))).one()
    assert missing_of(session, paper.id) == ["summary", "venue", "doi"]


def test_candidates_from_the_hub_are_ranked_and_those_of_a_linked_owner_come_first(cold, session):
    world = cold.world
    for work in with_arxiv_ids(cited(world)):
        key = key_of(session, work)
        expected = {model.hub_id for model in world.models_of(work.arxiv_id)}
        assert {each.hub_id for each in read_mentions(session, key)} == expected
    many = max(with_arxiv_ids(cited(world)), key=lambda work: len(world.models_of(work.arxiv_id)))
    derived = [bool(each.base_models) for each in read_mentions(session, key_of(session, many))]
    assert len(derived) > 3
    assert derived == sorted(derived)


def test_search_finds_a_new_paper_by_words_and_by_its_text(cold):
    work = cited(cold.world)[-1]
    with Library.open(cold.path) as library:
        with library.reading() as session:
            key = key_of(session, work)
        for mode in ("lexical", "dense", "hybrid"):
            text = f"{work.title}. {work.abstract}"
            assert Search(library, HashEncoder()).search(text, mode=mode, limit=3).hits[0].key == key


def test_the_run_is_in_the_ledger_and_ends_with_a_snapshot(cold, session):
    (run,) = session.scalars(select(IngestRun))
    assert (run.kind, run.subject, run.state) == ("survey", SURVEY, "done")
    assert [stage.name for stage in run.stages] == list(STAGES[1:])
    assert run.unanswered == cold.report.unanswered == []
    current = current_snapshot(session)
    assert current.id == run.snapshot_id == cold.report.snapshot
    assert [each.id for each in list_snapshots(session)] == [cold.report.snapshot, cold.report.before]
    assert cold.report.changed
    assert cold.report.counts == current.counts


def test_the_hub_is_asked_last(cold):
    """Hub requests wait for everything else, so that papers are in when the hub is slow."""
    moments = {name: [each.at for each in log] for name, log in cold.asked.items() if log}
    others = max(max(times) for name, times in moments.items() if name != "huggingface")
    assert min(moments["huggingface"]) > others
