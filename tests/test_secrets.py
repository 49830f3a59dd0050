"""A key, a token or an e-mail address is on the wire and nowhere else."""

import logging
import traceback
from pathlib import Path

import arxiv
import pytest
from http_server import Asker, Reply, fine

from ingest.errors import AtlasError
from ingest.transport.adapters import arxiv_client, hub_api, semantic_scholar_client
from ingest.transport.message import Request
from ingest.transport.redact import Redaction
from ingest.transport.services import services_from_environment
from ingest.transport.store import ResponseStore
from ingest.transport.transport import Transport

KEY = "s3cr3t-key/0123456789+abcdef"
TOKEN = "hf_t0ken0123456789"
CONTACT = "ada.lovelace@example.org"
SECRETS = (KEY, "s3cr3t-key%2F0123456789%2Babcdef", TOKEN, CONTACT)


def secretive(asker: Asker, monkeypatch: pytest.MonkeyPatch, **options) -> Transport:
    """A transport of the environment with every secret set, all services being the asker's server."""
    for name in (
        "VFM_ATLAS_ARXIV_URL",
        "VFM_ATLAS_S2_URL",
        "VFM_ATLAS_OPENALEX_URL",
        "VFM_ATLAS_CROSSREF_URL",
        "HF_ENDPOINT",
    ):
        monkeypatch.setenv(name, asker.server.url)
    monkeypatch.setenv("S2_API_KEY", KEY)
    monkeypatch.setenv("OPENALEX_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("VFM_ATLAS_CONTACT", CONTACT)
    return Transport(
        services_from_environment(),
        ResponseStore(asker.folder / "secretive.sqlite"),
        gates=asker.folder / "secretive",
        clock=asker.clock,
        listen=asker.events.append,
        **options,
    )


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def echo(seen):
    """An answer that repeats everything it was sent, in its headers and in its body."""
    value = " ".join([seen.target, *seen.headers.values()])
    return fine(
        {"title": value, "error": value, "message": value, "you": dict(seen.headers)}, 200, X_Echo=value
    )


def complaint(seen):
    value = " ".join([seen.target, *seen.headers.values()])
    return fine({"error": value, "message": value}, 503, X_Echo=value, X_Error_Message=value)


def ask_all(transport: Transport, url: str) -> list[BaseException]:
    """Every service once, in plain requests and through its client; the errors that came of it."""
    errors = []

    def hub() -> None:
        with hub_api(transport) as api:
            api.model_info("some/model")

    asking = [
        *(
            lambda name=name: transport.fetch(Request(name, f"{url}/x?a=1&b={name}"))
            for name in transport.services
        ),
        lambda: semantic_scholar_client(transport).get_paper("1", fields=["title"]),
        lambda: list(arxiv_client(transport).results(arxiv.Search(id_list=["1"]))),
        hub,
    ]
    for each in asking:
        try:
            each()
        except Exception as error:
            errors.append(error)
    return errors


def test_secrets_are_sent(talk, monkeypatch):
    asker = talk()
    transport = secretive(asker, monkeypatch)
    for name in transport.services:
        transport.fetch(Request(name, f"{asker.server.url}/{name}?a=1"))
    transport.close()
    by_service = {seen.target.split("?")[0][1:]: seen for seen in asker.server.seen}
    assert by_service["semanticscholar"].headers["x-api-key"] == KEY
    assert by_service["openalex"].target == "/openalex?a=1&api_key=s3cr3t-key%2F0123456789%2Babcdef"
    assert by_service["huggingface"].headers["authorization"] == f"Bearer {TOKEN}"
    for seen in asker.server.seen:
        assert seen.headers["user-agent"].endswith(f"; mailto:{CONTACT})")
    # ... each to its own service only.
    assert "x-api-key" not in by_service["crossref"].headers
    assert "api_key" not in by_service["crossref"].target
    assert "authorization" not in by_service["arxiv"].headers


@pytest.mark.parametrize("answer", [echo, complaint], ids=["a good answer", "a fault"])
def test_secrets_are_not_seen_even_where_a_service_repeats_them(answer, talk, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    asker = talk(otherwise=answer)
    transport = secretive(asker, monkeypatch)
    errors = ask_all(transport, asker.server.url)
    transport.close()
    assert len(asker.server.seen) >= 8
    assert KEY in str([seen.headers for seen in asker.server.seen])
    places = {
        "logs": caplog.text,
        "records": "".join(str(vars(record)) for record in caplog.records),
        "errors": "".join("".join(traceback.format_exception(error)) for error in errors),
        "events": str(asker.events),
        "files": everything(asker.folder).decode("latin-1"),
        "stored": stored(asker),
        "repr": repr(transport.services),
    }
    assert "httpcore" in places["records"]
    for place, text in places.items():
        for secret in SECRETS:
            assert secret not in text, f"{place}: {secret}"


def stored(asker: Asker) -> str:
    """What the compressed bodies of the store say."""
    store = ResponseStore(asker.folder / "secretive.sqlite")
    answers = []
    for name in ("crossref", "openalex", "semanticscholar", "huggingface"):
        answers.append(store.get(Request(name, f"{asker.server.url}/x?a=1&b={name}")))
    store.close()
    return "".join(f"{answer} {answer.body!r}" for answer in answers if answer)


def test_an_answer_that_repeats_a_key_is_kept_without_it(talk, monkeypatch):
    asker = talk(otherwise=echo)
    transport = secretive(asker, monkeypatch)
    answer = transport.fetch(Request("semanticscholar", asker.server.url + "/x"))
    transport.close()
    assert b"[hidden]" in answer.body
    assert KEY.encode() not in answer.body


def test_a_redirect_that_repeats_a_key_is_followed_with_the_key_once_and_seen_without_it(
    talk, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)

    def merged(seen):
        if seen.target.startswith("/works/W1"):
            return Reply(
                301, b"", {"Location": f"http://{seen.headers['host']}{seen.target.replace('W1', 'W2')}"}
            )
        return fine({"id": "W2"})

    asker = talk(otherwise=merged)
    transport = secretive(asker, monkeypatch)
    assert (
        b"W2" in transport.fetch(Request("openalex", asker.server.url + "/works/W1?select=id%2Ctitle")).body
    )
    transport.close()
    encoded = "s3cr3t-key%2F0123456789%2Babcdef"
    assert asker.server.seen[1].target == f"/works/W2?select=id%2Ctitle&api_key={encoded}"
    assert "Location" in caplog.text
    for secret in SECRETS:
        assert secret not in caplog.text
        assert secret not in str(asker.events)


def test_a_broken_answer_that_repeats_a_key_is_reported_without_it(talk, monkeypatch):
    asker = talk(otherwise=Reply(headers={f"Bad {KEY}\r\n {TOKEN}": CONTACT}))
    transport = secretive(asker, monkeypatch)
    with pytest.raises(AtlasError) as caught:
        transport.fetch(Request("crossref", asker.server.url + "/x"))
    transport.close()
    shown = "".join(traceback.format_exception(caught.value))
    assert "broke off" in shown
    for secret in SECRETS:
        assert secret not in shown


def test_the_logs_of_the_libraries_are_left_alone_afterwards(talk):
    watched = [logging.getLogger(name) for name in ("httpx", "httpcore.http11", "vfm_atlas.transport")]
    before = [len(logger.filters) for logger in watched]
    asker = talk(headers={"x-api-key": KEY})
    assert [len(logger.filters) for logger in watched] == [count + 1 for count in before]
    asker.transport.close()
    assert [len(logger.filters) for logger in watched] == before


def test_short_words_are_hidden_in_messages_but_do_not_tear_holes_into_answers():
    redaction = Redaction(["abc", "0123456789"])
    assert redaction.text("key abc and 0123456789") == "key [hidden] and [hidden]"
    assert redaction.data(b"abc 0123456789") == b"abc [hidden]"


def test_the_longer_of_two_secrets_is_hidden_as_a_whole():
    assert Redaction(["hf_token", "Bearer hf_token"]).text("Bearer hf_token!") == "[hidden]!"
