"""Overviews: one exam with everybody in it, and one student across exams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import flask

from app.access.needs import SESSIONS_DECIDE, SESSIONS_READ, SESSIONS_WRITE
from app.errors import NotFound
from app.ids import check_chosen_id
from app.records import SessionRecord, SessionState, ViolationRecord
from app.reports.words import rule_words
from app.web.routes import Call, Route
from app.wiring import Services

BUCKETS = 24
BANDS = ((90, "90-100"), (75, "75-89"), (50, "50-74"), (0, "0-49"))
WHERE = {
    SessionState.CREATED: "Not started",
    SessionState.RUNNING: "In the exam",
    SessionState.ENDED: "Ended",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot: `height` and `x` in shares of the plot, 0 to 100."""

    label: str
    count: int
    x: float
    height: float


def incidents(found: Iterable[ViolationRecord], buckets: int = BUCKETS) -> list[Bar]:
    """How many violations began in each stretch of time, between the first and the last."""
    instants = sorted(each.started_at for each in found)
    if not instants:
        return []
    first = instants[0].replace(second=0, microsecond=0)
    minutes = max(1, -(-int((instants[-1] - first).total_seconds() + 60) // 60 // buckets))
    counted = Counter(int((at - first).total_seconds() // 60 // minutes) for at in instants)
    most, last = max(counted.values()), max(counted)
    return [
        Bar(
            f"{_clock(first + timedelta(minutes=number * minutes))} UTC",
            counted[number],
            100 * number / (last + 1),
            100 * counted[number] / most,
        )
        for number in range(last + 1)
    ]


def trust_bands(sessions: Sequence[SessionRecord]) -> list[Bar]:
    """How the trust scores of sessions that began are spread."""
    started = [each.trust for each in sessions if each.started_at is not None]
    counted = Counter(next(label for floor, label in BANDS if trust >= floor) for trust in started)
    most = max(counted.values(), default=1)
    width = 100 / len(BANDS)
    return [
        Bar(label, counted[label], index * width, 100 * counted[label] / most)
        for index, (_, label) in enumerate(BANDS)
    ]


def row_of(record: SessionRecord) -> dict[str, Any]:
    """One line of a table."""
    shares = list(record.coverage.values())
    return {
        "session_id": record.session_id,
        "user_id": record.user_id,
        "exam_id": record.exam_id,
        "where": WHERE[record.state],
        "is_active": record.is_active,
        "is_running": record.is_running,
        "pauses": [cause.value for cause in record.pauses] if record.is_running else [],
        "started": _clock(record.started_at),
        "day": record.created_at.astimezone(timezone.utc).strftime("%Y-%m-%d"),
        "ended": _clock(record.ended_at),
        "cause": record.end_cause.value.replace("_", " ") if record.end_cause else "",
        "coverage": round(100 * sum(shares) / len(shares)) if shares else None,
        "flags": record.flagged_intervals,
        "risk": round(record.risk),
        "trust": round(record.trust) if record.started_at else None,
        "total": round(record.total_score, 1),
    }


def exam(call: Call) -> str:
    services, exam_id = call.services, check_chosen_id(call.path["exam_id"], "The exam id")
    sessions = _with_live(services, services.repository.sessions(exam_id=exam_id))
    roster = services.repository.people.roster(exam_id)
    here = {each.user_id for each in sessions}
    absent = [each.student_id for each in roster if each.student_id not in here]
    if not sessions and not roster and services.repository.exam(exam_id) is None:
        raise NotFound("Nothing is known about such an exam.")
    found = [v for each in sessions for v in services.repository.violations(each.session_id)]
    shares = [row["coverage"] for row in map(row_of, sessions) if row["coverage"] is not None]
    return flask.render_template(
        "admin_exam.html",
        exam_id=exam_id,
        rows=sorted(map(row_of, sessions), key=lambda row: (not row["is_active"], row["user_id"])),
        absent=absent,
        counts={
            "Expected": len(roster) or None,
            "Not arrived": len(absent) if roster else None,
            "In the exam": sum(each.is_running for each in sessions),
            "Ended": sum(not each.is_active for each in sessions),
            "Flags": sum(each.flagged_intervals for each in sessions),
            "Observed": f"{round(sum(shares) / len(shares))} %" if shares else None,
        },
        incidents=incidents(found),
        bands=trust_bands(sessions),
        rules=Counter(rule_words(each.violation.rule.value) for each in found).most_common(8),
        may_act=call.by.role in SESSIONS_DECIDE.roles & SESSIONS_WRITE.roles,
    )


def student(call: Call) -> str:
    services, user_id = call.services, check_chosen_id(call.path["student_id"], "The user id")
    sessions = [
        each
        for each in _with_live(services, services.repository.sessions(user_id=user_id))
        if call.by.may_see(each.exam_id)
    ]
    if not sessions:
        raise NotFound("There is no session of such a student that you may see.")
    return flask.render_template(
        "admin_student.html",
        user_id=user_id,
        rows=[row_of(each) for each in sessions],
        bands=trust_bands(sessions),
    )


def _with_live(services: Services, stored: Sequence[SessionRecord]) -> list[SessionRecord]:
    """Newest first, running ones with the scores of this moment."""
    return [services.sessions.now(each) for each in stored]


def _clock(at: datetime | None) -> str:
    return at.astimezone(timezone.utc).strftime("%H:%M") if at else ""


ROUTES = (
    Route(
        "GET",
        "/admin/overview/{exam_id}",
        "admin_exam_overview",
        "One exam: who is where, flags, trust, incidents over time",
        exam,
        SESSIONS_READ,
        media="text/html",
        is_page=True,
        parameters={"exam_id": "The exam's id."},
    ),
    Route(
        "GET",
        "/admin/student/{student_id}",
        "admin_student_overview",
        "One student across the exams that the caller may see",
        student,
        SESSIONS_READ,
        media="text/html",
        is_page=True,
        parameters={"student_id": "The student's user id."},
    ),
)
