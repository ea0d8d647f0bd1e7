"""What happens when a student was warned too often, and the pause that may follow.

Belongs to the session's track, and with it to the monitor's thread.
"""

from __future__ import annotations

import logging

from app.clock import SessionTime
from app.monitoring.surroundings import Surroundings
from app.records import SessionRecord
from scoring.model import AlertRaised, Break
from scoring.policy import WarningAction

log = logging.getLogger(__name__)


class Pausing:
    """Whether a session's scoring is paused, and the breaks the scorer must still be told."""

    def __init__(
        self,
        session: SessionRecord,
        time: SessionTime,
        around: Surroundings,
        action: WarningAction,
    ) -> None:
        self._session_id = session.session_id
        self._time = time
        self._around = around
        self._action = action
        self.is_paused = session.is_paused
        self._breaks = [Break(time.now_s(), begins=True)] if session.is_paused else []

    def take_breaks(self) -> list[Break]:
        """The breaks since the last call."""
        breaks, self._breaks = self._breaks, []
        return breaks

    def limit_reached(self, change: AlertRaised) -> None:
        """Do what the policy says: notify, pause, or end."""
        facts = {"session_id": self._session_id, "action": self._action.value}
        log.info("Warning limit reached", extra=facts)
        at = self._time.instant(change.alert.at_s)
        told = {"action": self._action.value, "warnings": change.warnings}
        self._around.live.warning_limit(self._session_id, at, told)
        if self._action is WarningAction.PAUSE:
            self._set(is_paused=True)
        elif self._action is WarningAction.END:
            self._around.end_soon(self._session_id)

    def resume(self) -> None:
        """Scoring goes on; harmless when it was not paused."""
        self._set(is_paused=False)

    def _set(self, *, is_paused: bool) -> None:
        if is_paused == self.is_paused:
            return
        self.is_paused = is_paused
        now_s = self._time.now_s()
        self._breaks.append(Break(now_s, begins=is_paused))
        self._around.outbox.put(
            (self._session_id, "pause"),
            lambda: self._around.store.update_session(self._session_id, is_paused=is_paused),
        )
        if not is_paused:
            told = {"action": "resume"}
            self._around.live.warning_limit(self._session_id, self._time.instant(now_s), told)
