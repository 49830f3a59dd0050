"""Files of references, as reference managers, services and people write them.

`read_file` reads BibTeX (.bib), RIS (.ris), CSL or Zotero JSON (.json), one JSON object per line (.jsonl) and
tables (.csv). What a file holds is data, never an instruction: nothing in it is run, fetched or opened.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from graph.names import is_text
from ingest.errors import FileUnreadable, Problem
from ingest.files import bibtex, csl, ris, tables
from ingest.files.entry import Entry, Flaw, Unusable, find_ids, make_record
from ingest.record import Record, WorkId, text_of

__all__ = ["FORMATS", "LARGEST", "FileFormat", "FileRecords", "read_file"]

LARGEST = 200_000_000
"""The largest file that is read, in bytes."""


@dataclass(frozen=True)
class FileFormat:
    """A format of reference files. `read` yields the entries of a text, and what it cannot read of it.

    `any_encoding` marks formats that old programs write in the encoding of their machine.
    """

    description: str
    read: Callable[[str], Iterator[Entry | Flaw]]
    any_encoding: bool = False


FORMATS = {
    ".bib": FileFormat("BibTeX", bibtex.read, any_encoding=True),
    ".ris": FileFormat("RIS", ris.read, any_encoding=True),
    ".json": FileFormat("CSL-JSON, also as Zotero, Better BibTeX and Crossref write it", csl.read),
    ".jsonl": FileFormat("one JSON object per line: CSL, or the columns of a .csv file", tables.read_jsonl),
    ".csv": FileFormat("a table with a header: title, authors, year, doi, arxiv_id ...", tables.read_csv),
}
"""Every format by the end of the file's name."""

_ALLOWED = ", ".join(FORMATS)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class FileRecords:
    """What a file holds.

    `records` are its usable entries in their order, with origin "file" and external ids "<file>#<key>".
    `problems` are the entries that could not be used, with their line. `ids` are all ids found, each once;
    among them those of entries that have no title, which a service may still know. `notes` are remarks on
    how the file was read.
    """

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    ids: tuple[WorkId, ...]
    notes: tuple[str, ...] = ()


def read_file(path: Path, retrieved_at: datetime) -> FileRecords:
    """Read a file of references; its suffix tells the format (FORMATS).

    An entry that cannot be used is a problem and never loses the others. Raises FileUnreadable, one line, for
    a file that is missing, empty, larger than LARGEST, of another format or encoding, or without any entry
    from which a title or an id can be had.
    """
    file_format = _format_of(path)
    text, notes = _text_of(path, _bytes_of(path), file_format)
    if not text.strip():
        raise _unreadable(path, f"it is empty; a file with entries is needed, allowed are {_ALLOWED}")
    name = _name_of(path)
    records: list[Record] = []
    problems: list[Problem] = []
    ids: dict[WorkId, None] = {}
    taken: set[str] = set()
    try:
        for entry in file_format.read(text):
            made: Record | Flaw = (
                entry if isinstance(entry, Flaw) else _record(entry, name, retrieved_at, taken)
            )
            if isinstance(entry, Entry):
                ids.update(dict.fromkeys(find_ids(entry)))
            if isinstance(made, Flaw):
                problems.append(Problem(name, made.line, made.field, made.message))
            else:
                records.append(made)
    except Unusable as reason:
        raise _unreadable(path, str(reason)) from None
    if not records and not ids:
        raise _unreadable(path, _nothing_usable(problems, file_format))
    return FileRecords(tuple(records), tuple(problems), tuple(ids), notes)


def _record(entry: Entry, name: str, retrieved_at: datetime, taken: set[str]) -> Record | Flaw:
    """The entry's record under an external id that no other entry of the file has."""
    key = text_of(entry.key, "name") or next(map(str, find_ids(entry)), str(entry.line))
    if key in taken:
        key = f"{key}@{entry.line}"
    while key in taken:
        key += "+"
    made = make_record(entry, f"{name}#{key}", retrieved_at)
    if isinstance(made, Record):
        taken.add(key)
    return made


def _format_of(path: Path) -> FileFormat:
    """The format by the file's suffix, for a file that is there to be read.

    A folder, pipe or device is refused here, before opening it could wait for ever.
    """
    with _told_in_one_line(path):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise _unreadable(path, f"it is a folder; name a file in it that ends in {_ALLOWED}")
    if not stat.S_ISREG(mode):
        raise _unreadable(path, f"it is no ordinary file; name one that ends in {_ALLOWED}")
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        what = f"its name ends in {path.suffix!r}" if path.suffix else "its name has no ending"
        raise _unreadable(path, f"{what}, allowed are {_ALLOWED}")
    return file_format


def _bytes_of(path: Path) -> bytes:
    with _told_in_one_line(path), path.open("rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        data = handle.read(LARGEST + 1) if size <= LARGEST else b""
    if max(size, len(data)) > LARGEST:
        raise _unreadable(
            path,
            f"it has {max(size, len(data)):,} bytes, allowed are {LARGEST:,}; split it into several files",
        )
    return data


@contextmanager
def _told_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise _unreadable(path, f"there is no such file; name one that ends in {_ALLOWED}") from None
    except OSError as reason:
        raise _unreadable(path, f"{reason.strerror}; name a file that can be read") from reason
    except ValueError as reason:  # a name that no file can have
        raise _unreadable(path, f"{reason}; name a file that exists") from None


def _text_of(path: Path, data: bytes, file_format: FileFormat) -> tuple[str, tuple[str, ...]]:
    """The text with line feeds alone between its lines, and a note if it is not UTF-8."""
    notes: tuple[str, ...] = ()
    if data.startswith(_UTF16):
        raise _unreadable(path, "it is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        if not file_format.any_encoding:
            byte = f"0x{data[reason.start]:02X} in line {line}"
            raise _unreadable(path, f"it is not UTF-8 (byte {byte}); save it as UTF-8") from None
        text = _western(data)
        notes = (f"{_name_of(path)} is not UTF-8 (line {line}): read as Latin-1, accents may be wrong",)
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _western(data: bytes) -> str:
    """Latin-1 as it is written: with the quotation marks and dashes that Windows has in its unused places."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _name_of(path: Path) -> str:
    """The file's name as it may be stored and shown; the mark that ends it in external ids is taken out."""
    name = path.name if is_text(path.name) else path.name.encode("utf-8", "replace").decode()
    return text_of(name.replace("#", "-"), "name") or "file"


def _nothing_usable(problems: list[Problem], file_format: FileFormat) -> str:
    if not problems:
        return f"it has no entry of {file_format.description}"
    first = f"line {problems[0].line}: {problems[0].field}: {problems[0].message}"
    return (
        f"none of its entries can be used ({len(problems)} tried; {first}); an entry needs a title or an id"
    )


def _unreadable(path: Path, what: str) -> FileUnreadable:
    shown = str(path)
    if not is_text(shown) or not shown.isprintable():
        shown = ascii(shown)
    return FileUnreadable(f"cannot read {shown}: {what}")
