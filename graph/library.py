"""The library: one SQLite file (WAL mode) that holds every fact and everything the user wrote.

`Library.open` reads an existing one; `Library.create` makes or migrates one and is what `build` uses.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from graph import errors
from graph.schema import REVISION
from graph.settings import default_library

_BUSY_SECONDS = 10


class Library:
    """A library that is open. `path` is its file; errors of the database come out as one-line AtlasErrors."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        self.path = path

    @classmethod
    def open(cls, location: str | Path | None = None) -> "Library":
        """Open an existing library for reading and for the user's own writing.

        Raises LibraryMissing, LibraryDamaged or LibraryVersionError.
        """
        path = _path_of(location)
        if not path.exists():
            raise errors.LibraryMissing(f"no library at {path}: make one with 'vfm-atlas build'")
        library = cls(_engine(path), path)
        try:
            library._check_revision()
        except errors.AtlasError:
            library.close()
            raise
        return library

    @classmethod
    def create(cls, location: str | Path | None = None) -> "Library":
        """Make the library, or bring an older one to this release's schema; facts and notes are kept.

        Raises LibraryUnwritable, LibraryDamaged, LibraryBusy or LibraryVersionError.
        """
        path = _path_of(location)
        _require_writable(path)
        library = cls(_engine(path), path)
        try:
            library._migrate()
        except errors.AtlasError:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Release the file."""
        self.engine.dispose()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state; what it changes is thrown away."""
        with Session(self.engine) as session:
            yield session
            session.rollback()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: all of it is kept, or none. Waits for another writer, then LibraryBusy."""
        engine = self.engine.execution_options(begin="IMMEDIATE")
        with Session(engine) as session, session.begin():
            yield session

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise errors.LibraryDamaged(
                    f"{self.path} is a database but not a VFM Atlas library: name another file with --library"
                )
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def _check_revision(self) -> None:
        found = self._revision()
        if found == REVISION:
            return
        if found is None:
            raise errors.LibraryMissing(
                f"the library at {self.path} is empty: fill it with 'vfm-atlas build'"
            )
        if found > REVISION:
            raise errors.LibraryVersionError(
                f"the library at {self.path} has schema {found}, this release reads up to {REVISION}: "
                "upgrade vfm-atlas, or name another file with --library"
            )
        raise errors.LibraryVersionError(
            f"the library at {self.path} has the older schema {found}, this release reads {REVISION}: "
            "'vfm-atlas build' brings it up to date and keeps your notes"
        )

    def _migrate(self) -> None:
        found = self._revision()
        if found == REVISION:
            return
        if found is not None and found > REVISION:
            self._check_revision()
        from graph.migrate import upgrade

        with self.engine.execution_options(begin="IMMEDIATE").begin() as connection:
            upgrade(connection)


def _path_of(location: str | Path | None) -> Path:
    given = str(location or default_library())
    if "://" not in given:
        return Path(given).expanduser().absolute()
    try:
        url = make_url(given)
    except ArgumentError:
        raise errors.LibraryError(
            f"cannot read the library URL {given!r}: sqlite:///PATH is allowed"
        ) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        shown = url.render_as_string(hide_password=True)
        raise errors.LibraryError(f"cannot use the library {shown!r}: a path or sqlite:///PATH is allowed")
    return Path(url.database).expanduser().absolute()


def _require_writable(path: Path) -> None:
    """Fail before anything is created: SQLite's own message does not say what is wrong."""
    advice = "choose another place with --library or VFM_ATLAS_LIBRARY"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise errors.LibraryUnwritable(
            f"cannot create the folder {path.parent} ({reason.strerror}): {advice}"
        ) from reason
    if path.is_dir():
        raise errors.LibraryUnwritable(f"{path} is a folder, the library is a file: {advice}")
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise errors.LibraryUnwritable(f"no permission to write {target}: {advice}")


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # Python's sqlite3 opens transactions late and by guess; we open them ourselves below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        # Asked before it is set, so that a library on a read-only disk can still be read.
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal" and os.access(path.parent, os.W_OK):
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: object) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"BEGIN {mode}")  # type: ignore[attr-defined]

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> None:
        context.chained_exception = _explain(context.original_exception, path)

    return engine


def _explain(reason: BaseException, path: Path) -> BaseException | None:
    """The AtlasError for what SQLite says, or None for what a person cannot mend."""
    said = str(reason)
    if not isinstance(reason, sqlite3.DatabaseError):
        return None
    if "locked" in said:
        return errors.LibraryBusy(f"another program is writing {path}: try again when it has finished")
    if "not a database" in said or "malformed" in said:
        return errors.LibraryDamaged(
            f"{path} cannot be read as a library ({said}): move it aside, then run 'vfm-atlas build'"
        )
    if "readonly" in said or "unable to open" in said or "disk I/O" in said or "full" in said:
        return errors.LibraryUnwritable(
            f"cannot write {path} ({said}): choose another place with --library or VFM_ATLAS_LIBRARY"
        )
    if "no such table" in said or "no such column" in said:
        return errors.LibraryDamaged(
            f"{path} lacks a part of the library ({said}): move it aside, then run 'vfm-atlas build'"
        )
    return None
