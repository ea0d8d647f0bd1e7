"""The words of scoring as frozen data: what was seen, what it means, what it costs.

Every instant is `*_s`: seconds since the session's start on the server's clock.
Nothing here computes; nothing here is mutable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Word(str, Enum):
    """A fixed word that is stored and sent as itself."""

    __str__ = str.__str__


class Detector(Word):
    """Who saw it. The value is stored and shown; it never changes its meaning."""

    FACE = "face"
    GAZE = "gaze"
    IDENTITY = "identity"
    OBJECTS = "objects"
    SPEECH = "speech"
    VOICE = "voice"
    CAMERA = "camera"


# Labels an observation may carry, per detector. A detector says nothing else.
LABELS: dict[Detector, frozenset[str]] = {
    Detector.FACE: frozenset({"none", "turned", "one", "several"}),
    Detector.GAZE: frozenset({"center", "left", "right", "up", "down", "closed"}),
    Detector.IDENTITY: frozenset({"same", "other"}),
    Detector.OBJECTS: frozenset({"clear", "phone", "several_persons", "book", "laptop", "screen"}),
    Detector.SPEECH: frozenset({"speech", "quiet"}),
    Detector.VOICE: frozenset({"own", "one", "several", "foreign"}),
    Detector.CAMERA: frozenset({"ok", "covered", "frozen", "switched", "looped"}),
}


class Carried:
    """Goes between processes by its fields in order: several times quicker than the copying by
    name that dataclasses with slots bring along."""

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Observation(Carried):
    """What one detector saw at one instant (a frame) or over one span (sound).

    An observation that is not judgeable carries no labels and a reason
    ("dark", "backlit", "blurred", "far", "calibrating", "off"): it scores nothing and
    does not count as coverage.
    """

    detector: Detector
    at_s: float
    labels: tuple[str, ...] = ()
    confidence: float = 1.0
    span_s: float = 0.0
    judgeable: bool = True
    reason: str = ""
    measures: tuple[tuple[str, float], ...] = ()

    def measure(self, name: str, default: float = 0.0) -> float:
        """The named number (yaw, pitch in degrees, faces, persons, cosine, ...)."""
        return next((value for key, value in self.measures if key == name), default)


class EventKind(Word):
    """What happened on the student's screen or line, as the browser reports it."""

    TAB_HIDDEN = "tab_hidden"
    WINDOW_BLUR = "window_blur"
    FOCUS_RETURNED = "focus_returned"
    COPY = "copy"
    CUT = "cut"
    PASTE = "paste"
    FULLSCREEN_EXIT = "fullscreen_exit"
    FULLSCREEN_ENTER = "fullscreen_enter"
    SHARE_STOPPED = "share_stopped"
    SHARE_STARTED = "share_started"


@dataclass(frozen=True, slots=True)
class ScreenEvent:
    """One browser event. `event_id` is unique within the session: duplicates are harmless."""

    event_id: str
    kind: EventKind
    at_s: float


@dataclass(frozen=True, slots=True)
class Break:
    """Scoring pauses (`begins`) or goes on again at `at_s`: a break a proctor granted."""

    at_s: float
    begins: bool


Item = Observation | ScreenEvent | Break


class Rule(Word):
    """What a violation is called, in the store, on the wire and in the policy."""

    LOOKING_AWAY = "looking_away"
    SPEECH = "speech"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    SEVERAL_VOICES = "several_voices"
    PHONE = "phone"
    OTHER_PERSON = "other_person"
    CAMERA_BLOCKED = "camera_blocked"
    CAMERA_LOOPED = "camera_looped"
    FOCUS_CHANGE = "focus_change"
    CLIPBOARD = "clipboard"
    FULLSCREEN_EXIT = "fullscreen_exit"


@dataclass(frozen=True, slots=True)
class Violation:
    """A debounced episode of one rule. `end_s` is None while it lasts."""

    violation_id: str
    rule: Rule
    start_s: float
    end_s: float | None
    peak_confidence: float
    observations: int
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Why a check scored: every number of an interval can be traced to these."""

    rule: Rule
    points: float
    check: int
    at_s: float
    start_s: float
    end_s: float
    confidence: float
    violation_id: str
    observations: int


@dataclass(frozen=True, slots=True)
class IntervalScore:
    """One 30-s interval [start_s, end_s): points, coverage, and whether it was flagged.

    `flag_score` is the sum that flagged (own score, or three checks across the boundary);
    `flagged_at_s` and `trigger_at_s` are the moment of the flag and of the observation or
    event that caused it. `coverage` maps a detector to the share of [start_s, end_s) observed.
    """

    index: int
    start_s: float
    end_s: float
    score: float = 0.0
    points: tuple[Point, ...] = ()
    flag_score: float | None = None
    flagged_at_s: float | None = None
    trigger_at_s: float | None = None
    coverage: tuple[tuple[str, float], ...] = ()
    is_closed: bool = False

    @property
    def is_flagged(self) -> bool:
        return self.flag_score is not None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell the student and the proctor now. `kind` is a rule, or `low_focus`."""

    kind: str
    at_s: float
    is_critical: bool = False
    violation_id: str = ""


@dataclass(frozen=True, slots=True)
class RiskEvent:
    """The risk rose by `delta` at `at_s`; `total` is temporary and permanent risk after it."""

    at_s: float
    rule: Rule
    delta: float
    total: float
    is_permanent: bool
    violation_id: str


@dataclass(frozen=True, slots=True)
class Scores:
    """The numbers of this moment, for the live view.

    `trailing_score` is the sum of the points of the last interval's length of time. `warnings`
    counts critical alerts; `warning_limit_at_s` is when they reached the policy's limit.
    `coverage` maps a detector to the share of the session so far that it observed.
    """

    at_s: float = 0.0
    interval_score: float = 0.0
    trailing_score: float = 0.0
    total_score: float = 0.0
    flagged_intervals: int = 0
    risk_temporary: float = 0.0
    risk_permanent: float = 0.0
    focus: float = 100.0
    trust: float = 100.0
    active: tuple[Violation, ...] = ()
    coverage: tuple[tuple[str, float], ...] = ()
    warnings: int = 0
    warning_limit_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class ViolationChanged:
    """A violation began, grew into another interval or ended."""

    violation: Violation


@dataclass(frozen=True, slots=True)
class IntervalChanged:
    """An interval's score or coverage changed, it was closed, or (once) it was flagged."""

    interval: IntervalScore
    newly_flagged: bool = False


@dataclass(frozen=True, slots=True)
class ViolationWithdrawn:
    """An announced violation is no more: late observations showed it otherwise."""

    violation: Violation


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """An alert was raised. `warnings` counts the critical ones so far; `limit_reached` is true
    for the one that reached the policy's warning limit."""

    alert: Alert
    warnings: int
    limit_reached: bool = False


Change = ViolationChanged | IntervalChanged | ViolationWithdrawn | AlertRaised


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything a session's stream amounts to under one policy, each tuple in time order."""

    violations: tuple[Violation, ...] = ()
    intervals: tuple[IntervalScore, ...] = ()
    scores: Scores = field(default_factory=Scores)
    alerts: tuple[Alert, ...] = ()
    risk: tuple[RiskEvent, ...] = ()
