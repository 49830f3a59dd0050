"""An HTTP server on this machine that notes every request; the services say what it answers."""

import gzip
import json
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from services.faults import Faults
from services.words import hostile
from services.works import Work
from services.world import World

_SECRET_PARAMETERS = ("api_key", "mailto")
_LARGEST_BODY = 2**24


@dataclass
class Asked:
    """One request: header names in lower case, `target` as sent, `at` by the monotonic clock.

    `status`, `fault` and `sent` (bytes of the body that left) are known once it was answered.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    status: int | None = None
    fault: str | None = None
    sent: int = 0

    @cached_property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The values of each parameter."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a parameter."""
        return self.query.get(name, [default])[-1]

    def listed(self, name: str) -> list[str]:
        """The values of a parameter that holds several behind commas."""
        return [part for part in self.one(name).split(",") if part]

    @property
    def identity(self) -> str:
        """What makes this the same request as another; keys and e-mail addresses do not."""
        query = {name: values for name, values in self.query.items() if name not in _SECRET_PARAMETERS}
        return repr((self.method, self.path, sorted(query.items()), self.body))


@dataclass(frozen=True)
class Reply:
    """An answer. `stream` is sent instead of the body, in chunks; `cut` ends it in the middle."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    stream: Iterator[bytes] | None = None
    compressible: bool = True

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Self:
        """An answer in JSON; header names have underscores for hyphens."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls((json.dumps(value) + "\n").encode(), status, headers=named)

    @classmethod
    def text(cls, words: str, status: int, content_type: str = "text/plain; charset=utf-8") -> Self:
        """An answer in words."""
        return cls(words.encode(), status, content_type)


class Service:
    """A service of the world on a port of its own, from `with` on; counts and notes what it is asked.

    `allowance` is how many requests it takes within how many seconds; more are answered 429. An exception
    in a service is a mistake of the tests: it is raised when the `with` ends.
    """

    name = "service"

    def __init__(
        self, world: World, faults: Faults | None = None, *, allowance: tuple[int, float] | None = None
    ) -> None:
        self.world = world
        self.faults = faults or Faults()
        self.allowance = allowance
        self.mistakes: list[BaseException] = []
        self.closing = threading.Event()
        self._log: list[Asked] = []
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def answer(self, asked: Asked) -> Reply:
        """The right answer to a request."""
        raise NotImplementedError

    def too_many(self) -> Reply:
        """How the service says that it was asked too often."""
        return Reply.json({"message": "Too Many Requests"}, 429)

    def seen(self, work: Work) -> Work:
        """The work as this service states it, with harmful texts where the faults ask for them."""
        work = self.world.seen_by(self.name, work)
        if not self.faults.hostile & {"*", work.key}:
            return work
        named = (hostile("author", work.authors[0]), *work.authors[1:]) if work.authors else ()
        about = hostile("abstract", work.abstract) if work.abstract else None
        return replace(work, title=hostile("title", work.title), authors=named, abstract=about)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        assert self._server, "the service is not running"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def log(self) -> tuple[Asked, ...]:
        """All requests in the order in which they came."""
        with self._lock:
            return tuple(self._log)

    @property
    def count(self) -> int:
        """How many requests came."""
        return len(self._log)

    @property
    def statuses(self) -> Counter[int | None]:
        """How many requests were answered with each status."""
        return Counter(asked.status for asked in self.log)

    def reset(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._log.clear()

    def respond(self, asked: Asked) -> Reply:
        """Note a request and answer it: faults first, then the allowance, then what is right."""
        with self._lock:
            self._log.append(asked)
            crowded = self._crowded(asked.at)
        try:
            asked.fault = self.faults.choose(asked)
            reply = self.too_many() if crowded else self.answer(asked)
            if asked.fault:
                reply = self.faults.spoil(asked.fault, reply, self.too_many())
        except Exception as reason:
            self.mistakes.append(reason)
            reply = Reply.text(f"mistake in the tests' service: {reason!r}", 500)
        asked.status = reply.status
        return reply

    def _crowded(self, now: float) -> bool:
        if self.allowance is None:
            return False
        most, seconds = self.allowance
        while self._recent and self._recent[0] <= now - seconds:
            self._recent.popleft()
        if len(self._recent) >= most:
            return True
        self._recent.append(now)
        return False

    def __enter__(self) -> Self:
        self.closing.clear()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), name=self.name, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self.closing.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._server = None
        if self.mistakes and error is None:
            raise self.mistakes[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for every answer
    request_queue_size = 64

    def __init__(self, service: Service) -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for its own name here, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error and not isinstance(error, ConnectionError | TimeoutError):
            self.service.mistakes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length), time.monotonic())
        reply = self.server.service.respond(asked)
        if reply.delay:
            self.server.service.closing.wait(reply.delay)
        try:
            self._send(asked, reply)
        except ConnectionError:
            self.close_connection = True

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def _send(self, asked: Asked, reply: Reply) -> None:
        body, encoding = reply.body, {}
        if reply.compressible and len(body) > 1_000 and "gzip" in asked.headers.get("accept-encoding", ""):
            body, encoding = gzip.compress(body, compresslevel=1), {"Content-Encoding": "gzip"}
        self.send_response(reply.status)
        length = {"Transfer-Encoding": "chunked"} if reply.stream else {"Content-Length": str(len(body))}
        named = {"Content-Type": reply.content_type, **length, **encoding, **reply.headers}
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        if asked.method == "HEAD":
            return
        if reply.stream:
            self._send_chunks(asked, reply.stream)
        elif reply.cut:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)
            asked.sent = len(body)

    def _send_chunks(self, asked: Asked, stream: Iterator[bytes]) -> None:
        for piece in stream:
            if self.server.service.closing.is_set():
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            asked.sent += len(piece)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed; the log of the service has it."""
