"""Where an export goes: checked first, written beside its place, then moved there in one step."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.errors import ExportError


@contextmanager
def written_whole(path: Path, *, as_folder: bool, force: bool) -> Iterator[Path]:
    """Yields a temporary path of the same suffix; what was written there takes the place of `path`.

    A failure leaves `path` as it was. An existing folder keeps the files that the export does not write.
    Raises ExportError, also for what the operating system says while the file is being written.
    """
    try:
        _check(path, as_folder, force)
        # A short name of its own: the target's may already be as long as the file system allows.
        temporary = path.parent / f".vfm-atlas-{secrets.token_hex(6)}{path.suffix}"
        try:
            yield temporary
            _move(temporary, path)
        finally:
            _remove(temporary)
    except OSError as reason:
        raise ExportError(f"cannot write {path} ({reason.strerror}): name another PATH") from reason
    except ValueError as reason:
        if "null" not in str(reason):
            raise
        raise ExportError(f"cannot write {str(path)!r} ({reason}): name another PATH") from reason


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _check(path: Path, as_folder: bool, force: bool) -> None:
    if path.name in ("", ".."):
        raise ExportError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise ExportError(f"there is no folder {path.parent}: make it first, or name another PATH")
    if not os.path.lexists(path):
        return
    if path.is_dir() and not as_folder:
        raise ExportError(f"{path} is a folder: name a file in it")
    if as_folder and not path.is_dir():
        raise ExportError(f"{path} is a file: name a folder or a .zip file")
    if not as_folder and path.exists() and not path.is_file():
        raise ExportError(f"{path} is neither a file nor a folder: name another PATH")
    if not force:
        raise ExportError(f"{path} exists already: name another PATH, or replace it with --force")


def _move(temporary: Path, path: Path) -> None:
    if temporary.is_dir() and path.is_dir():
        for file in temporary.iterdir():
            file.replace(path / file.name)
    else:
        temporary.replace(path)


def _remove(temporary: Path) -> None:
    if temporary.is_dir():
        shutil.rmtree(temporary)
    else:
        temporary.unlink(missing_ok=True)
