"""The students' way through exams: the clock, the answers, the hand-in. Thread-safe.

The server's clock alone decides. One thread looks at every open sitting once a second, tells the
student's page what has changed, and hands in when the time is over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.clock import Clock
from app.errors import CandorError, Conflict, InvalidInput, NotFound, TooMany
from app.exams.answers import LateAnswer, NotOpen, checked_value
from app.exams.desk import Desk, Desks, is_held, overlay_min
from app.exams.records import (
    AnswerRecord,
    Grant,
    HandedInBy,
    SittingRecord,
    Value,
)
from app.exams.timing import Face, ended_at
from app.intake.rates import TokenBucket
from app.records import EndCause, ExamRecord, PauseCause, SessionRecord, SessionState
from app.store import Repository

log = logging.getLogger(__name__)

TICK_S = 1.0
JOIN_S = 5.0
ANSWERS_PER_S, ANSWERS_BURST = 5.0, 200.0
# What stops the clock of an exam whose plan says so; who is checked in has none yet.
STOPPING = frozenset(
    cause.value for cause in (PauseCause.WARNING_LIMIT, PauseCause.PROCTOR, PauseCause.BREAK)
)
# Answers that come later than this are not kept at all.
KEPT_LATE = timedelta(hours=24)
MOST_GRANTED_MIN = 1440.0
LONGEST_REASON = 200

Tell = Callable[[str, Face], object]
End = Callable[[str, EndCause], object]
Pauses = Callable[[str], Collection[str] | None]


@dataclass(frozen=True, slots=True)
class _Watched:
    """An open sitting as it was stored last, and what its page was told."""

    sitting: SittingRecord
    told: Face | None = None


class Sittings:
    """The use cases of a sitting. `tell` shows a student's page the clock, `end` ends a session."""

    def __init__(
        self,
        clock: Clock,
        repository: Repository,
        tell: Tell,
        end: End,
        pauses: Pauses = lambda _session_id: None,
        chore: Callable[[], object] = lambda: None,
    ) -> None:
        """`pauses` answers why a session is paused now, or None where that is not known;
        `chore` is done once a second on the thread of the clock."""
        self._clock = clock
        self._repository = repository
        self._papers = repository.papers
        self._tell = tell
        self._end = end
        self._pauses = pauses
        self._chore = chore
        # Where several servers run sessions, which of them run here.
        self.is_mine: Callable[[str], bool] = lambda _session_id: True
        self._desks = Desks(clock, repository)
        self._lock = threading.Lock()
        self._open: dict[str, _Watched] = {}
        self._rates: dict[str, TokenBucket] = {}
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exam-clock", daemon=True)

    def start(self) -> None:
        """Take up the sittings that were open, and watch the time."""
        for session in self._repository.sessions(SessionState.RUNNING):
            if self.is_mine(session.session_id):
                self.started(session.session_id)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    # What happens to the session

    def check_new(self, user_id: str, exam_id: str) -> None:
        """Raises Conflict when this student may not begin (another time)."""
        exam = self._repository.exam(exam_id)
        if exam is None or not is_held(exam, self._papers.paper(exam_id)):
            return
        plan, now = exam.plan, self._clock.now()
        handed_in = [
            sitting
            for sitting in self._papers.sittings(exam_id, user_id)
            if not sitting.resumed_by and self._desks.face(exam, sitting, now).state == "over"
        ]
        if len(handed_in) >= plan.attempts:
            raise Conflict("This exam has been handed in. It cannot be taken again.")
        granted = timedelta(minutes=overlay_min(exam, user_id))
        if plan.closes_at is not None and now >= plan.closes_at + granted:
            raise Conflict("This exam is closed. Ask your school.")

    def started(self, session_id: str) -> None:
        """The session runs: its sitting begins, or waits to be let in."""
        session = self._repository.session(session_id)
        if session is not None:
            self.desk(session)

    def ended(self, session_id: str, cause: EndCause) -> None:
        """The session is over: so is the sitting, unless the student just went missing."""
        with self._lock:
            self._open.pop(session_id, None)
            self._rates.pop(session_id, None)
        if cause is EndCause.ABANDONED:
            return
        by: HandedInBy = "student" if cause is EndCause.STUDENT else "server"
        with self._desks.moving(session_id):
            sitting = self._papers.sitting(session_id)
            if sitting is not None and sitting.handed_in_at is None:
                by = "time" if cause is EndCause.EXAM_OVER else by
                self._save(replace(sitting, handed_in_at=self._clock.now(), handed_in_by=by))

    def released(self, session_id: str) -> None:
        """Another server runs the session now, and its clock."""
        with self._lock:
            self._open.pop(session_id, None)
            self._rates.pop(session_id, None)

    # What the student asks

    def desk(self, session: SessionRecord) -> Desk | None:
        """What there is of this session's exam; None for a monitor-only one."""
        desk = self._of(session)
        if desk is not None and session.is_running:
            with self._lock:
                self._open.setdefault(session.session_id, _Watched(desk.sitting))
        return desk

    def answer(
        self,
        session: SessionRecord,
        question_id: str,
        value: Value,
        seq: int,
        *,
        is_flagged: bool,
        place: str | None = None,
    ) -> AnswerRecord:
        """Keep an answer; the newest seq wins.

        Raises NotFound, InvalidInput, NotOpen, TooMany, or LateAnswer after keeping it as late.
        """
        self._take(session.session_id)
        with self._desks.moving(session.session_id):
            desk = self._of(session)
            question = desk.paper.question(question_id) if desk and desk.paper else None
            if desk is None or question is None:
                raise NotFound("This exam has no such question.")
            if desk.face.state == "waiting":
                raise NotOpen("This exam is not open yet.")
            now = self._clock.now()
            is_late = desk.face.state == "over" or not session.is_running
            record = AnswerRecord(
                session.session_id,
                question_id,
                checked_value(question, value),
                seq,
                now,
                is_flagged,
                is_late,
            )
            if is_late:
                self._keep_late(desk, record, now)
            kept = self._papers.keep_answer(record)
            if place is not None and place != desk.sitting.place:
                self._save(replace(desk.sitting, place=place))
            return kept

    def hand_in(self, session: SessionRecord) -> datetime:
        """The student is through; ends the session. Raises NotFound or NotOpen."""
        with self._desks.moving(session.session_id):
            desk = self._of(session)
            if desk is None:
                raise NotFound("This session has no exam to hand in.")
            if desk.face.state == "waiting":
                raise NotOpen("This exam is not open yet.")
            sitting = desk.sitting
            if sitting.handed_in_at is None:
                is_over = desk.face.state == "over"
                at = self._over_at(desk) if is_over else self._clock.now()
                by: HandedInBy = "time" if is_over else "student"
                sitting = replace(sitting, handed_in_at=at, handed_in_by=by)
                self._save(sitting)
        cause = EndCause.EXAM_OVER if sitting.handed_in_by == "time" else EndCause.STUDENT
        self._end(session.session_id, cause)
        handed_in_at = sitting.handed_in_at
        return handed_in_at or self._clock.now()

    # What staff do

    def admit(self, session_id: str) -> None:
        """Check-in is over: the student's time begins. Harmless when repeated."""
        self._change(session_id, self._admitted)

    def extend(self, session_id: str, minutes: float, by: str, reason: str) -> Face:
        """Give time. Raises InvalidInput, NotFound, or Conflict when the time is over."""
        if not (minutes == minutes and 0 < minutes <= MOST_GRANTED_MIN):
            raise InvalidInput("Between 1 minute and 24 hours can be given.")
        grant = Grant(minutes, by, reason.strip()[:LONGEST_REASON], self._clock.now())
        with self._desks.moving(session_id):
            desk = self._required(session_id)
            if desk.face.state == "over":
                raise Conflict("The time of this exam is over, or it was handed in.")
            if not (desk.plan.duration_min or desk.plan.closes_at):
                raise Conflict("This exam has no time limit.")
            sitting = desk.sitting
            granted = minutes + sum(each.minutes for each in sitting.grants)
            if granted > MOST_GRANTED_MIN:
                raise InvalidInput("At most 24 hours can be given in all.")
            self._save(replace(sitting, grants=(*sitting.grants, grant)))
        log.info("Exam extended", extra={"session_id": session_id, "minutes": minutes})
        return self._show(session_id)

    def set_holds(self, session_id: str, reasons: Collection[str], at: datetime) -> None:
        """Why the session is paused since `at`, or that it goes on: the clock stands while there
        is a reason, where the exam's plan says that pauses stop it."""

        def held(desk: Desk) -> SittingRecord:
            sitting, holds = desk.sitting, tuple(reasons)
            if sitting.held_since is None:
                stops = bool(holds) and desk.plan.pause_stops_clock
                return replace(sitting, holds=holds, held_since=at if stops else None)
            if holds:
                return replace(sitting, holds=holds)
            began = desk.face.began_at or at
            stood_s = max(0.0, (at - max(sitting.held_since, began)).total_seconds())
            return replace(sitting, holds=(), held_since=None, held_s=sitting.held_s + stood_s)

        self._change(session_id, held)

    # The time

    def tick(self) -> None:
        """Tell every open sitting's page what has changed, and hand in what is over."""
        with self._lock:
            watched = list(self._open.items())
        exams: dict[str, ExamRecord | None] = {}
        for session_id, each in watched:
            exam_id = each.sitting.exam_id
            if exam_id not in exams:
                exams[exam_id] = self._repository.exam(exam_id)
            exam = exams[exam_id]
            if self._is_stopping.is_set():
                return
            if not self._follow_pauses(session_id, each.sitting) and exam is not None:
                self._look(session_id, self._desks.face(exam, each.sitting, self._clock.now()))

    def _follow_pauses(self, session_id: str, sitting: SittingRecord) -> bool:
        """Stop the clock or let it go on as the session is paused; whether that changed."""
        causes = self._pauses(session_id)
        reasons = sorted(STOPPING & set(causes)) if causes is not None else list(sitting.holds)
        if reasons == sorted(sitting.holds):
            return False
        self.set_holds(session_id, reasons, self._clock.now())
        return True

    def _run(self) -> None:
        while not self._is_stopping.wait(TICK_S):
            try:
                self.tick()
                self._chore()
            except CandorError as error:
                log.error("The exam clock could not be read", extra={"reason": error.message})
            except Exception:
                log.exception("The exam clock failed; it goes on")

    def _look(self, session_id: str, face: Face) -> None:
        with self._lock:
            watched = self._open.get(session_id)
            if watched is None:
                return
            is_news = _is_other(watched.told, face)
            if is_news:
                self._open[session_id] = replace(watched, told=face)
        if is_news:
            self._tell(session_id, face)
        if face.state == "over":
            session = self._repository.session(session_id)
            if session is not None and session.is_running:
                self.hand_in(session)

    def _show(self, session_id: str) -> Face:
        face = self._required(session_id).face
        self._look(session_id, face)
        return face

    def _save(self, sitting: SittingRecord) -> None:
        self._papers.save_sitting(sitting)
        with self._lock:
            watched = self._open.get(sitting.session_id)
            if watched is not None:
                self._open[sitting.session_id] = replace(watched, sitting=sitting)

    def _over_at(self, desk: Desk) -> datetime:
        now = self._clock.now()
        minutes = overlay_min(desk.exam, desk.session.user_id)
        return min(now, ended_at(desk.plan, desk.sitting, minutes) or now)

    def _of(self, session: SessionRecord) -> Desk | None:
        return self._desks.of(session)

    def _required(self, session_id: str) -> Desk:
        session = self._repository.session(session_id)
        desk = self._of(session) if session else None
        if desk is None:
            raise NotFound("This session has no exam with a clock.")
        return desk

    def _admitted(self, desk: Desk) -> SittingRecord:
        ready_at = desk.sitting.ready_at or self._clock.now()
        return replace(desk.sitting, ready_at=ready_at)

    def _change(self, session_id: str, change: Callable[[Desk], SittingRecord]) -> None:
        """Change a sitting and show its page; nothing for a session without an exam."""
        with self._desks.moving(session_id):
            session = self._repository.session(session_id)
            desk = self._of(session) if session else None
            if desk is None or desk.session.state is SessionState.CREATED:
                return
            changed = change(desk)
            if changed != desk.sitting:
                self._save(changed)
        self._show(session_id)

    def _keep_late(self, desk: Desk, record: AnswerRecord, now: datetime) -> None:
        over_at = desk.sitting.handed_in_at or self._over_at(desk)
        if now - over_at <= KEPT_LATE:
            self._papers.keep_answer(record)
            raise LateAnswer(
                "Time is up or the exam was handed in: this answer was kept as late and does not"
                " count."
            )
        raise LateAnswer("Time is up or the exam was handed in: this answer does not count.")

    def _take(self, session_id: str) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            rate = self._rates.get(session_id)
            if rate is None:
                while len(self._rates) > 10_000:
                    self._rates.pop(next(iter(self._rates)))
                rate = TokenBucket(ANSWERS_PER_S, ANSWERS_BURST, now_s)
                self._rates[session_id] = rate
            if not rate.take(1, now_s):
                raise TooMany("Answers come too fast. Wait a few seconds.")


def _is_other(before: Face | None, now: Face) -> bool:
    """Whether the page must be told; a running clock's end is the same within a tenth."""
    if before is None:
        return True
    if (before.state, before.is_stopped) != (now.state, now.is_stopped):
        return True
    if now.is_stopped:
        return before.left_s != now.left_s
    if before.ends_at is None or now.ends_at is None:
        return before.ends_at is not now.ends_at
    return abs((before.ends_at - now.ends_at).total_seconds()) > 0.1
