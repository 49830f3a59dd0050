"""Whatever goes wrong: one line that says what to do, the right exit code, and nothing is lost."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click
import pytest
from command_line import PROGRAM, fail, message_of, run, start, succeed
from helpers import dump, write_small_library

import graph.encoder
import graph.library
from graph.encoder import WEIGHTS
from graph.errors import LibraryMissing
from graph.library import Library

READERS = [
    ("stats",),
    ("search", "clip"),
    ("show", "clip"),
    ("neighbours", "clip"),
    ("similar", "clip"),
    ("taxonomy",),
    ("checkpoints",),
    ("export", "bibtex", "out.bib"),
    ("collection", "list"),
    ("collection", "show", "mine"),
]
WRITERS = [
    ("note", "clip", "a note"),
    ("collection", "add", "mine", "clip"),
    ("collection", "remove", "mine"),
]
name = " ".join


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A small library of the test's own, which commands use; relative paths are in its folder."""
    monkeypatch.chdir(tmp_path)
    path = write_small_library(tmp_path / "small.sqlite")
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(path))
    return path


@pytest.fixture
def atlas(built_path, monkeypatch) -> Path:
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(built_path))
    return built_path


# --- what was asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serach", "x"), "no such command 'serach'. Did you mean 'search'? (see 'vfm-atlas --help')"),
        (("collection", "ad"), "no such command 'ad'"),
        (("search", "x", "--limt", "3"), "no such option '--limt'"),
        (("search",), "missing argument 'QUERY' (see 'vfm-atlas search --help')"),
        (("show",), "missing argument 'KEY'"),
        (("show", "a", "b"), "got unexpected extra argument (b) (see 'vfm-atlas show --help')"),
        (("search", "x", "--limit", "many"), "invalid value for '--limit': 'many' is not a valid integer"),
        (("search", "x", "--pillar"), "option '--pillar' requires an argument"),
        (
            ("neighbours", "clip", "--depth", "6"),
            "invalid value for '--depth': 6 is not in the range 1<=x<=5",
        ),
        (("explore", "--port", "0"), "invalid value for '--port': 0 is not in the range 1<=x<=65535"),
        (("explore", "--port", "65536"), "invalid value for '--port': 65536 is not in the range"),
        (("stats", "--library", ""), "invalid value for '--library': it is empty"),
        (("search", ""), "the query is empty: write what the paper is about, or its name"),
        (("search", " \t "), "the query is empty"),
        (("search", "x", "--limit", "0"), "cannot show 0 results: 1 or more are allowed"),
        (("similar", "clip", "--limit", "-1"), "cannot show -1 results: 1 or more are allowed"),
        (("search", "x", "--mode", "fuzzy"), "no search mode 'fuzzy': hybrid, lexical, dense are allowed"),
        (("search", "x", "--year", "2023:2020"), "the years '2023:2020' run backwards: write 2020:2023"),
        (("search", "x", "--year", "lately"), "cannot read the years 'lately': A:B, A:, :B or one year is"),
        (("export", "csv", "out.zip", "--year", ":"), "cannot read the years ':'"),
        (("search", "x", "--pillar", "bridges"), "no pillar 'bridges'; allowed: things.models, things."),
        (("search", "x", "--taxonomy", "things.model"), "no taxonomy node 'things.model'; nearest: things.m"),
        (("taxonomy", "nowhere"), "no taxonomy node 'nowhere'; 'vfm-atlas taxonomy' lists all"),
        (("show", "clipp"), "no paper 'clipp'; nearest: clip; 'vfm-atlas search' finds papers by topic"),
        (("neighbours", "clipp"), "no paper 'clipp'; nearest: clip"),
        (("similar", "clipp"), "no paper 'clipp'; nearest: clip"),
        (("checkpoints", "--paper", "clipp"), "no paper 'clipp'; nearest: clip"),
        (("note", "clipp", "text"), "no paper 'clipp'; nearest: clip"),
        (("collection", "add", "mine", "clip", "clipp"), "no paper 'clipp'; nearest: clip"),
        (("show", "2999.99999"), "no paper '2999.99999'; 'vfm-atlas search' finds papers by topic"),
        (("show", ""), "no paper ''"),
        (("neighbours", "clip", "--relation", "likes"), "no relation 'likes'; allowed: cites, builds_on"),
        (("checkpoints", "--task", "zero-shoot"), "no task 'zero-shoot'; allowed: text-to-image, zero-shot"),
        (("export", "graphmi", "x.graphml"), "no format 'graphmi'; allowed: graphml, "),
        (("collection", "show", "mine"), "no collection 'mine'; 'vfm-atlas collection list' lists all"),
        (("collection", "remove", "mine"), "no collection 'mine'"),
        (("collection", "add", " ", "clip"), "the collection needs a name"),
        (("note", "clip", " \n"), "the note is empty: write what you want to remember"),
    ],
    ids=lambda value: name(value) if isinstance(value, tuple) else "",
)
def test_a_request_that_cannot_be_met_is_a_usage_error_of_one_line(small, arguments, message):
    before = dump(small)
    assert fail(*arguments, code=2).startswith(message)
    assert dump(small) == before


def test_an_unknown_collection_names_those_that_are_spelled_like_it(small):
    succeed("collection", "add", "to-read", "clip")
    assert fail("collection", "show", "to-raed", code=2).startswith(
        "no collection 'to-raed'; nearest: to-read;"
    )


def test_a_name_of_several_papers_lists_their_keys(small):
    with closing(sqlite3.connect(small)) as connection, connection:
        connection.execute("UPDATE paper SET title = 'One Title' WHERE key IN ('cfg', 'ldm')")
    assert fail("show", "One title", code=2) == (
        "no single paper 'One title'; allowed: cfg, ldm; use one of these keys"
    )


NOT_UTF8 = "caf\udce9"  # how Python hands over the byte 0xE9


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", NOT_UTF8),
        ("show", NOT_UTF8),
        ("note", "clip", NOT_UTF8),
        ("note", NOT_UTF8, "text"),
        ("collection", "add", NOT_UTF8, "clip"),
        ("collection", "show", NOT_UTF8),
        ("taxonomy", NOT_UTF8),
        ("search", "x", "--pillar", NOT_UTF8),
        ("checkpoints", "--task", NOT_UTF8),
        ("neighbours", "clip", "--relation", NOT_UTF8),
        ("export", NOT_UTF8, "x.bib"),
    ],
    ids=lambda arguments: ascii(name(arguments)),
)
def test_an_argument_that_is_not_utf8_is_one_line(small, arguments):
    before = dump(small)
    fail(*arguments, code=2)
    assert dump(small) == before


# --- the library -------------------------------------------------------------------------------------------


@pytest.fixture(params=READERS + WRITERS, ids=name)
def command(request):
    return request.param


def test_a_missing_library_says_how_to_make_one(tmp_path, monkeypatch, command):
    monkeypatch.setenv("VFM_ATLAS_LIBRARY", str(tmp_path / "library.sqlite"))
    assert fail(*command, code=1) == (
        f"no library at {tmp_path / 'library.sqlite'}: make one with 'vfm-atlas build'"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_default_library_is_named_when_it_is_missing():
    assert fail("stats", code=1).startswith(f"no library at {Path.home()}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path, monkeypatch, command):
    path = tmp_path / "garbage.sqlite"
    path.write_bytes(b"these are not the bytes of a database\n" * 300)
    before = path.read_bytes()
    for arguments in (command, ("build",)):
        message = fail(*arguments, "--library", path, code=1)
        assert message == (
            f"{path} cannot be read as a library (file is not a database): move it aside, "
            "then run 'vfm-atlas build'"
        )
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["garbage.sqlite"]


def test_a_library_with_broken_pages_is_left_alone(built_path, tmp_path):
    path = Path(shutil.copy(built_path, tmp_path / "broken.sqlite"))
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 4096):  # every page but the first
        content[at : at + 512] = b"\xa5" * 512
    path.write_bytes(content)
    for command in (*READERS, ("build",), ("note", "sam", "text")):
        message = fail(*command, "--library", path, code=1)
        assert str(path) in message
        assert "malformed" in message
        assert "move it aside, then run 'vfm-atlas build'" in message
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(tmp_path, command):
    path = tmp_path / "bookmarks.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE paper (title)")
        connection.execute("INSERT INTO paper VALUES ('precious')")
    before = path.read_bytes()
    for arguments in (command, ("build",)):
        assert fail(*arguments, "--library", path, code=1) == (
            f"{path} is a database but not a VFM Atlas library: name another file with --library"
        )
    assert path.read_bytes() == before


def set_schema(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_a_library_of_a_newer_release_is_left_alone(small, command):
    set_schema(small, "9999")
    before = dump(small)
    for arguments in (command, ("build",)):
        message = fail(*arguments, code=1)
        assert message.startswith(f"the library at {small} has schema 9999, this release reads up to ")
        assert message.endswith("upgrade vfm-atlas, or name another file with --library")
    assert dump(small) == before


def test_a_library_of_an_older_release_says_that_build_updates_it(small, command):
    set_schema(small, "0000")
    assert fail(*command, code=1).endswith("'vfm-atlas build' brings it up to date and keeps your notes")


@pytest.mark.parametrize("half_made", [False, True])
def test_a_library_that_no_build_has_filled_says_so(tmp_path, command, half_made):
    path = tmp_path / "library.sqlite"
    if half_made:  # as an interrupted first build leaves it
        Library.create(path).close()
    else:
        path.touch()
    message = fail(*command, "--library", path, code=1)
    assert message == f"the library at {path} is empty: fill it with 'vfm-atlas build'"


def test_a_folder_is_not_taken_for_a_library(tmp_path, command):
    for arguments in (command, ("build",)):
        message = fail(*arguments, "--library", tmp_path, code=1)
        assert message.startswith(f"{tmp_path} is a folder, the library is a file: ")
        assert "--library" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@server/db",
        "mysql://me:secret@server:port/db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_is_no_library_is_refused_without_telling_its_password(url):
    message = fail("stats", "--library", url, code=1)
    assert "sqlite:///PATH is allowed" in message
    assert "secret" not in message


@pytest.mark.skipif(sys.platform == "win32", reason="no such places on Windows")
@pytest.mark.parametrize("place", ["/dev/null/library.sqlite", "/proc/library.sqlite", "/proc/a/b.sqlite"])
def test_a_library_is_not_built_where_nothing_can_be_written(place):
    if place.startswith("/proc") and not Path("/proc").is_dir():
        pytest.skip("no /proc on this machine")
    message = fail("build", "--library", place, code=1)
    assert place in message
    assert message.endswith("choose another place with --library or VFM_ATLAS_LIBRARY")


def test_a_library_that_another_program_is_writing_can_be_read_but_not_changed(small, monkeypatch):
    monkeypatch.setattr(graph.library, "_BUSY_SECONDS", 0.05)
    before = dump(small)
    with closing(sqlite3.connect(small, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for arguments in (("note", "clip", "text"), ("collection", "add", "mine", "clip"), ("build",)):
            message = fail(*arguments, code=1)
            assert message == f"another program is writing {small}: try again when it has finished"
        assert succeed("show", "clip").out
        other.execute("ROLLBACK")
    assert dump(small) == before
    succeed("note", "clip", "text")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
def test_an_interrupted_build_leaves_the_library_as_it_was(own_path):
    succeed("note", "sam", "mine", "--library", own_path)
    before = dump(own_path)
    command = [PROGRAM, "build", "--reembed", "--library", str(own_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "build: 571 papers\n"
        assert process.stderr.readline() == "build: vectors\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "vfm-atlas: interrupted"
    assert dump(own_path) == before


# --- the embedding model -----------------------------------------------------------------------------------


@pytest.fixture
def damaged_wheel(tmp_path, monkeypatch):
    """Put a copy of the installed model in its place, with one bit of one file turned."""
    original = graph.encoder._wheel_folder()

    def damage(file: str) -> Path:
        folder = tmp_path / "model"
        shutil.copytree(
            original, folder, copy_function=lambda source, target: Path(target).symlink_to(source)
        )
        content = bytearray((original / file).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / file).unlink()
        (folder / file).write_bytes(content)
        monkeypatch.setattr(graph.encoder, "_wheel_folder", lambda: folder)
        return folder / file

    return damage


@pytest.mark.parametrize("file", [WEIGHTS, "tokenizer.json"])
def test_a_model_file_that_is_not_the_expected_one_is_never_loaded(own_path, damaged_wheel, file):
    path = damaged_wheel(file)
    before = dump(own_path)
    for command in (("search", "click to segment"), ("build", "--model", graph.encoder.DEFAULT_MODEL)):
        ended = run(*command, "--library", own_path)
        assert (ended.code, ended.out) == (1, "")
        *progress, message = ended.err.splitlines()
        assert all(line.startswith("build: ") for line in progress)
        assert message.startswith(f"vfm-atlas: {path} is not the expected file (SHA-256 ")
        assert "pip install --force-reinstall" in message
        assert "--mode lexical" in message
    assert dump(own_path) == before
    assert succeed("search", "click to segment", "--mode", "lexical", "--library", own_path).out


@pytest.mark.parametrize(
    ("settings", "why"),
    [({}, "the hub cannot be reached"), ({"VFM_ATLAS_OFFLINE": "1"}, "VFM_ATLAS_OFFLINE is set")],
    ids=["unreachable", "offline"],
)
def test_a_model_that_is_not_here_and_cannot_be_fetched_is_one_line(own_path, settings, why):
    with closing(sqlite3.connect(own_path)) as connection, connection:
        connection.execute("UPDATE embedding_model SET name = 'nobody/no-such-model'")
    started = time.monotonic()
    message = message_of(start("search", "click to segment", "--library", own_path, **settings), 1)
    assert time.monotonic() - started < 30
    assert message.startswith("the embedding model 'nobody/no-such-model' is not on this machine and " + why)
    assert "--mode lexical" in message
    assert succeed("search", "click to segment", "--mode", "lexical", "--library", own_path).out


# --- exports -----------------------------------------------------------------------------------------------


def test_an_export_that_cannot_be_written_is_one_line(small, tmp_path):
    assert "--force" in fail("export", "bibtex", small, code=1)
    assert "make it first" in fail("export", "bibtex", tmp_path / "no" / "folder.bib", code=1)
    assert "is a folder" in fail("export", "bibtex", tmp_path, code=1)
    assert succeed("stats").out


# --- the program itself ------------------------------------------------------------------------------------


def test_debug_shows_the_traceback_of_a_failure(tmp_path):
    missing = tmp_path / "none.sqlite"
    ended = start("stats", "--debug", "--library", missing)
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("Traceback (most recent call last):\n")
    assert ended.err.splitlines()[-1].startswith("graph.errors.LibraryMissing: no library at ")
    with pytest.raises(LibraryMissing):
        run("--debug", "stats", "--library", missing)
    with pytest.raises(click.UsageError):
        run("--debug", "search", "--limt")


def test_a_fault_of_the_program_is_one_line_too(small):
    with closing(sqlite3.connect(small)) as connection, connection:
        connection.execute("INSERT INTO note (paper_id, text, created_at) VALUES (1, 'x', 'yesterday')")
    message = fail("show", "survey", code=1)
    assert message.startswith("a fault of vfm-atlas (ValueError: ")
    assert message.endswith("--debug shows more, please report it")


@pytest.fixture
def buffered(monkeypatch):
    """What is still buffered is written when Python ends, which must not fail a second time."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("arguments", ["show sam", "show sam --json", "--help"])
def test_a_reader_that_goes_away_is_no_error(built_path, buffered, arguments):
    line = f"'{PROGRAM}' {arguments} --library '{built_path}' | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    assert done.returncode == 0 or arguments == "--help"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
@pytest.mark.parametrize("arguments", [("stats",), ("stats", "--json")])
def test_output_that_cannot_be_written_is_one_line(built_path, buffered, arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, *arguments, "--library", built_path],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "vfm-atlas: cannot write the output (No space left on device)\n"


@pytest.mark.parametrize("settings", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONUTF8": "0"}])
def test_titles_are_printed_whatever_the_terminal_can_spell(own_path, settings):
    with closing(sqlite3.connect(own_path)) as connection, connection:
        connection.execute("UPDATE paper SET title = 'Größe · Σημασία 视觉' WHERE key = 'sam'")
    ended = start("show", "sam", "--library", own_path, **settings)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Gr")
