"""A snapshot names the exact state of the facts: alike everywhere, new with any fact, never with notes."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, inspect, select, text, update

from graph.library import Library
from graph.schema import Base, Citation, HubMention, Snapshot, Source, Sourced, SourceRecord
from graph.snapshot import count_facts, current_snapshot, current_snapshot_id, take_snapshot
from ingest.build import build

# What a source said whole counts by what is derived from it; candidates for links are no facts yet.
FACTS = [
    mapper.class_
    for mapper in Base.registry.mappers
    if issubclass(mapper.class_, Sourced) and mapper.class_ not in (SourceRecord, HubMention)
]


@pytest.fixture(scope="module")
def shipped_id(built_path):
    with Library.open(built_path) as library, library.reading() as session:
        return current_snapshot_id(session)


@pytest.fixture
def session(own_path):
    """A library of one's own, whose changes are thrown away."""
    with Library.open(own_path) as library, library.reading() as opened:
        yield opened


def build_anew(path, catalogue, shipped):
    with Library.create(path) as library:
        return build(library, catalogue, shipped)


def test_the_id_is_short_and_the_current_one(session, shipped_id):
    assert re.fullmatch(r"[0-9a-f]{12}", shipped_id)
    assert current_snapshot(session).id == shipped_id
    assert current_snapshot(session).counts == count_facts(session)


def test_the_same_facts_are_the_same_snapshot_on_any_day(
    tmp_path, catalogue, shipped, shipped_id, monkeypatch
):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2031, 5, 6, tzinfo=tz)

    monkeypatch.setattr("graph.snapshot.datetime", Later)
    report = build_anew(tmp_path / "later.sqlite", catalogue, shipped)
    with Library.open(tmp_path / "later.sqlite") as library, library.reading() as session:
        snapshot = current_snapshot(session)
        assert report.snapshot == snapshot.id == shipped_id
        assert snapshot.created_at.year == 2031
        assert snapshot.facts_date == catalogue.manifest.collected_on


def test_the_order_in_which_facts_were_written_does_not_count(tmp_path, catalogue, shipped, shipped_id):
    rows = ("papers", "citations", "reference_lists", "relations", "checkpoints", "aliases", "summaries")
    backwards = replace(catalogue, **{name: getattr(catalogue, name)[::-1] for name in rows})
    assert build_anew(tmp_path / "backwards.sqlite", backwards, shipped).snapshot == shipped_id


@pytest.mark.parametrize("table", FACTS, ids=lambda table: table.__tablename__)
def test_who_says_a_fact_is_part_of_it(session, shipped_id, table):
    other = Source(origin="service", name="a service")
    session.add(other)
    session.flush()
    assert take_snapshot(session).id == shipped_id
    primary = [key.name for key in inspect(table).primary_key]
    first = session.execute(select(*(getattr(table, name) for name in primary)).limit(1)).one()
    one_row = [getattr(table, name) == value for name, value in zip(primary, first, strict=True)]
    assert session.execute(update(table).where(*one_row).values(source_id=other.id)).rowcount == 1
    assert take_snapshot(session).id != shipped_id


@pytest.mark.parametrize("table", FACTS, ids=lambda table: table.__tablename__)
def test_the_same_facts_read_again_are_the_same_snapshot(session, shipped_id, table):
    assert session.execute(update(table).values(retrieved_at=datetime(2030, 1, 1))).rowcount > 0
    assert take_snapshot(session).id == shipped_id


CHANGES = {
    "a title": "UPDATE field_value SET value = value || '!' WHERE paper_id = 1 AND field = 'title'",
    "a field gone": "DELETE FROM field_value WHERE paper_id = 1 AND field = 'year'",
    "a core paper": "UPDATE paper SET is_core = NOT is_core WHERE id = 1",
    "a date against the survey": "UPDATE paper SET after_survey = NOT after_survey WHERE id = 1",
    "a list that was read": "UPDATE paper SET reference_list = 'partial' WHERE key = 'jft'",
    "entries of a list": "UPDATE paper SET reference_entries = 9999 WHERE id = 1",
    "a key": "UPDATE paper SET key = 'another' WHERE id = 1",
    "a paper gone": "DELETE FROM paper WHERE key = 'sam'",
    "a citation gone": "DELETE FROM citation WHERE rowid = 1",
    "how a citation was matched": "UPDATE citation SET matched_title = 'Other' WHERE rowid = 1",
    "a relation's kind": "UPDATE relation SET kind = 'another' WHERE rowid = 1",
    "a label": "UPDATE taxonomy_node SET label = 'Other' WHERE id = 'unified'",
    "a definition": "UPDATE taxonomy_node SET definition = 'Other' WHERE id = 'unified'",
    "a branch": "UPDATE taxonomy_node SET parent_id = 'unified' WHERE id = 'resource.benchmark'",
    "a place": "UPDATE assignment SET node_id = 'unified.joint' WHERE paper_id = 1 AND is_primary",
    "a primary place": "UPDATE assignment SET is_primary = NOT is_primary WHERE paper_id = 1",
    "a confidence": "UPDATE assignment SET confidence = 0.5 WHERE paper_id = 1",
    "an alias": "UPDATE alias SET name = name || '-' WHERE folded = (SELECT min(folded) FROM alias)",
    "an author": "UPDATE author SET name = name || '!' WHERE id = 1",
    "an order of authors": "UPDATE authorship SET position = 99 WHERE paper_id = 1 AND position = 0",
    "an identifier": "UPDATE identifier SET value = '9999.99999' WHERE paper_id = 1",
    "a version": "UPDATE version SET venue = 'Elsewhere' WHERE id = 1",
    "a checkpoint's licence": "UPDATE checkpoint SET licence = 'other' WHERE id = 1",
    "a checkpoint's size": "UPDATE checkpoint SET params_millions = 0.5 WHERE id = 1",
    "a checkpoint's revision": "UPDATE checkpoint SET revision = 'abc' WHERE id = 1",
    "a checkpoint's state": "UPDATE checkpoint SET state = 'gone' WHERE id = 1",
    "a checkpoint's gate": "UPDATE checkpoint SET gated = 1 WHERE id = 1",
    "a checkpoint's task": "UPDATE checkpoint SET task = 'other' WHERE id = 1",
    "a checkpoint's role": "UPDATE checkpoint_link SET role = 'another' WHERE checkpoint_id = 1",
    "a checkpoint's note": "UPDATE checkpoint_link SET note = 'other' WHERE checkpoint_id = 1",
    "a source's name": "UPDATE source SET name = name || '!' WHERE id IN (SELECT source_id FROM citation)",
    "a text that a vector is made from": "UPDATE embedding SET text_sha256 = 'x' WHERE paper_id = 1",
    "a model": "UPDATE embedding_model SET weights_sha256 = 'x'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_fact_is_another_snapshot(session, shipped_id, change):
    assert session.execute(text(CHANGES[change])).rowcount > 0
    assert take_snapshot(session).id != shipped_id


NO_FACTS = {
    "a note": "INSERT INTO note (paper_id, text, created_at) VALUES (1, 'mine', '2026-01-01')",
    "a collection": "INSERT INTO collection (name, created_at) VALUES ('mine', '2026-01-01')",
    "an evaluation": (
        "INSERT INTO evaluation_run (spec_hash, hub_id, library, loader_class, task, task_version, dataset, "
        "state, environment, started_at) "
        "VALUES ('s', 'a/b', 'l', 'c', 't', '1', 'd', 'done', '{}', '2026-01-01')"
    ),
    "a check of a link": "UPDATE checkpoint SET checked_at = '2026-01-01 00:00:00.000000'",
    "the search index": "DELETE FROM paper_text",
}


@pytest.mark.parametrize("change", NO_FACTS)
def test_what_is_no_fact_leaves_the_snapshot(session, shipped_id, change):
    assert session.execute(text(NO_FACTS[change])).rowcount > 0
    assert take_snapshot(session).id == shipped_id


def test_going_back_to_earlier_facts_is_going_back_to_their_snapshot(session, shipped_id):
    session.execute(text("UPDATE paper SET is_core = NOT is_core WHERE id = 1"))
    other = take_snapshot(session).id
    assert current_snapshot_id(session) == other
    session.execute(text("UPDATE paper SET is_core = NOT is_core WHERE id = 1"))
    assert take_snapshot(session).id == shipped_id == current_snapshot_id(session)
    known = select(func.count()).select_from(Snapshot)
    assert session.scalar(known) == 2
    assert session.scalar(known.where(Snapshot.is_current)) == 1


def test_the_date_of_a_snapshot_is_that_of_its_newest_fact(session):
    newest = datetime(2031, 2, 3, tzinfo=UTC).replace(tzinfo=None)
    session.execute(update(Citation).values(retrieved_at=newest))
    assert take_snapshot(session).facts_date == newest.date()


def test_a_library_that_was_never_built_has_no_snapshot(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library, library.reading() as session:
        assert current_snapshot(session) is None
        assert current_snapshot_id(session) is None
