"""REST: a student's own result, as the exam releases it. No key is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import flask
from pydantic import Field

from app.access.needs import OPEN, SEE_RESULT
from app.access.rosters import Identity
from app.api.exam_models import BLOCKS
from app.api.models import Asked, Part, Told
from app.api.my_exam import plain_blocks
from app.errors import NotAllowed, NotFound
from app.exams.answers import text_of
from app.exams.markup import blocks_of
from app.exams.results import REASONS, Result
from app.ids import check_chosen_id
from app.records import SessionState
from app.web.routes import Call, Route


class MyMark(Part):
    number: int
    section: str
    kind: str
    blocks: list[dict[str, Any]] = Field(description=BLOCKS)
    answer: str = Field(description="What the student chose or wrote.")
    points: float | None
    most_points: float
    state: Literal["right", "partly", "wrong", "blank", "marked", "waiting"]
    comment: str


class MyConduct(Part):
    outcome: Literal["clear", "concern", "breach"]
    reason_text: str


class MyViolation(Part):
    violation_id: str
    rule: str
    started_ms: float
    ended_ms: float | None
    duration_s: float | None
    start_s: float
    end_s: float | None
    points: float
    clip_id: str | None


class MyResult(Told):
    session_id: str
    user_id: str
    exam_id: str
    title: str
    server_ms: float
    state: Literal["running", "waiting", "released", "gone"]
    handed_in_ms: float | None
    ended_ms: float | None
    end_cause: str | None
    released_ms: float | None
    until_ms: float | None
    contest_until_ms: float | None
    outcome: Literal["passed", "failed", "undecided"] | None
    reason: Literal["points", "conduct", "marking", "review"] | None
    reason_text: str
    points: float | None
    most_points: float | None
    percent: float | None
    pass_percent: float | None
    questions: list[MyMark] | None
    trust: float | None
    flagged_intervals: int | None
    conduct: MyConduct | None
    violations: list[MyViolation] | None


class FindResult(Asked):
    """As on the roster."""

    exam_id: str
    user_id: str
    name: str
    date_of_birth: str
    course: str


class FoundResult(Told):
    session_id: str
    token: str = Field(description="For the result only, and for a short time.")


def my_result(call: Call) -> MyResult:
    services = call.services
    session = services.sessions.get(call.by.session_id)
    result = services.results.of(session)
    plan, is_shown = result.plan, result.state == "released"
    shows = set(plan.shows) if is_shown else set()
    has_score = "score" in shows and result.sheet.most_points > 0
    conduct = result.conduct
    return MyResult(
        session_id=session.session_id,
        user_id=session.user_id,
        exam_id=session.exam_id,
        title=plan.title,
        server_ms=services.clock.now().timestamp() * 1000,
        state=result.state,
        handed_in_ms=_ms(result.over_at),
        ended_ms=_ms(session.ended_at),
        end_cause=session.end_cause.value if session.end_cause else None,
        released_ms=_ms(result.released_at),
        until_ms=_ms(result.until),
        contest_until_ms=_ms(conduct.contest_until) if is_shown else None,
        outcome=result.outcome if is_shown else None,
        reason=result.reason if is_shown else None,
        reason_text=_reason_text(result) if is_shown else "",
        points=result.sheet.points if has_score else None,
        most_points=result.sheet.most_points if has_score else None,
        percent=result.sheet.percent if has_score else None,
        pass_percent=plan.pass_percent if has_score else None,
        questions=_marks(result) if "questions" in shows else None,
        trust=session.trust if "trust" in shows else None,
        flagged_intervals=session.flagged_intervals if "trust" in shows else None,
        conduct=MyConduct(outcome=conduct.outcome, reason_text=conduct.reason_text)
        if is_shown and conduct.outcome
        else None,
        violations=_violations(call, session.session_id) if "violations" in shows else None,
    )


def find_result(call: Call) -> FoundResult:
    """The same refusal whichever detail is wrong, and when there is no session."""
    body: FindResult = call.body
    services = call.services
    exam_id = check_chosen_id(body.exam_id, "The exam id")
    identity = Identity(
        body.user_id.strip(), body.name.strip(), body.date_of_birth.strip(), body.course.strip()
    )
    address, audited = flask.request.remote_addr or "", services.audited
    try:
        row = services.rosters.check(exam_id, identity, address)
    except NotAllowed:
        audited.arrival(exam_id, identity.student_id, address, is_good=False)
        raise
    audited.arrival(exam_id, row.student_id, address, is_good=True)
    ended = services.repository.sessions(
        SessionState.ENDED, user_id=row.student_id, exam_id=exam_id, limit=1
    )
    if not ended:
        raise NotFound("You have not finished this exam yet.")
    session_id = ended[0].session_id
    return FoundResult(session_id=session_id, token=services.tokens.join(session_id))


def _reason_text(result: Result) -> str:
    if result.reason is None:
        return ""
    if result.reason == "conduct" and result.conduct.reason_text:
        return result.conduct.reason_text
    return REASONS[result.reason]


def _marks(result: Result) -> list[MyMark]:
    marks = {mark.question_id: mark for mark in result.sheet.marks}
    found, number = [], 0
    for section in result.paper.sections:
        for question in section.questions:
            number += 1
            mark, answer = (
                marks[question.question_id],
                result.answers.get(question.question_id),
            )
            found.append(
                MyMark(
                    number=number,
                    section=section.title,
                    kind=question.kind,
                    blocks=plain_blocks(blocks_of(question.text, question.format)),
                    answer=text_of(question, answer.value) if answer else "",
                    points=None if mark.state == "waiting" else mark.points,
                    most_points=mark.most_points,
                    state=mark.state,
                    comment=mark.comment,
                )
            )
    return found


def _violations(call: Call, session_id: str) -> list[MyViolation]:
    repository = call.services.repository
    points: dict[str, float] = {}
    clips = {each.interval_index: each.clip_id for each in repository.clips(session_id)}
    clip_of: dict[str, str] = {}
    for record in repository.intervals(session_id):
        for point in record.interval.points:
            points[point.violation_id] = points.get(point.violation_id, 0.0) + point.points
            if record.interval.index in clips:
                clip_of.setdefault(point.violation_id, clips[record.interval.index])
    return [
        MyViolation(
            violation_id=record.violation.violation_id,
            rule=str(record.violation.rule),
            started_ms=record.started_at.timestamp() * 1000,
            ended_ms=_ms(record.ended_at),
            duration_s=None
            if record.violation.end_s is None
            else round(record.violation.end_s - record.violation.start_s, 3),
            start_s=record.violation.start_s,
            end_s=record.violation.end_s,
            points=points.get(record.violation.violation_id, 0.0),
            clip_id=clip_of.get(record.violation.violation_id),
        )
        for record in repository.violations(session_id)
    ]


def _ms(at: datetime | None) -> float | None:
    return at.timestamp() * 1000 if at else None


ROUTES = (
    Route(
        "GET",
        "/api/my/result",
        "my_result",
        "The student's own result, as the exam releases it",
        my_result,
        SEE_RESULT,
        answer=MyResult,
        refusals={404: "This session has no exam with a result."},
    ),
    Route(
        "POST",
        "/portal/result",
        "find_result",
        "A token for the own result, for who tells the details on the roster right",
        find_result,
        OPEN,
        body=FindResult,
        answer=FoundResult,
        refusals={
            403: "These details do not match.",
            404: "The exam is not finished.",
            429: "Too many wrong tries.",
        },
    ),
)
