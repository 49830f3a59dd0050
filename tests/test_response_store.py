"""Answers are kept as they were, by what was asked, whatever happens to the process or the file."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.transport.message import Answer, Request
from ingest.transport.store import ResponseStore, key_of

WHEN = datetime(2026, 11, 23, 1, 2, 3, 456)
URL = "https://api.example.org/graph/v1/paper/1"
ROOT = Path(__file__).parent.parent


@pytest.fixture
def store(tmp_path):
    opened = ResponseStore(tmp_path / "answers.sqlite")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    opened = ResponseStore(tmp_path_factory.mktemp("store") / "answers.sqlite")
    yield opened
    opened.close()


def asked(number=1):
    return Request("crossref", f"{URL}?number={number}")


def said(body=b"{}", status=200):
    return Answer(status, {"content-type": "application/json"}, body, WHEN)


@given(
    answer=st.builds(
        Answer,
        status=st.integers(200, 599),
        headers=st.dictionaries(st.text(max_size=20), st.text(max_size=50)),
        body=st.binary(max_size=2000),
        retrieved_at=st.datetimes(),
        from_store=st.just(True),
    ),
    path=st.text(max_size=30),
    sent=st.binary(max_size=50),
)
def test_an_answer_comes_back_as_it_was(shared, answer, path, sent):
    request = Request("openalex", f"https://x.example/{path}", method="POST", body=sent)
    shared.put(request, answer)
    assert shared.get(request) == answer


def test_what_was_never_put_is_not_there(store):
    assert store.get(asked()) is None


def test_a_newer_answer_takes_the_place_of_an_older_one(store):
    store.put(asked(), said(b"old"))
    store.put(asked(), said(b"new"))
    assert store.get(asked()).body == b"new"


@pytest.mark.parametrize(
    "url",
    [
        "https://API.example.org/graph/v1/paper/1?fields=a,b&limit=5&empty=",
        "https://api.example.org:443/graph/v1/paper/1?empty=&limit=5&fields=a%2Cb",
    ],
)
def test_the_same_question_in_other_words_is_the_same(url):
    first = Request("semanticscholar", "https://api.example.org/graph/v1/paper/1?limit=5&fields=a,b&empty=")
    assert key_of(Request("semanticscholar", url)) == key_of(first)


def test_a_body_of_json_may_be_written_in_another_order_but_its_lists_may_not():
    def key(body):
        return key_of(Request("semanticscholar", URL, method="POST", body=body))

    assert key(b'{"a": 1, "ids": [1, 2]}') == key(b'{"ids":[1,2],"a":1}')
    assert key(b'{"ids": [1, 2]}') != key(b'{"ids": [2, 1]}')
    assert key(b"no json") != key(b"other")


@pytest.mark.parametrize(
    "other",
    [
        Request("crossref", URL, method="POST"),
        Request("crossref", URL + "?a=1"),
        Request("crossref", URL + "/2"),
        Request("crossref", URL.replace("https", "http")),
        Request("crossref", URL.replace("org", "net")),
        Request("crossref", URL, body=b"{}"),
        Request("crossref", URL, attempt=2),
    ],
)
def test_another_question_has_another_place(other):
    assert key_of(other) != key_of(Request("crossref", URL))


def test_repeated_parameters_all_count():
    one = Request("huggingface", URL + "?expand=tags&expand=sha")
    assert key_of(one) != key_of(Request("huggingface", URL + "?expand=sha"))


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from test_response_store import asked, said
from ingest.transport.store import ResponseStore
from pathlib import Path
store = ResponseStore(Path(sys.argv[1]))
for number in range(10**6):
    store.put(asked(number), said(b"%d" % number * 1000))
    os.write(1, b"%d\\n" % number)
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_loses_nothing_that_it_had_put(tmp_path):
    path = tmp_path / "answers.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    put = [int(line) for line in done.stdout.split()]
    warnings = []
    store = ResponseStore(path, warn=warnings.append)
    assert len(put) == 21
    assert all(store.get(asked(number)).body == b"%d" % number * 1000 for number in put)
    assert warnings == []
    store.close()


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from test_response_store import asked, said
from ingest.transport.store import ResponseStore
from pathlib import Path
store = ResponseStore(Path(sys.argv[1]))
first = int(sys.argv[3])
for number in range(first, first + 100):
    store.put(asked(number), said(b"%d" % number))
store.close()
"""


def test_several_processes_write_at_once(tmp_path):
    path = tmp_path / "answers.sqlite"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent), str(first)],
            cwd=ROOT, stderr=subprocess.PIPE,
        )
        for first in (0, 100, 200)
    ]  # fmt: skip
    for each in running:
        _, complaint = each.communicate(timeout=60)
        assert each.returncode == 0, complaint
    store = ResponseStore(path)
    assert all(store.get(asked(number)).body == b"%d" % number for number in range(300))
    store.close()


def damage(path, how):
    if how == "another kind of file":
        path.write_bytes(b"this was never a database\n" * 100)
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "overwritten within":
        content = bytearray(path.read_bytes())
        content[1024:] = os.urandom(len(content) - 1024)
        path.write_bytes(content)
    else:
        path.unlink()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE answers (something_else TEXT)")
        connection.close()


@pytest.mark.parametrize(
    "how", ["another kind of file", "cut off", "overwritten within", "a table of another program"]
)
def test_a_damaged_file_is_set_aside_with_one_line_and_a_new_one_begun(how, tmp_path):
    path = tmp_path / "answers.sqlite"
    store = ResponseStore(path)
    for number in range(50):
        store.put(asked(number), said(os.urandom(1000)))
    store.close()
    damage(path, how)
    size = path.stat().st_size

    warnings = []
    store = ResponseStore(path, warn=warnings.append)
    got = [store.get(asked(number)) for number in range(50)]
    store.put(asked(1), said(b"again"))
    assert store.get(asked(1)).body == b"again"
    store.close()
    assert got.count(None) > 0
    assert len(warnings) == 1
    assert "\n" not in warnings[0]
    assert str(path) in warnings[0]
    assert (tmp_path / "answers.sqlite.damaged").stat().st_size == size


def test_a_file_that_is_damaged_while_it_is_open_is_set_aside_too(tmp_path):
    warnings = []
    path = tmp_path / "answers.sqlite"
    store = ResponseStore(path, warn=warnings.append)
    store.put(asked(1), said())
    store.close()
    store.get(asked(1))
    damage(path, "another kind of file")
    store.put(asked(2), said(b"later"))
    assert store.get(asked(2)).body == b"later"
    store.close()
    assert len(warnings) <= 1


@pytest.mark.parametrize("column", ["headers", "body", "retrieved_at", "status"])
def test_a_row_that_cannot_be_read_is_no_answer(column, store):
    store.put(asked(), said())
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute(f"UPDATE answers SET {column} = 'rubbish'")
    connection.close()
    assert store.get(asked()) is None
    store.put(asked(), said())
    assert store.get(asked()) is not None


def test_a_folder_in_place_of_the_file_is_one_clear_line(tmp_path):
    (tmp_path / "answers.sqlite").mkdir()
    store = ResponseStore(tmp_path / "answers.sqlite")
    with pytest.raises(IngestError, match=r"cannot keep answers in .*: set VFM_ATLAS_CACHE to a folder"):
        store.put(asked(), said())


def test_a_file_in_place_of_the_folder_is_one_clear_line(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    store = ResponseStore(tmp_path / "cache" / "answers.sqlite")
    with pytest.raises(IngestError, match=r"cannot keep answers in .* exists"):
        store.get(asked())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_one_clear_line(tmp_path):
    store = ResponseStore(tmp_path / "answers.sqlite")
    store.put(asked(), said())
    store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(IngestError, match=r"database or disk is full.*has room"):
        store.put(asked(2), said(os.urandom(100_000)))
    store.close()


def test_a_store_that_was_closed_opens_again_when_it_is_needed(store):
    store.put(asked(), said())
    store.close()
    store.close()
    assert store.get(asked()) is not None


def test_what_is_stored_is_small(store):
    store.put(asked(), said(b'{"abstract": "the same words again"}' * 10_000))
    store.close()
    assert store.path.stat().st_size < 50_000


def test_a_store_may_be_copied_to_another_machine(store, tmp_path):
    store.put(asked(), said(b"kept"))
    store.close()
    shutil.copy(store.path, tmp_path / "copy.sqlite")
    copy = ResponseStore(tmp_path / "copy.sqlite")
    assert copy.get(asked()).body == b"kept"
    copy.close()
