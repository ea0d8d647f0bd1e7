"""The proctor's desk: every order is checked, done, kept, audited and told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from app.actions.board import Board
from app.actions.breaks import Breaks, Steering
from app.actions.orders import checked
from app.actions.records import ActionKind, ActionRecord, Actor, Order
from app.audit.log import AuditLog
from app.audit.pseudonyms import STUDENT
from app.errors import CandorError, Conflict
from app.records import EndCause, PauseCause, SessionRecord
from app.sessions import Sessions

log = logging.getLogger(__name__)

MOST_SESSIONS = 1_000
# What can be done to a session that has not begun, or is over.
ANY_TIME = frozenset({ActionKind.NOTE, ActionKind.CALL})
AT_THE_DOOR = frozenset({ActionKind.END, ActionKind.ADMIT, ActionKind.REFUSE})
ActsElsewhere = Callable[[Actor, str, Order], "ActionRecord | None"]
DEFAULT_TEXTS = {
    ActionKind.RESUME: "Your proctor lets the exam go on.",
    ActionKind.ADMIT: "You are admitted. The exam begins.",
}


class Admission(Protocol):
    """Check-in, where an exam asks for it."""

    def admit(self, session_id: str, by: str, reason: str = "") -> object: ...

    def refuse(self, session_id: str, by: str, reason: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A session of many for which an order was not carried out."""

    session_id: str
    code: str
    message: str


class Desk:
    """Carries orders out. Thread-safe."""

    def __init__(
        self,
        board: Board,
        breaks: Breaks,
        steering: Steering,
        sessions: Sessions,
        audit: AuditLog,
        admission: Admission | None = None,
    ) -> None:
        self._board = board
        self._breaks = breaks
        self._steering = steering
        self._sessions = sessions
        self._audit = audit
        self._admission = admission
        self._act_elsewhere: ActsElsewhere = lambda _actor, _session_id, _order: None
        self._done: dict[ActionKind, Callable[[SessionRecord, Actor, Order], ActionRecord]] = {
            ActionKind.PAUSE: self._pause,
            ActionKind.RESUME: self._resume,
            ActionKind.EXTRA_TIME: self._extend,
            ActionKind.END: self._end,
            ActionKind.ADMIT: self._admit,
            ActionKind.REFUSE: self._refuse,
            ActionKind.BREAK_GRANTED: breaks.grant,
            ActionKind.BREAK_REFUSED: breaks.refuse,
            ActionKind.BREAK_OVER: breaks.end,
        }

    def share(self, act_elsewhere: ActsElsewhere) -> None:
        """Several servers run sessions: have the owner of another carry the order out;
        `act_elsewhere` answers None when that is this server."""
        self._act_elsewhere = act_elsewhere

    def act(self, actor: Actor, session_id: str, order: Order) -> ActionRecord:
        """Carry one order out.

        Raises NotFound, InvalidInput for an order that lacks something, Conflict when the
        session is not in a state for it.
        """
        order = checked(order)
        done = self._act_elsewhere(actor, session_id, order)
        if done is not None:
            return done
        with self._board.lock(session_id):
            session = self._sessions.get(session_id)
            _check_state(session, order.kind)
            do = self._done.get(order.kind, self._keep)
            record = do(session, actor, order)
            self._write(actor, session, order)
        log.info("Action", extra={"session_id": session_id, "action": order.kind.value})
        return record

    def act_on_many(
        self, actor: Actor, session_ids: Iterable[str], order: Order
    ) -> tuple[list[ActionRecord], list[Refusal]]:
        """Carry an order out for several students; one that fails keeps no other from it."""
        order, done, refused = checked(order), [], []
        for session_id in dict.fromkeys(session_ids):
            try:
                done.append(self.act(actor, session_id, order))
            except CandorError as error:
                refused.append(Refusal(session_id, error.code, error.message))
        return done, refused

    def _write(self, actor: Actor, session: SessionRecord, order: Order) -> None:
        subject = self._audit.people.of(STUDENT, session.user_id)
        detail = {"session": session.session_id, "exam": session.exam_id}
        if order.minutes is not None:
            detail["minutes"] = f"{order.minutes:g}"
        self._audit.write(actor.reference, f"act_{order.kind.value}", subject, detail)

    def _keep(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        text = order.text or DEFAULT_TEXTS.get(order.kind, "")
        return self._board.keep(
            session, order.kind, actor, text=text, reason=order.reason, minutes=order.minutes
        )

    def _pause(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        self._steering.scoring.pause(session.session_id, PauseCause.PROCTOR)
        return self._keep(session, actor, order)

    def _resume(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        self._steering.scoring.resume(session.session_id)
        return self._keep(session, actor, order)

    def _extend(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        clock, minutes = self._steering.exam_clock, order.minutes or 0.0
        if clock is None:
            raise Conflict("This exam has no clock here that could be extended.")
        clock.extend(session.session_id, minutes, actor.name, order.reason)
        said = f"You have {minutes:g} more min."
        shown = order.text if order.text != order.reason else f"{said} {order.reason}"
        return self._keep(session, actor, replace(order, text=shown))

    def _end(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        # The student reads why before the line is closed.
        record = self._keep(session, actor, order)
        self._sessions.end(session.session_id, EndCause.PROCTOR)
        return record

    def _admit(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        self._door().admit(session.session_id, actor.name, order.reason)
        return self._keep(session, actor, order)

    def _refuse(self, session: SessionRecord, actor: Actor, order: Order) -> ActionRecord:
        self._door().refuse(session.session_id, actor.name, order.reason)
        return self._keep(session, actor, order)

    def _door(self) -> Admission:
        if self._admission is None:
            raise Conflict("This exam has no check-in.")
        return self._admission


def _check_state(session: SessionRecord, kind: ActionKind) -> None:
    if kind in ANY_TIME or session.is_running:
        return
    if kind in AT_THE_DOOR and session.is_active:
        return
    over = "has ended" if not session.is_active else "has not begun"
    raise Conflict(f"This session {over}.")
