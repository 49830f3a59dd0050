"""A build leaves alone what is not the catalogue's, and does all of its work or none of it."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from helpers import (
    HashEncoder,
    dump,
    elsewhere,
    keys,
    paper_id,
    rebuild,
)
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from graph.errors import ModelError
from graph.library import Library
from graph.lookup import find_paper
from graph.papers import read_card
from graph.schema import (
    Alias,
    Assignment,
    Base,
    Checkpoint,
    CheckpointLink,
    Citation,
    Collection,
    CollectionItem,
    EvaluationRun,
    FieldValue,
    HubMention,
    Note,
    Paper,
    Relation,
    Sourced,
)
from ingest.build import build
from ingest.merge import consolidate
from ingest.record import Record, ids_of
from ingest.stored import store_records

ROOT = Path(__file__).parent.parent
LATER = 7  # line of the paper that no other row mentions
NOW = datetime(2026, 2, 3, 4, 5, 6)


# --- what is not the catalogue's ---------------------------------------------------------------------------


def test_the_users_own_survives_a_build(small_library, small):
    with small_library.writing() as session:
        clip = paper_id(session, "clip")
        reading = Collection(name="reading", created_at=NOW)
        session.add_all([Note(paper_id=clip, text="read again", created_at=NOW), reading])
        session.flush()
        session.add(CollectionItem(collection_id=reading.id, paper_id=clip, added_at=NOW))
        session.add(
            EvaluationRun(
                spec_hash="x", hub_id="lab/ldm", library="diffusers", loader_class="x", task="x",
                task_version="1", dataset="x", n=10, state="done", metric="accuracy", value=0.5,
                environment={"torch": "2"}, started_at=NOW,
            )
        )  # fmt: skip
    before = dump(small_library.path)
    small.set("papers.csv", 4, title="Another Title")
    small.remove_paper("ldm")
    rebuild(small_library, small)
    after = dump(small_library.path)
    for table in ("note", "collection", "collection_item", "evaluation_run"):
        assert len(before[table]) == 1
        assert after[table] == before[table], table
    assert any("lab/ldm" in row for row in after["checkpoint"])
    assert all("lab/ldm" not in row for row in after["checkpoint_link"])


def test_facts_of_another_origin_survive_a_build(small_library, small):
    with small_library.writing() as session:
        facts = elsewhere(session)
        clip, cfg = paper_id(session, "clip"), paper_id(session, "cfg")
        told = {"title": "Learning ...", "s2_id": "42", "abstract": "State-of-the-art ..."}
        session.add_all(
            [
                *(FieldValue(paper_id=clip, field=name, value=told[name], **facts) for name in told),
                Citation(citing_id=clip, cited_id=paper_id(session, "resnet"), **facts),
                Citation(citing_id=cfg, cited_id=clip, **facts),
                Relation(paper_id=clip, kind="extends", target_id=cfg, **facts),
            ]
        )
        source = facts["source_id"]
    before = facts_of(small_library, source)
    small.set("papers.csv", 4, title="Another Title")
    rebuild(small_library, small)
    after = facts_of(small_library, source)
    assert [row for row in after if row in before] == before
    # What was derived from them besides: the identifier.
    assert [row[:2] for row in after if row not in before] == [("s2", "42")]
    rebuild(small_library, small)
    assert facts_of(small_library, source) == after
    with small_library.reading() as session:
        card = read_card(session, "clip")
        assert (card.title, card.abstract) == ("Another Title", "State-of-the-art ...")
        titles = {item.value: item.source for item in card.provenance if item.field == "title"}
        assert titles == {"Another Title": "list one", "Learning ...": "arxiv.org"}


def test_what_another_origin_says_as_well_stays_theirs(small_library, small):
    with small_library.writing() as session:
        facts = elsewhere(session)
        clip = paper_id(session, "clip")
        stated = [
            type(fact)(**{**columns_of(fact), **facts})
            for table in (Assignment, CheckpointLink)
            for fact in session.query(table).filter_by(paper_id=clip)
        ]
        for table in (Assignment, CheckpointLink):
            session.query(table).filter_by(paper_id=clip).delete()
        session.flush()
        session.expunge_all()
        session.add_all(stated)
        source, count = facts["source_id"], len(stated)
    assert count > 2
    before = facts_of(small_library, source)
    rebuild(small_library, small)
    assert facts_of(small_library, source) == before
    assert len(before) == count


def test_authors_are_those_of_one_origin_and_never_mixed(small_library, small):
    with small_library.writing() as session:
        clip = {"paper_id": paper_id(session, "clip"), "field": "authors"}
        session.add(FieldValue(**clip, value="A. Radford; Bo Tiny; Jian Sun", **elsewhere(session)))
    rebuild(small_library, small)
    with small_library.reading() as session:
        card = read_card(session, "clip")
        assert card.authors == ["Alec Radford"]
        told = {item.source: item.value for item in card.provenance if item.field == "authors"}
        assert told == {"list one": "Alec Radford", "arxiv.org": "A. Radford; Bo Tiny; Jian Sun"}
    small.set("papers.csv", 4, authors="")
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert read_card(session, "clip").authors == ["A. Radford", "Bo Tiny", "Jian Sun"]


def columns_of(fact: object) -> dict[str, object]:
    return {column.key: getattr(fact, column.key) for column in type(fact).__table__.columns}


def facts_of(library: Library, source_id: object) -> list[tuple[object, ...]]:
    with library.reading() as session:
        return [
            tuple(row)
            for table in Sourced.__subclasses__()
            for row in session.execute(select(table.__table__).where(table.source_id == source_id))
        ]


def test_what_the_hub_said_of_a_checkpoint_survives_a_build(small_library, small):
    said = {
        "state": "gated",
        "revision": "0123abc",
        "gated": True,
        "checked_at": NOW,
        "params_millions": 860.0,
    }
    with small_library.writing() as session:
        checkpoint = session.scalars(select(Checkpoint).where(Checkpoint.hub_id == "lab/ldm")).one()
        for name, value in said.items():
            setattr(checkpoint, name, value)
    small.set("checkpoints.csv", 3, task="image-generation", licence="mit")
    rebuild(small_library, small)
    with small_library.reading() as session:
        checkpoint = session.scalars(select(Checkpoint).where(Checkpoint.hub_id == "lab/ldm")).one()
        assert {name: getattr(checkpoint, name) for name in said} == said
        assert (checkpoint.task, checkpoint.licence) == ("image-generation", "mit")


def _collected(session: Session, later: int) -> Base:
    collection = Collection(name="reading", created_at=NOW)
    session.add(collection)
    session.flush()
    return CollectionItem(collection_id=collection.id, paper_id=later, added_at=NOW)


def _linked(session: Session, later: int) -> Base:
    checkpoint = session.scalars(select(Checkpoint)).first()
    return CheckpointLink(paper_id=later, checkpoint_id=checkpoint.id, position=0, **elsewhere(session))


MENTIONS: dict[str, Callable[[Session, int], Base]] = {
    "a note": lambda _s, later: Note(paper_id=later, text="mine", created_at=NOW),
    "a collection": _collected,
    "a field": lambda s, later: FieldValue(paper_id=later, field="year", value="2024", **elsewhere(s)),
    "an author": lambda s, later: FieldValue(paper_id=later, field="authors", value="X", **elsewhere(s)),
    "an identifier": lambda s, later: FieldValue(paper_id=later, field="s2_id", value="1", **elsewhere(s)),
    "a candidate on the hub": lambda s, later: HubMention(
        paper_id=later, hub_id="lab/x", rank=1, base_models=[], **elsewhere(s)
    ),
    "an alias": lambda s, later: Alias(folded="x", name="X", paper_id=later, **elsewhere(s)),
    "a citation by it": lambda s, later: Citation(
        citing_id=later, cited_id=paper_id(s, "clip"), **elsewhere(s)
    ),
    "a citation of it": lambda s, later: Citation(
        citing_id=paper_id(s, "clip"), cited_id=later, **elsewhere(s)
    ),
    "a relation of it": lambda s, later: Relation(
        paper_id=later, kind="extends", target_id=paper_id(s, "clip"), **elsewhere(s)
    ),
    "a relation to it": lambda s, later: Relation(
        paper_id=paper_id(s, "clip"), kind="extends", target_id=later, **elsewhere(s)
    ),
    "a place in the taxonomy": lambda s, later: Assignment(
        paper_id=later, node_id="things.data", is_primary=False, **elsewhere(s)
    ),
    "a checkpoint": _linked,
}


@pytest.mark.parametrize("what", MENTIONS)
def test_a_paper_that_left_the_catalogue_stays_while_anything_else_mentions_it(small_library, small, what):
    with small_library.writing() as session:
        mention = MENTIONS[what](session, paper_id(session, "later"))
        session.add(mention)
    small.remove("papers.csv", LATER)
    rebuild(small_library, small)
    assert "later" in keys(small_library)
    with small_library.writing() as session:
        session.delete(session.merge(mention))
    rebuild(small_library, small)
    assert "later" not in keys(small_library)


def test_a_paper_kept_for_a_note_no_longer_counts_as_the_catalogues(small_library, small):
    with small_library.writing() as session:
        session.add(Note(paper_id=paper_id(session, "ldm"), text="mine", created_at=NOW))
    small.remove_paper("ldm")
    counts = rebuild(small_library, small).counts
    assert (counts["papers"], counts["core_papers"]) == (6, 4)
    with small_library.reading() as session:
        card = read_card(session, "ldm")
        assert card.notes == ["mine"]
        assert not card.core
        assert (card.reference_list, card.cites) == ("unread", None)
        assert (card.authors, card.arxiv_id, card.versions) == ([], None, [])
        assert card.provenance == []


def test_an_id_of_a_paper_that_left_the_catalogue_may_come_back_under_another_key(small_library, small):
    with small_library.writing() as session:
        session.add(Note(paper_id=paper_id(session, "later"), text="mine", created_at=NOW))
    small.set("papers.csv", LATER, key="renamed")
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert read_card(session, "later").notes == ["mine"]
        assert find_paper(session, "2401.00001").key == "renamed"


def test_what_a_service_said_keeps_the_paper_that_left_the_catalogue(small_library, small):
    said = Record(
        "semanticscholar", "b" * 40, "A Paper After the Survey", NOW, ids_of(arxiv="2401.00001"),
        ("Ada Small",), 2024,
    )  # fmt: skip
    with small_library.writing() as session:
        session.add(Note(paper_id=paper_id(session, "later"), text="mine", created_at=NOW))
        store_records(session, [said])
        assert consolidate(session).new == []
    small.remove("papers.csv", LATER)
    rebuild(small_library, small)
    with small_library.reading() as session:
        card = read_card(session, "later")
        assert (card.title, card.notes, card.arxiv_id) == (said.title, ["mine"], "2401.00001")
        assert {item.source for item in card.provenance} == {"Semantic Scholar Graph API"}
        assert not card.core


def test_a_paper_that_never_was_the_catalogues_is_left_alone(small_library, small):
    with small_library.writing() as session:
        facts = elsewhere(session)
        found = Paper(
            key="found", title="Found Elsewhere", short_name="Found", is_core=False, after_survey=True
        )
        session.add(found)
        session.flush()
        told = {"title": "Found Elsewhere", "reference_list": "complete", "reference_entries": "3"}
        session.add_all(FieldValue(paper_id=found.id, field=name, value=told[name], **facts) for name in told)
    report = rebuild(small_library, small)
    assert report.counts["papers"] == 7
    assert report.embedding.encoded == 1
    with small_library.reading() as session:
        card = read_card(session, "found")
        assert (card.title, card.reference_list, card.core) == ("Found Elsewhere", "complete", False)


# --- all or nothing ----------------------------------------------------------------------------------------


class FailingEncoder(HashEncoder):
    """A model that cannot be loaded when the facts are already written."""

    def encode(self, _texts: Sequence[str]) -> NDArray[np.float32]:
        raise ModelError("no such model")


def test_an_error_in_the_middle_leaves_the_old_state(small_library, small):
    before = dump(small_library.path)
    small.set("papers.csv", 4, title="Another Title")
    small.remove_paper("ldm")
    with pytest.raises(ModelError):
        rebuild(small_library, small, FailingEncoder())
    assert dump(small_library.path) == before
    assert rebuild(small_library, small).changed


def test_an_error_in_the_first_build_leaves_a_library_that_can_be_built(tmp_path, small):
    with Library.create(tmp_path / "new.sqlite") as library:
        with pytest.raises(ModelError):
            rebuild(library, small, FailingEncoder())
        assert keys(library) == set()
        assert rebuild(library, small).counts["papers"] == 6


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers import CatalogueFolder, HashEncoder
from graph.library import Library
from ingest.build import build
from ingest.catalogue import read_catalogue

class Hanging(HashEncoder):
    def encode(self, texts):
        print(len(texts), "texts to encode", flush=True)
        time.sleep(600)

with Library.create({path!r}) as library:
    build(library, read_catalogue(), encoder=Hanging("another"))
"""


def kill_in_the_middle(path: Path) -> None:
    code = KILLED.format(tests=str(ROOT / "tests"), path=str(path))
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert "texts to encode" in process.stdout.readline()
        process.kill()


def test_a_build_that_is_killed_leaves_the_old_state(own_path, catalogue, shipped):
    before = dump(own_path)
    kill_in_the_middle(own_path)
    assert dump(own_path) == before
    with Library.create(own_path) as library:
        assert not build(library, catalogue, shipped).changed
    with closing(sqlite3.connect(own_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_first_build_that_is_killed_can_be_made_again(tmp_path, built_path, catalogue, shipped):
    path = tmp_path / "new.sqlite"
    kill_in_the_middle(path)
    with Library.open(path) as library:
        assert keys(library) == set()
    with Library.create(path) as library:
        build(library, catalogue, shipped)
    assert dump(path)["paper"] == dump(built_path)["paper"]
