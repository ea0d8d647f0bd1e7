"""What the REST interface takes and answers. The OpenAPI document is drawn from these."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self


class Asked(BaseModel):
    """What a caller sends. Unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Told(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    success: Literal[True] = True


class Part(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorDetail(Part):
    code: str = Field(examples=["invalid_input"])
    message: str


class Refusal(BaseModel):
    """Every refusal looks like this, with the HTTP status of its code."""

    success: Literal[False] = False
    error: ErrorDetail


USER_ID = "1 to 64 of A-Z a-z 0-9 . _ @ + -, first a letter or digit, no two dots in a row."


class CreateSession(Asked):
    user_id: str = Field(description=USER_ID, examples=["student-17"])
    exam_id: str | None = Field(None, description=f'"default" when missing. {USER_ID}')
    consent: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Says that the caller asked the student, and which text was shown.",
    )


class EndSession(Asked):
    """Either the session's id, or the student's and the exam's."""

    session_id: str | None = None
    user_id: str | None = None
    exam_id: str | None = Field(None, description='"default" when missing.')

    @model_validator(mode="after")
    def _names_a_session(self) -> Self:
        if self.session_id is None and self.user_id is None:
            raise ValueError("Send session_id, or user_id and exam_id")
        return self


class CreatedSession(Told):
    session_id: str
    user_id: str
    exam_id: str
    created: bool = Field(description="False when the running session was returned.")
    is_running: bool
    token: str = Field(description="Opens this session; short-lived until the student joins.")
    join_url: str = Field(description="The portal with the token in the URL's fragment.")
    notice: str | None = Field(
        None,
        description="What one more student means, when that is more than this machine holds.",
    )


class EndedSession(Told):
    session_id: str
    user_id: str
    exam_id: str
    end_cause: str
    ended_at: datetime | None


class ResumeSession(Asked):
    session_id: str


class ResumedSession(Told):
    session_id: str


class SessionSummary(Part):
    session_id: str
    user_id: str
    exam_id: str
    state: str
    is_running: bool
    created_at: datetime
    started_at: datetime | None
    interval_score: float
    total_score: float
    flagged_intervals: int
    risk: float
    focus: float
    trust: float


class SessionFull(SessionSummary):
    is_paused: bool = Field(
        False, description="Nothing is scored until a proctor resumes (POST /api/session/resume)."
    )
    ended_at: datetime | None
    end_cause: str | None
    last_contact_at: datetime | None
    coverage: dict[str, float]
    policy: dict[str, object]


class ActiveSessions(Told):
    sessions: list[SessionSummary]
    count: int


class SessionStats(Told):
    total_sessions: int
    active_sessions: int
    flagged_intervals: int
    high_risk: int = Field(description="Active sessions with at least one flagged interval.")


class ViolationPart(Part):
    violation_id: str
    rule: str
    start_s: float = Field(description="Seconds since the session's start.")
    end_s: float | None = Field(description="null while it lasts.")
    started_at: datetime
    ended_at: datetime | None
    confidence: float
    observations: int
    snapshot_url: str = Field(
        "", description="The camera picture when it raised the risk; empty unless flagged."
    )


class PointPart(Part):
    """Why a check scored."""

    rule: str
    points: float
    check: int
    at_s: float
    start_s: float
    end_s: float
    confidence: float
    violation_id: str
    observations: int


class GapPart(Part):
    """A stretch of which nothing arrived: technical, scores nothing, counts against coverage."""

    from_s: float
    to_s: float
    cause: str = Field(description="line, server, asleep, frozen, camera_off or thinned.")


class AmendmentPart(Part):
    """What arrived late changed a closed interval's score."""

    at: datetime
    from_score: float
    to_score: float


class IntervalPart(Part):
    index: int
    start_s: float
    end_s: float
    started_at: datetime
    score: float
    is_flagged: bool
    flag_score: float | None
    flagged_at_s: float | None
    trigger_at_s: float | None
    is_closed: bool
    coverage: dict[str, float] = Field(description="Share of the interval each detector observed.")
    points: list[PointPart]
    amendments: list[AmendmentPart] = Field(description="Its changes after it was closed.")


class SnapshotPart(Part):
    violation_id: str
    rule: str
    at: datetime
    risk_delta: float
    risk_total: float
    url: str


class ClipPart(Part):
    clip_id: str
    video_id: str = Field(description="The same as clip_id.")
    session_id: str
    user_id: str
    exam_id: str
    interval_index: int
    score: float
    rules: list[str]
    status: str = Field(description="waiting, writing, ready or failed.")
    from_at: datetime
    to_at: datetime
    trigger_at: datetime
    flagged_at: datetime
    duration_s: float
    size_bytes: int
    frames: int
    has_sound: bool
    error: str
    review: str = Field(description="unreviewed, confirmed or dismissed.")
    file_path: str = Field(description="Below /api/video/file/; empty until ready.")
    url: str
    screens: list[str] = Field(description="URLs of the stills of the student's screen.")
    snapshots: list[SnapshotPart] = Field(
        description="The camera pictures of the moments at which the risk rose."
    )
    amended_score: float | None = Field(
        None, description="What the flag came to by what arrived after the clip was written."
    )


class SessionDetails(Told):
    session: SessionFull
    violations: list[ViolationPart]
    intervals: list[IntervalPart]
    clips: list[ClipPart]
    coverage: dict[str, float]
    gaps: list[GapPart]
    clock_lies: int = Field(description="How often the student's clock contradicted itself.")


class ScreenEventPart(Part):
    """Something that happened on the student's screen."""

    event_id: str
    kind: str = Field(description="As `screen_event` in the protocol.")
    at_s: float = Field(description="Seconds since the session's start.")
    at: datetime


class ScreenEvents(Told):
    events: list[ScreenEventPart] = Field(description="Oldest first, at most the newest 1000.")
    count: int


class FlaggedClips(Told):
    flagged: list[ClipPart]
    count: int


class Video(Told):
    video: ClipPart


class DetectorPart(Part):
    detector: str
    is_on: bool
    model: str
    remedy: str = Field(description="What to do when it is off.")


class SessionCounts(Part):
    active: int
    running: int


class StorePart(Part):
    engine: str
    ok: bool


class DiskPart(Part):
    """The disk that holds the data."""

    free_bytes: int
    size_bytes: int


class LoadPart(Part):
    """How many students the machine holds, and what is left out while there are more."""

    students: int = Field(description="Connected now.")
    holds: int | None = Field(description="At the whole rate; null: not measured yet.")
    reduced: int | None = Field(description="So many more at half the rate.")
    says: str = Field(description="The same as a sentence.")
    rung: Literal["whole", "thinned", "halved", "sparing", "small", "stills"] = Field(
        description="What is looked at now, of every student alike."
    )
    is_reduced: bool
    left_out: str = Field(description="What is left out now, as a sentence, or empty.")
    analysis_fps: float = Field(description="Pictures a second judged of each student now.")
    worker_busy: float = Field(description="Share of the workers' time, last second.")
    web_busy: float = Field(description="Share of a core that the web process took, last second.")
    wait_s: float = Field(description="How long work stood in line for a worker, last second.")
    worker_ms_per_student_s: float | None = Field(description="Measured at the whole rate.")
    web_ms_per_student_s: float | None


class Machine(Told):
    version: str
    uptime_s: float
    detectors: list[DetectorPart]
    load: LoadPart
    counters: dict[str, int]
    sessions: SessionCounts
    store: StorePart
    disk: DiskPart
    versions: dict[str, str]
    threads: int


class Health(Told):
    status: Literal["ok"] = "ok"


class PortalConfig(Told):
    """What the student's page needs to know before a session exists."""

    walk_in: bool
    capture_screen: bool
    video_fps: float
    interval_s: int
    check_s: int
    flag_threshold: float
    screen_interval_s: int = 5
    screen_width: int = 1280


class WalkIn(Asked):
    user_id: str = Field(description=USER_ID)
    exam_id: str = Field(description=USER_ID)
    name: str | None = Field(None, description="Asked where the exam has a roster.")
    date_of_birth: str | None = Field(None, description="As 2004-02-29; see name.")
    course: str | None = Field(None, description="See name.")
    token: str | None = Field(
        None, description="The token of the running session, to continue it after a reload."
    )


class ConsentParagraph(Part):
    kind: str
    title: str
    text: str


class ConsentShown(Part):
    """What is recorded, in the language of the page; `version` goes into `start`."""

    version: str
    paragraphs: list[ConsentParagraph]
    legal_basis: str


class PortalExam(Told):
    """What the start page needs to know of an exam before a student has signed in."""

    exam_id: str
    has_roster: bool
    check_in: str = Field(description="off, self (admits by itself) or proctor.")


class PortalSession(Told):
    session_id: str
    user_id: str
    exam_id: str
    state: str
    is_running: bool
    token: str
    consent: ConsentShown
    captures: list[str] = Field(description="camera, microphone, screen, page events.")
    check_in: str = Field(description="off, self (admits by itself) or proctor.")
    check_in_stage: str = Field(description='"", checking, waiting, admitted or refused.')
    check_in_steps: list[str] = Field(description="face, gaze, voice, document, room.")
