"""Asking a service: from the store, or politely and patiently over the network."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from graph import settings
from ingest.errors import IngestError, Offline, ServiceDown, ServiceRefused
from ingest.transport.clock import Clock, SystemClock
from ingest.transport.gate import LONGEST_PAUSE, Gate
from ingest.transport.message import Answer, Request, Service
from ingest.transport.patience import Breaker, Patience, retry_after
from ingest.transport.redact import Redaction
from ingest.transport.services import ServiceRules, services_from_environment
from ingest.transport.store import ResponseStore
from ingest.transport.verdict import is_no, judge, kept_headers
from ingest.transport.wire import Fault, Said, Wire

_log = logging.getLogger("vfm_atlas.transport")
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_NO_IS_GOOD_FOR = timedelta(days=1)
_NAP = 1.0
_SHORTEST_TOLD = 1.0


@dataclass(frozen=True)
class Event:
    """Something that a person who waits may want to see; `text` says it on one line, without secrets."""

    kind: Literal["request", "answer", "wait", "store", "warning"]
    text: str
    service: Service | None = None
    seconds: float = 0.0
    status: int = 0

    def __str__(self) -> str:
        return self.text


def nobody_listens(event: Event) -> None:
    """Take no notice of an event."""


class Transport:
    """The one way to the services.

    `gates` is a folder that all processes of a user share, so that they keep a service's limits together.
    `refresh_since` passes over what was stored before that moment (UTC, without zone). `offline`, by default
    the setting VFM_ATLAS_OFFLINE, lets only the store answer. `sent` counts what went out, retries and
    redirects too. Close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        services: Mapping[Service, ServiceRules],
        store: ResponseStore,
        *,
        gates: Path,
        clock: Clock | None = None,
        refresh_since: datetime | None = None,
        offline: bool | None = None,
        listen: Callable[[Event], None] = nobody_listens,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.services = services
        self.sent: Counter[str] = Counter()
        self._store, self._gate_folder = store, gates
        self._clock = clock or SystemClock()
        self._refresh_since, self._listen, self._jitter = refresh_since, listen, jitter
        self._offline = settings.offline() if offline is None else offline
        self._gates: dict[Service, Gate] = {}
        self._wires: dict[Service, Wire] = {}
        self._breakers = {name: Breaker(self._clock) for name in services}
        self._redaction = Redaction(secret for rules in services.values() for secret in rules.secrets)
        self._redaction.start_guarding()
        try:
            gates.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._redaction.stop_guarding()
            raise IngestError(
                f"cannot make the folder {gates} ({error.strerror}): "
                "set VFM_ATLAS_CACHE to a folder that can be written"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def fetch(self, request: Request) -> Answer:
        """The answer to a request: of status 200 with a sound body, or a definite no (400, 404, ...).

        It is stored before it is returned. Raises ServiceDown, ServiceRefused, AnswerTooLarge or Offline.
        """
        rules = self.services[request.service]
        stored = self._stored(request)
        if stored is not None:
            self._tell("store", rules, f"{rules.label}: answered from the store", status=stored.status)
            return stored
        if self._offline:
            raise Offline(
                rules.label,
                f"{_host(request.url)} would have to be asked, and requests are switched off: "
                "unset VFM_ATLAS_OFFLINE, or ask once where there is a network",
            )
        if _origin(request.url) != _origin(rules.base_url):
            raise ServiceRefused(
                rules.label,
                f"{_host(request.url)} is not asked, only {_host(rules.base_url)}: a strange link",
            )
        answer = self._patiently(request, rules)
        if answer.status == 200 or is_no(answer.status):
            self._store.put(request, answer)
        # Only now: whoever listens may end the run, and loses nothing then.
        size = f"{len(answer.body) / 1000:.0f} kB"
        self._tell("answer", rules, f"{rules.label} answered {answer.status} ({size})", status=answer.status)
        return answer

    def is_down(self, service: Service) -> bool:
        """Whether a service failed a moment ago and is left alone for now, so that another may stand in."""
        return self._breakers[service].remaining > 0

    def close(self, *, interrupted: bool = False) -> None:
        """Let go of connections, store and logs.

        After a Ctrl-C (`interrupted`) connections are left to the end of the process: the HTTP library may
        have been cut off with a lock of its own held, and closing them would wait for it for ever.
        """
        if not interrupted:
            for wire in self._wires.values():
                wire.close()
        self._wires.clear()
        self._store.close()
        self._redaction.stop_guarding()

    def _stored(self, request: Request) -> Answer | None:
        answer = self._store.get(request)
        if answer and self._refresh_since and answer.retrieved_at < self._refresh_since:
            return None
        if answer and answer.status != 200 and self._now() - answer.retrieved_at > _NO_IS_GOOD_FOR:
            return None
        return answer

    def _patiently(self, request: Request, rules: ServiceRules) -> Answer:
        """Ask until there is an answer or no more sense in asking."""
        breaker = self._breakers[request.service]
        if breaker.remaining > 0:
            raise ServiceDown(
                rules.label,
                f"failed a moment ago and is left alone for {breaker.remaining:.0f} s: try again then",
            )
        patience = Patience(1 if breaker.on_trial else rules.attempts, self._jitter)
        retrying = Retrying(
            retry=retry_if_exception_type(Fault),
            wait=patience.wait,
            stop=patience.stop,
            sleep=self._sleep,
            before_sleep=lambda state: self._tell_wait(rules, state),
            reraise=True,
        )
        try:
            answer = retrying(self._once, request, rules)
        except Fault as fault:
            breaker.opened(fault.retry_after)
            tried = retrying.statistics.get("attempt_number", 1)
            # Not `from fault`: what the HTTP library says may hold what was just taken out.
            raise ServiceDown(rules.label, self._gave_up(fault, int(tried))) from None
        breaker.closed()
        return answer

    def _once(self, request: Request, rules: ServiceRules) -> Answer:
        """One attempt, with the redirects that a service may send it on."""
        url = request.url
        gate = self._gate(rules)
        for _ in range(_MOST_REDIRECTS + 1):
            said = self._exchange(request, url, rules)
            location = said.headers.get("location")
            if said.status not in _REDIRECTS or not location:
                break
            url = self._onward(url, location, rules)
        else:
            raise ServiceRefused(rules.label, f"sent a request on more than {_MOST_REDIRECTS} times")
        headers = {name: self._redaction.text(value) for name, value in said.headers.items()}
        said = Said(said.status, headers, self._redaction.data(said.body))
        pause = retry_after(headers, self._clock.now()) if said.status >= 400 else None
        if pause:
            gate.pause(pause)
        if said.status == 429:
            gate.too_fast()
        judge(said, request.expects, rules, pause)
        gate.went_well(headers)
        return Answer(said.status, kept_headers(said), said.body, self._now())

    def _exchange(self, request: Request, url: str, rules: ServiceRules) -> Said:
        """One request on the wire, in its turn."""
        wire = self._wires.get(request.service) or self._wires.setdefault(
            request.service, Wire(rules, self._clock)
        )
        with self._gate(rules).turn():
            self.sent[request.service] += 1
            self._tell("request", rules, f"asking {rules.label}: {request.method} {urlsplit(url).path}")
            try:
                said = wire.exchange(request.method, url, request.body)
            except Fault as fault:
                fault.reason = self._redaction.text(fault.reason)
                fault.args = (fault.reason,)
                _log.debug("%s %s: %s", request.method, url, fault.reason)
                raise
        _log.debug("%s %s: %d, %d bytes", request.method, url, said.status, len(said.body))
        return said

    def _onward(self, url: str, location: str, rules: ServiceRules) -> str:
        """Where a redirect leads: elsewhere on the same host only, and without the keys it may repeat."""
        target = urlsplit(urljoin(url, location))
        query = parse_qsl(target.query, keep_blank_values=True)
        if any(name in rules.secret_params for name, _ in query):
            kept = [pair for pair in query if pair[0] not in rules.secret_params]
            target = target._replace(query=urlencode(kept))
        onward = target._replace(fragment="").geturl()
        upgrade = (urlsplit(url).scheme, target.scheme) == ("http", "https")
        same = _origin(onward) == _origin(url) or (upgrade and target.hostname == urlsplit(url).hostname)
        if not same or "@" in target.netloc:
            raise ServiceRefused(
                rules.label, f"sends the request on to {_host(onward)}, which is not followed for safety"
            )
        return onward

    def _gate(self, rules: ServiceRules) -> Gate:
        if rules.name not in self._gates:
            self._gates[rules.name] = Gate(
                rules,
                self._gate_folder,
                self._clock,
                lambda seconds: self._tell_turn(rules, seconds),
            )
        return self._gates[rules.name]

    def _sleep(self, seconds: float) -> None:
        while seconds > 0:
            nap = min(seconds, _NAP)
            self._clock.sleep(nap)
            seconds -= nap

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC).replace(tzinfo=None)

    def _gave_up(self, fault: Fault, tried: int) -> str:
        if (fault.retry_after or 0.0) > LONGEST_PAUSE:
            back = self._now() + timedelta(seconds=min(fault.retry_after or 0.0, 10**8))
            return f"asks to be left alone until {back:%Y-%m-%d %H:%M} UTC ({fault.reason}): try again then"
        if fault.permanent:
            return fault.reason
        times = f" in {tried} attempts" if tried > 1 else ""
        return f"{fault.reason}{times}: try again later"

    def _tell_wait(self, rules: ServiceRules, state: RetryCallState) -> None:
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, Fault):
            seconds = state.upcoming_sleep
            why = f"{rules.label} {fault.reason}; trying again in {seconds:.0f} s"
            if fault.retry_after:
                why = f"{rules.label} asks to wait {seconds:.0f} s"
            self._tell("wait", rules, why, seconds=seconds)

    def _tell_turn(self, rules: ServiceRules, seconds: float) -> None:
        if seconds >= _SHORTEST_TOLD:
            text = f"{rules.label} may be asked again in {seconds:.0f} s"
            self._tell("wait", rules, text, seconds=seconds)

    def _tell(
        self,
        kind: Literal["request", "answer", "wait", "store", "warning"],
        rules: ServiceRules,
        text: str,
        *,
        seconds: float = 0.0,
        status: int = 0,
    ) -> None:
        text = self._redaction.text(text)
        _log.debug("%s", text)
        self._listen(Event(kind, text, rules.name, seconds, status))


def open_transport(
    *,
    refresh_since: datetime | None = None,
    offline: bool | None = None,
    listen: Callable[[Event], None] = nobody_listens,
    clock: Clock | None = None,
    cache: Path | None = None,
) -> Transport:
    """The transport that the environment describes, with store and gates in `cache` (VFM_ATLAS_CACHE).

    Raises IngestError for a setting that cannot be used or a folder that cannot be written.
    """
    folder = cache or settings.default_cache()
    store = ResponseStore(folder / "answers.sqlite", warn=lambda text: listen(Event("warning", text)))
    return Transport(
        services_from_environment(),
        store,
        gates=folder / "gates",
        clock=clock,
        refresh_since=refresh_since,
        offline=offline,
        listen=listen,
    )


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
