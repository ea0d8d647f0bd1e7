"""What one session's stream says about itself, and what its client is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from app.intake.batch import BrowserState
from app.intake.seen import Span


class Line(str, Enum):
    """How a student's line looks from here. Technical trouble never adds points."""

    GOOD = "good"
    SLOW = "slow"
    DOWN = "down"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Refusal:
    """One part of a batch that was not used; the rest was."""

    part: str
    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """The answer to a batch; `next_seq` is one more than the highest received.

    Batches below `settled_seq` and what was captured before `settled_ms` (client's clock; None
    while that is unknown) need never be sent again. `offset_ms` is the server's clock less the
    client's.
    """

    seq: int
    next_seq: int
    server_ms: float
    refused: tuple[Refusal, ...] = ()
    is_repeat: bool = False
    settled_seq: int = 0
    settled_ms: float | None = None
    offset_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a client that introduced itself goes on from. `run` names this server's memory of
    the session: under another one, everything that is not settled must be sent again."""

    next_seq: int
    run: str


@dataclass(frozen=True, slots=True)
class AbsenceSpan:
    """A stretch of the session in which the page could not capture, and why."""

    from_s: float
    to_s: float
    cause: str


@dataclass(frozen=True, slots=True)
class StreamState:
    """What is known of a session's line. Instants are seconds of the session.

    Everything captured before `complete_s` has arrived; nothing captured before
    `pending_from_s` waits to be analysed. `seen` are the spans of which there are pictures (or
    sound, where there is no camera). `clock_lies` counts how often the client's clock
    contradicted itself.
    """

    line: Line
    opened_at_s: float
    last_contact_at_s: float
    last_batch_at_s: float | None
    last_frame_at_s: float | None
    delay_s: float
    browser: BrowserState
    counters: dict[str, int] = field(default_factory=dict)
    complete_s: float = float("-inf")
    pending_from_s: float = float("inf")
    seen: tuple[Span, ...] = ()
    absences: tuple[AbsenceSpan, ...] = ()
    clock_lies: int = 0
