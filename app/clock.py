"""The only place that reads a clock. Everything else is handed one."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for what is measured."""

    def now(self) -> datetime:
        """The current instant, aware UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic_s(self) -> float:
        return time.monotonic()


class SessionTime:
    """Maps the server's clock to seconds since one session's start.

    Anchored once on wall time, then steered by monotonic time, so that a jump of the wall clock
    does not move a running session.
    """

    def __init__(self, started_at: datetime, clock: Clock) -> None:
        self._clock = clock
        self._started_at = started_at
        self._zero_s = clock.monotonic_s() - (clock.now() - started_at).total_seconds()

    def now_s(self) -> float:
        """Seconds since the session's start."""
        return self._clock.monotonic_s() - self._zero_s

    def instant(self, at_s: float) -> datetime:
        """The aware UTC instant of a session second."""
        return self._started_at + timedelta(seconds=at_s)
