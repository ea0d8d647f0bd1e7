"""Why a session's scoring is paused, until when, and what the scorer must be told of it.

Several may pause at once (a proctor, a break, the warning limit); scoring goes on when nobody does
any more. Belongs to the session's track, and with it to the monitor's thread.
"""

from __future__ import annotations

import logging
from datetime import datetime

from app.clock import SessionTime
from app.monitoring.surroundings import Surroundings
from app.records import PauseCause, SessionRecord
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
        self._pauses = dict(session.pauses)
        if session.is_paused and not self._pauses:
            self._pauses = {PauseCause.WARNING_LIMIT: None}
        self._breaks = [Break(time.now_s(), begins=True)] if self._pauses else []

    @property
    def is_paused(self) -> bool:
        return bool(self._pauses)

    @property
    def causes(self) -> tuple[str, ...]:
        """Why, in the order in which the pauses began."""
        return tuple(cause.value for cause in self._pauses)

    def take_breaks(self) -> list[Break]:
        """The breaks since the last call; a pause whose time is up ends first."""
        now = self._time.instant(self._time.now_s())
        for cause, until_at in list(self._pauses.items()):
            if until_at is not None and until_at <= now:
                self.resume(cause)
                self._around.pause_over(self._session_id, cause)
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
            self.pause(PauseCause.WARNING_LIMIT)
        elif self._action is WarningAction.END:
            self._around.end_soon(self._session_id)

    def pause(self, cause: PauseCause, until_at: datetime | None = None) -> None:
        """Nothing is scored until this cause resumes, or `until_at` has passed."""
        if self._pauses.get(cause, self) != until_at:
            self._change({**self._pauses, cause: until_at})

    def resume(self, *causes: PauseCause) -> None:
        """These causes pause no longer; harmless when they did not."""
        was_limited = PauseCause.WARNING_LIMIT in self._pauses
        left = {cause: at for cause, at in self._pauses.items() if cause not in causes}
        if len(left) == len(self._pauses):
            return
        self._change(left)
        if was_limited and PauseCause.WARNING_LIMIT not in left:
            at = self._time.instant(self._time.now_s())
            self._around.live.warning_limit(self._session_id, at, {"action": "resume"})

    def _change(self, pauses: dict[PauseCause, datetime | None]) -> None:
        was_paused, self._pauses = self.is_paused, pauses
        is_paused = self.is_paused
        if is_paused != was_paused:
            self._breaks.append(Break(self._time.now_s(), begins=is_paused))
        self._around.outbox.put(
            (self._session_id, "pause"),
            lambda: self._around.store.update_session(
                self._session_id, is_paused=is_paused, pauses=pauses
            ),
        )
