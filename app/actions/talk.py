"""What a student says and has seen: the other half of the proctor's desk. Thread-safe."""

from __future__ import annotations

import threading
from typing import Any

from app.actions.board import STUDENT, Board
from app.actions.breaks import Breaks
from app.actions.orders import chat_of
from app.actions.payloads import break_of, message_of, talk_of
from app.actions.records import ActionKind, ActionRecord, BreakState
from app.clock import Clock
from app.errors import NotFound, TooMany
from app.intake.rates import TokenBucket
from app.records import PauseCause
from app.sessions import Sessions

PER_S, BURST = 0.5, 10.0
MOST_LINES = 200
MOST_UNSEEN = 50


class Talk:
    """Words, receipts and wishes of students."""

    def __init__(self, board: Board, breaks: Breaks, sessions: Sessions, clock: Clock) -> None:
        self._board = board
        self._breaks = breaks
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, TokenBucket] = {}

    def arrived(self, session_id: str) -> None:
        """The student's page has (again) begun: say what it has not shown, and the break."""
        records = self._board.of_session(session_id)
        unseen = [each for each in records if each.is_for_student and each.seen_at is None]
        for record in unseen[-MOST_UNSEEN:]:
            self._board.say(session_id, "message", message_of(record))
        state = self._breaks.state(self._sessions.get(session_id))
        if state.state in ("asked", "granted") or state.left:
            self._board.say(session_id, "break", break_of(state))

    def chat(self, session_id: str, payload: object) -> ActionRecord:
        """Keep a word, once for each of the page's numbers. Raises InvalidInput or TooMany."""
        text, number = chat_of(payload)
        with self._board.lock(session_id):
            if number:
                for record in self._board.of_session(session_id):
                    if record.client_id == number:
                        return record
            self._spend(session_id)
            session = self._sessions.get(session_id)
            return self._board.keep(session, ActionKind.CHAT, STUDENT, text=text, client_id=number)

    def seen(self, session_id: str, action_id: object) -> None:
        """The receipt. Raises NotFound for what was never sent to this student."""
        for record in self._board.of_session(session_id):
            if record.action_id == action_id and record.is_for_student:
                self._board.seen([record])
                return
        raise NotFound("There is no such message.")

    def read_by_staff(self, session_id: str) -> None:
        """A proctor has the conversation in front of them."""
        self._board.seen(
            each
            for each in self._board.of_session(session_id)
            if each.kind is ActionKind.CHAT and each.seen_at is None
        )

    def lines(self, session_id: str) -> list[dict[str, Any]]:
        """The conversation as the student sees it, oldest first."""
        records = [
            each
            for each in self._board.of_session(session_id)
            if each.is_for_student or each.kind is ActionKind.CHAT
        ]
        return [talk_of(each) for each in records[-MOST_LINES:]]

    def ask_break(self, session_id: str) -> BreakState:
        with self._board.lock(session_id):
            self._spend(session_id)
            return self._breaks.ask(self._sessions.get(session_id))

    def withdraw_break(self, session_id: str) -> BreakState:
        with self._board.lock(session_id):
            return self._breaks.withdraw(self._sessions.get(session_id))

    def pause_over(self, session_id: str, cause: PauseCause) -> None:
        """The monitor has ended a pause because its time was up."""
        if cause is PauseCause.BREAK:
            with self._board.lock(session_id):
                self._breaks.time_is_up(self._sessions.get(session_id))

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._buckets.pop(session_id, None)

    def _spend(self, session_id: str) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            bucket = self._buckets.get(session_id)
            if bucket is None:
                bucket = self._buckets[session_id] = TokenBucket(PER_S, BURST, now_s)
            is_free = bucket.take(1, now_s)
        if not is_free:
            raise TooMany("You write faster than can be read. Wait a few seconds.")
