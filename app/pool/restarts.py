"""How long to wait before a dead worker is started again."""

from __future__ import annotations

_FIRST_DELAY_S = 1.0
_MAX_DELAY_S = 60.0
_PROVEN_S = 60.0


class RestartBudget:
    """The first restart is at once; each further one within a short life waits twice as long.

    A worker that served for a minute has proven itself and its past is forgotten. Not
    thread-safe; time is an argument in monotonic seconds.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._ready_s: float | None = None

    def ready(self, now_s: float) -> None:
        """The worker has started."""
        self._ready_s = now_s

    def failed(self, now_s: float) -> float:
        """The worker is dead or did not start. Returns the seconds to wait."""
        if self._ready_s is not None and now_s - self._ready_s >= _PROVEN_S:
            self._failures = 0
        self._ready_s = None
        self._failures += 1
        if self._failures == 1:
            return 0.0
        delay_s: float = _FIRST_DELAY_S * 2.0 ** min(self._failures - 2, 10)
        return min(_MAX_DELAY_S, delay_s)
