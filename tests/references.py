"""Reading a file of references that a test has made up."""

from datetime import datetime
from pathlib import Path

import pytest

from ingest.errors import FileUnreadable
from ingest.files import read_file

DAY = datetime(2026, 1, 31, 12)

SAM = {
    "title": "Segment Anything",
    "authors": "Alexander Kirillov; Eric Mintun; Piotr Dollár",
    "ids": "arXiv:2304.02643",
    "year": 2023,
    "month": 4,
}


def read(folder, name, content):
    """What read_file makes of a file with this name and content."""
    path = Path(folder) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, DAY)


def refused(folder, name, content):
    """The one line with which a file is refused."""
    with pytest.raises(FileUnreadable) as caught:
        read(folder, name, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def facts(record):
    """A record in a few words: only what is known, without where it was read."""
    values = record.to_json()
    assert values.pop("origin") == "file"
    assert record.retrieved_at == DAY
    del values["external_id"]
    if record.ids:
        values["ids"] = " ".join(map(str, record.ids))
    if record.authors:
        values["authors"] = "; ".join(record.authors)
    return values


def only(folder, name, content):
    found = read(folder, name, content)
    assert found.problems == ()
    (record,) = found.records
    return facts(record)
