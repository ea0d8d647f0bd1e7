"""Breaks: asked for by the student, granted, refused or ended by a proctor, over by themselves.

While one lasts nothing is scored and the exam's clock stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.actions.board import SERVER, STUDENT, Board
from app.actions.payloads import break_of
from app.actions.records import BREAKS, ActionKind, ActionRecord, Actor, BreakState, Order
from app.clock import Clock
from app.errors import Conflict, InvalidInput
from app.policies import Overlay
from app.records import PauseCause, SessionRecord

STATES = {
    ActionKind.BREAK_ASKED: "asked",
    ActionKind.BREAK_GRANTED: "granted",
    ActionKind.BREAK_REFUSED: "refused",
    ActionKind.BREAK_OVER: "over",
}


class Scoring(Protocol):
    """The monitor, as far as it is paused."""

    def pause(
        self, session_id: str, cause: PauseCause, until_at: datetime | None = None
    ) -> None: ...

    def resume(self, session_id: str, *causes: PauseCause) -> None: ...


class ExamClock(Protocol):
    """The exam's own clock, where there is one. It follows the session's pauses by itself."""

    def extend(self, session_id: str, minutes: float, by: str, reason: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Steering:
    """What an action moves. `grants` answers what a student is granted; `exam_clock` is None
    where exams have no clock."""

    scoring: Scoring
    grants: Callable[[SessionRecord], Overlay]
    exam_clock: ExamClock | None = None


class Breaks:
    """The breaks of every session. Its callers hold the board's lock of the session."""

    def __init__(self, board: Board, steering: Steering, clock: Clock) -> None:
        self._board = board
        self._steering = steering
        self._clock = clock

    def state(self, session: SessionRecord) -> BreakState:
        """How it stands now."""
        return self._state(session, self._board.of_session(session.session_id))

    def ask(self, session: SessionRecord) -> BreakState:
        """The student asks; harmless while asked for or lasting."""
        now = self.state(session)
        if now.state not in ("asked", "granted"):
            self._board.keep(session, ActionKind.BREAK_ASKED, STUDENT)
            now = self._tell(session)
        return now

    def withdraw(self, session: SessionRecord) -> BreakState:
        """The student is back, or does not want it any more."""
        now = self.state(session)
        if now.state in ("asked", "granted"):
            self._end(session, STUDENT, "")
            now = self.state(session)
        return now

    def grant(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        """Begin a break. More than the exam grants needs a reason."""
        now, granted = self.state(session), self._steering.grants(session)
        if now.state == "granted":
            raise Conflict("This student has a break already.")
        is_beyond = now.left <= 0 or (order.minutes or 0) > granted.break_min
        if is_beyond and not order.reason:
            raise InvalidInput(
                "This is more than the exam grants this student. Give a reason to grant it anyway."
            )
        minutes = order.minutes or granted.break_min
        until_at = self._clock.now() + timedelta(minutes=minutes)
        self._steering.scoring.pause(session.session_id, PauseCause.BREAK, until_at)
        record = self._board.keep(
            session,
            ActionKind.BREAK_GRANTED,
            actor,
            text=order.text or f"Your break lasts {minutes:g} min. Nothing is scored meanwhile.",
            reason=order.reason,
            minutes=minutes,
            until_at=until_at,
            is_beyond=is_beyond,
        )
        self._tell(session)
        return record

    def refuse(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        """Say no. Raises Conflict when nobody asked."""
        if self.state(session).state != "asked":
            raise Conflict("This student has not asked for a break.")
        record = self._board.keep(
            session, ActionKind.BREAK_REFUSED, actor, text=order.text, reason=order.reason
        )
        self._tell(session)
        return record

    def end(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        """End a break before its time. Raises Conflict when there is none."""
        if self.state(session).state != "granted":
            raise Conflict("This student has no break.")
        return self._end(session, actor, order.reason, order.text)

    def time_is_up(self, session: SessionRecord) -> None:
        """The monitor has ended the pause of a break."""
        if self.state(session).state == "granted":
            self._end(session, SERVER, "")

    def _end(
        self, session: SessionRecord, actor: Actor, reason: str, text: str = ""
    ) -> ActionRecord:
        self._steering.scoring.resume(session.session_id, PauseCause.BREAK)
        said = "" if actor.kind == "student" else text or "Your break is over."
        record = self._board.keep(session, ActionKind.BREAK_OVER, actor, text=said, reason=reason)
        self._tell(session)
        return record

    def _tell(self, session: SessionRecord) -> BreakState:
        now = self.state(session)
        self._board.say(session.session_id, "break", break_of(now))
        return now

    def _state(self, session: SessionRecord, records: Iterable[ActionRecord]) -> BreakState:
        about = [each for each in records if each.kind in BREAKS]
        taken = sum(each.kind is ActionKind.BREAK_GRANTED for each in about)
        left = max(0, self._steering.grants(session).breaks - taken)
        if not about:
            return BreakState("none", None, left)
        last = about[-1]
        return BreakState(STATES[last.kind], last.until_at, left)
