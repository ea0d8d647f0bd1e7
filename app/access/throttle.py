"""Slows down guessing: too many failures from one source make it wait."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.clock import Clock
from app.errors import TooMany

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0
REMEMBERED = 10_000


class Throttle:
    """Counts failures per key, in memory, bounded; thread-safe.

    From the `free_failures`-th failure on each one doubles the wait, up to five minutes.
    """

    def __init__(self, clock: Clock, free_failures: int) -> None:
        self._clock = clock
        self._free_failures = free_failures
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise TooMany while the key has to wait."""
        with self._lock:
            wait_s = self._free_at_s(key) - self._clock.monotonic_s()
        if wait_s > 0:
            raise TooMany(f"Too many attempts. Try again in {int(wait_s) + 1} seconds.")

    def fail(self, key: str) -> None:
        """Count a failure."""
        with self._lock:
            count, _ = self._failures.pop(key, (0, 0.0))
            self._failures[key] = (count + 1, self._clock.monotonic_s())
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeed(self, key: str) -> None:
        """Forget the failures of this key."""
        with self._lock:
            self._failures.pop(key, None)

    def _free_at_s(self, key: str) -> float:
        count, last_s = self._failures.get(key, (0, 0.0))
        if count < self._free_failures:
            return float("-inf")
        doublings = min(count - self._free_failures, 16)
        return last_s + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**doublings)
