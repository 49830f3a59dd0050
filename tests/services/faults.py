"""What goes wrong with a service: at a test's word, or now and then by chance that repeats exactly."""

import gzip
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING

from services.words import dice

if TYPE_CHECKING:
    from services.server import Asked, Reply

BY_CHANCE = ("429", "429-wait", "500", "502", "503", "504", "cut", "html", "slow", "truncated")
KINDS = (*BY_CHANCE, "429-date", "absurd", "bomb")
MOST_IN_A_ROW = 2
ABSURD_BYTES = 100 * 2**20


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for the next request whose target (path and query) has `on` in it.

    Kinds: 429 (too many requests, without Retry-After), 429-wait and 429-date (with it, in seconds and as a
    date), 500 (JSON), 502 (HTML), 503, 504, cut (the connection ends in the middle of the body), html (a
    page of HTML with status 200), slow (the right answer, late), truncated (half of the body as if it were
    the whole), absurd (100 MB, streamed), bomb (100 MB that travel as 100 kB).
    """

    kind: str
    on: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")


class Faults:
    """The faults of one service; without arguments, none.

    Three ways, tried in this order: `then(...)` answers the next requests so, `always` answers every request
    so, and `rate` is the share of requests that one of `kinds` happens to. Chance is drawn from the seed,
    the request and how often it was asked, so runs repeat exactly, in whatever order requests come; and no
    request fails more than twice in a row, so whoever asks three times gets through. (A slow answer is no
    failure.)

    `drop` names works (arXiv ids or keys) that arXiv leaves out and Semantic Scholar answers with null;
    those in `drop_once` come at the second time. `hostile` names works (keys, or "*") with harmful texts.
    """

    def __init__(
        self,
        *,
        rate: float = 0.0,
        seed: int = 0,
        kinds: Iterable[str] = BY_CHANCE,
        always: str | None = None,
        retry_after: int = 1,
        slow: float = 0.05,
    ) -> None:
        self.rate = rate
        self.seed = seed
        self.kinds = tuple(Fault(kind).kind for kind in kinds)
        self.always = always
        self.retry_after = retry_after
        self.slow = slow
        self.drop: set[str] = set()
        self.drop_once: set[str] = set()
        self.hostile: set[str] = set()
        self._queue: deque[Fault] = deque()
        self._asked: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def then(self, *kinds: str, on: str = "") -> None:
        """Answer the next requests (those with `on` in their target) in these ways, one each."""
        with self._lock:
            self._queue.extend(Fault(kind, on) for kind in kinds)

    @property
    def waiting(self) -> int:
        """How many faults of `then` no request has met yet."""
        return len(self._queue)

    def choose(self, asked: "Asked") -> str | None:
        """The kind of fault that this request meets."""
        with self._lock:
            for fault in self._queue:
                if fault.on in asked.target:
                    self._queue.remove(fault)
                    return fault.kind
            if self.always:
                return Fault(self.always).kind
            return self._by_chance(asked.identity) if self.rate else None

    def _by_chance(self, identity: str) -> str | None:
        times, failed = self._asked.get(identity, (0, 0))
        draw = dice(self.seed, identity, times)
        kind = draw.choice(self.kinds) if failed < MOST_IN_A_ROW and draw.random() < self.rate else None
        fails = kind is not None and kind != "slow"
        self._asked[identity] = (times + 1, failed + 1 if fails else 0)
        return kind

    def drops(self, *names: str | None) -> bool:
        """Whether a work of these names is left out this time."""
        known = {name for name in names if name}
        with self._lock:
            once = known & self.drop_once
            self.drop_once -= once
            return bool(once or known & self.drop)

    def spoil(self, kind: str, reply: "Reply", too_many: "Reply") -> "Reply":
        """What a fault makes of the right reply; `too_many` is how the service puts 429."""
        plain = replace(reply, compressible=False)
        if kind in ("429", "429-wait", "429-date"):
            return replace(too_many, headers={**too_many.headers, **self._wait(kind)})
        if kind in ("500", "502", "503", "504", "html"):
            return _broken(kind)
        changes: dict[str, Callable[[], Reply]] = {
            "cut": lambda: replace(plain, cut=True),
            "slow": lambda: replace(reply, delay=self.slow),
            "truncated": lambda: replace(plain, body=reply.body[: len(reply.body) // 2]),
            "absurd": lambda: replace(plain, stream=_endless(reply.content_type)),
            "bomb": lambda: replace(
                plain, body=_bomb(), headers={**reply.headers, "Content-Encoding": "gzip"}
            ),
        }
        return changes[kind]()

    def _wait(self, kind: str) -> dict[str, str]:
        if kind == "429":
            return {}
        if kind == "429-wait":
            return {"Retry-After": str(self.retry_after)}
        when = datetime.now(UTC) + timedelta(seconds=self.retry_after)
        return {"Retry-After": format_datetime(when, usegmt=True)}


def _broken(kind: str) -> "Reply":
    from services.server import Reply

    if kind in ("500", "504"):
        words = "Internal Server Error" if kind == "500" else "Endpoint request timed out"
        return Reply.json({"message": words}, int(kind))
    words = {"502": "Bad Gateway", "503": "Service Unavailable", "html": "We will be back soon"}[kind]
    page = f"<html>\r\n<head><title>{words}</title></head>\r\n<body><h1>{words}</h1></body>\r\n</html>\r\n"
    return Reply.text(page, 200 if kind == "html" else int(kind), "text/html; charset=utf-8")


def _endless(content_type: str) -> Iterator[bytes]:
    """100 MB that could still become well-formed."""
    yield b'<?xml version="1.0"?><feed>' if "xml" in content_type else b'{"data": ['
    piece = b"<entry/>" if "xml" in content_type else b"{},     "
    for _ in range(ABSURD_BYTES // 2**16):
        yield piece * (2**16 // len(piece))


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * ABSURD_BYTES, compresslevel=6)
