"""When to try again, for how long to wait, and when to leave a service alone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

from ingest.transport.clock import Clock
from ingest.transport.gate import LONGEST_PAUSE
from ingest.transport.wire import Fault

_FIRST, _LONGEST = 1.0, 60.0
_MOST_WAITING = 300.0
_LEFT_ALONE = 60.0
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_HUB_RESET = re.compile(r"\br=0;\s*t=(\d{1,6})\b")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The pause in seconds that an answer asks for: in seconds, as a date, or as the hub's ratelimit."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    if value:
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, TypeError, OverflowError):
            return None
    reset = _HUB_RESET.search(headers.get("ratelimit", ""))
    return float(reset.group(1)) if reset else None


@dataclass(frozen=True)
class Patience:
    """How tenacity retries one request: exponential waits with full jitter, never less than asked for."""

    attempts: int
    jitter: Callable[[], float]

    def wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt."""
        backoff = self.jitter() * min(_LONGEST, _FIRST * 2.0 ** (state.attempt_number - 1))
        return max(backoff, _fault(state).retry_after or 0.0)

    def stop(self, state: RetryCallState) -> bool:
        """Whether to give up: too many attempts, too much waiting, or asked to stay away too long."""
        fault = _fault(state)
        return (
            fault.permanent
            or state.attempt_number >= self.attempts
            or (fault.retry_after or 0.0) > LONGEST_PAUSE
            or state.idle_for + state.upcoming_sleep > _MOST_WAITING
        )


def _fault(state: RetryCallState) -> Fault:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Fault) else Fault("")


class Breaker:
    """Leaves a service alone for a while after it failed; then one attempt shows whether it is back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None
        self._seconds = _LEFT_ALONE

    def opened(self, seconds: float | None = None) -> None:
        """The service failed; `seconds` is how long it asked to be left alone, if it did."""
        self._since, self._seconds = self._clock.now(), max(_LEFT_ALONE, seconds or 0.0)

    def closed(self) -> None:
        """The service answered."""
        self._since = None

    @property
    def remaining(self) -> float:
        """Seconds for which the service is still left alone; 0 if it may be asked."""
        if self._since is None:
            return 0.0
        passed = self._clock.now() - self._since
        # A clock that was set back must not prolong this.
        return max(0.0, self._seconds - passed) if passed >= 0 else 0.0

    @property
    def on_trial(self) -> bool:
        """Whether the service failed, and nothing is known since."""
        return self._since is not None
