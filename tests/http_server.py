"""An HTTP server on this machine that says what a test wants, and a clock that only tests move."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from ingest.transport.message import Request
from ingest.transport.services import Rate, ServiceRules
from ingest.transport.store import ResponseStore
from ingest.transport.transport import Event, Transport

CHUNK = b"x" * 65_536


class FakeClock:
    """Time that passes only when somebody sleeps; `slept` holds for how long, in order."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def waited(self) -> float:
        return sum(self.slept)


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    `cut` sends only so many bytes of the body, then hangs up (-1: before the status). `drip` sends a byte
    every so many seconds, without end; `endless` sends chunks until the other side hangs up. `delay` is the
    time before anything is sent.
    """

    status: int = 200
    body: bytes = b'{"fine": true}'
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay: float = 0.0
    cut: int | None = None
    drip: float = 0.0
    endless: bool = False


def fine(value: Any = None, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; header names are written with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def page(
    status: int, text: str = "<!DOCTYPE html><html><body>Bad gateway</body></html>", **headers: str
) -> Reply:
    """An answer made for browsers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, text.encode(), {"Content-Type": "text/html", **named})


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    moment: float


class ScriptedServer:
    """Serves its script reply by reply, then `otherwise` (a Reply, or a function of the request)."""

    def __init__(self, *script: Reply, otherwise: Reply | Callable[[Seen], Reply] = Reply()) -> None:
        self.script = deque(script)
        self.otherwise = otherwise
        self.seen: list[Seen] = []
        self.connections = 0
        self.sent_bytes = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Accept no more connections."""
        self._server.shutdown()
        self._server.server_close()

    def next_reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            if self.script:
                return self.script.popleft()
        return self.otherwise if isinstance(self.otherwise, Reply) else self.otherwise(seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, owner: ScriptedServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections += 1

    def answer(self) -> None:
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = owner.next_reply(Seen(self.command, self.path, headers, body, time.monotonic()))
        time.sleep(reply.delay)
        if reply.cut == -1:
            self._hang_up()
            return
        streamed = reply.drip or reply.endless
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not {"content-length", "transfer-encoding"} & {name.lower() for name in reply.headers}:
            self.send_header(
                *(("Transfer-Encoding", "chunked") if streamed else ("Content-Length", str(len(reply.body))))
            )
        self.end_headers()
        with suppress(OSError):
            if streamed:
                self._stream(reply)
            else:
                self.wfile.write(reply.body[: reply.cut])
        if streamed or reply.cut is not None:
            self._hang_up()

    do_GET = do_POST = answer  # noqa: N815

    def _stream(self, reply: Reply) -> None:
        piece = b" " if reply.drip else CHUNK
        for _ in range(100_000):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
            self.server.owner.sent_bytes += len(piece)
            time.sleep(reply.drip)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_arguments: object) -> None:
        """Silence."""


class Asker:
    """A Transport to one scripted server, as Semantic Scholar, with a fake clock and what it told."""

    def __init__(self, server: ScriptedServer, folder: Path, *, clock: Any = None, **changes: Any) -> None:
        self.clock = clock or FakeClock()
        self.events: list[Event] = []
        self.server, self.folder = server, folder
        settings = {
            name: changes.pop(name) for name in ("refresh_since", "offline", "jitter") if name in changes
        }
        settings.setdefault("jitter", lambda: 1.0)
        rules = ServiceRules("semanticscholar", "Semantic Scholar", server.url, Rate(1000, 1), timeout=5.0)
        self.rules = replace(rules, **changes)
        self.store = ResponseStore(
            folder / "answers.sqlite", warn=lambda text: self.events.append(Event("warning", text))
        )
        self.transport = Transport(
            {self.rules.name: self.rules},
            self.store,
            gates=folder / "gates",
            clock=self.clock,
            listen=self.events.append,
            **settings,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.transport.close()

    def request(self, path: str = "/graph/v1/paper/1", **values: Any) -> Request:
        return Request(self.rules.name, self.server.url + path, **values)

    def ask(self, path: str = "/graph/v1/paper/1", **values: Any) -> Any:
        return self.transport.fetch(self.request(path, **values))

    def told(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]


@contextmanager
def talking(folder: Path) -> Iterator[Callable[..., Asker]]:
    """A function that makes an Asker to a new server with the given script."""
    with ExitStack() as stack:

        def talk(*script: Reply, otherwise: Any = Reply(), within: str = "", **changes: Any) -> Asker:
            server = stack.enter_context(ScriptedServer(*script, otherwise=otherwise))
            return stack.enter_context(Asker(server, folder / within, **changes))

        yield talk
