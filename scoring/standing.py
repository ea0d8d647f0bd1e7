"""The running sums of a session: total, flags, risk, trust and warnings.

Everything can be taken back, so that late items change the sums by what they change and no more.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from scoring.intervals import Tally
from scoring.model import Alert, Scores, Violation
from scoring.policy_shape import Policy
from scoring.risk import RiskMeter
from scoring.trust import Trust

Coverage = tuple[tuple[str, float], ...]


class Standing:
    """Where a session stands."""

    def __init__(self, policy: Policy) -> None:
        self._interval_ms = round(policy.interval_s * 1000)
        self._limit = policy.warning_limit
        self._total_milli = 0
        self._flagged = 0
        self._violations: dict[str, Violation] = {}
        self._critical_s: list[float] = []
        self._trust = Trust(policy)
        self.risk = RiskMeter(self._violations)

    def put(self, violation: Violation) -> None:
        """Count a violation, or what has become of it."""
        known = self._violations.get(violation.violation_id)
        if known is not None:
            self._trust.drop(known)
        self._trust.put(violation)
        self._violations[violation.violation_id] = violation
        self.risk.touch(_differs_from_ms(known, violation))

    def drop(self, violation_id: str) -> None:
        """Count a violation no more."""
        known = self._violations.pop(violation_id)
        self._trust.drop(known)
        self.risk.touch(round(known.start_s * 1000))

    def put_alert(self, alert: Alert) -> None:
        """Count an alert."""
        if alert.is_critical:
            insort(self._critical_s, alert.at_s)

    def drop_alert(self, alert: Alert) -> None:
        """Count an alert no more."""
        if alert.is_critical:
            del self._critical_s[bisect_left(self._critical_s, alert.at_s)]

    def count(self, before: Tally, after: Tally) -> None:
        """An interval's tally became another."""
        self._total_milli += after.milli - before.milli
        self._flagged += (after.flag is not None) - (before.flag is not None)

    @property
    def warnings(self) -> int:
        """How many critical alerts there were."""
        return len(self._critical_s)

    @property
    def limit_at_s(self) -> float | None:
        """When the critical alerts reached the policy's limit."""
        is_reached = 0 < self._limit <= len(self._critical_s)
        return self._critical_s[self._limit - 1] if is_reached else None

    def scores(
        self,
        *,
        at_ms: int,
        recent: Sequence[Tally],
        last: int,
        active: tuple[Violation, ...],
        coverage: Coverage,
        focus: float,
    ) -> Scores:
        """The numbers at an instant in interval `last`; `recent` are the tallies of that
        interval and the one before it, as far as they have points."""
        temporary, permanent = self.risk.at(at_ms)
        from_ms = at_ms - self._interval_ms
        trailing = sum(p.milli for tally in recent for p in tally.points if p.at_ms > from_ms)
        return Scores(
            at_s=at_ms / 1000,
            interval_score=sum(tally.milli for tally in recent if tally.index == last) / 1000,
            trailing_score=trailing / 1000,
            total_score=self._total_milli / 1000,
            flagged_intervals=self._flagged,
            risk_temporary=temporary,
            risk_permanent=permanent,
            focus=focus,
            trust=self._trust.at(at_ms),
            active=active,
            coverage=coverage,
            warnings=self.warnings,
            warning_limit_at_s=self.limit_at_s,
        )


def in_order(violations: Iterable[Violation]) -> tuple[Violation, ...]:
    """By start, then rule and id."""
    return tuple(sorted(violations, key=lambda v: (v.start_s, v.rule.value, v.violation_id)))


def _differs_from_ms(known: Violation | None, now: Violation) -> int:
    """From when on a violation lasts otherwise than was known."""
    if known is None or known.start_s != now.start_s:
        return round(now.start_s * 1000)
    ends_s = [each.end_s for each in (known, now) if each.end_s is not None]
    return round(min(ends_s, default=now.start_s) * 1000)
