"""Time as an argument, so that tests never sleep."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the transport needs of time."""

    def now(self) -> float:
        """Seconds since 1970; several processes compare them."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait; a signal ends it."""
        time.sleep(seconds)
