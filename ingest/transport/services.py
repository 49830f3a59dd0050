"""What each service allows and wants to be sent, as a table; keys and addresses come from the environment."""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ingest.errors import IngestError
from ingest.transport.message import Service

_KEY = re.compile(r"[\x21-\x7e]+")
_CONTACT = re.compile(r"[^\s@<>()\"\\;,\x00-\x1f]+@[A-Za-z0-9.-]+")
_MAILTO = re.compile(r"mailto:([^\s;)]+)")
_HARMLESS_HEADERS = {"accept", "accept-language", "user-agent"}


@dataclass(frozen=True)
class Rate:
    """At most `requests` within any `seconds`."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class ServiceRules:
    """How one service is asked.

    `headers` go with every request and `secret_params` into its query, both only on the wire. `timeout` is
    for connecting and for each silence, `deadline` for a whole answer (seconds); `largest` is in bytes.
    `adaptive` spaces requests further apart while the service answers 429; `one_at_a_time` has no two under
    way, in any process. `key_setting` names the environment variable that holds the key, if there is one.
    """

    name: Service
    label: str
    base_url: str
    rate: Rate
    adaptive: bool = False
    one_at_a_time: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    attempts: int = 5
    timeout: float = 30.0
    deadline: float = 180.0
    largest: int = 32 * 1024 * 1024
    key_setting: str = ""

    @property
    def has_key(self) -> bool:
        """Whether requests carry a key, a token or a password."""
        return bool(self.secret_params) or any(name.lower() not in _HARMLESS_HEADERS for name in self.headers)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not be seen outside the wire, the longest first, also as URLs write it."""
        found: set[str] = set(self.secret_params.values())
        for name, value in self.headers.items():
            found.update(_MAILTO.findall(value))
            if name.lower() not in _HARMLESS_HEADERS:
                found.update((value, value.rpartition(" ")[2]))
        found.update([quote(each, safe="") for each in found])
        return tuple(sorted(filter(None, found), key=lambda each: (-len(each), each)))


def services_from_environment() -> dict[Service, ServiceRules]:
    """The rules of every service, with the addresses and keys of this machine.

    Raises IngestError for an address that is none, or a key with characters that no key has.
    """
    s2_key, openalex_key, hub_token = _key("S2_API_KEY"), _key("OPENALEX_API_KEY"), _key("HF_TOKEN")
    agent = _user_agent()
    arxiv_url, arxiv_headers = _reached("VFM_ATLAS_ARXIV_URL", "https://export.arxiv.org", agent)
    s2_url, s2_headers = _reached("VFM_ATLAS_S2_URL", "https://api.semanticscholar.org", agent)
    openalex_url, openalex_headers = _reached("VFM_ATLAS_OPENALEX_URL", "https://api.openalex.org", agent)
    crossref_url, crossref_headers = _reached("VFM_ATLAS_CROSSREF_URL", "https://api.crossref.org", agent)
    hub_url, hub_headers = _reached("HF_ENDPOINT", "https://huggingface.co", agent)
    if s2_key:
        s2_headers["x-api-key"] = s2_key
    if hub_token:
        hub_headers["Authorization"] = f"Bearer {hub_token}"
    rules = (
        ServiceRules(
            "arxiv", "arXiv", arxiv_url, Rate(1, 3), headers=arxiv_headers, one_at_a_time=True, timeout=60.0
        ),
        ServiceRules(
            "semanticscholar",
            "Semantic Scholar",
            s2_url,
            # With a key it counts what arrives, so the next request waits for the answer to the one before.
            # Without one everybody shares a pool, and the true limit shows only in how it answers.
            Rate(1, 1) if s2_key else Rate(100, 300),
            one_at_a_time=bool(s2_key),
            adaptive=not s2_key,
            headers=s2_headers,
            attempts=6 if s2_key else 8,
            timeout=60.0,
            key_setting="S2_API_KEY",
        ),
        ServiceRules(
            "openalex",
            "OpenAlex",
            openalex_url,
            Rate(10, 1),
            headers=openalex_headers,
            secret_params={"api_key": openalex_key} if openalex_key else {},
            key_setting="OPENALEX_API_KEY",
        ),
        ServiceRules("crossref", "Crossref", crossref_url, Rate(5, 1), headers=crossref_headers),
        ServiceRules(
            "huggingface",
            "Hugging Face",
            hub_url,
            Rate(500, 300),
            headers=hub_headers,
            key_setting="HF_TOKEN",
        ),
    )
    return {each.name: each for each in rules}


def _key(setting: str) -> str:
    value = os.environ.get(setting, "").strip()
    if value and not _KEY.fullmatch(value):
        raise IngestError(f"{setting} holds characters that no key has: set it to the key alone, or unset it")
    return value


def _user_agent() -> str:
    """Who asks, as services wish to know; with an address to write to only if the user gave one."""
    try:
        release = version("vfm-atlas")
    except PackageNotFoundError:
        release = "0"
    contact = os.environ.get("VFM_ATLAS_CONTACT", "").strip()
    if contact and not _CONTACT.fullmatch(contact):
        raise IngestError("VFM_ATLAS_CONTACT is no e-mail address: set it to one, or unset it")
    mailto = f"; mailto:{contact}" if contact else ""
    return f"vfm-atlas/{release} (+https://arxiv.org/abs/2312.10163{mailto})"


def _reached(setting: str, default: str, agent: str) -> tuple[str, dict[str, str]]:
    """The address of a service and its first headers; a name and password in the address become a header."""
    address = os.environ.get(setting, "").strip() or default
    try:
        parts = urlsplit(address)
        login, host = parts.netloc.rpartition("@")[::2]
        readable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        login, host, readable = "@", "", False
    if not readable or parts.query or parts.fragment:
        shown = "" if "@" in address else f" {address!r}"
        raise IngestError(f"{setting}{shown} is no address of a service: give one like {default}")
    headers = {"User-Agent": agent}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(login).encode()).decode()
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")), headers
