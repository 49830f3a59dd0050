"""Opening, making and sharing the library file: each thing that can be wrong is one clear line."""

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from helpers import dump, paper_id, write_small_library
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

import graph.library
from graph.errors import (
    AtlasError,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryMissing,
    LibraryUnwritable,
    LibraryVersionError,
)
from graph.library import Library
from graph.schema import Note, Paper

NOW = datetime(2026, 2, 3)
NOBODY = 65534
DAMAGED = "cannot be read as a library"
NOT_OURS = "is a database but not a VFM Atlas library"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_small_library(tmp_path / "small.sqlite")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph.library, "_BUSY_SECONDS", 0.2)


def change(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def titles(library: Library) -> list[str]:
    with library.reading() as session:
        return list(session.scalars(select(Paper.title).order_by(Paper.key)))


def add_note(library: Library, words: str) -> None:
    with library.writing() as session:
        session.add(Note(paper_id=paper_id(session, "clip"), text=words, created_at=NOW))


def notes(library: Library) -> list[str]:
    with library.reading() as session:
        return list(session.scalars(select(Note.text)))


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def complaint(attempt: Callable[[], object], kind: type[AtlasError]) -> str:
    """The message of an error that is exactly of a kind, fit to be printed as one line."""
    with pytest.raises(AtlasError) as raised:
        attempt()
    assert type(raised.value) is kind
    assert raised.value.exit_code == 1
    message = str(raised.value)
    assert "\n" not in message
    assert "sqlalche.me" not in message
    return message


# --- files that are no library -----------------------------------------------------------------------------


def _file(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "file").write_bytes(content)
        return folder / "file"

    return make


def _folder(folder: Path) -> Path:
    (folder / "a folder").mkdir()
    return folder / "a folder"


def _of_another_program(folder: Path) -> Path:
    return change(folder / "bookmarks.db", "CREATE TABLE bookmark (url TEXT)")


def _of_another_program_with_alembic(folder: Path) -> Path:
    return change(
        folder / "other.db",
        "CREATE TABLE paper (id INTEGER)",
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('0001')",
    )


def _of_schema(revision: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = write_small_library(folder / "library.sqlite")
        return change(path, f"UPDATE alembic_version SET version_num = '{revision}'")

    return make


def _without_schema(folder: Path) -> Path:
    return change(write_small_library(folder / "library.sqlite"), "DELETE FROM alembic_version")


PLACES: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda folder: folder / "nothing",
    "a folder": _folder,
    "below a file": lambda folder: _file(b"x")(folder) / "library.sqlite",
    "a name that is too long": lambda folder: folder / ("x" * 300),
    "an empty file": _file(b""),
    "some text": _file(b"Dear diary,\n" * 500),
    "a SQLite header and no more": _file(b"SQLite format 3\0" + b"\xff" * 3000),
    "another program's database": _of_another_program,
    "another program's database with Alembic": _of_another_program_with_alembic,
    "a library without its revision": _without_schema,
    "a newer library": _of_schema("9999"),
    "an older library": _of_schema("0000"),
}


@pytest.mark.parametrize(
    ("what", "kind", "says"),
    [
        ("nothing", LibraryMissing, "make one with 'vfm-atlas build'"),
        ("a folder", LibraryMissing, "is a folder, the library is a file"),
        ("below a file", LibraryMissing, "make one with 'vfm-atlas build'"),
        ("a name that is too long", LibraryMissing, "File name too long"),
        ("an empty file", LibraryMissing, "is empty: fill it with 'vfm-atlas build'"),
        ("some text", LibraryDamaged, DAMAGED),
        ("a SQLite header and no more", LibraryDamaged, DAMAGED),
        ("another program's database", LibraryDamaged, NOT_OURS),
        ("another program's database with Alembic", LibraryDamaged, NOT_OURS),
        ("a library without its revision", LibraryDamaged, NOT_OURS),
        ("a newer library", LibraryVersionError, "has schema 9999, this release reads up to"),
        ("an older library", LibraryVersionError, "has the older schema 0000"),
    ],
)
def test_what_cannot_be_opened_is_named_and_left_as_it_is(tmp_path, what, kind, says):
    place = PLACES[what](tmp_path)
    before = contents(tmp_path)
    message = complaint(lambda: Library.open(place), kind)
    assert str(place) in message
    assert says in message
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("what", "kind", "says"),
    [
        ("a folder", LibraryUnwritable, "is a folder, the library is a file"),
        ("below a file", LibraryUnwritable, "/file is not a folder"),
        ("a name that is too long", LibraryUnwritable, "File name too long"),
        ("some text", LibraryDamaged, DAMAGED),
        ("a SQLite header and no more", LibraryDamaged, DAMAGED),
        ("another program's database", LibraryDamaged, NOT_OURS),
        ("another program's database with Alembic", LibraryDamaged, NOT_OURS),
        ("a library without its revision", LibraryDamaged, NOT_OURS),
        ("a newer library", LibraryVersionError, "upgrade vfm-atlas"),
        ("an older library", LibraryVersionError, "cannot be brought up to date"),
    ],
)
def test_what_cannot_become_a_library_is_named_and_left_as_it_is(tmp_path, what, kind, says):
    place = PLACES[what](tmp_path)
    before = contents(tmp_path)
    message = complaint(lambda: Library.create(place), kind)
    assert says in message
    assert contents(tmp_path) == before


@pytest.mark.parametrize("what", ["nothing", "an empty file"])
def test_a_library_is_made_where_there_is_none(tmp_path, what):
    place = PLACES[what](tmp_path / "new folder" / "another" if what == "nothing" else tmp_path)
    with Library.create(place) as library:
        assert titles(library) == []
    with Library.open(place) as library:
        assert titles(library) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_library_that_was_cut_off_is_damaged(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    def read_everything() -> None:
        with Library.open(path) as library, library.reading() as session:
            for table in ("paper", "field_value", "embedding", "snapshot", "citation", "paper_text"):
                session.execute(text(f"SELECT * FROM {table}")).all()

    assert str(path) in complaint(read_everything, LibraryDamaged)


def test_a_library_that_lacks_a_table_is_damaged(path):
    change(path, "DROP TABLE note")
    with Library.open(path) as library:
        assert "no such table: note" in complaint(lambda: notes(library), LibraryDamaged)


# --- where it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["small.sqlite", "a b.sqlite", "why?#100%25&x=1.sqlite", "été.sqlite"])
def test_a_library_is_found_by_path_whatever_its_name(path, name):
    renamed = path.rename(path.with_name(name))
    for location in (renamed, str(renamed)):
        with Library.open(location) as library:
            assert library.path == renamed
            assert len(titles(library)) == 6


def test_a_library_is_found_by_url_and_by_the_home_sign_and_by_the_environment(path, monkeypatch):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    for location in (f"sqlite:///{path}", f"~/{path.name}", f"sqlite:///~/{path.name}"):
        with Library.open(location) as library:
            assert library.path == path
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    with Library.open() as library:
        assert library.path == path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@host/x",
        "postgresql+psycopg://user:secret@host:5432/x?sslmode=require",
        "postgresql://user:secret@host:port/x",
        "mysql://host/x?user=u&password=secret",
        "nonsense://user:secret@",
        "://user:secret@host",
        "sqlite://",
        "sqlite:///:memory:",
        "https://example.org/library.sqlite",
    ],
)
@pytest.mark.parametrize("action", [Library.open, Library.create])
def test_other_urls_are_refused_without_showing_a_password(url, action):
    message = complaint(lambda: action(url), LibraryError)
    assert "sqlite:///PATH is allowed" in message
    assert "secret" not in message
    with pytest.raises(LibraryError) as raised:
        action(url)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__


# --- permissions -------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's own temporary ones are not."""
    folder = Path(tempfile.mkdtemp(prefix="library-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def powerless(**modes: int) -> Iterator[None]:
    """Give paths other modes, and bind root to them as well by being nobody for a while."""
    before = {path: Path(path).stat().st_mode for path in modes}
    is_root = hasattr(os, "setresuid") and os.geteuid() == 0
    try:
        for path, mode in modes.items():
            Path(path).chmod(mode)
        if is_root:
            os.setresuid(NOBODY, NOBODY, 0)
        if any(os.access(path, os.W_OK) for path in modes):
            pytest.skip("this system does not bind this user to a file's mode")
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        for path, mode in reversed(before.items()):
            Path(path).chmod(mode)


def test_a_library_on_a_read_only_disk_can_be_read_and_not_be_written(open_folder):
    path = write_small_library(open_folder / "why?.sqlite")
    before = contents(open_folder)
    with powerless(**{str(path): 0o444, str(open_folder): 0o555}), Library.open(path) as library:
        assert len(titles(library)) == 6
        assert "readonly" in complaint(lambda: add_note(library, "x"), LibraryUnwritable)
        assert "no permission to write" in complaint(lambda: Library.create(path), LibraryUnwritable)
        new = open_folder / "new.sqlite"
        assert str(open_folder) in complaint(lambda: Library.create(new), LibraryUnwritable)
        assert "Permission denied" in complaint(lambda: Library.create(new / "x"), LibraryUnwritable)
    assert contents(open_folder) == before


def test_a_read_only_file_can_be_read_and_not_be_written(open_folder):
    path = write_small_library(open_folder / "library.sqlite")
    with powerless(**{str(path): 0o444}), Library.open(path) as library:
        assert len(titles(library)) == 6
        assert "no permission to write" in complaint(lambda: Library.create(path), LibraryUnwritable)


def test_a_file_that_may_not_be_read_is_not_called_missing(open_folder):
    path = write_small_library(open_folder / "library.sqlite")
    with powerless(**{str(path): 0}):
        assert "no permission to read" in complaint(lambda: Library.open(path), LibraryDamaged)
    with powerless(**{str(open_folder): 0}):
        assert "Permission denied" in complaint(lambda: Library.open(path), LibraryMissing)
        complaint(lambda: Library.create(path), LibraryUnwritable)


def test_a_full_disk_is_named_and_keeps_the_old_state(path):
    before = dump(path)
    with Library.open(path) as library:

        @event.listens_for(library.engine, "connect")
        def limit(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA max_page_count = 1")  # no page beyond those there are

        library.engine.dispose()
        assert "full" in complaint(lambda: add_note(library, "x" * 100_000), LibraryUnwritable)
    assert dump(path) == before


# --- sharing -----------------------------------------------------------------------------------------------


@pytest.fixture
def another_writer(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.mark.usefixtures("impatient", "another_writer")
def test_a_second_writer_waits_and_then_says_who_is_in_the_way(path):
    with Library.open(path) as library:
        started = time.monotonic()
        message = complaint(lambda: add_note(library, "mine"), LibraryBusy)
        assert 0.2 <= time.monotonic() - started < 5
        assert f"another program is writing {path}" in message
        assert notes(library) == []


def test_a_second_writer_goes_on_when_the_first_has_finished(path, another_writer):
    release = threading.Timer(0.3, another_writer.execute, ["COMMIT"])
    release.start()
    with Library.open(path) as library:
        add_note(library, "mine")
        assert notes(library) == ["mine"]
    release.join()


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_wholly_locked_is_busy_and_not_damaged(tmp_path):
    path = tmp_path / "library.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("CREATE TABLE paper (id)")
        for attempt in (Library.open, Library.create):
            complaint(lambda attempt=attempt: attempt(path), LibraryBusy)


def test_two_readers_see_the_old_state_while_one_writes(path):
    with Library.open(path) as one, Library.open(path) as other, Library.open(path) as writer:
        with writer.writing() as session:
            session.add(Note(paper_id=paper_id(session, "clip"), text="new", created_at=NOW))
            session.flush()
            assert (notes(one), notes(other)) == ([], [])
        assert (notes(one), notes(other)) == (["new"], ["new"])


def test_a_reader_sees_one_state_until_it_is_done(path):
    count = select(func.count()).select_from(Note)
    with Library.open(path) as reader, Library.open(path) as writer:
        with reader.reading() as session:
            assert session.scalar(count) == 0
            add_note(writer, "new")
            assert session.scalar(count) == 0
        assert notes(reader) == ["new"]


def test_threads_share_one_library(path):
    with Library.open(path) as library:
        seen: list[int] = []
        workers = [
            threading.Thread(
                target=lambda number=number: (
                    add_note(library, str(number)),
                    seen.append(len(titles(library))),
                )
            )
            for number in range(8)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert seen == [6] * 8
        assert sorted(notes(library)) == [str(number) for number in range(8)]


def test_what_a_reader_changes_is_thrown_away(path):
    with Library.open(path) as library:
        with library.reading() as session:
            session.add(Note(paper_id=paper_id(session, "clip"), text="lost", created_at=NOW))
            session.flush()
        assert notes(library) == []


def test_what_a_writer_changed_before_an_error_is_thrown_away(path):
    with Library.open(path) as library:

        def write_and_fail() -> None:
            with library.writing() as session:
                session.add(Note(paper_id=paper_id(session, "clip"), text="lost", created_at=NOW))
                session.flush()
                raise KeyError

        with pytest.raises(KeyError):
            write_and_fail()
        assert notes(library) == []


# --- how it is set up --------------------------------------------------------------------------------------


def test_a_library_is_in_wal_mode_and_leaves_one_file_behind(tmp_path):
    with Library.create(tmp_path / "library.sqlite") as library, library.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert [path.name for path in tmp_path.iterdir()] == ["library.sqlite"]


def test_foreign_keys_are_enforced(path):
    with Library.open(path) as library:
        with pytest.raises(IntegrityError), library.writing() as session:
            session.add(Note(paper_id=999_999, text="of nothing", created_at=NOW))
        with library.writing() as session:
            session.execute(text("DELETE FROM paper WHERE key = 'ldm'"))
            left = "SELECT count(*) FROM citation WHERE citing_id NOT IN (SELECT id FROM paper)"
            assert session.scalar(text(left)) == 0


def test_the_user_can_write_to_a_library_that_is_only_opened(path):
    with Library.open(path) as library:
        add_note(library, "mine")
    with Library.open(path) as library:
        assert notes(library) == ["mine"]
