"""The migrations lead to the schema that the code declares, keep what is there, and do all or nothing."""

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from helpers import dump, paper_id, rebuild, write_small_library
from sqlalchemy import Engine, create_engine, inspect, select

import graph.library
import graph.migrate
from graph.errors import LibraryVersionError
from graph.library import Library
from graph.migrate import configuration, upgrade
from graph.papers import read_card
from graph.schema import (
    REVISION,
    Base,
    CollectionItem,
    EvaluationRun,
    FieldValue,
    Note,
    Snapshot,
    Source,
)
from graph.snapshot import current_snapshot_id
from graph.textindex import TABLE
from ingest.merge import consolidate

NOW = datetime(2026, 2, 3)
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{revision}"


def upgrade() -> None:
    op.add_column("note", sa.Column("colour", sa.String()))
    {then}
"""

# A row in every table of the first release, as its build and its user wrote them.
FIRST_RELEASE = """
INSERT INTO source VALUES (1, 'catalogue', 'list one'), (2, 'catalogue', 'list of clip');
INSERT INTO author VALUES (1, 'Alec Radford'), (2, 'Kaiming He');
INSERT INTO paper VALUES
    (1, 'clip', 'Old Title', 'CLIP', 'A summary.', NULL, 2021, 2, 'ICML 2021', 'https://example.org', 1, 0,
     'complete', 40),
    (2, 'resnet', 'Deep Residual Learning', 'ResNet', NULL, NULL, 2015, 12, NULL, NULL, 1, 0, 'not_found',
     NULL);
INSERT INTO snapshot VALUES ('0123456789ab', '2026-01-31 01:02:03.000004', '2026-01-31', '{"papers": 2}', 1);
INSERT INTO taxonomy_node VALUES
    ('things', NULL, 'Things', 'The root', NULL, 0, 1, '2026-01-31 00:00:00.000000'),
    ('things.models', 'things', 'Models', 'What', 'things.models', 1, 1, '2026-01-31 00:00:00.000000');
INSERT INTO checkpoint VALUES
    (1, 'lab/clip-base', 'transformers', 'CLIPModel', 'zero-shot', 151.3, 'mit', NULL, NULL, 'unchecked',
     NULL);
INSERT INTO embedding_model VALUES (1, 'hash', 'sha', 2);
INSERT INTO alias VALUES ('openaiclip', 'OpenAI CLIP', 1, 1, '2026-01-31 00:00:00.000000');
INSERT INTO authorship VALUES
    (1, 0, 1, 1, '2026-01-31 00:00:00.000000'), (2, 0, 2, 1, '2026-01-31 00:00:00.000000');
INSERT INTO field_value (field, value, paper_id, source_id, retrieved_at)
SELECT column1, column2, column3, 1, '2026-01-31 00:00:00.000000' FROM (VALUES
    ('title', 'Old Title', 1), ('short_name', 'CLIP', 1), ('summary', 'A summary.', 1), ('year', '2021', 1),
    ('month', '2', 1), ('venue', 'ICML 2021', 1), ('code_url', 'https://example.org', 1),
    ('arxiv_id', '2103.00020', 1), ('authors', 'Alec Radford', 1), ('title', 'Deep Residual Learning', 2),
    ('short_name', 'ResNet', 2), ('authors', 'Kaiming He', 2), ('year', '2015', 2), ('month', '12', 2));
INSERT INTO identifier VALUES ('arxiv', '2103.00020', 1, 1, '2026-01-31 00:00:00.000000');
INSERT INTO version VALUES
    (1, 1, 'published', 'ICML 2021', NULL, NULL, 1, '2026-01-31 00:00:00.000000'),
    (2, 1, 'preprint', 'arXiv', 2021, 2, 1, '2026-01-31 00:00:00.000000');
INSERT INTO embedding VALUES (1, 1, 'sha', x'0000803f00000000');
INSERT INTO citation VALUES (1, 2, 2, 'Deep residual', 'title', '2026-01-31 00:00:00.000000');
INSERT INTO relation VALUES (1, 'builds_on', 2, 1, '2026-01-31 00:00:00.000000');
INSERT INTO assignment VALUES (1, 'things.models', 1, NULL, 1, '2026-01-31 00:00:00.000000');
INSERT INTO checkpoint_link VALUES (1, 1, 'official', 'a note', 0, 1, '2026-01-31 00:00:00.000000');
INSERT INTO collection VALUES (1, 'reading', '2026-02-01 00:00:00.000000');
INSERT INTO collection_item VALUES (1, 1, '2026-02-01 00:00:00.000000');
INSERT INTO note VALUES (1, 1, 'read again', '2026-02-01 00:00:00.000000');
INSERT INTO evaluation VALUES
    (1, 1, 'abc', 't', 'd', 'f', 'accuracy', 0.5, 10, '{"torch": "2"}', '2026-02-01 00:00:00.000000');
INSERT INTO paper_text (rowid, title, names, summary, abstract, authors)
VALUES (1, 'Old Title', 'CLIP', 'A summary.', 'An abstract.', 'Alec Radford');
"""


def _is_compared(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(TABLE))


def shape_of(engine: Engine) -> dict[str, dict[str, object]]:
    """What Alembic's comparison leaves out as well: checks, primary keys, what happens on deletion."""
    inspector = inspect(engine)
    return {
        table: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ),
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=lambda key: key["name"]),
            "unique": sorted(inspector.get_unique_constraints(table), key=lambda rule: rule["name"]),
            "checks": sorted(inspector.get_check_constraints(table), key=lambda rule: rule["name"]),
            "indexes": sorted(inspector.get_indexes(table), key=lambda index: index["name"]),
        }
        for table in inspector.get_table_names()
        if _is_compared(table, "table", None) and table != "alembic_version"
    }


def test_the_migrated_schema_is_the_declared_one(tmp_path):
    with Library.create(tmp_path / "library.sqlite") as library, library.engine.connect() as connection:
        options = {"include_name": _is_compared, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrated_schema_has_every_constraint_that_is_declared(tmp_path):
    declared = create_engine("sqlite://")
    Base.metadata.create_all(declared)
    expected = shape_of(declared)
    declared.dispose()
    with Library.create(tmp_path / "library.sqlite") as library:
        migrated = shape_of(library.engine)
    assert migrated.keys() == expected.keys() == Base.metadata.tables.keys()
    for table, shape in expected.items():
        assert migrated[table] == shape, table
    assert any(shape["checks"] for shape in migrated.values())
    assert any(key["options"] for shape in migrated.values() for key in shape["foreign keys"])


def test_the_text_index_is_made_by_the_migrations(tmp_path):
    with Library.create(tmp_path / "library.sqlite") as library, library.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT count(*) FROM {TABLE} WHERE {TABLE} MATCH 'word'")
        assert rows.scalar() == 0


def test_the_code_reads_the_newest_revision_and_their_names_are_in_order(tmp_path):
    with Library.create(tmp_path / "library.sqlite") as library, library.engine.connect() as connection:
        scripts = ScriptDirectory.from_config(configuration(connection))
    assert scripts.get_heads() == [REVISION]
    newest_first = [script.revision for script in scripts.walk_revisions()]
    # The library compares them as text to tell an older schema from a newer one.
    assert newest_first == sorted(newest_first, reverse=True)


def test_upgrading_twice_is_harmless(path):
    before = dump(path), schema(path)
    with Library.create(path) as library, library.engine.begin() as connection:
        upgrade(connection)
    assert (dump(path), schema(path)) == before


def test_a_library_of_the_first_release_keeps_every_row(first_release):
    before = rows_of(first_release)
    assert all(before.values())
    Library.create(first_release).close()
    after = rows_of(first_release)
    (measured,) = before.pop("evaluation")
    run = {
        "spec_hash": "first release 1",
        "hub_id": "lab/clip-base",
        "revision": "abc",
        "n": 10,
        "value": 0.5,
    }
    run |= {"state": "done", "environment": measured["environment"], "started_at": measured["measured_at"]}
    assert run.items() <= after["evaluation_run"][0].items()
    assert after.keys() > before.keys()
    for table, rows in before.items():
        if table != "alembic_version":
            kept = after[table][: len(rows)]
            assert [now | row for now, row in zip(kept, rows, strict=True)] == kept, table
            assert len(after[table]) == len(rows) or table == "field_value"


def test_a_library_of_the_first_release_reads_the_same_before_it_is_built_anew(first_release):
    before = rows_of(first_release)
    with Library.create(first_release) as library, library.writing() as session:
        consolidate(session)
        lists = select(Source.name, FieldValue.field, FieldValue.value).join(Source)
        assert set(session.execute(lists.where(FieldValue.field.like("reference%"))).all()) == {
            ("list of clip", "reference_list", "complete"),
            ("list of clip", "reference_entries", "40"),
            ("list one", "reference_list", "not_found"),
        }
    after = rows_of(first_release)
    for table in (
        "paper",
        "author",
        "authorship",
        "identifier",
        "version",
        "alias",
        "citation",
        "assignment",
    ):
        by_id = [sorted(found[table], key=repr) for found in (before, after)]
        assert len(by_id[0]) == len(by_id[1])
        for row in by_id[0]:
            row.pop("id", None)
            assert any(row.items() <= now.items() for now in by_id[1]), (table, row)


def test_a_library_of_the_first_release_is_built_anew_like_a_new_one(first_release, path, small):
    with Library.open(path) as library, library.reading() as session:
        expected = current_snapshot_id(session)
    with Library.create(first_release) as library:
        report = rebuild(library, small)
        assert report.snapshot == expected
        with library.reading() as session:
            card = read_card(session, "clip")
            assert (card.notes, card.arxiv_id) == (["read again"], "2103.00020")
            assert session.scalars(select(CollectionItem.paper_id)).all() == [paper_id(session, "clip")]
            assert session.scalars(select(EvaluationRun.value)).all() == [0.5]
            assert session.get(Snapshot, "0123456789ab").counts == {"papers": 2}


def rows_of(path: Path) -> dict[str, list[dict[str, object]]]:
    """The rows of every table, by its name."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in connection.execute(query) if not name.startswith("paper_text_")]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
            for name in names
        }


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    path = tmp_path / "first.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_RELEASE)
    return path


def schema(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT name, sql FROM sqlite_master"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_small_library(tmp_path / "library.sqlite")


@pytest.fixture
def next_release(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # path is of this one
    """A release with one migration more than this one, as the path of that migration."""
    migrations = Path(graph.migrate.__file__).parent / "migrations"
    shutil.copytree(migrations, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(graph.migrate, "__file__", str(tmp_path / "migrate.py"))
    monkeypatch.setattr(graph.library, "REVISION", "9999")
    migration = tmp_path / "migrations" / "versions" / "9999_colour.py"
    migration.write_text(NEXT.format(revision=REVISION, then=""))
    return migration


@pytest.mark.usefixtures("next_release")
def test_an_older_library_is_refused_until_it_is_brought_up_to_date_and_keeps_its_notes(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO note (paper_id, text, created_at) SELECT id, 'mine', '2026-02-03' FROM paper LIMIT 1"
        )
        connection.commit()
    with pytest.raises(LibraryVersionError, match=f"older schema {REVISION}.*'vfm-atlas build' brings it"):
        Library.open(path)
    with Library.create(path) as library, library.reading() as session:
        assert list(session.scalars(select(Note.text))) == ["mine"]
        assert session.connection().exec_driver_sql("SELECT colour FROM note").all() == [(None,)]
    Library.open(path).close()


def test_a_migration_that_fails_leaves_the_library_as_it_was(path, next_release):
    before = dump(path), schema(path)
    next_release.write_text(NEXT.format(revision=REVISION, then="raise RuntimeError"))
    with pytest.raises(RuntimeError):
        Library.create(path)
    assert (dump(path), schema(path)) == before
    next_release.write_text(NEXT.format(revision=REVISION, then=""))
    with Library.create(path) as library, library.writing() as session:
        session.add(Note(paper_id=paper_id(session, "clip"), text="mine", created_at=NOW))
