"""A token bucket: how much somebody may use at once and per second."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens and regains `per_s` of them each second.

    Not thread-safe: the owner's lock guards it. Time is an argument in seconds and may be any
    monotonic count.
    """

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._seen_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Use `amount` tokens if they are there; otherwise nothing changes and it is False."""
        gained = max(0.0, now_s - self._seen_s) * self._per_s
        self._tokens = min(self._burst, self._tokens + gained)
        self._seen_s = max(self._seen_s, now_s)
        if amount > self._tokens:
            return False
        self._tokens -= amount
        return True
