"""What a student was warned of in one session: just now, and what counts towards the limit.

Belongs to the session's track, and with it to the monitor's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from app.clock import SessionTime
from app.monitoring.views import Warned
from scoring.model import Alert

RECENT_S = 10.0
RECENT = 20
# Those that count, as many as a student's page lists.
COUNTED = 10


class WarningLog:
    """The newest alerts of a session; begins with those that were there before a restart."""

    def __init__(self, time: SessionTime, before: Iterable[Alert]) -> None:
        self._time = time
        self._recent: deque[Warned] = deque(maxlen=RECENT)
        self._counted: deque[Warned] = deque(
            (self._read(each) for each in before if each.is_critical), maxlen=COUNTED
        )

    def add(self, alert: Alert) -> None:
        """An alert was raised."""
        warned = self._read(alert)
        self._recent.append(warned)
        if warned.is_critical:
            self._counted.append(warned)

    def recent(self, now: datetime) -> tuple[Warned, ...]:
        """The alerts of the last seconds, oldest first."""
        return tuple(w for w in self._recent if (now - w.at).total_seconds() <= RECENT_S)

    def counted(self) -> tuple[Warned, ...]:
        """The newest that count towards the policy's limit, oldest first."""
        return tuple(self._counted)

    def _read(self, alert: Alert) -> Warned:
        return Warned(alert.kind, self._time.instant(alert.at_s), alert.is_critical)
