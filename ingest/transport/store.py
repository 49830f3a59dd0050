"""Answers that were read, kept in one SQLite file, so that nothing is asked twice.

Several processes may use the file at once, and one that is killed loses nothing that `put` returned from. A
damaged file costs the answers in it, not the run.
"""

import hashlib
import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ingest.errors import IngestError
from ingest.transport.message import Answer, Request

_log = logging.getLogger("vfm_atlas.transport")
_PATIENCE = 30.0
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # the last: another table
_PORTS = {"http": ":80", "https": ":443"}
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, service TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL,
    body BLOB NOT NULL, retrieved_at TEXT NOT NULL
)
"""


Result = TypeVar("Result")


def key_of(request: Request) -> str:
    """What tells requests apart: method, address, body, attempt; not the order of parameters or of JSON keys.

    >>> one = Request("arxiv", "https://export.arxiv.org:443/api/query?b=2&a=1")
    >>> key_of(one) == key_of(Request("arxiv", "https://export.arxiv.org/api/query?a=1&b=2"))
    True
    """
    parts = urlsplit(request.url)
    host = parts.netloc.lower().removesuffix(_PORTS.get(parts.scheme, ""))
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    url = urlunsplit((parts.scheme, host, parts.path, query, ""))
    body = request.body
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    asked = json.dumps([request.method, url, body.decode("latin-1"), request.attempt])
    return hashlib.sha256(asked.encode()).hexdigest()


class ResponseStore:
    """The file of stored answers at `path`; `warn` is told in one line when a damaged one was set aside.

    The file is made on first use. Raises IngestError then, and later, where it cannot be made or written.
    """

    def __init__(self, path: Path, *, warn: Callable[[str], None] = _log.warning) -> None:
        self.path = path
        self._warn = warn
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def get(self, request: Request) -> Answer | None:
        """The stored answer, `from_store`; None if there is none that can be read."""
        key = key_of(request)
        query = "SELECT status, headers, body, retrieved_at FROM answers WHERE key = ?"
        with self._lock:
            row = self._mended(lambda: self._open().execute(query, (key,)).fetchone())
        if row is None:
            return None
        try:
            status, headers, body, retrieved_at = row
            return Answer(
                int(status),
                {str(name): str(value) for name, value in json.loads(headers).items()},
                zlib.decompress(body),
                datetime.fromisoformat(retrieved_at),
                from_store=True,
            )
        except (ValueError, TypeError, AttributeError, zlib.error):
            return None

    def put(self, request: Request, answer: Answer) -> None:
        """Store an answer in place of an older one; it is on the disk when this returns."""
        row = (
            key_of(request),
            request.service,
            answer.status,
            json.dumps(dict(answer.headers)),
            zlib.compress(answer.body),
            answer.retrieved_at.isoformat(),
        )
        with self._lock:
            self._mended(
                lambda: self._open().execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
            )

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Each statement is a transaction of its own: committed when execute returns.
            self._connection = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_TABLE)
        return self._connection

    def _mended(self, work: Callable[[], Result]) -> Result:
        """Do the work; if the file is damaged do it again, then set the file aside and do it on a new one.

        The second look is for another process, which may have mended it meanwhile.
        """
        for trial in range(3):
            try:
                return work()
            except sqlite3.Error as error:
                self.close()
                if trial == 2 or error.sqlite_errorcode & 0xFF not in _DAMAGED:
                    raise self._unusable(error) from error
                if trial == 1:
                    self._set_aside(error)
            except OSError as error:
                raise self._unusable(error) from error
        raise AssertionError("the third trial returns or raises")

    def _set_aside(self, reason: sqlite3.Error) -> None:
        aside = self.path.with_name(self.path.name + ".damaged")
        try:
            self.path.replace(aside)
            for rest in ("-wal", "-shm"):
                self.path.with_name(self.path.name + rest).unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        self._warn(f"the stored answers in {self.path} are damaged ({reason}): set aside as {aside.name}")

    def _unusable(self, reason: Exception) -> IngestError:
        return IngestError(
            f"cannot keep answers in {self.path} ({reason}): "
            "set VFM_ATLAS_CACHE to a folder that can be written and has room"
        )
