"""Keys, the token and the e-mail address reach the services and nobody else, not even a log at DEBUG."""

import base64
import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from command_line import Ended, run
from helpers import dump, write_small_library
from ingest_helpers import SURVEY, cited, serving, with_arxiv_ids, without_waits
from services.server import Asked, Reply, Service
from services.universe import Universe
from services.words import TEST_TEXT
from services.world import World

from ingest.pipeline import progress_path

SECRETS = {
    "S2_API_KEY": "s2-secret/4711+abcdef=",
    "OPENALEX_API_KEY": "openalex-secret-0815",
    "HF_TOKEN": "hf_secretsecretsecret",
    "VFM_ATLAS_CONTACT": "ada.lovelace@secret.example",
}
FORMS = sorted(
    {form for value in SECRETS.values() for form in (value, quote(value, safe=""), quote(value))}
    | {base64.b64encode(value.encode()).decode() for value in SECRETS.values()}
)


def everything_sent(asked: Asked) -> str:
    """What a service may repeat, the secrets first: long errors are cut."""
    names = sorted(asked.headers, key=lambda name: name not in ("x-api-key", "authorization", "user-agent"))
    key = asked.one("api_key")
    return " ".join([key, quote(key, safe=""), *(asked.headers[name] for name in names), asked.target])


def echoing(service: Service, *, always: bool) -> None:
    """Have a service repeat what it was sent: in an error at first (or always), then within its answers."""
    right = service.answer
    met: set[str] = set()

    def answer(asked: Asked) -> Reply:
        echo = everything_sent(asked)
        if always or asked.identity not in met:
            met.add(asked.identity)
            body = json.dumps({"message": echo, "error": echo}).encode()
            return Reply(body, 503, headers={"X-Error-Message": echo, "X-Echo": echo})
        reply = right(asked)
        told = escape(echo) if "xml" in reply.content_type else json.dumps(echo)[1:-1]
        body = reply.body.replace(TEST_TEXT.encode(), told.encode())
        return replace(reply, body=body, headers={**reply.headers, "X-Request-Id": echo})

    service.answer = answer


@pytest.fixture
def universe(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Universe]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    without_waits(monkeypatch)
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    world = World.from_catalogue(references=12)
    for work in with_arxiv_ids(cited(world))[:4]:
        world.say("semanticscholar", work.key, abstract=None)
    for number, work in enumerate(cited(world)[4:8]):
        world.change(work.key, doi=f"10.5555/secret.{number}")
    with serving(world, monkeypatch) as served:
        yield served


def ingest(path: Path) -> Ended:
    return run("--library", path, "--debug", "ingest", "survey", SURVEY, "--thorough")


def files_of(folder: Path) -> bytes:
    """Every file below a folder, and the answers that are stored compressed in one of them."""
    parts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for path in folder.rglob("answers.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            for row in connection.execute("SELECT * FROM answers"):
                parts += [
                    zlib.decompress(cell) if isinstance(cell, bytes) else str(cell).encode() for cell in row
                ]
    return b"\n".join(parts)


def contents_of(library: Path) -> bytes:
    """Every value of a library, as text, snapshots unpacked."""
    with closing(sqlite3.connect(library)) as connection:
        contents = [
            zlib.decompress(blob) for (blob,) in connection.execute("SELECT content FROM snapshot") if blob
        ]
    return repr(dump(library)).encode() + b"".join(contents)


def assert_silent(**places: bytes | str) -> None:
    for place, said in places.items():
        text = said if isinstance(said, str) else said.decode("utf-8", "replace")
        found = [form for form in FORMS if form in text]
        assert found == [], f"{place} tells {found}"


@pytest.mark.parametrize("always", [False, True], ids=["at first", "always"])
def test_no_secret_is_seen_outside_the_wire(universe, tmp_path, monkeypatch, caplog, always):
    cache = tmp_path / "cache"
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(cache))
    path = write_small_library(tmp_path / "library.sqlite")
    for service in universe.services:
        echoing(service, always=always)
    ended = ingest(path) if not always else run("--library", path, "ingest", "survey", SURVEY)
    assert ended.code == int(always), ended.err
    sent = "".join(everything_sent(asked) for service in universe.services for asked in service.log)
    expected = SECRETS.values() if not always else [SECRETS["S2_API_KEY"], SECRETS["VFM_ATLAS_CONTACT"]]
    assert all(value in sent for value in expected), "the services got them"
    assert caplog.text.count("http") > 20, "the logs were listened to"
    assert_silent(
        stdout=ended.out,
        stderr=ended.err,
        logs=caplog.text + repr([record.__dict__ for record in caplog.records]),
        cache=files_of(cache),
        progress=progress_path(path).read_bytes(),
        library=contents_of(path),
        files=files_of(tmp_path),
    )


def test_these_places_would_tell_if_nothing_were_hidden(universe, tmp_path, monkeypatch, caplog):
    """The test above looks where a secret would be."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(cache))
    monkeypatch.setattr("ingest.transport.redact.Redaction.text", lambda _self, text: text)
    monkeypatch.setattr("ingest.transport.redact.Redaction.data", lambda _self, body: body)
    path = write_small_library(tmp_path / "library.sqlite")
    for service in universe.services:
        echoing(service, always=False)
    ended = ingest(path)
    assert ended.code == 0
    for said in (caplog.text, ended.err, str(files_of(cache)), str(contents_of(path))):
        with pytest.raises(AssertionError, match="place tells"):
            assert_silent(place=said)


def test_a_refused_key_is_not_repeated(universe, tmp_path, caplog):
    universe.semantic_scholar.keys = frozenset({"another"})
    path = write_small_library(tmp_path / "library.sqlite")
    ended = run("--library", path, "ingest", "survey", SURVEY)
    assert ended.code == 1
    assert "S2_API_KEY" in ended.err
    assert_silent(stderr=ended.err, logs=caplog.text, files=files_of(tmp_path))
