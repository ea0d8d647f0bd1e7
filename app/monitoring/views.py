"""What is shown of one running session, and how it is said on the wire (docs/protocol.md).

Pure: a view goes in, a plain object comes out.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from app.records import ClipRecord, Gap, SessionState
from detectors.messages import Box, DetectorFault, Frame, Overlay
from scoring.model import IntervalScore, Scores, Violation

# A picture's verdict older than this is no longer one about the student now.
STALE_S = 4.0
FOCUSED = frozenset({"center", "closed"})
DISTRACTED = frozenset({"left", "right", "up", "down"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A violation with what it has cost in the running interval."""

    violation: Violation
    started_at: datetime
    points: float = 0.0


@dataclass(frozen=True, slots=True)
class Warned:
    """An alert, with the instant a person reads."""

    kind: str
    at: datetime
    is_critical: bool = False


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session at `at` (second `at_s`). `marks` are the running interval's violations."""

    session_id: str
    user_id: str
    exam_id: str
    state: SessionState
    started_at: datetime
    at: datetime
    at_s: float
    scores: Scores
    interval: IntervalScore
    marks: tuple[Mark, ...] = ()
    last: Mark | None = None
    overlay: Overlay | None = None
    faults: tuple[DetectorFault, ...] = ()
    warned: tuple[Warned, ...] = ()
    line: str = "good"
    is_paused: bool = False
    gap: Gap | None = None
    pauses: tuple[str, ...] = ()
    shows_focus: bool = False
    noted: tuple[Warned, ...] = ()
    warning_limit: int = 0
    warning_action: str = ""

    @property
    def is_running(self) -> bool:
        return self.state is SessionState.RUNNING

    @property
    def fresh_overlay(self) -> Overlay | None:
        """The last verdict on a picture, unless it is too old to speak of now."""
        overlay = self.overlay
        is_fresh = overlay is not None and self.at_s - overlay.at_s <= STALE_S
        return overlay if is_fresh else None


def iso(at: datetime) -> str:
    """ISO 8601, UTC, to the millisecond."""
    text = at.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def monitoring_update(
    view: SessionView, frame: Frame | None, sound_db: float | None = None
) -> dict[str, Any]:
    """The full picture of one session, with the frame as base64 and how loud it is."""
    overlay = view.fresh_overlay
    scores = view.scores
    return {
        "session_id": view.session_id,
        "user_id": view.user_id,
        "exam_id": view.exam_id,
        "frame": base64.b64encode(frame.jpeg).decode("ascii") if frame else None,
        "gaze": gaze_word(overlay),
        "faces": overlay.faces if overlay else None,
        "interval_score": scores.interval_score,
        "violations": [violation_payload(mark) for mark in view.marks],
        "timestamp": iso(view.at),
        "seen_at": iso(view.started_at + timedelta(seconds=overlay.at_s)) if overlay else None,
        "total_score": scores.total_score,
        "risk": risk_of(scores),
        "focus": round(scores.focus, 1),
        "trust": round(scores.trust, 1),
        "flagged_intervals": scores.flagged_intervals,
        "boxes": [_box(box) for box in overlay.boxes] if overlay else [],
        "direction": overlay.gaze if overlay else "",
        "yaw_deg": overlay.yaw_deg if overlay else None,
        "pitch_deg": overlay.pitch_deg if overlay else None,
        "calibration": overlay.calibration if overlay else None,
        "advice": overlay.advice if overlay else "",
        "coverage": _shares(scores.coverage),
        "state": view.state.value,
        "line": view.line,
        "gap": _gap(view.gap),
        "interval": _interval(view.interval),
        "is_running": view.is_running,
        "is_paused": view.is_paused,
        "pauses": list(view.pauses),
        "warnings": scores.warnings,
        "sound_db": sound_db,
    }


def point_of(view: SessionView) -> tuple[float, float, float]:
    """A point of the plot: second, risk, focus."""
    return round(view.at_s, 1), risk_of(view.scores), round(view.scores.focus, 1)


def risk_of(scores: Scores) -> float:
    """Temporary and permanent risk together."""
    return round(scores.risk_temporary + scores.risk_permanent, 1)


def wall_row(
    view: SessionView, asks: Sequence[str] = (), watched_by: Sequence[str] = ()
) -> dict[str, Any]:
    """One line of the wall: no pixels. `asks` is what the student waits for, `watched_by` the
    staff who look at the session."""
    overlay = view.fresh_overlay
    last = view.last
    return {
        "session_id": view.session_id,
        "user_id": view.user_id,
        "exam_id": view.exam_id,
        "state": view.state.value,
        "is_running": view.is_running,
        "is_paused": view.is_paused,
        "pauses": list(view.pauses),
        "started_at": iso(view.started_at),
        "faces": overlay.faces if overlay else None,
        "gaze": gaze_word(overlay),
        "interval_score": view.scores.interval_score,
        "total_score": view.scores.total_score,
        "flagged_intervals": view.scores.flagged_intervals,
        "last_violation": (
            {"rule": last.violation.rule.value, "at": iso(last.started_at)} if last else None
        ),
        "line": view.line,
        "gap": _gap(view.gap),
        "coverage": _shares(view.scores.coverage),
        "advice": overlay.advice if overlay else "",
        "risk": risk_of(view.scores),
        "focus": round(view.scores.focus),
        "trust": round(view.scores.trust, 1),
        "faults": sorted({fault.detector for fault in view.faults}),
        "asks": list(asks),
        "watched_by": list(watched_by),
    }


def student_status(view: SessionView) -> dict[str, Any]:
    """What the student is told: no pixels, and of the scores the focus if the exam shows it."""
    overlay = view.fresh_overlay
    return {
        "state": view.state.value,
        "line": view.line,
        "is_paused": view.is_paused,
        "pauses": list(view.pauses),
        "face": _face_word(overlay),
        "advice": overlay.advice if overlay else "",
        "warnings": [
            {"rule": warned.kind, "at": iso(warned.at), "counts": warned.is_critical}
            for warned in view.warned
        ],
        "warned": {
            "count": view.scores.warnings,
            "limit": view.warning_limit,
            "action": view.warning_action,
            "last": [{"rule": warned.kind, "at": iso(warned.at)} for warned in view.noted],
        },
        "focus": round(view.scores.focus) if view.shows_focus else None,
    }


def violation_payload(mark: Mark) -> dict[str, Any]:
    violation = mark.violation
    return {
        "violation_id": violation.violation_id,
        "rule": violation.rule.value,
        "start_s": violation.start_s,
        "end_s": violation.end_s,
        "points": mark.points,
        "started_at": iso(mark.started_at),
        "confidence": round(violation.peak_confidence, 3),
    }


def flag_payload(interval: IntervalScore) -> dict[str, Any]:
    return {"interval": _interval(interval), "score": interval.flag_score}


def clip_payload(record: ClipRecord) -> dict[str, Any]:
    return {
        "clip_id": record.clip_id,
        "status": record.status.value,
        "score": record.score,
        "error": record.error,
        "interval_index": record.interval_index,
    }


def gaze_word(overlay: Overlay | None) -> str:
    """`focused`, `distracted`, or `unknown` while it cannot be judged; a blink is focused."""
    if overlay is None:
        return "unknown"
    if overlay.gaze in FOCUSED:
        return "focused"
    return "distracted" if overlay.gaze in DISTRACTED else "unknown"


def _face_word(overlay: Overlay | None) -> str:
    if overlay is None or overlay.faces is None:
        return "unsure"
    if overlay.faces == 0:
        return "none"
    return "well" if overlay.faces == 1 else "several"


def _box(box: Box) -> dict[str, Any]:
    return {
        "x": round(box.x, 4),
        "y": round(box.y, 4),
        "width": round(box.width, 4),
        "height": round(box.height, 4),
        "label": box.label,
        "confidence": round(box.confidence, 3),
    }


def _gap(gap: Gap | None) -> dict[str, Any] | None:
    return None if gap is None else {"cause": gap.cause.value, "from_s": gap.from_s}


def _interval(interval: IntervalScore) -> dict[str, Any]:
    return {"index": interval.index, "start_s": interval.start_s, "end_s": interval.end_s}


def _shares(coverage: tuple[tuple[str, float], ...]) -> dict[str, float]:
    return {str(detector): round(share, 2) for detector, share in coverage}
