"""Results of analyses, kept in the library beside the snapshot from which they were computed.

Two forms are kept: values that JSON can say, and dicts of arrays. What is returned is always read back from
the stored form, so that a result is the same the first time and every later time.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from graph.errors import LibraryBusy, LibraryUnwritable
from graph.library import Library
from graph.schema import Analysis
from graph.snapshot import current_snapshot_id

_JSON, _ARRAYS = b"J", b"A"
_WAIT_MS = 100


def get_or_compute(
    library: Library, name: str, compute: Callable[[Session], Any], *, version: int = 1
) -> Any:
    """The result of this name for the library's current snapshot, computed where it is not kept yet.

    A library that cannot be written just now (another program writes, a read-only disk) is no error: the
    result is then computed again the next time.

    Args:
        library: an open library.
        name: of the result, with its options if it has any, such as `ranking:pagerank`; without an @.
        compute: makes it from a reading session; a value for JSON (tuples come back as lists), or a dict of
            arrays of numbers, booleans or texts. TypeError for anything else.
        version: raised whenever `compute` changes, so that no result of an older release is shown.
    """
    with library.reading() as session:
        snapshot = current_snapshot_id(session)
        found = read_kept(session, name, version=version)
        if found is not None:
            return found[0]
        blob = encode(compute(session))
    if snapshot is not None:
        _keep(library, snapshot, name, version, blob)
    return decode(blob)


def read_kept(session: Session, name: str, *, version: int = 1) -> tuple[Any] | None:
    """The kept result for the current snapshot, alone in a tuple as it may be None; None where none is."""
    content = session.scalar(
        select(Analysis.content).where(
            Analysis.snapshot_id == current_snapshot_id(session), Analysis.name == _row_name(name, version)
        )
    )
    if content is None:
        return None
    try:
        return (decode(content),)
    except (ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None  # it can be computed again, so damage is no reason to stop


def encode(value: Any) -> bytes:
    """A result as bytes; TypeError for what neither JSON nor arrays without Python objects can hold."""
    if isinstance(value, Mapping) and value and all(isinstance(each, np.ndarray) for each in value.values()):
        objects = [name for name, each in value.items() if each.dtype.hasobject]
        if objects:
            raise TypeError(f"cannot keep the array {objects[0]!r}: it holds Python objects")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **value)
        return _ARRAYS + buffer.getvalue()
    return _JSON + zlib.compress(json.dumps(value, separators=(",", ":")).encode())


def decode(blob: bytes) -> Any:
    """What `encode` was given."""
    if blob[:1] == _ARRAYS:
        with np.load(io.BytesIO(blob[1:]), allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
            return arrays
    if blob[:1] != _JSON:
        raise ValueError(f"no result begins with {blob[:1]!r}")
    return json.loads(zlib.decompress(blob[1:]))


def _row_name(name: str, version: int) -> str:
    return f"{name}@{version}"


def _keep(library: Library, snapshot: str, name: str, version: int, blob: bytes) -> None:
    """Store a result in place of those of the same name for other snapshots and versions."""
    row = _row_name(name, version)
    try:
        with library.engine.execution_options(begin=None).connect() as connection:
            connection.detach()  # closed afterwards: its short wait is for nobody else
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_WAIT_MS}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(delete(Analysis).where(Analysis.name.startswith(f"{name}@", autoescape=True)))
            connection.execute(insert(Analysis).values(snapshot_id=snapshot, name=row, content=blob))
            connection.commit()
    except (LibraryBusy, LibraryUnwritable):
        return
