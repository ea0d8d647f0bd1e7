"""What is stored about consent, retention and holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The receipt of one session. `given_by` is student, integrator or agent; `collected` what
    is taken in; `text` the words that were shown, or empty when the caller had its own."""

    session_id: str
    version: str
    text: str
    legal_basis: str
    collected: tuple[str, ...]
    given_by: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A legal hold: nothing of the session or the exam (`kind`) is deleted while it stands."""

    kind: str
    subject_id: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RetentionRecord:
    """How many days the sessions of an exam are kept after their end."""

    exam_id: str
    days: int
