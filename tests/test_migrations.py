"""The migrations lead to the schema that the code declares, keep what is there, and do all or nothing."""

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from helpers import dump, paper_id, write_small_library
from sqlalchemy import Engine, create_engine, inspect, select

import graph.library
import graph.migrate
from graph.errors import LibraryVersionError
from graph.library import Library
from graph.migrate import configuration, upgrade
from graph.schema import REVISION, Base, Note
from graph.textindex import TABLE

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
