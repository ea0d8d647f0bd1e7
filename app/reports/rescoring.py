"""Finished sessions under another policy, from what is stored of them and without media.

One session is in memory at a time. Nothing is written: the ledger in force stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.errors import Conflict, InvalidInput
from app.ledgers import HoldsLedgers, replayed
from app.records import IntervalRecord, SessionRecord, ViolationRecord
from scoring.model import IntervalScore, Ledger
from scoring.policy import Policy

# More intervals than this say nothing to anybody and would fill the memory.
MOST_INTERVALS = 20_000

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a ledger amounts to. `flagged` holds the flagged intervals as seconds [start, end)."""

    total_score: float
    flagged: tuple[Span, ...]
    violations: dict[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A session as it is stored and under the other policy.

    `gained` are the flagged intervals of the other policy that overlap no stored one, `lost`
    the stored ones that overlap none of the other policy.
    """

    session_id: str
    user_id: str
    exam_id: str
    before: Figures
    after: Figures

    @property
    def gained(self) -> tuple[Span, ...]:
        return _apart(self.after.flagged, self.before.flagged)

    @property
    def lost(self) -> tuple[Span, ...]:
        return _apart(self.before.flagged, self.after.flagged)

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Rescored:
    """A session's ledger under the other policy, and what changes."""

    session: SessionRecord
    ledger: Ledger
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Skipped:
    """A session that could not be scored again, and why."""

    session: SessionRecord
    reason: str


def rescored(repository: HoldsLedgers, session: SessionRecord, policy: Policy) -> Rescored:
    """One session under another policy.

    Raises Conflict when it has not ended or its trace is missing or damaged, and InvalidInput
    when the policy would cut it into too many intervals.
    """
    if (session.scored_s or 0.0) / policy.interval_s > MOST_INTERVALS:
        raise InvalidInput(
            f"This policy would cut the session into more than {MOST_INTERVALS} intervals."
        )
    ledger = replayed(repository, session, policy)
    stored = [each.interval for each in repository.intervals(session.session_id)]
    rules = [each.violation.rule.value for each in repository.violations(session.session_id)]
    comparison = Comparison(
        session.session_id,
        session.user_id,
        session.exam_id,
        before=Figures(session.total_score, _flagged(stored), _counted(rules)),
        after=Figures(
            ledger.scores.total_score,
            _flagged(ledger.intervals),
            _counted([each.rule.value for each in ledger.violations]),
        ),
    )
    return Rescored(session, ledger, comparison)


def rescored_exam(
    repository: HoldsLedgers,
    sessions: Sequence[SessionRecord],
    policy: Policy,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Comparison | Skipped]:
    """Each session under another policy, until `may_go_on` says no; the ledgers are not kept."""
    for session in sessions:
        if not may_go_on():
            return
        try:
            yield rescored(repository, session, policy).comparison
        except Conflict as error:
            yield Skipped(session, error.message)


def records_of(
    session: SessionRecord, ledger: Ledger
) -> tuple[tuple[ViolationRecord, ...], tuple[IntervalRecord, ...]]:
    """The ledger of a session with the instants a person reads."""
    zero = session.started_at or session.created_at

    def after(seconds: float) -> timedelta:
        return timedelta(seconds=seconds)

    violations = tuple(
        ViolationRecord(
            session.session_id,
            each,
            zero + after(each.start_s),
            None if each.end_s is None else zero + after(each.end_s),
        )
        for each in ledger.violations
    )
    intervals = tuple(
        IntervalRecord(session.session_id, each, zero + after(each.start_s))
        for each in ledger.intervals
    )
    return violations, intervals


def _flagged(intervals: Sequence[IntervalScore]) -> tuple[Span, ...]:
    return tuple((each.start_s, each.end_s) for each in intervals if each.is_flagged)


def _counted(rules: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(rules).items()))


def _apart(spans: Sequence[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """The spans that overlap none of the others."""
    return tuple(
        (start, end)
        for start, end in spans
        if not any(other_start < end and start < other_end for other_start, other_end in others)
    )
