"""Finds everything about one sitting at one moment, and makes the sitting at the first look."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime

from app.clock import Clock
from app.exams.records import ExamPlan, PaperRecord, SittingRecord
from app.exams.timing import Face, face_of
from app.records import ExamRecord, SessionRecord, SessionState
from app.store import Repository

STRIPES = 64


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything about one sitting at one moment."""

    session: SessionRecord
    exam: ExamRecord
    paper: PaperRecord | None
    sitting: SittingRecord
    face: Face

    @property
    def plan(self) -> ExamPlan:
        return self.exam.plan


class Desks:
    """Finds desks. Thread-safe; whoever changes a sitting holds `moving` of its session."""

    def __init__(self, clock: Clock, repository: Repository) -> None:
        self._clock = clock
        self._repository = repository
        self._papers = repository.papers
        self._moving = [threading.RLock() for _ in range(STRIPES)]

    def moving(self, session_id: str) -> threading.RLock:
        """Held while one session's sitting is changed."""
        return self._moving[hash(session_id) % STRIPES]

    def of(self, session: SessionRecord) -> Desk | None:
        """None for a monitor-only exam."""
        exam = self._repository.exam(session.exam_id)
        paper = self._papers.paper(session.exam_id) if exam else None
        if exam is None or not is_held(exam, paper):
            return None
        sitting = self._papers.sitting(session.session_id) or self._new(session, exam)
        return Desk(session, exam, paper, sitting, self.face(exam, sitting, self._clock.now()))

    def face(self, exam: ExamRecord, sitting: SittingRecord, now: datetime) -> Face:
        """What the clock of a sitting shows at `now`."""
        return face_of(exam.plan, sitting, overlay_min(exam, sitting.user_id), now)

    def _new(self, session: SessionRecord, exam: ExamRecord) -> SittingRecord:
        """The sitting of a session; one that was abandoned is gone on with."""
        ready_at = session.started_at if exam.plan.check_in == "off" else None
        made = SittingRecord(
            session.session_id,
            session.user_id,
            session.exam_id,
            secrets.randbits(48),
            f"b_{secrets.token_hex(8)}",
            ready_at,
        )
        if session.state is SessionState.CREATED:
            return made
        with self.moving(session.session_id):
            before = self._abandoned(session, exam)
            if before is not None:
                made = replace(before, session_id=session.session_id, blind_id=made.blind_id)
            if not self._papers.add_sitting(made):
                return self._papers.sitting(session.session_id) or made
            if before is not None:
                for answer in self._papers.answers(before.session_id).values():
                    self._papers.keep_answer(replace(answer, session_id=session.session_id))
                self._papers.save_sitting(replace(before, resumed_by=session.session_id))
        return made

    def _abandoned(self, session: SessionRecord, exam: ExamRecord) -> SittingRecord | None:
        now = self._clock.now()
        for sitting in self._papers.sittings(session.exam_id, session.user_id):
            is_other = sitting.session_id != session.session_id and not sitting.resumed_by
            is_let_in = sitting.ready_at is not None
            if is_other and is_let_in and self.face(exam, sitting, now).state != "over":
                return sitting
        return None


def is_held(exam: ExamRecord, paper: PaperRecord | None) -> bool:
    """Whether there is more to this exam than watching."""
    plan = exam.plan
    has_time = plan.duration_min is not None or plan.closes_at is not None
    has_paper = paper is not None and bool(paper.questions)
    return has_paper or has_time or bool(plan.external_url)


def overlay_min(exam: ExamRecord, user_id: str) -> float:
    """The extra minutes a student is granted beforehand."""
    given = exam.overlays.get(user_id, {}).get("extra_time_min", 0)
    return float(given) if isinstance(given, (int, float)) else 0.0
