"""What a session that is being scored needs of the parts around it, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.clock import Clock, SessionTime
from app.monitoring.outbox import Outbox
from app.monitoring.views import Mark
from app.records import IntervalRecord, PauseCause, SessionRecord, TraceRecord, ViolationRecord
from detectors.messages import Heard
from scoring.model import Change, IntervalScore, Item, Ledger, RiskEvent, Scores
from scoring.policy import Policy
from scoring.session import TraceBlock


class Scorer(Protocol):
    """What of `scoring.session.SessionScorer` is used."""

    @property
    def scores(self) -> Scores: ...

    @property
    def running_interval(self) -> IntervalScore: ...

    @property
    def risk_events(self) -> tuple[RiskEvent, ...]: ...

    def update(self, items: Iterable[Item], now_s: float) -> tuple[Change, ...]: ...

    def end(self, at_s: float) -> tuple[Change, ...]: ...

    def take_trace(self) -> list[TraceBlock]: ...

    def ledger(self) -> Ledger: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of a session: its ledger so far, and the trace behind it."""

    ledger: Ledger = field(default_factory=Ledger)
    trace: tuple[bytes, ...] = ()

    @property
    def is_replayable(self) -> bool:
        """Whether the trace holds all that was found. A session of which nothing was judged yet has
        none, and is still open to what comes late; one of an older version has only a ledger."""
        ledger = self.ledger
        is_found = ledger.violations or any(
            interval.points or any(share > 0 for _, share in interval.coverage)
            for interval in ledger.intervals
        )
        return bool(self.trace) or not is_found


# Makes a scorer that goes on from what is stored, at a second of the session.
NewScorer = Callable[[Policy, Stored, float], Scorer]


class Flags(Protocol):
    """Keeps the evidence of a flagged interval, and lets go of a session that ended."""

    def flag(
        self,
        session: SessionRecord,
        time: SessionTime,
        interval: IntervalScore,
        pre_roll_s: float,
        post_roll_s: float,
    ) -> object: ...

    def learn(
        self, session_id: str, interval: IntervalScore, risen: tuple[RiskEvent, ...]
    ) -> None: ...

    def withdraw(self, session_id: str, interval_index: int) -> None: ...

    def end_session(self, session_id: str, at_s: float) -> None: ...

    def resume(
        self,
        session: SessionRecord,
        time: SessionTime,
        flagged: Sequence[IntervalScore],
        pre_roll_s: float,
        post_roll_s: float,
    ) -> None: ...

    def needed_from_s(self, session_id: str) -> float: ...


class Shows(Protocol):
    """Who is shown what happens."""

    def violation(self, session_id: str, mark: Mark) -> None: ...

    def flagged(self, session_id: str, interval: IntervalScore, at: datetime) -> None: ...

    def warning_limit(self, session_id: str, at: datetime, payload: dict[str, Any]) -> None: ...

    def thumbnail(self, session_id: str, jpeg: bytes, at: datetime) -> None: ...

    def heard(self, session_id: str, heard: Sequence[Heard]) -> None: ...


class Stores(Protocol):
    """Where the records are."""

    def violations(self, session_id: str) -> Sequence[ViolationRecord]: ...

    def intervals(self, session_id: str) -> Sequence[IntervalRecord]: ...

    def trace(self, session_id: str) -> Sequence[TraceRecord]: ...

    def save_trace(self, record: TraceRecord) -> None: ...

    def save_violation(self, record: ViolationRecord) -> None: ...

    def delete_violation(self, session_id: str, violation_id: str) -> object: ...

    def delete_interval(self, session_id: str, index: int) -> object: ...

    def save_interval(self, record: IntervalRecord) -> None: ...

    def update_session(self, session_id: str, **fields: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every track works with. `end_soon` ends a session without blocking; `pause_over` says,
    as gently, that a pause has ended because its time was up; `settle` is told before which
    second of a session nothing can be asked for again."""

    clock: Clock
    store: Stores
    outbox: Outbox
    recorder: Flags
    live: Shows
    new_scorer: NewScorer
    end_soon: Callable[[str], object] = repr
    pause_over: Callable[[str, PauseCause], object] = lambda _session_id, _cause: None
    settle: Callable[[str, float], object] = lambda _session_id, _before_s: None
