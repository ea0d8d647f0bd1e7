"""Stand-ins that behave: a clock that moves when told to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class FakeClock:
    """Time that moves only by `advance` (and, for wall time alone, by `jump_wall`)."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
        self._monotonic_s = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def jump_wall(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
