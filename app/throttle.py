"""Slows down guessing: too many failures from one source make it wait."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.clock import Clock
from app.errors import TooMany

FREE_FAILURES = 5
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0
REMEMBERED = 10_000


class Throttle:
    """Counts failures per key, in memory, bounded; thread-safe.

    After five failures each further one doubles the wait, up to five minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Raise TooMany while any of the keys has to wait."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            wait_s = max(self._free_at_s(key) - now_s for key in keys)
        if wait_s > 0:
            raise TooMany(f"Too many attempts. Try again in {int(wait_s) + 1} seconds.")

    def fail(self, *keys: str) -> None:
        """Count a failure for each key."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            for key in keys:
                count, _ = self._failures.pop(key, (0, 0.0))
                self._failures[key] = (count + 1, now_s)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeed(self, *keys: str) -> None:
        """Forget the failures of these keys."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _free_at_s(self, key: str) -> float:
        count, last_s = self._failures.get(key, (0, 0.0))
        if count < FREE_FAILURES:
            return float("-inf")
        doublings = min(count - FREE_FAILURES, 16)
        return last_s + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**doublings)
