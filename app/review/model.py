"""The words of a review as frozen data. Nothing here computes; nothing here is mutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from app.records import ReviewState


class StepKind(str, Enum):
    """What somebody did. A step is appended to a session's review and never changed."""

    FLAG = "flag"
    PROPOSED = "proposed"
    OUTCOME = "outcome"
    EXPLANATION = "explanation"
    APPEAL = "appeal"
    FINAL = "final"
    REOPENED = "reopened"


class Outcome(str, Enum):
    """What people conclude about a session; the words are those of `app.exams.results`."""

    CLEAR = "clear"
    CONCERN = "concern"
    BREACH = "breach"


class Release(str, Enum):
    """When a student may see the own flags and clips: never, when a person has decided about
    them, or when the session has an outcome."""

    NEVER = "never"
    DECIDED = "decided"
    OUTCOME = "outcome"


class CaseState(str, Enum):
    """Where the review of a session stands."""

    NOTHING = "nothing"
    OPEN = "open"
    READY = "ready"
    PROPOSED = "proposed"
    DECIDED = "decided"
    APPEALED = "appealed"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a member of staff by user name, or the student of the session."""

    name: str
    role: str

    @property
    def is_student(self) -> bool:
        return self.role == STUDENT


STUDENT = "student"


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """How an exam's sessions are reviewed. `people` is how many an outcome needs at least, 1 or
    2; `appeal_days` how long a student may appeal after it."""

    exam_id: str
    people: int = 2
    appeal_days: int = 7
    release: Release = Release.OUTCOME
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a session's append-only review; `number` counts from 0 without a gap.

    `actor` is the user name of a member of staff, or the user id of the student. `people` and
    `until_at` of an outcome are the terms it was set under: how many people, and until when the
    student may appeal.
    """

    session_id: str
    number: int
    kind: StepKind
    at: datetime
    actor: str
    role: str
    exam_id: str
    clip_id: str = ""
    decision: ReviewState | None = None
    outcome: Outcome | None = None
    text: str = ""
    people: int = 0
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlagDecision:
    """The newest decision about one flag."""

    decision: ReviewState
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """A proposed, standing or final outcome."""

    outcome: Outcome
    by: str
    at: datetime
    reason: str
    people: int = 0
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What the student wrote. `clip_id` is empty when it is about the session."""

    number: int
    text: str
    at: datetime
    clip_id: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A session's review as its steps leave it. `waiting` are the flags nobody has decided."""

    session_id: str
    flags: dict[str, FlagDecision] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    proposal: Ruling | None = None
    outcome: Ruling | None = None
    appeals: tuple[Words, ...] = ()
    is_appealed: bool = False
    final: Ruling | None = None
    explanations: tuple[Words, ...] = ()
    steps: int = 0

    @property
    def state(self) -> CaseState:
        if self.final is not None:
            return CaseState.FINAL
        if self.outcome is not None:
            return CaseState.APPEALED if self.is_appealed else CaseState.DECIDED
        if self.proposal is not None:
            return CaseState.PROPOSED
        if self.waiting:
            return CaseState.OPEN
        return CaseState.READY if self.flags else CaseState.NOTHING

    @property
    def confirmers(self) -> frozenset[str]:
        """Who confirmed a flag that stands confirmed."""
        return frozenset(
            each.by for each in self.flags.values() if each.decision is ReviewState.CONFIRMED
        )

    @property
    def deciders(self) -> frozenset[str]:
        """Who decided about a flag."""
        return frozenset(each.by for each in self.flags.values())
