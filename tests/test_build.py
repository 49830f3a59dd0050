"""A build brings the library to the state of the catalogue, and the same catalogue to the same state."""

import sqlite3
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pytest
from helpers import (
    HashEncoder,
    dump,
    elsewhere,
    keys,
    paper_id,
    rebuild,
)
from sqlalchemy import func, select

from graph.library import Library
from graph.papers import read_card
from graph.schema import (
    CATALOGUE,
    Alias,
    Assignment,
    Author,
    Checkpoint,
    Citation,
    FieldValue,
    HubMention,
    Snapshot,
    Source,
    Sourced,
    SourceRecord,
    TaxonomyNode,
)
from graph.snapshot import current_snapshot, current_snapshot_id
from graph.textindex import match
from ingest.build import build, build_shipped

ROOT = Path(__file__).parent.parent
LATER = 7  # line of the paper that no other row mentions
NOW = datetime(2026, 2, 3, 4, 5, 6)


# --- what a build writes -----------------------------------------------------------------------------------


def test_the_counts_are_those_of_the_catalogue(own_path, catalogue, shipped):
    with Library.open(own_path) as library:
        counts = build(library, catalogue, shipped).counts
    assert counts["papers"] == len(catalogue.papers)
    assert counts["core_papers"] == 320
    assert counts["taxonomy_nodes"] == len(catalogue.taxonomy)
    assert counts["citations"] == len(catalogue.citations)
    assert counts["relations"] == len(catalogue.relations)
    assert counts["summaries"] == len(catalogue.summaries)
    assert counts["assignments"] == sum(1 + len(paper.taxonomy_secondary) for paper in catalogue.papers)
    assert counts["papers_with_checkpoint"] == len({row.paper for row in catalogue.checkpoints})
    assert counts["reference_lists_read"] == sum(
        row.status != "not_found" for row in catalogue.reference_lists
    )


def test_a_paper_reads_as_the_catalogue_tells_it(small_library):
    with small_library.reading() as session:
        card = read_card(session, "ldm")
    assert (card.title, card.short_name, card.year, card.month) == (
        "Latent Diffusion Models",
        "LDM",
        2021,
        12,
    )
    assert card.authors == ["Robin Rombach", "Jian Sun"]
    assert (card.arxiv_id, card.doi, card.venue) == ("2112.10752", None, "CVPR 2022")
    assert card.aliases == ["Stable Diffusion"]
    assert card.taxonomy == [("things", "Things"), ("things.models", "Models")]
    assert {link.key for link in card.cites} == {"clip", "cfg"}
    assert [(link.relation, link.key) for link in card.relations] == [("trained_on", "clip")]
    assert [item.hub_id for item in card.checkpoints] == ["lab/ldm"]
    assert card.checkpoints[0].params_millions is None
    assert [(item.kind, item.venue, item.year) for item in card.versions] == [
        ("published", "CVPR 2022", None),
        ("preprint", "arXiv", 2021),
    ]
    assert (card.core, card.after_survey) == (True, False)
    assert {(item.field, item.value) for item in card.provenance} == {
        ("title", "Latent Diffusion Models"),
        ("short_name", "LDM"),
        ("arxiv_id", "2112.10752"),
        ("authors", "Robin Rombach; Jian Sun"),
        ("year", "2021"),
        ("month", "12"),
        ("venue", "CVPR 2022"),
        ("summary", card.summary),
        ("reference_list", "partial"),
        ("reference_entries", "12"),
    }


def test_every_fact_names_its_source_and_the_day_it_was_collected(small_library, small):
    catalogue = small.read()
    named = catalogue.manifest.sources
    own = {row.source for row in (*catalogue.papers, *catalogue.citations, *catalogue.relations)}
    of_services = {SourceRecord, HubMention}
    with small_library.reading() as session:
        for table in Sourced.__subclasses__():
            rows = session.execute(
                select(Source.origin, table.retrieved_at).join(Source, Source.id == table.source_id)
            ).all()
            expected = set() if table in of_services else {(CATALOGUE, datetime(2026, 1, 31))}
            assert set(rows) == expected, table
        sources = dict(session.execute(select(Alias.name, Source.name).join(Source)).all())
        assert set(sources.values()) == {named.aliases}
        assert set(session.scalars(select(Source.name).join(Citation))) == {"list of clip", "list of ldm"}
        assert set(session.scalars(select(Source.name).join(FieldValue))) == {
            "list one",
            "list two",
            named.summaries,
            "list of clip",
            "list of ldm",
            "data/reference_lists.csv",
        }
        assert own < set(session.scalars(select(Source.name)))


def test_nodes_know_their_pillar_and_follow_their_parents(own_path, catalogue):
    parents = {row.id: row.parent for row in catalogue.taxonomy}
    with Library.open(own_path) as library, library.reading() as session:
        rows = session.scalars(select(TaxonomyNode).order_by(TaxonomyNode.position))
        nodes = [(node.id, node.parent_id, node.pillar) for node in rows]
    assert {node_id: parent for node_id, parent, _pillar in nodes} == parents
    seen: set[str] = set()
    for node_id, parent, pillar in nodes:
        assert parent is None or parent in seen
        seen.add(node_id)
        above = node_id
        while parents[above] is not None and parents[parents[above]] is not None:
            above = parents[above]
        assert pillar == (None if parent is None else above)


def test_what_ships_is_built_without_a_model(tmp_path, built_path):
    with Library.create(tmp_path / "new.sqlite") as library:
        report = build_shipped(library)
    with Library.open(built_path) as library, library.reading() as session:
        assert report.snapshot == current_snapshot_id(session)
    assert report.embedding.encoded == 0


def test_a_paper_without_authors_tells_none(small_library, small):
    small.set("papers.csv", LATER, authors="")
    rebuild(small_library, small)
    with small_library.reading() as session:
        card = read_card(session, "later")
    assert card.authors == []
    assert "authors" not in {item.field for item in card.provenance}


def test_progress_names_the_steps(small_library, small):
    steps: list[str] = []
    build(small_library, small.read(), encoder=HashEncoder(), progress=steps.append)
    assert steps == ["6 papers", "vectors", "places in the taxonomy and on the map", "search index"]


# --- building again ----------------------------------------------------------------------------------------


def test_building_again_changes_nothing(own_path, catalogue, shipped):
    before = dump(own_path)
    with Library.create(own_path) as library, library.reading() as session:
        snapshot = current_snapshot_id(session)
    with Library.create(own_path) as library:
        report = build(library, catalogue, shipped)
    assert (report.snapshot, report.changed) == (snapshot, False)
    after = dump(own_path)
    assert after.keys() == before.keys()
    for table, rows in before.items():
        assert after[table] == rows, table
    assert len(before["citation"]) == len(catalogue.citations)
    assert len(before["paper_text"]) == len(catalogue.papers)


def test_the_order_of_rows_does_not_name_the_state(small_library, small, tmp_path):
    with small_library.reading() as session:
        snapshot = current_snapshot_id(session)
    for file in ("papers.csv", "citations.csv", "relations.csv", "summaries.csv", "aliases.csv"):
        header, *rows = small.text(file).splitlines()
        small.write(file, "\n".join([header, *reversed(rows)]) + "\n")
    with Library.create(tmp_path / "reversed.sqlite") as library:
        assert rebuild(library, small).snapshot == snapshot


CHANGES = {
    "papers.csv": (
        LATER,
        {
            "title": "A Paper Before the Survey",
            "short_name": "Latest",
            "arxiv_id": "2401.00002",
            "doi": "10.1000/later",
            "authors": "Bo Tiny; Ada Small",
            "year": "2025",
            "month": "2",
            "venue": "ICML 2024",
            "taxonomy": "things.data",
            "taxonomy_secondary": "things.data",
            "after_survey": "0",
            "code_url": "https://example.org/later",
            "source": "list three",
        },
    ),
    "taxonomy.csv": (5, {"id": "things.sets", "parent": "things.models", "label": "x", "definition": "x"}),
    "citations.csv": (3, {"cited": "resnet", "matched_title": "x", "match_kind": "title", "source": "x"}),
    "reference_lists.csv": (2, {"status": "partial", "entries_seen": "41"}),
    "relations.csv": (2, {"paper": "cfg", "relation": "extends", "target": "cfg", "source": "x"}),
    "checkpoints.csv": (
        2,
        {
            "paper": "resnet",
            "hub_id": "lab/x",
            "library": "open_clip",
            "task": "x",
            "loader_class": "X",
            "params_millions": "151.4",
            "licence": "apache-2.0",
            "role": "port",
            "note": "x",
            "source": "x",
        },
    ),
    "aliases.csv": (2, {"key": "later", "alias": "stable-diffusion"}),
    "summaries.csv": (4, {"summary": "Says something quite different about the same paper. " * 2}),
}


@pytest.mark.parametrize(
    ("file", "column"), [(file, column) for file, (_line, cells) in CHANGES.items() for column in cells]
)
def test_every_column_has_a_part_in_the_snapshot(small_library, small, file, column):
    line, cells = CHANGES[file]
    text = small.text(file)
    with small_library.reading() as session:
        first = current_snapshot_id(session)
    small.set(file, line, **{column: cells[column]})
    second = rebuild(small_library, small)
    assert second.changed
    assert second.snapshot != first
    small.write(file, text)
    assert rebuild(small_library, small).snapshot == first


def test_the_same_facts_collected_on_another_day_are_the_same_snapshot_of_that_day(small_library, small):
    with small_library.reading() as session:
        first = current_snapshot_id(session)
    small.write("catalogue.toml", small.text("catalogue.toml").replace("2026-01-31", "2026-02-01"))
    report = rebuild(small_library, small)
    assert (report.snapshot, report.changed) == (first, False)
    with small_library.reading() as session:
        assert current_snapshot(session).facts_date == date(2026, 2, 1)
        assert session.scalar(select(func.count()).select_from(Snapshot)) == 1


def test_a_changed_summary_is_the_only_text_encoded_anew(small_library, small):
    small.set("summaries.csv", 4, summary="Pairs pictures with their captions. " * 3)
    encoder = HashEncoder()
    report = rebuild(small_library, small, encoder)
    assert encoder.encoded == [
        "Learning Transferable Visual Models. " + ("Pairs pictures with their captions. " * 3)[:-1]
    ]
    assert (report.embedding.encoded, report.embedding.kept) == (1, 5)
    with small_library.reading() as session:
        assert [hit.paper_id for hit in match(session, "captions")] == [paper_id(session, "clip")]
        assert match(session, "agree") == []


def test_a_fact_that_the_catalogue_takes_back_is_gone(small_library, small):
    small.set("papers.csv", 3, arxiv_id="", venue="", doi="", code_url="", authors="Jian Sun", month="")
    small.remove("citations.csv", 2)
    small.remove("aliases.csv", 2)
    rebuild(small_library, small)
    with small_library.reading() as session:
        card = read_card(session, "resnet")
        assert (card.venue, card.doi, card.code_url, card.month) == (None, None, None, None)
        assert (card.arxiv_id, card.versions, card.authors) == (None, [], ["Jian Sun"])
        assert {item.field for item in card.provenance}.isdisjoint({"venue", "doi", "code_url", "month"})
        assert read_card(session, "clip").cites == []
        assert read_card(session, "ldm").aliases == []
        assert "Kaiming He" not in set(session.scalars(select(Author.name)))
        assert "Jian Sun" in set(session.scalars(select(Author.name)))


def test_a_renamed_node_takes_its_papers_along(small_library, small):
    for file in ("taxonomy.csv", "papers.csv"):
        small.write(file, small.text(file).replace("things.models", "things.networks"))
    rebuild(small_library, small)
    with small_library.reading() as session:
        nodes = set(session.scalars(select(TaxonomyNode.id)))
        assert nodes == {"things", "things.networks", "things.surveys", "things.data"}
        assert read_card(session, "clip").taxonomy[-1] == ("things.networks", "Models")


def test_a_whole_branch_may_be_renamed(small_library, small):
    for file in ("taxonomy.csv", "papers.csv"):
        small.write(file, small.text(file).replace("things", "matters"))
    rebuild(small_library, small)
    with small_library.reading() as session:
        assert set(session.scalars(select(TaxonomyNode.id))) == {
            "matters",
            "matters.models",
            "matters.surveys",
            "matters.data",
        }


def test_a_node_that_another_origin_uses_stays_with_the_nodes_above_it(small_library, small):
    with small_library.writing() as session:
        session.add(
            Assignment(
                paper_id=paper_id(session, "clip"),
                node_id="things.data",
                is_primary=False,
                **elsewhere(session),
            )
        )
    for file in ("taxonomy.csv", "papers.csv"):
        small.write(file, small.text(file).replace("things", "matters"))
    rebuild(small_library, small)
    with small_library.reading() as session:
        nodes = set(session.scalars(select(TaxonomyNode.id)))
        assert {"things", "things.data", "matters.models"} <= nodes
        assert not {"things.models", "things.surveys"} & nodes
        assert read_card(session, "clip").also_in == [("matters.surveys", "Surveys"), ("things.data", "Data")]


def test_a_removed_paper_is_gone_with_all_that_was_said_of_it(small_library, small):
    small.remove_paper("ldm")
    rebuild(small_library, small)
    assert keys(small_library) == {"survey", "resnet", "clip", "cfg", "later"}
    with small_library.reading() as session:
        assert set(session.scalars(select(Checkpoint.hub_id))) == {"lab/clip-base"}
        assert "Robin Rombach" not in set(session.scalars(select(Author.name)))
        assert match(session, "autoencoder") == []
    with closing(sqlite3.connect(small_library.path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
