"""Keeps what was done in a session, and tells those whom it concerns. Thread-safe."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from typing import Any, Protocol

from app.actions.payloads import action_of, message_of
from app.actions.records import ActionKind, ActionRecord, Actor
from app.clock import Clock
from app.records import SessionRecord
from app.store.actions import StoredActions

LOCKS = 64
STUDENT = Actor("student", "student", "")
SERVER = Actor("server", "Candor", "")


class Tells(Protocol):
    """The live rooms, as far as actions are told there."""

    def acted(self, session_id: str, exam_id: str, payload: dict[str, Any]) -> None: ...

    def asks(self, session_id: str, wishes: Iterable[str]) -> None: ...

    def to_student(self, session_id: str, event: str, payload: dict[str, Any]) -> None: ...


class Board:
    """The actions of every session."""

    def __init__(self, store: StoredActions, rooms: Tells, clock: Clock) -> None:
        self._store = store
        self._rooms = rooms
        self._clock = clock
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def lock(self, session_id: str) -> threading.Lock:
        """Held by whoever decides something from what was done before."""
        return self._locks[hash(session_id) % LOCKS]

    def of_session(self, session_id: str) -> tuple[ActionRecord, ...]:
        """Oldest first."""
        return self._store.of_session(session_id)

    def of_exam(self, exam_id: str) -> tuple[ActionRecord, ...]:
        """Oldest first."""
        return self._store.of_exam(exam_id)

    def keep(
        self, session: SessionRecord, kind: ActionKind, actor: Actor, **fields: Any
    ) -> ActionRecord:
        """Store an action, then tell the student and those who watch."""
        record = ActionRecord(
            action_id=f"a_{secrets.token_hex(12)}",
            session_id=session.session_id,
            exam_id=session.exam_id,
            kind=kind,
            actor=actor.name,
            actor_kind=actor.kind,
            at=self._clock.now(),
            **fields,
        )
        self._store.add(record)
        if record.is_for_student:
            self._rooms.to_student(session.session_id, "message", message_of(record))
        self._rooms.acted(session.session_id, session.exam_id, action_of(record))
        self.refresh(session.session_id)
        return record

    def seen(self, records: Iterable[ActionRecord]) -> None:
        """These stand on the other side's screen. What was seen before keeps its time."""
        at = self._clock.now()
        changed = ""
        for record in records:
            if record.seen_at is None:
                self._store.seen(record.action_id, at)
                told = {**action_of(record), "seen_at": at.isoformat()}
                self._rooms.acted(record.session_id, record.exam_id, told)
                changed = record.session_id
        if changed:
            self.refresh(changed)

    def refresh(self, session_id: str) -> None:
        """Tell the wall what this student waits for."""
        records = self.of_session(session_id)
        wishes = []
        if any(each.kind is ActionKind.CHAT and each.seen_at is None for each in records):
            wishes.append("chat")
        if last_break(records) is ActionKind.BREAK_ASKED:
            wishes.append("break")
        self._rooms.asks(session_id, wishes)

    def say(self, session_id: str, event: str, payload: dict[str, Any]) -> None:
        """Tell the student something that needs no receipt."""
        self._rooms.to_student(session_id, event, payload)


def last_break(records: Iterable[ActionRecord]) -> ActionKind | None:
    """What last happened about breaks."""
    last = None
    for record in records:
        if record.kind.value.startswith("break_"):
            last = record.kind
    return last
