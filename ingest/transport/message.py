"""What sources ask and what they get: requests without secrets, answers with the moment they were read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Service = Literal["arxiv", "semanticscholar", "openalex", "crossref", "huggingface"]
"""The services that are asked; see ingest.transport.services for what each allows."""


@dataclass(frozen=True)
class Request:
    """One request as it is stored and logged: never with a key, a token or an e-mail address.

    `url` is absolute and carries the query. `expects` is the kind of body without which an answer of status
    200 is a fault. `attempt` tells a deliberate repetition, of a request whose stored answer lacked
    something, from the first one.
    """

    service: Service
    url: str
    method: Literal["GET", "POST"] = "GET"
    body: bytes = b""
    expects: Literal["json", "xml"] = "json"
    attempt: int = 1


@dataclass(frozen=True)
class Answer:
    """What a service said: status 200, or one that is an answer too (400, 401, 403, 404, ...).

    `headers` has lower-case names and only those that mean something to a client (content-type, link,
    x-repo-commit, ...). `retrieved_at` is UTC without zone, also when the answer comes from the store.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    retrieved_at: datetime
    from_store: bool = False
