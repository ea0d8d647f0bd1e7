"""From which second of a session on something may still be asked for again.

Belongs to the session's track, and with it to the monitor's thread. What was captured before the
mark is scored, stored, and needed for no clip, so the browser may erase it.
"""

from __future__ import annotations

import math

from app.intake.state import StreamState
from app.monitoring.surroundings import Surroundings
from scoring.policy import Policy

# An interval is closed this much after its end; the scorer does the same.
CLOSED_S = 4.0


class Settling:
    """Moves one session's mark."""

    def __init__(self, session_id: str, policy: Policy, around: Surroundings) -> None:
        self._session_id = session_id
        self._interval_s = policy.interval_s
        self._pre_roll_s = policy.pre_roll_s
        self._around = around
        self._heard: StreamState | None = None
        self._scored: StreamState | None = None
        self._mark_s: float | None = None

    def heard(self, stream: StreamState | None) -> None:
        """How the stream is now. What was judged before the last time is scored by now."""
        self._scored, self._heard = self._heard, stream
        if self._mark_s is not None and self._is_stored():
            self._around.settle(self._session_id, self._mark_s)
            self._mark_s = None

    def trace_put(self, now_s: float) -> None:
        """Everything scored so far is on its way to the store."""
        stream = self._scored
        if stream is None:
            return
        reached_s = min(stream.complete_s, stream.pending_from_s, now_s - CLOSED_S)
        if not math.isfinite(reached_s):
            return
        closed_s = math.floor(reached_s / self._interval_s) * self._interval_s
        needed_s = self._around.recorder.needed_from_s(self._session_id)
        self._mark_s = max(0.0, min(closed_s - self._pre_roll_s, needed_s))

    def _is_stored(self) -> bool:
        return self._around.outbox.is_stored(self._session_id, "trace")
