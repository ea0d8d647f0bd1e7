"""What happens to a session: created, started, ended, looked at.

The store decides who wins a race; the parts that work on a running session (ingest, monitor)
are opened and closed here and nowhere else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from app.clock import Clock
from app.errors import CandorError, Conflict, NotFound, Unavailable
from app.exams.terms import Terms
from app.ids import DEFAULT_EXAM, check_chosen_id, is_ours, new_session_id
from app.records import (
    ClipRecord,
    EndCause,
    IntervalRecord,
    SessionRecord,
    SessionState,
    ViolationRecord,
)
from app.store import Repository, Stats
from scoring.model import Scores
from scoring.stream import Happening
from scoring.trace import TraceError, happenings

log = logging.getLogger(__name__)

ACTIVE = (SessionState.CREATED, SessionState.RUNNING)
LOCKS = 64
MOST_EVENTS = 1_000
CREATE_TRIES = 5
LONG_GONE = timedelta(days=1)

WhenEnded = Callable[[str, EndCause], None]
EndsElsewhere = Callable[[str, EndCause, "datetime | None"], bool]


class OpensSessions(Protocol):
    """A part that works on running sessions: `open` is idempotent."""

    def open(self, session: SessionRecord) -> None: ...


class ClosesSessions(OpensSessions, Protocol):
    """Takes in what the students send."""

    def close(self, session_id: str) -> None: ...


class EndsSessions(OpensSessions, Protocol):
    """Scores; `end` returns when the final ledger is stored."""

    def end(self, session_id: str) -> object: ...

    def release(self, session_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Details:
    """Everything known about one session."""

    session: SessionRecord
    violations: tuple[ViolationRecord, ...]
    intervals: tuple[IntervalRecord, ...]
    clips: tuple[ClipRecord, ...]


class Sessions:
    """The use cases of a session. Thread-safe.

    `terms` answers what a student's session of an exam is frozen with; `scores` a running
    session's numbers of this moment, or None.
    """

    def __init__(
        self,
        clock: Clock,
        repository: Repository,
        ingest: ClosesSessions,
        monitor: EndsSessions,
        terms: Callable[[str, str], Terms],
        scores: Callable[[str], Scores | None],
    ) -> None:
        self._clock = clock
        self._repository = repository
        self._ingest = ingest
        self._monitor = monitor
        self._terms = terms
        self._scores = scores
        self._when_ended: list[WhenEnded] = []
        self._when_started: list[Callable[[str], object]] = []
        self._before_new: list[Callable[[str, str], object]] = []
        self._is_mine: Callable[[str], bool] = lambda _session_id: True
        self._end_elsewhere: EndsElsewhere | None = None
        self._moving = [threading.Lock() for _ in range(LOCKS)]

    def when_ended(self, callback: WhenEnded) -> None:
        """Call back once after a session ended, whatever the cause, on the ending thread."""
        self._when_ended.append(callback)

    def when_started(self, callback: Callable[[str], object]) -> None:
        """Call back once when a session begins to run, on the starting thread."""
        self._when_started.append(callback)

    def before_new(self, check: Callable[[str, str], object]) -> None:
        """Ask before a student (user_id, exam_id) gets a new session; it may raise."""
        self._before_new.append(check)

    def share(self, is_mine: Callable[[str], bool], end_elsewhere: EndsElsewhere) -> None:
        """Several servers run sessions: reopen only those that are `is_mine`, and have the owner
        of another end it; `end_elsewhere` answers whether there is one."""
        self._is_mine = is_mine
        self._end_elsewhere = end_elsewhere

    def create(self, user_id: object, exam_id: object = None) -> tuple[SessionRecord, bool]:
        """The student's active session of that exam, and whether it is a new one.

        Raises InvalidInput for ids that may not be stored, Conflict when the student may not
        take this exam (again).
        """
        user = check_chosen_id(user_id, "The user id")
        exam = DEFAULT_EXAM if exam_id is None else check_chosen_id(exam_id, "The exam id")
        for _ in range(CREATE_TRIES):
            active = self._repository.active_session(user, exam)
            if active is not None:
                return active, False
            for check in self._before_new:
                check(user, exam)
            record = SessionRecord(
                new_session_id(), user, exam, SessionState.CREATED, self._clock.now()
            )
            try:
                self._repository.add_session(record)
            except Conflict:
                continue
            log.info("Session created", extra={"session_id": record.session_id})
            return record, True
        raise Conflict("This session is being created and ended at the same time. Try again.")

    def get(self, session_id: object) -> SessionRecord:
        """Raises NotFound."""
        record = (
            self._repository.session(session_id)
            if isinstance(session_id, str) and is_ours(session_id)
            else None
        )
        if record is None:
            raise NotFound("There is no such session.")
        return record

    def find_active(self, user_id: object, exam_id: object = None) -> SessionRecord:
        """The active session of that student and exam. Raises InvalidInput or NotFound."""
        user = check_chosen_id(user_id, "The user id")
        exam = DEFAULT_EXAM if exam_id is None else check_chosen_id(exam_id, "The exam id")
        record = self._repository.active_session(user, exam)
        if record is None:
            raise NotFound("This student has no active session of this exam.")
        return record

    def start(self, session_id: str) -> SessionRecord:
        """The student is here: second 0 of a created session; harmless for a running one.

        Raises NotFound, or Conflict when the session has ended.
        """
        with self._lock(session_id):
            record = self.get(session_id)
            is_new = record.state is SessionState.CREATED
            if is_new:
                terms = self._terms(record.exam_id, record.user_id)
                self._repository.move_session(
                    session_id,
                    (SessionState.CREATED,),
                    state=SessionState.RUNNING,
                    started_at=self._clock.now(),
                    policy=terms.policy,
                    capture_screen=terms.capture_screen,
                    shows_focus=terms.shows_focus,
                )
                record = self.get(session_id)
                log.info("Session started", extra={"session_id": session_id})
            if not record.is_running:
                raise Conflict("This session has ended.")
            self._open(record)
        if is_new:
            for callback in self._when_started:
                callback(session_id)
        return record

    def end(self, session_id: str, cause: EndCause, at: datetime | None = None) -> SessionRecord:
        """End a session, now or `at` a past instant; one that has ended keeps its first cause.
        Raises NotFound."""
        elsewhere = self._end_elsewhere
        if elsewhere and self.get(session_id).is_running and elsewhere(session_id, cause, at):
            return self.get(session_id)
        with self._lock(session_id):
            record = self.get(session_id)
            if not record.is_active:
                return record
            if record.is_running:
                self._ingest.close(session_id)
                self._finish_scoring(session_id)
            moved = self._repository.move_session(
                session_id,
                ACTIVE,
                state=SessionState.ENDED,
                end_cause=cause,
                ended_at=at or self._clock.now(),
            )
            record = self.get(session_id)
        if moved:
            log.info("Session ended", extra={"session_id": session_id, "cause": cause.value})
            for callback in self._when_ended:
                callback(session_id, cause)
        return record

    def reopen(self) -> int:
        """Take up the sessions that ran when the server stopped; how many.

        One that nobody has been heard of for a day is not gone on with: it ended then.
        """
        reopened = 0
        for record in self._repository.sessions(SessionState.RUNNING):
            if not self._is_mine(record.session_id):
                continue
            heard_at = record.last_contact_at or record.started_at or record.created_at
            if self._clock.now() - heard_at > LONG_GONE:
                self.end(record.session_id, EndCause.ABANDONED, heard_at)
                continue
            with self._lock(record.session_id):
                self._open(record)
            reopened += 1
        return reopened

    def release(self, session_id: str) -> None:
        """Store a session as it is, for another server goes on with it."""
        with self._lock(session_id):
            self._ingest.close(session_id)
            self._monitor.release(session_id)

    def take_up(self, session_id: str) -> None:
        """Go on with a session that ran on another server. Harmless when it runs here."""
        with self._lock(session_id):
            record = self.get(session_id)
            if record.is_running:
                self._open(record)

    def active(self) -> tuple[SessionRecord, ...]:
        """Newest first, with the scores of this moment."""
        return tuple(self._live(record) for record in self._repository.sessions(states=ACTIVE))

    def stats(self) -> Stats:
        return self._repository.stats()

    def details(self, session_id: object) -> Details:
        """Raises NotFound."""
        record = self.get(session_id)
        return Details(
            session=self._live(record),
            violations=self._repository.violations(record.session_id),
            intervals=self._repository.intervals(record.session_id),
            clips=self._repository.clips(record.session_id),
        )

    def screen_events(self, session_id: object) -> tuple[Happening, ...]:
        """What the student's browser reported, in order, as far as it is stored; at most the
        newest `MOST_EVENTS`. Raises NotFound, Unavailable when a block cannot be read."""
        record = self.get(session_id)
        try:
            found = {
                event.event_id: event
                for block in self._repository.trace(record.session_id)
                for event in happenings(block.data)
            }
        except TraceError as error:
            raise Unavailable(f"The stored events cannot be read: {error}") from error
        return tuple(sorted(found.values())[-MOST_EVENTS:])

    def now(self, record: SessionRecord) -> SessionRecord:
        """The record with the scores of this moment."""
        return self._live(record)

    def _live(self, record: SessionRecord) -> SessionRecord:
        scores = self._scores(record.session_id) if record.is_running else None
        if scores is None:
            return record
        return replace(
            record,
            interval_score=scores.interval_score,
            total_score=scores.total_score,
            risk=scores.risk_temporary + scores.risk_permanent,
            focus=scores.focus,
            trust=scores.trust,
            flagged_intervals=scores.flagged_intervals,
            coverage=dict(scores.coverage) or record.coverage,
        )

    def _open(self, record: SessionRecord) -> None:
        self._monitor.open(record)
        self._ingest.open(record)

    def _finish_scoring(self, session_id: str) -> None:
        try:
            self._monitor.end(session_id)
        except CandorError:
            # The session ends even when its last numbers cannot be had; they stay as stored.
            log.exception("The final scores are missing", extra={"session_id": session_id})

    def _lock(self, session_id: str) -> threading.Lock:
        return self._moving[hash(session_id) % LOCKS]
