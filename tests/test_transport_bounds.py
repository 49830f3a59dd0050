"""Answers are bounded, redirects stay at home, and the settings decide whom the transport asks."""

import gzip
import os
import re
import ssl
import threading
import time
from base64 import b64decode
from pathlib import Path

import pytest
from http_server import Asker, FakeClock, Reply, ScriptedServer, fine

from ingest.errors import AnswerTooLarge, IngestError, Offline, ServiceDown, ServiceRefused
from ingest.transport.message import Request
from ingest.transport.services import Rate, services_from_environment
from ingest.transport.transport import open_transport

# -- Bounds ----------------------------------------------------------------------------------------


def test_an_answer_of_100_mb_is_refused_when_it_is_announced(talk):
    huge = Reply(headers={"Content-Type": "application/json", "Content-Length": str(100 * 1024**2)})
    asker = talk(huge)
    with pytest.raises(AnswerTooLarge, match=r"^Semantic Scholar: an answer of more than 32 MB was refused"):
        asker.ask()
    assert len(asker.server.seen) == 1


def test_an_endless_answer_is_refused_without_being_read(talk):
    asker = talk(Reply(endless=True), largest=1024**2)
    with pytest.raises(AnswerTooLarge, match="more than 1 MB"):
        asker.ask()
    # What was under way fills the buffers of two sockets, some megabytes.
    assert asker.server.sent_bytes < 20 * 1024**2
    assert len(asker.server.seen) == 1


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused(talk):
    packed = gzip.compress(b"0" * (3 * 1024**2))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    asker = talk(Reply(body=packed, headers=headers), largest=1024**2)
    with pytest.raises(AnswerTooLarge):
        asker.ask()


def test_of_an_endless_error_only_the_beginning_is_read(talk):
    asker = talk(Reply(500, endless=True), fine(1))
    assert asker.ask().body == b"1"


class HurryingClock(FakeClock):
    """A minute passes whenever somebody looks."""

    def now(self) -> float:
        self.time += 60.0
        return self.time


def test_an_answer_that_drips_is_a_fault_after_its_deadline(talk):
    asker = talk(Reply(drip=0.01), fine(1), clock=HurryingClock(), deadline=600.0)
    started = time.monotonic()
    assert asker.ask().body == b"1"
    assert time.monotonic() - started < 2
    assert "was still sending after 600 s" in " ".join(asker.told("wait"))


def test_connections_are_kept_for_the_next_request(talk):
    asker = talk()
    for number in range(5):
        asker.ask(f"/{number}")
    assert len(asker.server.seen) == 5
    assert asker.server.connections == 1


# -- Where requests go -----------------------------------------------------------------------------


def test_redirects_on_the_same_host_are_followed_and_counted(talk):
    moved = Reply(307, b"", {"Location": "/graph/v1/paper/2?b=1"})
    asker = talk(moved, fine(2))
    assert asker.ask().body == b"2"
    assert asker.ask().from_store
    assert [seen.target for seen in asker.server.seen] == ["/graph/v1/paper/1", "/graph/v1/paper/2?b=1"]
    assert asker.transport.sent == {"semanticscholar": 2}


def test_a_redirected_post_stays_what_it_was(talk):
    asker = talk(Reply(308, b"", {"Location": "/there"}), fine(1))
    asker.ask(method="POST", body=b'{"ids": []}')
    assert [(seen.method, seen.body) for seen in asker.server.seen] == [("POST", b'{"ids": []}')] * 2
    assert asker.server.seen[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:9/x", "https://elsewhere.example/x", "ftp://127.0.0.1/x", "//user:pw@elsewhere/x"],
)
def test_redirects_elsewhere_are_refused(location, talk):
    asker = talk(Reply(302, b"", {"Location": location}))
    with pytest.raises(ServiceRefused, match=r"sends the request on to .*not followed") as caught:
        asker.ask()
    assert "pw" not in str(caught.value)


def test_redirects_in_a_circle_end(talk):
    asker = talk(otherwise=Reply(302, b"", {"Location": "/again"}))
    with pytest.raises(ServiceRefused, match="sent a request on more than 5 times"):
        asker.ask()
    assert len(asker.server.seen) == 6


def test_a_link_to_another_host_gets_no_request_and_no_key(talk):
    asker, other = talk(within="one"), talk(within="other")
    with pytest.raises(ServiceRefused, match=r"127\.0\.0\.1:\d+ is not asked, only 127\.0\.0\.1:\d+"):
        asker.transport.fetch(other.request())
    assert other.server.seen == []


def test_offline_only_the_store_answers(tmp_path, monkeypatch):
    with ScriptedServer(fine(1)) as server:
        with Asker(server, tmp_path) as asker:
            asker.ask()
        monkeypatch.setenv("VFM_ATLAS_OFFLINE", "1")
        with Asker(server, tmp_path) as asker:
            assert asker.ask().body == b"1"
            with pytest.raises(
                Offline, match=r"Semantic Scholar: 127\.0\.0\.1:\d+ would have .*unset VFM_ATLAS_OFFLINE"
            ):
                asker.ask("/another")
        with Asker(server, tmp_path, offline=False) as asker:
            asker.ask("/another")
    assert len(server.seen) == 2


def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(fine("proxied")) as proxy, ScriptedServer(fine("direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        with Asker(server, tmp_path, base_url="http://s2.example") as asker:
            answer = asker.transport.fetch(Request("semanticscholar", "http://s2.example/graph?a=1"))
        with Asker(server, tmp_path) as asker:
            assert asker.ask().body == b'"direct"'
    assert answer.body == b'"proxied"'
    assert [seen.target for seen in proxy.seen] == ["http://s2.example/graph?a=1"]


def test_a_proxy_that_cannot_be_used_is_named_by_its_setting_not_its_password(talk, monkeypatch):
    monkeypatch.setenv("http_proxy", "gopher://me:password@proxy.example")
    asker = talk(base_url="http://s2.example")
    with pytest.raises(ServiceDown, match="check HTTPS_PROXY") as caught:
        asker.transport.fetch(Request("semanticscholar", "http://s2.example/"))
    assert "password" not in str(caught.value)


def test_a_certificate_that_is_not_trusted_is_not_tried_again(tmp_path, monkeypatch):
    def distrusted(*_arguments, **_options):
        raise ssl.SSLCertVerificationError("self-signed certificate in certificate chain")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", distrusted)
    with ScriptedServer() as server:
        url = server.url.replace("http:", "https:")
        with (
            Asker(server, tmp_path, base_url=url) as asker,
            pytest.raises(ServiceDown, match="SSL_CERT_FILE"),
        ):
            asker.transport.fetch(Request("semanticscholar", url))
    assert asker.transport.sent == {"semanticscholar": 1}


def test_each_step_is_told_to_whoever_listens(talk):
    asker = talk(fine(None, 429), fine([0] * 1000))
    asker.ask("/graph?token=x")
    assert [(event.kind, str(event)) for event in asker.events] == [
        ("request", "asking Semantic Scholar: GET /graph"),
        ("wait", "Semantic Scholar answers 429 Too Many Requests; trying again in 1 s"),
        ("request", "asking Semantic Scholar: GET /graph"),
        ("answer", "Semantic Scholar answered 200 (3 kB)"),
    ]


@pytest.mark.parametrize("kind", ["request", "answer"])
def test_a_listener_may_end_the_run_and_what_was_answered_is_stored(kind, talk, tmp_path):
    class Stop(Exception):
        pass

    asker = talk(one_at_a_time=True)

    def listen(event):
        if event.kind == kind:
            raise Stop

    asker.transport._listen = listen
    with pytest.raises(Stop):
        asker.ask()
    with Asker(asker.server, tmp_path, one_at_a_time=True) as again:
        assert again.ask().from_store is (kind == "answer")


# -- Settings --------------------------------------------------------------------------------------


def test_the_environment_names_addresses_keys_and_contact(monkeypatch):
    monkeypatch.setenv("S2_API_KEY", " s2-key-0123456789\n")
    monkeypatch.setenv("OPENALEX_API_KEY", "oa-key-0123456789")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    monkeypatch.setenv("VFM_ATLAS_CONTACT", "ada@example.org")
    monkeypatch.setenv("VFM_ATLAS_ARXIV_URL", "https://ada:pass%20word@proxy.example/arxiv/")
    services = services_from_environment()
    assert services["semanticscholar"].headers["x-api-key"] == "s2-key-0123456789"
    assert services["openalex"].secret_params == {"api_key": "oa-key-0123456789"}
    assert services["huggingface"].headers["Authorization"] == "Bearer hf_0123456789"
    assert services["arxiv"].base_url == "https://proxy.example/arxiv"
    login = b64decode(services["arxiv"].headers["Authorization"].removeprefix("Basic "))
    assert login == b"ada:pass word"
    for rules in services.values():
        agent = r"vfm-atlas/[\w.]+ \(\+https://arxiv\.org/abs/2312\.10163; mailto:ada@example\.org\)"
        assert re.fullmatch(agent, rules.headers["User-Agent"])
        assert "ada@example.org" in rules.secrets
    shown = repr(services)
    for secret in ("0123456789", "ada@", "ada:", "word", "Basic"):
        assert secret not in shown


def test_without_settings_the_services_themselves_are_asked_and_nobody_is_named(monkeypatch):
    for name in list(os.environ):
        if name.endswith("_URL") or name == "HF_ENDPOINT":
            monkeypatch.delenv(name)
    services = services_from_environment()
    assert {rules.base_url for rules in services.values()} == {
        "https://export.arxiv.org", "https://api.semanticscholar.org", "https://api.openalex.org",
        "https://api.crossref.org", "https://huggingface.co",
    }  # fmt: skip
    assert "mailto" not in services["arxiv"].headers["User-Agent"]
    assert not any(rules.has_key or rules.secrets for rules in services.values())
    assert services["arxiv"].rate == Rate(1, 3)
    assert services["arxiv"].one_at_a_time
    assert services["semanticscholar"].adaptive


def test_with_a_key_semantic_scholar_is_asked_once_a_second(monkeypatch):
    monkeypatch.setenv("S2_API_KEY", "0123456789")
    rules = services_from_environment()["semanticscholar"]
    assert (rules.rate, rules.adaptive, rules.key_setting) == (Rate(1, 1), False, "S2_API_KEY")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S2_API_KEY", "two\nlines"), ("HF_TOKEN", "schlüssel"), ("VFM_ATLAS_CONTACT", "a@b.c)\r\nX-Evil: 1"),
        ("VFM_ATLAS_CONTACT", "not an address"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_sent_is_named_without_its_value(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(IngestError, match=f"^{name} ") as caught:
        services_from_environment()
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["localhost:8080", "ftp://x.example", "http://", "http://x:port", "http://x/?a=1", "http://[x"]
)
def test_an_address_that_is_none_is_named(value, monkeypatch):
    monkeypatch.setenv("VFM_ATLAS_S2_URL", value)
    with pytest.raises(IngestError) as caught:
        services_from_environment()
    assert str(caught.value).startswith(f"VFM_ATLAS_S2_URL {value!r} is no address of a service")


def test_the_transport_of_the_environment_keeps_answers_and_gates_in_the_cache_folder(monkeypatch, tmp_path):
    with ScriptedServer() as server:
        monkeypatch.setenv("VFM_ATLAS_CROSSREF_URL", server.url)
        monkeypatch.setenv("VFM_ATLAS_CACHE", str(tmp_path / "cache"))
        for _ in range(2):
            with open_transport() as transport:
                transport.fetch(Request("crossref", server.url + "/works/10.1/x"))
    assert len(server.seen) == 1
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"answers.sqlite", "gates"}


def test_a_cache_folder_that_cannot_be_made_is_one_clear_line(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("VFM_ATLAS_CACHE", str(blocked))
    with pytest.raises(IngestError, match=r"cannot make the folder .*: set VFM_ATLAS_CACHE to a folder"):
        open_transport()


def test_a_home_in_the_cache_setting_is_found(monkeypatch):
    from graph.settings import default_cache

    monkeypatch.setenv("VFM_ATLAS_CACHE", "~/mine")
    assert default_cache() == Path.home() / "mine"
    monkeypatch.delenv("VFM_ATLAS_CACHE")
    assert default_cache().name == "vfm-atlas"


def test_closing_after_an_interrupt_does_not_wait_for_the_pool_of_connections_that_it_left_locked(talk):
    asker = talk(fine({"good": 1}))
    asker.ask()
    (wire,) = asker.transport._wires.values()
    with wire._client._transport._inner._pool._optional_thread_lock:
        closing = threading.Thread(target=asker.transport.close, kwargs={"interrupted": True}, daemon=True)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
    wire.close()
