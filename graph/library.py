"""The library: one SQLite file (WAL mode) that holds every fact and everything the user wrote.

`Library.open` reads an existing one; `Library.create` makes or migrates one and is what `build` uses.
"""

import os
import re
import sqlite3
import stat
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
_TELLTALE_TABLES = {"alembic_version", "paper", "snapshot"}


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
        _require_readable(path)
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
            tables = set(inspect(connection).get_table_names())
            if not tables:
                return None
            found: str | None = None
            if tables >= _TELLTALE_TABLES:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found is None:
                raise errors.LibraryDamaged(
                    f"{self.path} is a database but not a VFM Atlas library: name another file with --library"
                )
            return found

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

        # Only now, when the file is known to be ours: the mode is written into the file, and no transaction
        # may be open while it changes.
        with self.engine.execution_options(begin=None).connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with self.engine.execution_options(begin="IMMEDIATE").begin() as connection:
            upgrade(connection)


def _path_of(location: str | Path | None) -> Path:
    given = str(location or default_library())
    if "://" not in given:
        return Path(given).expanduser().absolute()
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise errors.LibraryError(
            f"cannot read the library URL {re.sub('//.*@', '//***@', given)!r}: sqlite:///PATH is allowed"
        ) from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        shown = url.set(query={}).render_as_string(hide_password=True)
        raise errors.LibraryError(f"cannot use the library {shown!r}: a path or sqlite:///PATH is allowed")
    return Path(url.database).expanduser().absolute()


def _require_readable(path: Path) -> None:
    """Fail before SQLite does: its message does not say what is wrong."""
    advice = "name another file with --library"
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise errors.LibraryMissing(f"no library at {path}: make one with 'vfm-atlas build'") from None
    except OSError as reason:
        raise errors.LibraryMissing(f"cannot reach {path} ({reason.strerror}): {advice}") from reason
    if is_folder:
        raise errors.LibraryMissing(f"{path} is a folder, the library is a file: {advice}")
    if not os.access(path, os.R_OK):
        raise errors.LibraryDamaged(f"no permission to read {path}: {advice}")


def _require_writable(path: Path) -> None:
    """Fail before anything is created, for the same reason."""
    advice = "choose another place with --library or VFM_ATLAS_LIBRARY"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = path.is_dir()
    except OSError as reason:
        why = f"{path.parent} is not a folder" if path.parent.is_file() else reason.strerror
        raise errors.LibraryUnwritable(f"cannot create {path} ({why}): {advice}") from reason
    if is_folder:
        raise errors.LibraryUnwritable(f"{path} is a folder, the library is a file: {advice}")
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise errors.LibraryUnwritable(f"no permission to write {target}: {advice}")


def _engine(path: Path) -> Engine:
    url = URL.create("sqlite", database=str(path))
    if _is_on_read_only_disk(path):
        url = URL.create("sqlite", database=path.as_uri(), query={"immutable": "1", "uri": "true"})
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # Python's sqlite3 opens transactions late and by guess; we open them ourselves below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: object) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")  # type: ignore[attr-defined]
        if mode is not None:
            connection.exec_driver_sql(f"BEGIN {mode}")  # type: ignore[attr-defined]

    @event.listens_for(engine, "handle_error", retval=True)
    def translate(context: ExceptionContext) -> BaseException | None:
        return _explain(context.original_exception, path)

    return engine


def _is_on_read_only_disk(path: Path) -> bool:
    """Whether SQLite must be told that nobody writes: in WAL mode it cannot read without a file beside."""
    return not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()


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
            f"cannot open or change {path} ({said}): choose another place with --library or VFM_ATLAS_LIBRARY"
        )
    if "no such table" in said or "no such column" in said:
        return errors.LibraryDamaged(
            f"{path} lacks a part of the library ({said}): move it aside, then run 'vfm-atlas build'"
        )
    return None
