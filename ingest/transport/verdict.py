"""What an exchange means: an answer, a fault that may pass, a refusal."""

import json
from http import HTTPStatus
from typing import Literal

from lxml import etree

from ingest.errors import ServiceRefused
from ingest.record import text_of
from ingest.transport.services import ServiceRules
from ingest.transport.wire import Fault, Said

_PASSING = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}
_KEPT_HEADERS = {
    "content-type",
    "etag",
    "last-modified",
    "link",
    "x-error-code",
    "x-error-message",
    "x-linked-etag",
    "x-linked-size",
    "x-repo-commit",
    "x-request-id",
    "x-total-count",
}
_LONGEST_WORDS = 160


def judge(said: Said, expects: Literal["json", "xml"], rules: ServiceRules, pause: float | None) -> None:
    """Return if this is an answer. Raises Fault (with the pause asked for) or ServiceRefused."""
    status = said.status
    if status == HTTPStatus.OK:
        if reason := _unusable(said, expects):
            raise Fault(reason)
    elif status in _PASSING:
        advice = ""
        if status == HTTPStatus.TOO_MANY_REQUESTS and rules.key_setting and not rules.has_key:
            advice = f"; a key in {rules.key_setting} gives a limit of your own"
        raise Fault(f"answers {_named(said)}{advice}", retry_after=pause)
    elif status in {401, 403} and not _is_of_a_model(said, rules):
        raise ServiceRefused(rules.label, f"refuses the request ({_named(said)}): {_advice(rules)}")
    elif not 400 <= status < 500:
        raise Fault(f"answers {_named(said)}, which says nothing", permanent=True)


def _is_of_a_model(said: Said, rules: ServiceRules) -> bool:
    """Whether the hub refuses a model that is gone or gated, rather than whoever asks.

    x-error-code tells; of a missing model it says 401 without one to those who show no token.
    """
    hidden = said.status == 401 and "username" in said.headers.get("x-error-message", "")
    return "x-error-code" in said.headers or (rules.name == "huggingface" and hidden)


def is_no(status: int) -> bool:
    """Whether a status says that what was asked for is not there, for now."""
    return status in {401, 403, 404, 410}


def kept_headers(said: Said) -> dict[str, str]:
    """The headers that mean something to a client."""
    return {name: value for name, value in said.headers.items() if name in _KEPT_HEADERS}


def _unusable(said: Said, expects: Literal["json", "xml"]) -> str:
    """Why an answer of status 200 cannot be used; empty if it can."""
    kind = said.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and expects not in kind:
        return f"answers {kind} in place of {expects}"
    try:
        if expects == "json":
            json.loads(said.body)
        elif b"<!DOCTYPE" in said.body:
            return "answers a document that is no feed"
        else:
            etree.fromstring(said.body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (ValueError, RecursionError, etree.XMLSyntaxError):
        return f"answers {expects} that is cut off or broken"
    return ""


def _named(said: Said) -> str:
    """A status as people know it, with what the service says about it."""
    try:
        name = f"{said.status} {HTTPStatus(said.status).phrase}"
    except ValueError:
        name = str(said.status)
    words = words_of(said)
    return f"{name}: {words}" if words else name


def words_of(said: Said) -> str:
    """What a service says about an error, on one line; empty for pages made for browsers."""
    text: object = said.headers.get("x-error-message")
    try:
        values = json.loads(said.body)
        if isinstance(values, dict):
            text = text or values.get("error") or values.get("message") or values.get("detail")
    except (ValueError, RecursionError):
        if said.headers.get("content-type", "").startswith("text/plain"):
            text = text or said.body[: 4 * _LONGEST_WORDS].decode("utf-8", "replace")
    words = text_of(text[: 4 * _LONGEST_WORDS] if isinstance(text, str) else None) or ""
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 3] + "..."


def _advice(rules: ServiceRules) -> str:
    if not rules.key_setting:
        return "it may be keeping this network out for a while"
    return f"check the key in {rules.key_setting}" if rules.has_key else f"set {rules.key_setting} to a key"
