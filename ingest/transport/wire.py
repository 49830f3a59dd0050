"""One HTTP exchange with a service: bounded in size and time, secrets added below everything that logs."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ingest.errors import AnswerTooLarge, ServiceDown
from ingest.transport.clock import Clock
from ingest.transport.services import ServiceRules

_CONNECT = 10.0
_KEPT_ALIVE = 60.0  # longer than the pause between two requests to arXiv
_LARGEST_ERROR = 256 * 1024
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


class Fault(Exception):
    """An exchange went wrong, in a way that may pass unless it is `permanent`.

    `reason` continues a sentence that begins with the service, and may hold words of the service: redact it.
    `retry_after` is the pause in seconds that the service asked for.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.retry_after, self.permanent = reason, retry_after, permanent


@dataclass(frozen=True)
class Said:
    """What came back: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Wire:
    """The connections to one service."""

    def __init__(self, rules: ServiceRules, clock: Clock) -> None:
        self._rules, self._clock = rules, clock
        self._client = httpx.Client(
            transport=_Below(rules, _transport(rules)),
            timeout=httpx.Timeout(rules.timeout, connect=min(_CONNECT, rules.timeout)),
            trust_env=False,
        )

    def exchange(self, method: str, url: str, body: bytes) -> Said:
        """Send one request, follow nothing. Raises Fault or AnswerTooLarge."""
        headers = {"Content-Type": "application/json"} if body else {}
        started = self._clock.now()
        with (
            self._explained(),
            self._client.stream(method, url, content=body or None, headers=headers) as response,
        ):
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Said(response.status_code, answered, self._body(response, started))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _body(self, response: httpx.Response, started: float) -> bytes:
        """The body, decoded; of an error no more than says what it is."""
        fine = response.status_code == httpx.codes.OK
        largest = self._rules.largest if fine else _LARGEST_ERROR
        announced = response.headers.get("content-length", "")
        if fine and announced.isdigit() and int(announced) > largest:
            raise self._too_large()
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > largest:
                    if fine:
                        raise self._too_large()
                    break
                if self._clock.now() - started > self._rules.deadline:
                    raise Fault(f"was still sending after {self._rules.deadline:.0f} s")
        except (httpx.RequestError, Fault):
            if fine:
                raise
        return bytes(body)

    def _too_large(self) -> AnswerTooLarge:
        limit = self._rules.largest / 1024**2
        return AnswerTooLarge(
            self._rules.label,
            f"an answer of more than {limit:.0f} MB was refused: no honest one is that large",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise Fault(f"did not answer within {self._rules.timeout:g} s") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise Fault(f"cannot be asked ({error})", permanent=True) from error
        except httpx.ConnectError as error:
            if any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error)):
                advice = "point SSL_CERT_FILE at the certificates of your institution"
                raise Fault(f"is not trusted here ({error}): {advice}", permanent=True) from error
            raise Fault(f"cannot be reached ({error})") from error
        except httpx.RequestError as error:
            raise Fault(f"broke off ({error})") from error


class _Below(httpx.BaseTransport):
    """Adds what must not be logged: the client above logs the address of each request."""

    def __init__(self, rules: ServiceRules, inner: httpx.BaseTransport) -> None:
        self._rules, self._inner = rules, inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if self._rules.secret_params:
            added = urlencode(self._rules.secret_params).encode()
            url = url.copy_with(query=url.query + b"&" + added if url.query else added)
        headers = request.headers.copy()
        headers.update(self._rules.headers)
        return self._inner.handle_request(
            httpx.Request(
                request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
            )
        )

    def close(self) -> None:
        self._inner.close()


def _transport(rules: ServiceRules) -> httpx.BaseTransport:
    limits = httpx.Limits(keepalive_expiry=_KEPT_ALIVE)
    try:
        return httpx.HTTPTransport(limits=limits, proxy=_proxy_to(rules.base_url))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # The address of a proxy may hold a password, so it is not repeated.
        raise ServiceDown(
            rules.label, "the proxy that this machine's settings name cannot be used: check HTTPS_PROXY"
        ) from error


def _proxy_to(url: str) -> str | None:
    """The proxy that the machine's settings name for an address. A client with a transport ignores them."""
    parts = urlsplit(url)
    if parts.hostname in _THIS_MACHINE or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
