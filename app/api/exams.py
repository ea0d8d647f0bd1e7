"""REST: what exams are scored by, and finished sessions under another policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.access.needs import EXAMS_READ, EXAMS_WRITE, REPORTS_READ
from app.api.report_models import (
    ComparisonPart,
    Exam,
    FiguresPart,
    PutExam,
    Rescore,
    RescoredExam,
    RescoredSession,
    RescoreExam,
    SkippedPart,
)
from app.api.shapes import interval_of, violation_of
from app.errors import NotFound, TooMany
from app.exams.plan import plan_part
from app.ids import check_chosen_id
from app.records import ExamRecord
from app.reports.rescoring import (
    Comparison,
    Figures,
    Skipped,
    records_of,
    rescored,
    rescored_exam,
)
from app.web.routes import Call, Route
from scoring.policy import policy_to_dict

# Scoring again works on one core; more at once would only slow the running sessions down.
AT_ONCE = 1
WAIT_S = 10.0
# What one request may take before it answers with what it has.
EXAM_S = 20.0

_slots = threading.BoundedSemaphore(AT_ONCE)
MISSING = {404: "There is no such session, exam or preset."}


def get_exam(call: Call) -> Exam:
    return _exam(call.services.exams.get(call.path["exam_id"]))


def put_exam(call: Call) -> Exam:
    body: PutExam = call.body
    return _exam(
        call.services.exams.put(
            call.path["exam_id"],
            body.policy,
            body.overlays,
            body.capture_screen,
            body.plan.record() if body.plan else None,
        )
    )


def rescore_session(call: Call) -> RescoredSession:
    body: Rescore = call.body
    session = call.services.sessions.get(call.path["session_id"])
    policy = call.services.exams.policy(body.policy)
    with _slot():
        result = rescored(call.services.repository, session, policy)
    violations, intervals = records_of(session, result.ledger)
    return RescoredSession(
        policy=_plain(policy_to_dict(policy)),
        comparison=_comparison(result.comparison),
        violations=[violation_of(each) for each in violations],
        intervals=[interval_of(each) for each in intervals],
    )


def rescore_exam(call: Call) -> RescoredExam:
    """In order of the sessions' ids, so that `after` goes on where an answer stopped."""
    body: RescoreExam = call.body
    services = call.services
    policy = services.exams.policy(body.policy)
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    sessions = sorted(services.repository.sessions(exam_id=exam_id), key=lambda s: s.session_id)
    if not sessions:
        raise NotFound("This exam has no session.")
    waiting = [each for each in sessions if body.after is None or each.session_id > body.after]
    done: list[ComparisonPart] = []
    skipped: list[SkippedPart] = []
    last = body.after
    with _slot():
        until_s = services.clock.monotonic_s() + EXAM_S
        for result in rescored_exam(
            services.repository,
            waiting,
            policy,
            may_go_on=lambda: services.clock.monotonic_s() < until_s,
        ):
            if isinstance(result, Skipped):
                last = result.session.session_id
                skipped.append(SkippedPart(session_id=last, reason=result.reason))
            else:
                last = result.session_id
                done.append(_comparison(result))
    is_complete = len(done) + len(skipped) == len(waiting)
    return RescoredExam(
        policy=_plain(policy_to_dict(policy)),
        sessions=done,
        skipped=skipped,
        is_complete=is_complete,
        next_after=None if is_complete else last,
    )


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_S):
        raise TooMany("Another session is being scored again. Try again in a moment.")
    try:
        yield
    finally:
        _slots.release()


def _exam(record: ExamRecord) -> Exam:
    return Exam(
        exam_id=record.exam_id,
        policy=record.policy,
        overlays=record.overlays,
        capture_screen=record.capture_screen,
        plan=plan_part(record.plan),
        updated_at=record.updated_at,
    )


def _comparison(each: Comparison) -> ComparisonPart:
    return ComparisonPart(
        session_id=each.session_id,
        user_id=each.user_id,
        exam_id=each.exam_id,
        is_changed=each.is_changed,
        before=_figures(each.before),
        after=_figures(each.after),
        gained=list(each.gained),
        lost=list(each.lost),
    )


def _figures(each: Figures) -> FiguresPart:
    return FiguresPart(
        total_score=each.total_score, flagged=list(each.flagged), violations=each.violations
    )


def _plain(policy: dict[str, object]) -> dict[str, Any]:
    return dict(policy)


ROUTES = (
    Route(
        "GET",
        "/api/exam/{exam_id}",
        "exam",
        "What an exam is scored by",
        get_exam,
        needs=EXAMS_READ,
        answer=Exam,
        refusals={404: "This exam is not set up."},
        parameters={"exam_id": "The exam's id."},
    ),
    Route(
        "PUT",
        "/api/exam/{exam_id}",
        "put_exam",
        "Set an exam's policy and what single students are granted",
        put_exam,
        needs=EXAMS_WRITE,
        body=PutExam,
        answer=Exam,
        refusals={404: "There is no preset of that name."},
        parameters={"exam_id": "The exam's id."},
    ),
    Route(
        "POST",
        "/api/session/{session_id}/rescore",
        "rescore_session",
        "Score a finished session under another policy; nothing is stored",
        rescore_session,
        needs=REPORTS_READ,
        body=Rescore,
        answer=RescoredSession,
        refusals={
            **MISSING,
            409: "The session has not ended, or what it observed is not stored.",
            429: "Another session is being scored again.",
        },
        parameters={"session_id": "The session's id."},
    ),
    Route(
        "POST",
        "/api/exam/{exam_id}/rescore",
        "rescore_exam",
        "Score the finished sessions of an exam under another policy; nothing is stored",
        rescore_exam,
        needs=REPORTS_READ,
        body=RescoreExam,
        answer=RescoredExam,
        refusals={**MISSING, 429: "Another session is being scored again."},
        parameters={"exam_id": "The exam's id."},
    ),
)
