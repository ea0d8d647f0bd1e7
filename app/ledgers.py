"""Ledgers as they are stored, and as they follow from a stored trace.

The stored ledger of a finished session is its violations, its intervals, its numbers and the
hash of everything the scorer knew. `replayed` computes the same from what was observed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.errors import Conflict
from app.records import IntervalRecord, SessionRecord, TraceRecord, ViolationRecord
from app.store.documents import plain
from scoring.model import IntervalScore, Ledger, Scores, Violation
from scoring.policy import Policy, PolicyError, policy_from_dict
from scoring.replay import rescore
from scoring.trace import TraceError


class HoldsLedgers(Protocol):
    """What of the repository is read here."""

    def violations(self, session_id: str) -> Sequence[ViolationRecord]: ...

    def intervals(self, session_id: str) -> Sequence[IntervalRecord]: ...

    def trace(self, session_id: str) -> Sequence[TraceRecord]: ...


def numbers_of(scores: Scores) -> dict[str, object]:
    """The fields of a session that its scores set, rounded as they are stored."""
    return {
        "interval_score": scores.interval_score,
        "total_score": scores.total_score,
        "risk": round(scores.risk_temporary + scores.risk_permanent, 2),
        "focus": round(scores.focus, 1),
        "trust": round(scores.trust, 1),
        "flagged_intervals": scores.flagged_intervals,
        "coverage": {str(name): round(share, 3) for name, share in scores.coverage},
    }


def ledger_sha256(ledger: Ledger) -> str:
    """The SHA-256 of a ledger, in hex: equal for ledgers that are equal bit for bit."""
    text = json.dumps(plain(ledger), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def policy_of(session: SessionRecord) -> Policy:
    """The policy that was frozen into a session. Raises Conflict when there is none to read."""
    try:
        return policy_from_dict(session.policy)
    except PolicyError as error:
        raise Conflict(f"The policy of this session cannot be read: {error}") from None


def replayed(
    repository: HoldsLedgers, session: SessionRecord, policy: Policy | None = None
) -> Ledger:
    """The ledger of a finished session from its stored trace, under its own policy or another.

    Raises Conflict for a session that has not ended, or whose trace is missing or damaged.
    """
    if session.started_at is not None and (session.is_active or session.scored_s is None):
        raise Conflict("Only a session that has ended can be scored again.")
    if session.started_at is None:
        return Ledger()
    trace = [block.data for block in repository.trace(session.session_id)]
    if not trace and repository.violations(session.session_id):
        raise Conflict("What this session observed is not stored, so it cannot be scored again.")
    try:
        return rescore(policy or policy_of(session), trace, session.scored_s or 0.0)
    except TraceError as error:
        raise Conflict(f"The stored trace of this session is damaged: {error}") from None


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which a replay is not what is stored."""

    what: str
    stored: str
    replayed: str

    def __str__(self) -> str:
        return f"{self.what}\n  stored:   {self.stored}\n  replayed: {self.replayed}"


def first_difference(
    repository: HoldsLedgers, session: SessionRecord, ledger: Ledger
) -> Difference | None:
    """Where the stored ledger of a session and a replayed one differ, or None."""
    stored_violations = [each.violation for each in repository.violations(session.session_id)]
    stored_intervals = [each.interval for each in repository.intervals(session.session_id)]
    numbers = {name: getattr(session, name) for name in numbers_of(ledger.scores)}
    for difference in (
        *_between_violations(stored_violations, ledger.violations),
        *_between_intervals(stored_intervals, ledger.intervals),
        *_between_numbers(numbers, numbers_of(ledger.scores)),
        *_between_hashes(session.ledger_sha256, ledger),
    ):
        return difference
    return None


def _between_violations(
    stored: Sequence[Violation], other: Sequence[Violation]
) -> Iterator[Difference]:
    yield from _between("violation", _by_id(stored), _by_id(other))


def _by_id(violations: Sequence[Violation]) -> dict[str, Violation]:
    ordered = sorted(violations, key=lambda each: (each.start_s, each.violation_id))
    return {each.violation_id: each for each in ordered}


def _between_intervals(
    stored: Sequence[IntervalScore], other: Sequence[IntervalScore]
) -> Iterator[Difference]:
    yield from _between(
        "interval",
        {str(each.index): each for each in stored},
        {str(each.index): each for each in other},
    )


def _between_numbers(
    stored: Mapping[str, object], other: Mapping[str, object]
) -> Iterator[Difference]:
    yield from _between("session's", stored, other)


def _between_hashes(stored: str, ledger: Ledger) -> Iterator[Difference]:
    if stored and stored != (found := ledger_sha256(ledger)):
        yield Difference("hash of the ledger (alerts and risk included)", stored, found)


def _between(
    kind: str, stored: Mapping[str, object], other: Mapping[str, object]
) -> Iterator[Difference]:
    for name in {**stored, **other}:
        if name not in stored or name not in other or stored[name] != other[name]:
            yield Difference(
                f"{kind} {name}",
                str(stored.get(name, "none")),
                str(other.get(name, "none")),
            )
