"""What the routes of the review take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.api.models import Asked, ClipPart, Part, Told

REASON = "In a few words, at most 1,000 characters."
DECISIONS = Literal["confirmed", "dismissed", "unclear", "unreviewed"]
OUTCOMES = Literal["clear", "concern", "breach"]


class DecideFlags(Asked):
    clip_ids: list[str] = Field(
        min_length=1, max_length=50, description="Flags of the session that belong together."
    )
    decision: DECISIONS = Field(description="unreviewed takes a decision back.")
    reason: str = Field("", max_length=1_000, description="Needed for all but confirmed.")


class SetOutcome(Asked):
    outcome: OUTCOMES
    reason: str = Field(max_length=1_000, description=REASON)


class Reopen(Asked):
    reason: str = Field(max_length=1_000, description=REASON)


class PutReviewTerms(Asked):
    people: int = Field(2, ge=1, le=2, description="How many people an outcome needs at least.")
    appeal_days: int = Field(7, ge=0, le=365, description="How long a student may appeal.")
    release: Literal["never", "decided", "outcome"] = Field(
        "outcome",
        description="When students see their flags and clips: never, once people have decided"
        " about all of them, or once the session has an outcome.",
    )


class TermsPart(Part):
    people: int
    appeal_days: int
    release: str


class ReviewTermsAnswer(Told):
    exam_id: str
    terms: TermsPart


class RulingPart(Part):
    outcome: str
    by: str
    at: datetime
    reason: str
    until_at: datetime | None = Field(None, description="Until when the student may appeal.")


class WordsPart(Part):
    text: str
    at: datetime
    clip_id: str = Field(description="Empty when it is about the session.")


class CasePart(Part):
    state: str = Field(
        description="nothing, open (flags wait), ready (an outcome is due), proposed (a second"
        " person is needed), decided, appealed or final."
    )
    waiting: int = Field(description="Flags that nobody has decided.")
    flags: int
    proposal: RulingPart | None
    outcome: RulingPart | None
    final: RulingPart | None
    explanations: list[WordsPart]
    appeals: list[WordsPart]


class StepPart(Part):
    number: int
    kind: str
    at: datetime
    actor: str
    role: str
    clip_id: str
    decision: str | None
    outcome: str | None
    text: str
    until_at: datetime | None


class MayPart(Part):
    """Why this caller may not do it now; empty where it is allowed."""

    decide: str
    outcome: str
    final: str
    reopen: str


class DecisionPart(Part):
    decision: str
    by: str
    at: datetime
    reason: str


class ReasonPart(Part):
    violation_id: str
    rule: str
    start_s: float
    end_s: float | None
    confidence: float
    points: float
    sentence: str


class LookPart(Part):
    at_s: float
    label: str
    yaw_deg: float | None = Field(description="Positive to the right of the picture.")
    pitch_deg: float | None = Field(description="Positive upwards.")


class FlagPart(Part):
    clip: ClipPart
    decision: DecisionPart | None
    from_s: float = Field(description="The clip's start, in seconds of the session.")
    to_s: float
    trigger_s: float
    start_s: float = Field(description="The flagged interval.")
    end_s: float
    reasons: list[ReasonPart]
    looks: list[LookPart]


class EpisodePart(Part):
    number: int
    flags: list[FlagPart]


class ReviewedSession(Part):
    session_id: str
    user_id: str
    exam_id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    flagged_intervals: int
    trust: float
    coverage: dict[str, float]


class SessionReview(Told):
    session: ReviewedSession
    terms: TermsPart
    review: CasePart
    may: MayPart
    episodes: list[EpisodePart]
    steps: list[StepPart]


class ReviewAnswer(Told):
    session_id: str
    review: CasePart
    may: MayPart


class QueueFlag(Part):
    clip_id: str
    episode: int
    status: str
    score: float
    rules: list[str]
    flagged_at: datetime
    decision: str


class QueueSession(Part):
    session: ReviewedSession
    review: CasePart
    flags: list[QueueFlag]


class ExamReview(Told):
    exam_id: str
    terms: TermsPart
    sessions: list[QueueSession]
    may_change: bool = Field(description="Whether this caller may change the terms.")


class ExamToReview(Part):
    exam_id: str
    flags: int
    waiting: int
    sessions: int = Field(description="Sessions with a flag or any step of a review.")
    due: int = Field(description="Sessions that wait for an outcome.")
    appeals: int
    newest_at: datetime | None


class ExamsToReview(Told):
    exams: list[ExamToReview]


class RatePart(Part):
    name: str
    flags: int
    decided: float
    confirmed: float
    rate: float | None
    low: float
    high: float
    points: float | None
    suggested: float | None = Field(description="Points that would fit better, or null.")
    says: str


class ExamCountPart(Part):
    exam_id: str
    confirmed: int
    dismissed: int
    unclear: int


class ReviewRates(Told):
    enough: float = Field(description="Decided flags from which on points are suggested.")
    rules: list[RatePart]
    detectors: list[RatePart]
    exams: list[ExamCountPart]


class Explain(Asked):
    text: str = Field(min_length=1, max_length=4_000)
    flag_id: str | None = Field(None, max_length=64)


class Appeal(Asked):
    text: str = Field(min_length=1, max_length=4_000)


class MySnapshot(Part):
    url: str
    rule: str
    at_ms: int


class MyFlag(Part):
    flag_id: str
    started_ms: int
    ended_ms: int
    rules: list[str]
    explanations: list[str]
    review: str
    video_url: str
    snapshots: list[MySnapshot]


class MyExplanation(Part):
    explanation_id: str
    flag_id: str | None
    text: str
    at_ms: int


class MyAppeal(Part):
    text: str
    at_ms: int


class MyFlags(Told):
    session_id: str
    exam_id: str
    server_ms: int
    state: str = Field(description="none, in_review, decided, appealed or final.")
    outcome: str | None
    reason_text: str | None
    decided_ms: int | None
    may_explain: bool
    explain_until_ms: int | None
    may_appeal: bool
    appeal_until_ms: int | None
    is_released: bool
    flags: list[MyFlag]
    explanations: list[MyExplanation]
    appeals: list[MyAppeal]


class Explained(Told):
    explanation_id: str
    at_ms: int


class Appealed(Told):
    at_ms: int
