"""The services' own clients work on the transport, and their weak spots are gone."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import arxiv
import huggingface_hub
import pytest
from http_server import Reply, fine, page
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.utils import _detect_agent, get_session
from huggingface_hub.utils import _http as hub_http
from semanticscholar.SemanticScholarException import BadQueryParametersException, ObjectNotFoundException

from ingest.errors import Offline, ServiceDown, ServiceRefused
from ingest.transport.adapters import arxiv_client, attempt, hub_api, semantic_scholar_client

ROOT = Path(__file__).parent.parent
ENTRY = """
<entry><id>http://arxiv.org/abs/{id}v1</id><title>Paper {id}</title><summary>About it.</summary>
<published>2023-12-15T00:00:00Z</published><updated>2023-12-15T00:00:00Z</updated>
<author><name>Ada Small</name></author></entry>"""


def feed(*ids, status=200):
    entries = "".join(ENTRY.format(id=each) for each in ids)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"<opensearch:totalResults>{len(ids)}</opensearch:totalResults>{entries}</feed>"
    )
    return Reply(status, body.encode(), {"Content-Type": "application/atom+xml; charset=UTF-8"})


def titles(client, *ids):
    return [result.title for result in client.results(arxiv.Search(id_list=list(ids)))]


# -- arXiv -----------------------------------------------------------------------------------------


@pytest.fixture
def ask_arxiv(talk):
    def make(*script, **changes):
        asker = talk(*script, name="arxiv", label="arXiv", **changes)
        return asker, arxiv_client(asker.transport)

    return make


def test_arxiv_gives_its_results_through_the_transport_and_the_store(ask_arxiv):
    asker, client = ask_arxiv(feed("2312.10163", "2304.02643"))
    for _ in range(2):
        assert titles(client, "2312.10163", "2304.02643") == ["Paper 2312.10163", "Paper 2304.02643"]
    assert len(asker.server.seen) == 1
    assert asker.server.seen[0].target.startswith("/api/query?search_query=&id_list=2312.10163%2C2304.02643")
    assert "max_results=500" in asker.server.seen[0].target


def test_arxiv_pages_are_as_large_as_one_wishes(ask_arxiv):
    asker, _ = ask_arxiv(feed("1"), feed("2"))
    client = arxiv_client(asker.transport, page_size=2000)
    titles(client, "1")
    assert "max_results=2000" in asker.server.seen[0].target


@pytest.mark.parametrize("fault", [page(502), page(503), page(200), fine(None, 429), Reply(cut=-1)])
def test_arxiv_survives_a_fault_without_a_sleep_of_its_own(fault, ask_arxiv):
    asker, client = ask_arxiv(fault, feed("1"))
    assert titles(client, "1") == ["Paper 1"]
    assert asker.clock.waited == pytest.approx(1)


def test_arxiv_that_stays_away_is_down_after_our_attempts_only(ask_arxiv):
    asker, client = ask_arxiv(otherwise=page(503), attempts=3)
    with pytest.raises(ServiceDown, match="arXiv: answers 503"):
        titles(client, "1")
    assert len(asker.server.seen) == 3


def test_arxiv_that_finds_a_request_wrong_is_not_asked_again(ask_arxiv):
    asker, client = ask_arxiv(otherwise=feed("errors", status=400))
    with pytest.raises(arxiv.HTTPError) as caught:
        titles(client, "abc")
    assert caught.value.status == 400
    assert len(asker.server.seen) == 1


def test_an_attempt_is_marked_through_the_client(ask_arxiv):
    asker, client = ask_arxiv(feed("1"), feed("1", "2"))
    assert len(titles(client, "1", "2")) == 1
    with attempt(2):
        assert len(titles(client, "1", "2")) == 2
        with attempt(1):
            assert len(titles(client, "1", "2")) == 1
        assert len(titles(client, "1", "2")) == 2
    assert len(titles(client, "1", "2")) == 1
    assert len(asker.server.seen) == 2


# -- Semantic Scholar ------------------------------------------------------------------------------


@pytest.fixture
def ask_s2(talk):
    def make(*script, **changes):
        asker = talk(*script, **changes)
        return asker, semantic_scholar_client(asker.transport)

    return make


def test_semantic_scholar_gives_a_paper(ask_s2):
    asker, client = ask_s2(fine({"paperId": "a" * 40, "title": "Segment Anything"}))
    for _ in range(2):
        assert client.get_paper("ARXIV:2304.02643", fields=["title"]).title == "Segment Anything"
    (seen,) = asker.server.seen
    assert (seen.method, seen.target) == ("GET", "/graph/v1/paper/ARXIV:2304.02643?fields=title")


def test_semantic_scholar_gives_a_batch(ask_s2):
    asker, client = ask_s2(fine([{"paperId": "a" * 40, "externalIds": {"ArXiv": "1"}, "title": "One"}, None]))
    papers, missing = client.get_papers(["ARXIV:1", "ARXIV:2"], fields=["title"], return_not_found=True)
    assert [paper.title for paper in papers] == ["One"]
    assert missing == ["ARXIV:2"]
    (seen,) = asker.server.seen
    assert (seen.method, json.loads(seen.body)) == ("POST", {"ids": ["ARXIV:1", "ARXIV:2"]})
    assert seen.headers["content-type"] == "application/json"


def test_semantic_scholar_pages_through_references(ask_s2):
    def reference(title):
        return {"citedPaper": {"paperId": None, "title": title}, "contexts": []}

    asker, client = ask_s2(
        fine({"offset": 0, "next": 1, "data": [reference("One")]}),
        fine({"offset": 1, "data": [reference("Two")]}),
    )
    found = client.get_paper_references("a" * 40, fields=["title"], limit=1)
    assert [item.paper.title for item in found] == ["One", "Two"]
    assert len(asker.server.seen) == 2
    assert asker.server.connections == 1


@pytest.mark.parametrize(
    "fault", [page(502), page(503), fine({"message": "x"}, 500), fine({"message": "x"}, 504), fine(None, 429)]
)
def test_semantic_scholar_never_makes_an_empty_paper_of_a_fault(fault, ask_s2):
    _, client = ask_s2(fault, fine({"paperId": "a" * 40, "title": "True"}))
    assert client.get_paper("1", fields=["title"]).title == "True"
    _, client = ask_s2(otherwise=fault, attempts=2, within="again")
    with pytest.raises(ServiceDown, match=r"Semantic Scholar: answers (5..|429) "):
        client.get_paper("1")


def test_semantic_scholar_keeps_its_own_errors_for_a_wrong_question(ask_s2):
    _, client = ask_s2(
        fine({"error": "Unrecognized or unsupported fields: [unknown]"}, 400),
        fine({"error": "Paper with id 0 not found"}, 404),
        fine({"error": "Paper not found"}),
        page(404),
    )
    with pytest.raises(BadQueryParametersException, match="Unrecognized or unsupported fields"):
        client.get_paper("0", fields=["unknown"])
    with pytest.raises(ObjectNotFoundException, match="Paper with id 0 not found"):
        client.get_paper("0")
    with pytest.raises(ObjectNotFoundException, match="Paper not found"):
        client.get_paper("1")
    with pytest.raises(ObjectNotFoundException, match="it does not say why"):
        client.get_paper("2")


@pytest.mark.parametrize("status", [402, 405, 413, 414])
def test_semantic_scholar_makes_no_empty_paper_of_an_unusual_no(status, ask_s2):
    _, client = ask_s2(fine({"message": "no"}, status))
    with pytest.raises(ServiceRefused, match=f"Semantic Scholar: refuses the request \\({status}: no\\)"):
        client.get_paper("1")


def test_semantic_scholar_refuses_a_key_with_advice(ask_s2):
    _, client = ask_s2(
        fine({"message": "Forbidden"}, 403), key_setting="S2_API_KEY", headers={"x-api-key": "k" * 9}
    )
    with pytest.raises(ServiceRefused, match="check the key in S2_API_KEY"):
        client.get_paper("1")


def test_making_a_client_leaves_the_logging_of_the_program_alone():
    code = (
        "import logging\n"
        "from pathlib import Path; from tempfile import mkdtemp\n"
        "from ingest.transport.adapters import semantic_scholar_client\n"
        "from ingest.transport.transport import open_transport\n"
        "semantic_scholar_client(open_transport(cache=Path(mkdtemp())))\n"
        "assert logging.getLogger().handlers == [], logging.getLogger().handlers\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# -- The hub ---------------------------------------------------------------------------------------


@pytest.fixture
def ask_hub(talk, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)

    def make(*script, **changes):
        return talk(*script, name="huggingface", label="Hugging Face", **changes)

    return make


MODEL = {"id": "facebook/sam-vit-base", "modelId": "facebook/sam-vit-base", "tags": ["arxiv:2304.02643"]}


def test_the_hub_gives_models_page_by_page(ask_hub):
    asker = ask_hub()
    asker.server.script.extend(
        [fine([MODEL], Link=f'<{asker.server.url}/api/models?cursor=2>; rel="next"'), fine([MODEL, MODEL])]
    )
    for _ in range(2):
        with hub_api(asker.transport) as api:
            found = list(api.list_models(filter="arxiv:2304.02643", expand=["downloads", "gated"]))
        assert [model.id for model in found] == ["facebook/sam-vit-base"] * 3
    first, second = asker.server.seen
    assert first.target.startswith("/api/models?filter=arxiv%3A2304.02643")
    assert first.target.count("expand=") == 2
    assert second.target == "/api/models?cursor=2"


def test_the_hub_is_asked_nothing_but_our_question(ask_hub, monkeypatch, tmp_path):
    asker = ask_hub(otherwise=fine(MODEL))
    monkeypatch.setattr(constants, "ENDPOINT", asker.server.url)
    monkeypatch.setattr(_detect_agent, "_registry", None)
    with hub_api(asker.transport) as api:
        api.model_info("facebook/sam-vit-base")
    assert [seen.target for seen in asker.server.seen] == ["/api/models/facebook/sam-vit-base"]
    assert constants.HF_HUB_DISABLE_TELEMETRY is False


def test_a_renamed_model_is_found_under_its_new_name(ask_hub):
    asker = ask_hub(Reply(307, b"", {"Location": "/api/models/facebook/sam-vit-base"}), fine(MODEL))
    with hub_api(asker.transport) as api:
        assert api.model_info("old/name").id == "facebook/sam-vit-base"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "RepoNotFound", RepositoryNotFoundError),
        (401, "RepoNotFound", RepositoryNotFoundError),
        (403, "GatedRepo", GatedRepoError),
    ],
)
def test_a_model_that_is_gone_or_gated_is_known_by_the_hubs_own_error(status, code, error, ask_hub):
    asker = ask_hub(fine({"error": "no"}, status, X_Error_Code=code))
    with hub_api(asker.transport) as api:
        for _ in range(2):
            with pytest.raises(error):
                api.model_info("gone/model")
    assert len(asker.server.seen) == 1


@pytest.mark.parametrize("fault", [page(502), page(503), fine(None, 429), Reply(cut=-1), Reply(body=b"[")])
def test_the_hub_survives_a_fault_without_a_sleep_of_its_own(fault, ask_hub):
    asker = ask_hub(fault, fine([MODEL]))
    with hub_api(asker.transport) as api:
        assert len(list(api.list_models(filter="arxiv:1"))) == 1
    assert asker.clock.waited == pytest.approx(1)


def test_a_hub_that_stays_away_is_down_after_our_attempts_only(ask_hub, caplog):
    asker = ask_hub(otherwise=page(503), attempts=2)
    with hub_api(asker.transport) as api, pytest.raises(ServiceDown, match="Hugging Face: answers 503"):
        list(api.list_models(filter="arxiv:1"))
    assert len(asker.server.seen) == 2
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_hub_is_offline_when_we_are(ask_hub):
    asker = ask_hub(offline=True)
    with hub_api(asker.transport) as api, pytest.raises(Offline):
        api.model_info("some/model")
    assert asker.server.seen == []


def test_nothing_is_written_to_the_hub(ask_hub):
    asker = ask_hub()
    with (
        hub_api(asker.transport) as api,
        pytest.raises(ServiceRefused, match="nothing is written to the hub"),
    ):
        api.create_repo("me/model", token="hf_something")
    assert asker.server.seen == []


def test_the_hub_is_as_it_was_afterwards_also_after_an_error(ask_hub):
    asker = ask_hub()
    before, telemetry = hub_http._GLOBAL_CLIENT_FACTORY, constants.HF_HUB_DISABLE_TELEMETRY
    with pytest.raises(ZeroDivisionError), hub_api(asker.transport):
        raise ZeroDivisionError
    assert hub_http._GLOBAL_CLIENT_FACTORY is before
    assert constants.HF_HUB_DISABLE_TELEMETRY is telemetry
    session = get_session()
    assert "_HubTransport" not in type(session._transport).__name__
    huggingface_hub.close_session()


def test_a_token_of_the_machine_is_left_to_the_transport(ask_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    asker = ask_hub(fine(MODEL), headers={"Authorization": "Bearer hf_of_the_transport"})
    with hub_api(asker.transport) as api:
        api.model_info("some/model")
    assert asker.server.seen[0].headers["authorization"] == "Bearer hf_of_the_transport"
