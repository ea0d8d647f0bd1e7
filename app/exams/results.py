"""Results: marks of every sitting, what a person gave, when they are released, pass or fail.

Marks are made anew from the paper at every look, so a corrected key regrades at once. Only a
reviewer's decision makes anybody fail for conduct.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from app.clock import Clock
from app.errors import InvalidInput, NotFound
from app.exams.answers import text_of
from app.exams.desk import Desks, overlay_min
from app.exams.marking import Sheet, is_blank, mark_all, needs_person
from app.exams.records import (
    AnswerRecord,
    ExamPlan,
    MarkRecord,
    PaperRecord,
    Question,
    ReleaseRecord,
    SittingRecord,
)
from app.exams.timing import ended_at
from app.records import ExamRecord, SessionRecord
from app.review.model import CaseState
from app.review.model import Outcome as Reviewed
from app.review.reviews import Conduct as Ruling
from app.store import Repository

log = logging.getLogger(__name__)

ConductOutcome = Literal["clear", "concern", "breach"]
Outcome = Literal["passed", "failed", "undecided"]
Reason = Literal["points", "conduct", "marking", "review"]
State = Literal["running", "waiting", "released", "gone"]
LONGEST_COMMENT = 2_000
_PENDING = frozenset({CaseState.PROPOSED, CaseState.APPEALED})
_OUTCOMES: dict[Reviewed, ConductOutcome] = {
    Reviewed.CLEAR: "clear",
    Reviewed.CONCERN: "concern",
    Reviewed.BREACH: "breach",
}

REASONS: dict[Reason, str] = {
    "points": "Decided by the points reached.",
    "conduct": "A reviewer decided that the rules of the exam were broken.",
    "marking": "Some answers are not marked yet.",
    "review": "People are still looking at what was recorded.",
}


@dataclass(frozen=True, slots=True)
class Conduct:
    """What people decided about how a session went; `outcome` None while they have not."""

    outcome: ConductOutcome | None = None
    reason_text: str = ""
    is_pending: bool = False
    contest_until: datetime | None = None


def conduct_of(case: Ruling) -> Conduct:
    """What a result says of a review. It is open to the result while a second person or an
    appeal is waited for; flags nobody looked at keep no result back."""
    outcome: ConductOutcome | None = None
    if case.outcome is not None:
        outcome = _OUTCOMES[case.outcome]
    return Conduct(outcome, case.reason_text, case.state in _PENDING, case.appeal_until_at)


AskConduct = Callable[[str], Conduct]


@dataclass(frozen=True, slots=True)
class Result:
    """One sitting's result."""

    session: SessionRecord
    sitting: SittingRecord
    exam: ExamRecord
    paper: PaperRecord
    answers: dict[str, AnswerRecord]
    late: dict[str, AnswerRecord]
    sheet: Sheet
    conduct: Conduct
    outcome: Outcome | None
    reason: Reason | None
    state: State
    over_at: datetime | None
    released_at: datetime | None
    until: datetime | None

    @property
    def plan(self) -> ExamPlan:
        return self.exam.plan


@dataclass(frozen=True, slots=True)
class BlindAnswer:
    """One answer as those who mark see it: without whose it is."""

    blind_id: str
    text: str
    points: float | None
    comment: str
    by: str


class Results:
    """Reads everything anew at every call. Thread-safe."""

    def __init__(self, clock: Clock, repository: Repository, conduct: AskConduct) -> None:
        self._clock = clock
        self._repository = repository
        self._papers = repository.papers
        self._desks = Desks(clock, repository)
        self._conduct = conduct

    def of(self, session: SessionRecord) -> Result:
        """Raises NotFound for a session without an exam."""
        exam = self._repository.exam(session.exam_id)
        sitting = self._papers.sitting(session.session_id)
        if exam is None or sitting is None:
            raise NotFound("This session has no exam with a result.")
        marks = self._papers.marks_of(session.session_id)
        return self._result(session, sitting, exam, self._paper(session.exam_id), marks)

    def all(self, exam_id: str) -> tuple[Result, ...]:
        """Every sitting that counts, by student. Raises NotFound for an unknown exam."""
        exam = self._exam(exam_id)
        paper, marks = self._paper(exam_id), self._papers.marks(exam_id)
        sessions = {each.session_id: each for each in self._repository.sessions(exam_id=exam_id)}
        results = [
            self._result(
                sessions[sitting.session_id],
                sitting,
                exam,
                paper,
                marks.get(sitting.session_id, {}),
            )
            for sitting in self._papers.sittings(exam_id)
            if not sitting.resumed_by and sitting.session_id in sessions
        ]
        return tuple(sorted(results, key=lambda r: (r.session.user_id, r.session.created_at)))

    # Release

    def release(self, exam_id: str, by: str) -> datetime:
        """Show the results to the students from now on. Raises NotFound."""
        self._exam(exam_id)
        now = self._clock.now()
        self._papers.save_release(ReleaseRecord(exam_id, now, by))
        log.info("Results released")
        return now

    def take_back(self, exam_id: str) -> None:
        """Results that were released by hand are shown no longer. Raises NotFound."""
        self._exam(exam_id)
        self._papers.delete_release(exam_id)

    # Marking by persons

    def to_mark(self, exam_id: str) -> list[tuple[Question, int, int]]:
        """The questions persons mark, with how many answers there are and how many wait."""
        self._exam(exam_id)
        over = [each for each in self.all(exam_id) if each.state != "running"]
        found = []
        for question in self._paper(exam_id).questions:
            if not needs_person(question):
                continue
            given = [each for each in over if _has_answer(each, question)]
            waiting = sum(_state(each, question) == "waiting" for each in given)
            found.append((question, len(given), waiting))
        return found

    def blind_answers(self, exam_id: str, question_id: str) -> tuple[Question, list[BlindAnswer]]:
        """The answers to one question, names hidden, in an order that says nothing."""
        question = self._question(exam_id, question_id)
        answers = []
        for result in self.all(exam_id):
            if result.state == "running" or not _has_answer(result, question):
                continue
            mark = self._papers.marks_of(result.session.session_id).get(question_id)
            value = result.answers[question_id].value
            if mark is None and _state(result, question) != "waiting":
                continue
            answers.append(
                BlindAnswer(
                    result.sitting.blind_id,
                    text_of(question, value),
                    mark.points if mark else None,
                    mark.comment if mark else "",
                    mark.by if mark else "",
                )
            )
        return question, sorted(answers, key=lambda each: each.blind_id)

    def mark(
        self,
        exam_id: str,
        question_id: str,
        blind_id: str,
        points: float | None,
        comment: str,
        by: str,
    ) -> None:
        """Give points for an answer, or with None take them back.

        Raises NotFound, or InvalidInput for points outside what the question allows.
        """
        question = self._question(exam_id, question_id)
        sitting = next(
            (each for each in self._papers.sittings(exam_id) if each.blind_id == blind_id), None
        )
        if sitting is None or question_id not in self._papers.answers(sitting.session_id):
            raise NotFound("There is no such answer.")
        if points is None:
            self._papers.delete_mark(sitting.session_id, question_id)
            return
        if not (math.isfinite(points) and -question.penalty <= points <= question.points):
            raise InvalidInput(
                f"Points must lie between {-question.penalty:g} and {question.points:g}."
            )
        self._papers.save_mark(
            MarkRecord(
                sitting.session_id,
                exam_id,
                question_id,
                float(points),
                comment.replace("\0", "").strip()[:LONGEST_COMMENT],
                by,
                self._clock.now(),
            )
        )

    # How a result is made

    def _result(
        self,
        session: SessionRecord,
        sitting: SittingRecord,
        exam: ExamRecord,
        paper: PaperRecord,
        marks: dict[str, MarkRecord],
    ) -> Result:
        now = self._clock.now()
        answers = self._papers.answers(session.session_id)
        sheet = mark_all(paper, answers, marks)
        conduct = self._conduct(session.session_id)
        outcome, reason = _outcome(exam.plan, sheet, conduct)
        over_at = self._over_at(session, sitting, exam, now)
        released_at = self._released_at(exam, sheet, over_at, marks)
        until = released_at + timedelta(days=exam.plan.result_days) if released_at else None
        state: State = "waiting"
        if over_at is None:
            state = "running"
        elif released_at is not None and until is not None:
            state = "released" if now < until else "gone"
        return Result(
            session,
            sitting,
            exam,
            paper,
            answers,
            self._papers.answers(session.session_id, late=True),
            sheet,
            replace(conduct, contest_until=conduct.contest_until or _contest(exam, released_at)),
            outcome,
            reason,
            state,
            over_at,
            released_at,
            until,
        )

    def _over_at(
        self, session: SessionRecord, sitting: SittingRecord, exam: ExamRecord, now: datetime
    ) -> datetime | None:
        if sitting.handed_in_at is not None:
            return sitting.handed_in_at
        if session.is_active or self._desks.face(exam, sitting, now).state != "over":
            # Who went missing may come back while there is time.
            has_end = ended_at(exam.plan, sitting, overlay_min(exam, sitting.user_id)) is not None
            return None if session.is_active or has_end else session.ended_at
        return ended_at(exam.plan, sitting, overlay_min(exam, sitting.user_id)) or session.ended_at

    def _released_at(
        self,
        exam: ExamRecord,
        sheet: Sheet,
        over_at: datetime | None,
        marks: dict[str, MarkRecord],
    ) -> datetime | None:
        if over_at is None:
            return None
        by_hand = self._papers.release(exam.exam_id)
        if by_hand is not None:
            return max(by_hand.released_at, over_at)
        if exam.plan.release == "at_once":
            return over_at
        if exam.plan.release == "when_marked" and sheet.waiting == 0:
            return max([over_at, *(mark.at for mark in marks.values())])
        return None

    def _exam(self, exam_id: str) -> ExamRecord:
        exam = self._repository.exam(exam_id)
        if exam is None:
            raise NotFound("This exam is not set up.")
        return exam

    def _paper(self, exam_id: str) -> PaperRecord:
        known = self._papers.paper(exam_id)
        return known or PaperRecord(exam_id, 0, (), self._clock.now())

    def _question(self, exam_id: str, question_id: str) -> Question:
        self._exam(exam_id)
        question = self._paper(exam_id).question(question_id)
        if question is None:
            raise NotFound("This exam has no such question.")
        return question


def _outcome(
    plan: ExamPlan, sheet: Sheet, conduct: Conduct
) -> tuple[Outcome | None, Reason | None]:
    if conduct.outcome == "breach":
        return "failed", "conduct"
    if plan.pass_percent is None or sheet.percent is None:
        return None, None
    if sheet.waiting:
        return "undecided", "marking"
    if conduct.is_pending:
        return "undecided", "review"
    return ("passed" if sheet.percent >= plan.pass_percent else "failed"), "points"


def _contest(exam: ExamRecord, released_at: datetime | None) -> datetime | None:
    return released_at + timedelta(days=exam.plan.contest_days) if released_at else None


def _has_answer(result: Result, question: Question) -> bool:
    answer = result.answers.get(question.question_id)
    return answer is not None and not is_blank(answer.value)


def _state(result: Result, question: Question) -> str:
    marks = {mark.question_id: mark.state for mark in result.sheet.marks}
    return marks.get(question.question_id, "")
