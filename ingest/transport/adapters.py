"""The services' own clients, on the transport: they keep their formats and lose their ways to the network.

Without this `arxiv` repeats every status after a flat pause and waits without end, `semanticscholar` makes an
empty paper of a 502 and prints the key when it debugs, and `huggingface_hub` keeps no service's limit.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import arxiv
import httpx
import httpx2
import huggingface_hub
import requests
from huggingface_hub import constants as hub_constants
from huggingface_hub.utils import _http as hub_http
from requests.adapters import BaseAdapter
from semanticscholar import SemanticScholar
from semanticscholar.ApiRequester import ApiRequester
from semanticscholar.SemanticScholarException import BadQueryParametersException, ObjectNotFoundException

from ingest.errors import ServiceRefused
from ingest.transport.message import Answer, Request
from ingest.transport.transport import Transport
from ingest.transport.verdict import words_of
from ingest.transport.wire import Said

_attempt: ContextVar[int] = ContextVar("attempt", default=1)


@contextmanager
def attempt(number: int) -> Iterator[None]:
    """Mark what the clients ask inside as the n-th attempt: answers to earlier ones do not count."""
    before = _attempt.set(number)
    try:
        yield
    finally:
        _attempt.reset(before)


def arxiv_client(transport: Transport, page_size: int = 500) -> arxiv.Client:
    """A client of the package `arxiv`; one page of up to 2,000 results is one request."""
    client = arxiv.Client(page_size=page_size, delay_seconds=0, num_retries=0)
    client.query_url_format = transport.services["arxiv"].base_url + "/api/query?{}"
    session = requests.Session()
    session.adapters.clear()
    session.mount("http://", _ArxivAdapter(transport))
    session.mount("https://", _ArxivAdapter(transport))
    client._session.close()
    client._session = session
    return client


def semantic_scholar_client(transport: Transport) -> SemanticScholar:
    """A client of the package `semanticscholar`.

    It raises ObjectNotFoundException for an unknown work and BadQueryParametersException for a request that
    makes no sense, as ever; anything else that is not an answer is a ServiceError.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    client = SemanticScholar(
        api_url=transport.services["semanticscholar"].base_url, api_key=None, retry=False
    )
    # Its constructor sets up logging for the whole program.
    root.handlers[:] = handlers
    root.setLevel(level)
    client._AsyncSemanticScholar._requester = _Requester(transport)
    return client


@contextmanager
def hub_api(transport: Transport) -> Iterator[huggingface_hub.HfApi]:
    """An HfApi for what the hub answers in JSON.

    While it lasts, all of huggingface_hub in this process goes the same way, so nothing else may download.
    """
    before, telemetry = hub_http._GLOBAL_CLIENT_FACTORY, hub_constants.HF_HUB_DISABLE_TELEMETRY
    # Otherwise it asks the hub for a list of agents, to say which one it runs under.
    hub_constants.HF_HUB_DISABLE_TELEMETRY = True
    huggingface_hub.set_client_factory(
        lambda: httpx2.Client(transport=_HubTransport(transport), timeout=None)
    )
    try:
        # The token is no business of the client: the transport adds it on the wire.
        yield huggingface_hub.HfApi(endpoint=transport.services["huggingface"].base_url, token=False)
    finally:
        huggingface_hub.set_client_factory(before)
        hub_constants.HF_HUB_DISABLE_TELEMETRY = telemetry


class _ArxivAdapter(BaseAdapter):  # type: ignore[misc]
    """Sends what the session of `arxiv` sends through the transport."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        answer = self._transport.fetch(
            Request("arxiv", str(request.url), expects="xml", attempt=_attempt.get())
        )
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.url, response.request = str(request.url), request
        response._content = answer.body
        return response

    def close(self) -> None:
        """Nothing is held here."""


class _Requester(ApiRequester):  # type: ignore[misc]
    """Sends what `semanticscholar` asks through the transport, and reads answers as the original does."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(timeout=30, retry=False)
        self._transport = transport

    async def get_data_async(
        self, url: str, parameters: str, headers: Mapping[str, str], payload: Any = None
    ) -> Any:
        """The JSON of an answer; the headers, where a key would be, are left to the transport."""
        del headers
        parameters = parameters.lstrip("&")
        answer = self._transport.fetch(
            Request(
                "semanticscholar",
                str(httpx.URL(url, params=parameters) if parameters else httpx.URL(url)),
                method="POST" if payload else "GET",
                body=json.dumps(payload).encode() if payload else b"",
                attempt=_attempt.get(),
            )
        )
        return self._read(answer)

    def _read(self, answer: Answer) -> Any:
        words = words_of(Said(answer.status, answer.headers, answer.body)) or "it does not say why"
        if answer.status == 200:
            values = json.loads(answer.body)
            if isinstance(values, dict) and set(values) == {"error"}:
                raise ObjectNotFoundException(words)
            return values
        if answer.status == 404:
            raise ObjectNotFoundException(words)
        if answer.status == 400:
            raise BadQueryParametersException(words)
        label = self._transport.services["semanticscholar"].label
        raise ServiceRefused(label, f"refuses the request ({answer.status}: {words})")


class _HubTransport(httpx2.BaseTransport):
    """Sends what huggingface_hub asks through the transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "GET":
            label = self._transport.services["huggingface"].label
            raise ServiceRefused(label, f"nothing is written to the hub, and {request.method} is not sent")
        answer = self._transport.fetch(Request("huggingface", str(request.url), attempt=_attempt.get()))
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body)
