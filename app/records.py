"""What is stored: one frozen record per kind of document.

Instants are aware UTC and end in `_at`; `*_s` are seconds since the session's start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from app.exams.records import ExamPlan
from scoring.model import IntervalScore, Violation


class SessionState(str, Enum):
    """A created session is active at once and runs when the student has joined."""

    CREATED = "created"
    RUNNING = "running"
    ENDED = "ended"


class EndCause(str, Enum):
    """Who or what ended a session."""

    STUDENT = "student"
    INTEGRATOR = "integrator"
    PROCTOR = "proctor"
    EXAM_OVER = "exam_over"
    ABANDONED = "abandoned"
    WARNING_LIMIT = "warning_limit"


class PauseCause(str, Enum):
    """Why nothing of a running session is scored for a while."""

    WARNING_LIMIT = "warning_limit"
    PROCTOR = "proctor"
    BREAK = "break"
    CHECK_IN = "check_in"


class CheckInStage(str, Enum):
    """Where a student is on the way in; NONE where the exam asks for no check-in."""

    NONE = ""
    CHECKING = "checking"
    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"


class GapCause(str, Enum):
    """Why nothing arrived of a stretch of a session: technical, never the student's conduct."""

    LINE = "line"
    SERVER = "server"
    ASLEEP = "asleep"
    FROZEN = "frozen"
    CAMERA_OFF = "camera_off"
    THINNED = "thinned"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a session of which nothing arrived. It scores nothing and is unobserved."""

    from_s: float
    to_s: float
    cause: GapCause


@dataclass(frozen=True, slots=True)
class Amendment:
    """What arrived late changed a closed interval's score."""

    at: datetime
    from_score: float
    to_score: float


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One student's sitting of one exam. `started_at` is the first join: second 0 of scoring.

    `policy` is the policy in force as plain data, frozen when the session starts. While
    `is_paused`, nothing is scored; `pauses` says why, and until when where a pause ends by
    itself. `seal` is the hash of the manifest
    that sealed the session after its end. `place` and `network` are hashes of the device and the
    network it runs on. `scored_s` is the second at which its final ledger ends,
    `ledger_sha256` the hash of that ledger (see `app.ledgers`). `capture_screen` None is as the
    settings say. `gaps` is what never arrived of it up to `gaps_until_s`; `clock_lies` counts how
    often the student's clock contradicted itself.
    """

    session_id: str
    user_id: str
    exam_id: str
    state: SessionState
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_cause: EndCause | None = None
    last_contact_at: datetime | None = None
    interval_score: float = 0.0
    total_score: float = 0.0
    risk: float = 0.0
    focus: float = 100.0
    trust: float = 100.0
    flagged_intervals: int = 0
    coverage: dict[str, float] = field(default_factory=dict)
    policy: dict[str, object] = field(default_factory=dict)
    is_paused: bool = False
    pauses: dict[PauseCause, datetime | None] = field(default_factory=dict)
    seal: str = ""
    place: str = ""
    network: str = ""
    scored_s: float | None = None
    ledger_sha256: str = ""
    capture_screen: bool | None = None
    shows_focus: bool = False
    check_in: CheckInStage = CheckInStage.NONE
    check_in_done: dict[str, str] = field(default_factory=dict)
    check_in_by: str = ""
    check_in_reason: str = ""
    check_in_seen: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    gaps_until_s: float = 0.0
    clock_lies: int = 0

    @property
    def is_active(self) -> bool:
        return self.state is not SessionState.ENDED

    @property
    def is_running(self) -> bool:
        return self.state is SessionState.RUNNING


@dataclass(frozen=True, slots=True)
class ViolationRecord:
    """A violation of one session, with the instants a person reads."""

    session_id: str
    violation: Violation
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class IntervalRecord:
    """A scored interval of one session. `amendments` are its changes after it was closed."""

    session_id: str
    interval: IntervalScore
    started_at: datetime
    amendments: tuple[Amendment, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A stretch of what one session observed, as `scoring.trace` packs it."""

    session_id: str
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ExamRecord:
    """What an exam is scored by: a policy (a preset's name, or a document), and what single
    students are granted over it. `capture_screen` None is as the settings say; `plan` is how
    the exam is held."""

    exam_id: str
    policy: str | dict[str, object]
    overlays: dict[str, dict[str, object]]
    updated_at: datetime
    capture_screen: bool | None = None
    plan: ExamPlan = field(default_factory=ExamPlan)


class ClipStatus(str, Enum):
    """WAITING for its post-roll, WRITING, READY to play, or FAILED with an error."""

    WAITING = "waiting"
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"


class ReviewState(str, Enum):
    """What a person decided about a flag; UNCLEAR is "cannot tell"."""

    UNREVIEWED = "unreviewed"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The camera picture of the moment at which a violation raised the risk."""

    violation_id: str
    rule: str
    at: datetime
    risk_delta: float
    risk_total: float
    file_name: str


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """The evidence of one flagged interval.

    `file_name`, `screens` and those of `snapshots` are relative to the clips folder; `from_at`
    and `to_at` are what the clip covers; `trigger_at` is when the frame or event that flagged
    happened. `amended_score` is what the interval's flag came to by what arrived after the clip
    was written, where that differs.
    """

    clip_id: str
    session_id: str
    user_id: str
    exam_id: str
    interval_index: int
    score: float
    rules: tuple[str, ...]
    status: ClipStatus
    from_at: datetime
    to_at: datetime
    trigger_at: datetime
    flagged_at: datetime
    file_name: str = ""
    screens: tuple[str, ...] = ()
    duration_s: float = 0.0
    size_bytes: int = 0
    frames: int = 0
    has_sound: bool = False
    error: str = ""
    review: ReviewState = ReviewState.UNREVIEWED
    snapshots: tuple[Snapshot, ...] = ()
    amended_score: float | None = None


@dataclass(frozen=True, slots=True)
class ManifestRecord:
    """One link of a session's chain of evidence: `body` is the exact text that was signed."""

    manifest_id: str
    session_id: str
    number: int
    sha256: str
    body: str


@dataclass(frozen=True, slots=True)
class MediaKeyRecord:
    """The key of one session's media, wrapped by the master key named `master_id`."""

    session_id: str
    wrapped: str
    master_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StaffRecord:
    """A person who signs in at the admin pages. The password is an argon2 hash.

    `exams` are those assigned to a proctor or reviewer; `totp` is the sealed secret of the
    second factor, empty without one, `totp_step` the last code's step, never taken again.
    """

    username: str
    password_hash: str
    role: str
    created_at: datetime
    exams: tuple[str, ...] = ()
    disabled_at: datetime | None = None
    totp: str = ""
    totp_step: int = 0


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """An integrator's key: only the SHA-256 of it is kept. The scope `*` is all of them."""

    key_id: str
    key_sha256: str
    label: str
    created_at: datetime
    scopes: tuple[str, ...] = ("*",)
    expires_at: datetime | None = None
    closed_at: datetime | None = None
