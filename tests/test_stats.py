"""Statistics equal what plain SQL counts in the file."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import insert, select, text

from graph.coverage import share
from graph.library import Library
from graph.schema import Relation, Source
from graph.snapshot import current_snapshot
from graph.stats import read_stats


@pytest.fixture(scope="module")
def session(built_path):
    with Library.open(built_path) as library, library.reading() as opened:
        yield opened


@pytest.fixture(scope="module")
def stats(session):
    return read_stats(session)


@pytest.fixture(scope="module")
def sql(built_path):
    with closing(sqlite3.connect(built_path)) as connection:
        yield lambda query: connection.execute(query).fetchall()


COUNTS = {
    "papers": "SELECT count(*) FROM paper",
    "core_papers": "SELECT sum(is_core) FROM paper",
    "taxonomy_nodes": "SELECT count(*) FROM taxonomy_node",
    "assignments": "SELECT count(*) FROM assignment",
    "citations": "SELECT count(*) FROM (SELECT 1 FROM citation GROUP BY citing_id, cited_id)",
    "relations": "SELECT count(*) FROM (SELECT 1 FROM relation GROUP BY paper_id, kind, target_id)",
    "checkpoints": "SELECT count(*) FROM checkpoint",
    "papers_with_checkpoint": "SELECT count(DISTINCT paper_id) FROM checkpoint_link",
    "reference_lists_read": "SELECT sum(reference_list NOT IN ('unread', 'not_found')) FROM paper",
    "summaries": "SELECT count(summary) FROM paper",
    "abstracts": "SELECT count(abstract) FROM paper",
}


@pytest.mark.parametrize("name", COUNTS)
def test_each_count_is_what_sql_counts(stats, sql, name):
    assert [(stats.counts[name],)] == sql(COUNTS[name])


def test_every_count_is_checked(stats):
    assert stats.counts.keys() == COUNTS.keys()


_GIVEN = "SELECT '{0}', count({0}) FROM paper"
_IDENTIFIED = "SELECT '{0}_id', count(DISTINCT paper_id) FROM identifier WHERE scheme = '{0}'"
TABLES = {
    "years": ["SELECT year, count(*) FROM paper WHERE year IS NOT NULL GROUP BY year"],
    "reference_lists": ["SELECT reference_list, count(*) FROM paper GROUP BY 1"],
    "edges": [
        "SELECT 'cites', count(*) FROM citation",
        "SELECT kind, count(*) FROM relation GROUP BY kind",
    ],
    "pillars": [
        "SELECT substr(node_id, 1, instr(node_id || '.', '.') - 1), count(*) "
        "FROM assignment WHERE is_primary GROUP BY 1"
    ],
    "taxonomy": [
        "SELECT 'vfm', count(*) FROM paper",
        "SELECT n.id, sum(a.is_primary AND (a.node_id = n.id OR a.node_id LIKE n.id || '.%')) "
        "FROM taxonomy_node n CROSS JOIN assignment a WHERE n.id <> 'vfm' GROUP BY n.id",
    ],
    "coverage": [
        *(_GIVEN.format(name) for name in ("summary", "abstract", "venue", "year")),
        "SELECT 'authors', count(DISTINCT paper_id) FROM authorship",
        _IDENTIFIED.format("arxiv"),
        _IDENTIFIED.format("doi").replace("doi_id", "doi"),
        "SELECT 'reference_list', count(*) FROM paper WHERE reference_list IN ('complete', 'partial')",
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_what_sql_counts(stats, sql, name):
    counted = dict(row for query in TABLES[name] for row in sql(query))
    assert getattr(stats, name) == counted
    assert counted


def test_the_shipped_catalogue_is_counted(stats, catalogue):
    assert stats.counts["papers"] == len(catalogue.papers)
    assert stats.counts["citations"] == stats.edges["cites"] == len(catalogue.citations)
    assert stats.counts["relations"] == len(catalogue.relations)
    assert sum(stats.pillars.values()) == len(catalogue.papers)


def test_statistics_name_the_snapshot_and_the_day_of_its_newest_fact(session, stats, catalogue):
    assert stats.snapshot == current_snapshot(session).id
    assert stats.facts_date == str(catalogue.manifest.collected_on)


def test_what_two_sources_say_alike_counts_once(own_path, stats):
    with Library.open(own_path) as library, library.reading() as session:
        other = Source(origin="service", name="a service")
        session.add(other)
        session.flush()
        told = session.scalars(select(Relation)).first()
        session.execute(
            insert(Relation).values(
                paper_id=told.paper_id, kind=told.kind, target_id=told.target_id,
                source_id=other.id, retrieved_at=told.retrieved_at,
            )
        )  # fmt: skip
        session.execute(
            text(
                "INSERT INTO citation (citing_id, cited_id, source_id, retrieved_at) "
                "SELECT citing_id, cited_id, :source, retrieved_at FROM citation LIMIT 5"
            ),
            {"source": other.id},
        )
        again = read_stats(session)
    assert again.edges == stats.edges
    assert again.counts == stats.counts


def test_an_empty_library_counts_nothing(tmp_path):
    with Library.create(tmp_path / "empty.sqlite") as library, library.reading() as session:
        stats = read_stats(session)
    assert (stats.snapshot, stats.facts_date) == (None, None)
    assert set(stats.counts.values()) == {0}
    assert stats.edges == {"cites": 0}
    assert stats.years == stats.pillars == stats.taxonomy == stats.reference_lists == {}
    assert set(stats.coverage.values()) == {0}


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(570, 571, "99%"), (571, 571, "100%"), (1, 571, "1%"), (0, 571, "0%"), (320, 571, "56%"), (0, 0, "0%")],
)
def test_a_share_says_all_and_nothing_only_of_all_and_nothing(part, whole, said):
    assert share(part, whole) == said
