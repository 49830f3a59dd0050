"""How often a service is asked, counted over every process that uses the same folder."""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ingest.errors import IngestError, ServiceDown
from ingest.transport.clock import Clock
from ingest.transport.services import Rate, ServiceRules

_SLICE = 0.5  # seconds of one nap: a signal and the other processes are noticed in between
_SHORTEST = 0.001  # less than this is lost in the seconds since 1970
_POLL = 0.05
_STUCK = 600.0
_SPACING = (1.0, 64.0)  # least and most seconds between requests to a service that adapts
_SHRINK = 0.8
_SPACING_LASTS = 300.0  # seconds without a request after which it is forgotten
LONGEST_PAUSE = 120.0
"""Seconds that a service may ask everybody to wait; for one that asks for more, another stands in."""


@dataclass
class _State:
    """What the processes tell each other: when requests were sent, and what the service asked for."""

    sent: list[float] = field(default_factory=list)
    spacing: float = _SPACING[0]
    not_before: float = 0.0
    stated: Rate | None = None


class Gate:
    """Turns at one service; `on_wait` is told the seconds of each wait before it begins.

    Raises IngestError where the folder cannot be written.
    """

    def __init__(
        self, rules: ServiceRules, folder: Path, clock: Clock, on_wait: Callable[[float], None]
    ) -> None:
        self._rules, self._clock, self._on_wait = rules, clock, on_wait
        self._path = folder / f"{rules.name}.json"
        self._lock = FileLock(folder / f"{rules.name}.lock")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may be sent, and count it; with one at a time nobody else sends meanwhile."""
        self._take_turn()
        if not self._rules.one_at_a_time:
            self._lock.release()
            yield
            return
        try:
            yield
        finally:
            try:
                # From the end on, for requests may travel at different speeds.
                state = self._read()
                state.sent[-1:] = [self._clock.now()]
                self._write(state)
            finally:
                self._lock.release()

    def pause(self, seconds: float) -> None:
        """The service asked everybody to wait this long."""
        with self._changing() as state:
            state.not_before = max(state.not_before, self._clock.now() + min(seconds, LONGEST_PAUSE))

    def too_fast(self) -> None:
        """The service answered 429."""
        if self._rules.adaptive:
            with self._changing() as state:
                state.spacing = min(2 * state.spacing, _SPACING[1])

    def went_well(self, headers: Mapping[str, str]) -> None:
        """The service answered; its headers (lower-case names) may state a rate, which then holds too."""
        stated = _stated(headers)
        if self._rules.adaptive or stated is not None:
            with self._changing() as state:
                state.spacing = max(_SHRINK * state.spacing, _SPACING[0])
                state.stated = stated or state.stated

    def _take_turn(self) -> None:
        """Return with the lock held and the request counted."""
        told = False
        while True:
            with self._held_on_error():
                state = self._read()
                wait = self._wait(state)
                if wait <= 0:
                    state.sent.append(self._clock.now())
                    self._write(state)
                    return
            self._lock.release()
            if not told:
                self._on_wait(wait)
                told = True
            self._clock.sleep(min(max(wait, _SHORTEST), _SLICE))

    def _wait(self, state: _State) -> float:
        now = self._clock.now()
        waits = [state.not_before - now]
        for rate in self._rates(state):
            if len(state.sent) >= rate.requests:
                waits.append(state.sent[-rate.requests] + rate.seconds - now)
        if self._rules.adaptive and state.sent:
            waits.append(state.sent[-1] + state.spacing - now)
        return max(waits)

    def _rates(self, state: _State) -> list[Rate]:
        return [self._rules.rate] + ([state.stated] if state.stated else [])

    @contextmanager
    def _changing(self) -> Iterator[_State]:
        with self._held_on_error():
            state = self._read()
            yield state
            self._write(state)
        self._lock.release()

    @contextmanager
    def _held_on_error(self) -> Iterator[None]:
        """Take the lock; let go of it only if something goes wrong inside."""
        waited = 0.0
        while True:
            try:
                self._lock.acquire(blocking=False)
                break
            except Timeout:
                if waited > _STUCK:
                    raise ServiceDown(
                        self._rules.label,
                        f"another process has had its turn for {_STUCK:.0f} s: end it, then try again",
                    ) from None
                self._clock.sleep(_POLL)
                waited += _POLL
            except OSError as error:
                raise self._unwritable(error) from error
        try:
            yield
        except BaseException:
            self._lock.release()
            raise

    def _read(self) -> _State:
        """The state as far as it can be read and still matters; a broken one is empty."""
        now, state = self._clock.now(), _State()
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            state = _parsed(json.loads(self._path.read_text(encoding="utf-8")))
        # A clock that was set back must not block for hours: what lies in the future counts as now.
        if state.not_before > now + LONGEST_PAUSE:
            state.not_before = 0.0
        set_back = any(each > now for each in state.sent)
        longest = max(_SPACING_LASTS, *(rate.seconds for rate in self._rates(state)))
        most = max(rate.requests for rate in self._rates(state))
        state.sent = sorted(min(each, now) for each in state.sent if each > now - longest)[-most:]
        if not state.sent:
            state.spacing = _SPACING[0]
        if set_back:
            self._write(state)
        return state

    def _write(self, state: _State) -> None:
        stated = [state.stated.requests, state.stated.seconds] if state.stated else None
        values = {**vars(state), "stated": stated}
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            draft.write_text(json.dumps(values), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, reason: OSError) -> IngestError:
        return IngestError(
            f"cannot write {self._path.parent} ({reason.strerror or reason}): "
            "set VFM_ATLAS_CACHE to a folder that can be written"
        )


def _parsed(values: Mapping[str, Any]) -> _State:
    stated = Rate(*values["stated"]) if values["stated"] else None
    state = _State(
        [float(each) for each in values["sent"]],
        float(values["spacing"]),
        float(values["not_before"]),
        stated,
    )
    numbers = [*state.sent, state.spacing, state.not_before]
    if not all(map(math.isfinite, numbers)) or (stated and not _sensible(stated)):
        raise ValueError("numbers that no gate writes")
    state.spacing = min(max(state.spacing, _SPACING[0]), _SPACING[1])
    return state


def _stated(headers: Mapping[str, str]) -> Rate | None:
    """The rate that a service states, as Crossref does: x-rate-limit-limit: 50, x-rate-limit-interval: 1s."""
    try:
        rate = Rate(
            int(headers["x-rate-limit-limit"]), float(headers["x-rate-limit-interval"].removesuffix("s"))
        )
    except (KeyError, ValueError):
        return None
    return rate if _sensible(rate) else None


def _sensible(rate: Rate) -> bool:
    return 1 <= rate.requests <= 10_000 and 0 < rate.seconds <= 60
