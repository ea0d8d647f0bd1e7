"""What is kept of everything that was done to, or said in, a session. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

LONGEST_TEXT = 2_000
LONGEST_REASON = 500
LONGEST_CHAT = 1_000


class ActionKind(str, Enum):
    """What was done. The first group reaches the student as a message of that kind."""

    MESSAGE = "message"
    WARNING = "warning"
    SCAN = "scan"
    PAUSE = "pause"
    RESUME = "resume"
    EXTRA_TIME = "extra_time"
    END = "end"
    ADMIT = "admit"
    REFUSE = "refuse"
    BREAK_GRANTED = "break_granted"
    BREAK_REFUSED = "break_refused"
    BREAK_OVER = "break_over"

    CALL = "call"
    NOTE = "note"

    CHAT = "chat"
    BREAK_ASKED = "break_asked"


FROM_STUDENT = frozenset({ActionKind.CHAT, ActionKind.BREAK_ASKED})
AMONG_STAFF = frozenset({ActionKind.CALL, ActionKind.NOTE})
BREAKS = frozenset(
    {
        ActionKind.BREAK_ASKED,
        ActionKind.BREAK_GRANTED,
        ActionKind.BREAK_REFUSED,
        ActionKind.BREAK_OVER,
    }
)


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action. `actor_kind` is `staff`, `integrator`, `student` or `server`.

    `text` is what the other side reads, `reason` is for colleagues and the record. `seen_at` is
    when it stood on the student's screen, or a student's word on a proctor's. `until_at` is when
    a granted break ends; `is_beyond` says that it was more than the exam grants. `client_id` is
    the student's own number for a word that may be sent twice.
    """

    action_id: str
    session_id: str
    exam_id: str
    kind: ActionKind
    actor: str
    actor_kind: str
    at: datetime
    text: str = ""
    reason: str = ""
    minutes: float | None = None
    until_at: datetime | None = None
    is_beyond: bool = False
    seen_at: datetime | None = None
    client_id: str = ""

    @property
    def is_from_student(self) -> bool:
        return self.kind in FROM_STUDENT or (
            self.kind is ActionKind.BREAK_OVER and self.actor_kind == "student"
        )

    @property
    def is_for_student(self) -> bool:
        """Whether the student's page shows it."""
        return self.kind not in AMONG_STAFF and not self.is_from_student


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants done."""

    kind: ActionKind
    text: str = ""
    reason: str = ""
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `name` as people know it, `reference` as the audit does."""

    kind: str
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class BreakState:
    """`state` is `none`, `asked`, `granted`, `refused` or `over`; `left` counts what is granted
    without asking for more."""

    state: str
    until_at: datetime | None
    left: int
