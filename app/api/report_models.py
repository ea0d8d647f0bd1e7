"""What the REST interface takes and answers about exams, reports and scoring again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.api.models import Asked, ClipPart, IntervalPart, Part, SessionFull, Told, ViolationPart
from app.api.review_models import CasePart, StepPart
from app.exams.plan import PlanPart

POLICY = "A preset's name (practice, standard, strict), or a policy document (docs/policies.md)."


class PutExam(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    policy: str | dict[str, Any] = Field("standard", description=POLICY)
    overlays: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="What single students are granted over the policy, by user id: gaze_off,"
        " helper_allowed, reading_aloud_allowed, extra_time_min, breaks, break_min.",
    )
    capture_screen: bool | None = Field(
        None, description="Whether the screen is captured; null is as the settings say."
    )
    plan: PlanPart | None = Field(
        None, description="How the exam is held; left out, the exam keeps what it has."
    )


class Exam(Told):
    exam_id: str
    policy: str | dict[str, Any] = Field(description=POLICY)
    overlays: dict[str, dict[str, Any]]
    capture_screen: bool | None
    plan: PlanPart
    updated_at: datetime


class Rescore(Asked):
    policy: str | dict[str, Any] = Field(description=POLICY)


class RescoreExam(Rescore):
    after: str | None = Field(
        None, description="Go on behind this session: what an earlier answer gave as `next_after`."
    )


class FiguresPart(Part):
    total_score: float
    flagged: list[tuple[float, float]] = Field(
        description="Flagged intervals: seconds of the session, start and end."
    )
    violations: dict[str, int] = Field(description="How many of each rule.")


class ComparisonPart(Part):
    session_id: str
    user_id: str
    exam_id: str
    is_changed: bool
    before: FiguresPart = Field(description="As stored.")
    after: FiguresPart = Field(description="Under the policy that was sent.")
    gained: list[tuple[float, float]] = Field(
        description="Flagged intervals that overlap none that is stored."
    )
    lost: list[tuple[float, float]] = Field(
        description="Stored flagged intervals that overlap none of the new ones."
    )


class RescoredSession(Told):
    policy: dict[str, Any]
    comparison: ComparisonPart
    violations: list[ViolationPart]
    intervals: list[IntervalPart]


class SkippedPart(Part):
    session_id: str
    reason: str


class RescoredExam(Told):
    policy: dict[str, Any]
    sessions: list[ComparisonPart]
    skipped: list[SkippedPart]
    is_complete: bool
    next_after: str | None = Field(description="Where to go on when the time was not enough.")


class RiskPart(Part):
    at: datetime
    at_s: float
    event: str
    risk_delta: float
    risk_total: float
    is_permanent: bool
    violation_id: str


class MomentPart(Part):
    """One row of the timeline, as in the CSV."""

    time_24h: str = Field(description="In the zone of the report.")
    unix_time: float
    event: str
    risk_delta: float
    risk_total: float
    phone_detected: bool
    looking_away: bool
    face_count: int | None = Field(description="null: nobody looked at that instant.")
    snapshot_url: str
    violation_id: str
    flag_review: str = Field(description="What people decided about its flag; empty without one.")


class SpanPart(Part):
    start_s: float
    end_s: float
    coverage: float


class SessionReportPart(Part):
    session: SessionFull
    session_start: datetime | None
    timezone: str
    length_s: float = Field(description="Seconds that were scored.")
    risk_history: list[RiskPart]
    timeline: list[MomentPart]
    violations: list[ViolationPart]
    intervals: list[IntervalPart]
    clips: list[ClipPart]
    coverage: dict[str, float]
    unobserved_s: dict[str, float] = Field(description="Seconds each detector did not observe.")
    unobserved: list[SpanPart] = Field(
        description="Intervals, joined, in which a face could be judged less than 90 % of the time."
    )
    review: CasePart = Field(description="What people made of the flags and the session.")
    steps: list[StepPart] = Field(description="Everything people did about it, in order.")
    note: str = Field(description="What a flag is.")


class SessionReportAnswer(Told):
    report: SessionReportPart


class ExamReportSession(Part):
    session: SessionFull
    length_s: float
    clips: list[ClipPart]
    risk_history: list[RiskPart]
    timeline: list[MomentPart]
    review: CasePart


class ExamReportAnswer(Told):
    exam_id: str
    timezone: str
    count: int
    sessions: list[ExamReportSession]
    note: str
