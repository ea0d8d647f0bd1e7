"""Ready-made records for tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from app.records import (
    ClipRecord,
    ClipStatus,
    IntervalRecord,
    SessionRecord,
    SessionState,
    ViolationRecord,
)
from scoring.model import IntervalScore, Point, Rule, Violation

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def a_session(
    session_id: str = "s1",
    user_id: str = "ann",
    exam_id: str = "math",
    state: SessionState = SessionState.CREATED,
    created_at: datetime = NOON,
) -> SessionRecord:
    return SessionRecord(session_id, user_id, exam_id, state, created_at)


def a_violation(
    session_id: str = "s1", start_s: float = 3.25, rule: Rule = Rule.NO_FACE
) -> ViolationRecord:
    violation = Violation(f"{rule}-{round(start_s * 1000)}", rule, start_s, None, 0.9, 7)
    return ViolationRecord(session_id, violation, NOON + timedelta(seconds=start_s), None)


def an_interval(session_id: str = "s1", index: int = 0, score: float = 9.0) -> IntervalRecord:
    point = Point(Rule.NO_FACE, 9, 0, 5.5, 3.25, 9.5, 0.9, "no_face-3250", 7)
    start_s = index * 30.0
    interval = IntervalScore(
        index,
        start_s,
        start_s + 30,
        score,
        (point,),
        flag_score=score if score >= 10 else None,
        coverage=(("face", 0.975), ("gaze", 0.5)),
    )
    return IntervalRecord(session_id, interval, NOON + timedelta(seconds=start_s))


def a_clip(
    clip_id: str = "c1",
    session_id: str = "s1",
    status: ClipStatus = ClipStatus.WAITING,
    file_name: str = "",
    screens: tuple[str, ...] = (),
    flagged_at: datetime = NOON,
) -> ClipRecord:
    return ClipRecord(
        clip_id,
        session_id,
        "ann",
        "math",
        0,
        10.0,
        ("no_face", "focus_change"),
        status,
        NOON,
        NOON + timedelta(seconds=40),
        NOON + timedelta(seconds=12),
        flagged_at,
        file_name,
        screens,
    )
