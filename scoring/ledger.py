"""Puts what the folds found together: violations, alerts, risk, trust, scores and the ledger.

The live session and the replay of a stored one both end here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from scoring.breaks import Span, within
from scoring.findings import Findings, RawPoint
from scoring.intervals import IntervalRules, Tally
from scoring.model import IntervalScore, Ledger, Scores
from scoring.policy_shape import Policy
from scoring.risk import RiskMeter
from scoring.stream import DETECTOR_INDEX, DETECTORS
from scoring.trust import trust_of

Coverage = tuple[tuple[str, float], ...]


class Account:
    """The findings of a session in order, with what follows from them at any later instant."""

    def __init__(self, policy: Policy, found: Findings) -> None:
        self._policy = policy
        self._interval_ms = round(policy.interval_s * 1000)
        self.violations = tuple(
            sorted(
                found.violations.values(), key=lambda v: (v.start_s, v.rule.value, v.violation_id)
            )
        )
        self.alerts = tuple(sorted(found.alerts, key=lambda a: (a.at_s, a.kind, a.violation_id)))
        self._active = tuple(each for each in self.violations if each.end_s is None)
        self._meter = RiskMeter(found.risk, self.violations)
        self.risk = tuple(self._meter.events)
        critical = [alert.at_s for alert in self.alerts if alert.is_critical]
        self.warnings = len(critical)
        limit = policy.warning_limit
        self.limit_at_s = critical[limit - 1] if 0 < limit <= len(critical) else None

    def scores(
        self, at_ms: int, last: int, tallies: Mapping[int, Tally], coverage: Coverage, focus: float
    ) -> Scores:
        """The numbers at an instant in interval `last`."""
        temporary, permanent = self._meter.at(at_ms)
        from_ms = at_ms - self._interval_ms
        recent = [tallies[index] for index in (last - 1, last) if index in tallies]
        trailing = sum(p.milli for tally in recent for p in tally.points if p.at_ms > from_ms)
        return Scores(
            at_s=at_ms / 1000,
            interval_score=tallies[last].milli / 1000 if last in tallies else 0.0,
            trailing_score=trailing / 1000,
            total_score=sum(tally.milli for tally in tallies.values()) / 1000,
            flagged_intervals=sum(tally.flag is not None for tally in tallies.values()),
            risk_temporary=temporary,
            risk_permanent=permanent,
            focus=focus,
            trust=trust_of(self._policy, self.violations, at_ms / 1000),
            active=self._active,
            coverage=coverage,
            warnings=self.warnings,
            warning_limit_at_s=self.limit_at_s,
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a session has come: `now_ms`, each detector's cursor, its end if it has one, and
    its breaks so far."""

    now_ms: int
    cursors: Mapping[int, int]
    breaks: Sequence[Span] = ()
    end_ms: int | None = None

    def stop_ms(self, start_ms: int, interval_ms: int) -> int:
        """Where the interval that starts at `start_ms` stops."""
        stop_ms = start_ms + interval_ms
        return stop_ms if self.end_ms is None else min(stop_ms, self.end_ms)

    def last(self, interval_ms: int) -> int:
        """The interval that is running, or the last one; -1 for a session that ended at once."""
        if self.end_ms is None:
            return self.now_ms // interval_ms
        return -1 if self.end_ms == 0 else (self.end_ms - 1) // interval_ms

    def shares(
        self, policy: Policy, from_ms: int, to_ms: int, observed_ms: Callable[[int], int]
    ) -> Coverage:
        """The share of [from_ms, to_ms), as far as it has come, that each detector observed.

        Breaks are no part of it; a detector that had no time yet is left out.
        """
        shares = []
        for detector in DETECTORS:
            index = DETECTOR_INDEX[detector]
            cursor = min(self.cursors.get(index, 0), to_ms)
            possible_ms = cursor - from_ms
            if self.breaks:
                possible_ms -= within(self.breaks, from_ms, cursor)
            if detector in policy.detectors and possible_ms > 0:
                shares.append((detector.value, min(1.0, observed_ms(index) / possible_ms)))
        return tuple(shares)


def gather(findings: Iterable[Findings]) -> Findings:
    """One from many; of a violation the last word stands."""
    whole = Findings()
    for each in findings:
        whole.violations.update(each.violations)
        whole.points += each.points
        whole.alerts += each.alerts
        whole.risk += each.risk
        for key, observed_ms in each.coverage.items():
            whole.coverage[key] = whole.coverage.get(key, 0) + observed_ms
    return whole


def tallies_of(rules: IntervalRules, points: Iterable[RawPoint]) -> dict[int, Tally]:
    """The tallies of the intervals that have points."""
    tallies: dict[int, Tally] = {}
    ordered = sorted(points, key=lambda point: (point.check, point.order))
    for index, group in groupby(ordered, key=lambda point: point.check // rules.checks):
        tallies[index] = rules.tally(index, group, tallies.get(index - 1))
    return tallies


def ledger_of(
    policy: Policy, found: Findings, tallies: Mapping[int, Tally], reach: Reach, focus: float
) -> Ledger:
    """Everything a session amounts to, as far as it has come."""
    rules = IntervalRules(policy)
    last = reach.last(rules.interval_ms)
    intervals = tuple(
        interval_of(policy, rules, tallies.get(index, Tally(index)), found.coverage, reach)
        for index in range(last + 1)
    )
    totals: dict[int, int] = {}
    for (_, detector), observed_ms in found.coverage.items():
        totals[detector] = totals.get(detector, 0) + observed_ms
    coverage = reach.shares(policy, 0, reach.now_ms, lambda index: totals.get(index, 0))
    account = Account(policy, found)
    scores = account.scores(reach.now_ms, last, tallies, coverage, focus)
    return Ledger(account.violations, intervals, scores, account.alerts, account.risk)


def interval_of(
    policy: Policy,
    rules: IntervalRules,
    tally: Tally,
    observed: Mapping[tuple[int, int], int],
    reach: Reach,
    closed_before: int | None = None,
) -> IntervalScore:
    """One interval; it is closed when the session has ended or its index is before
    `closed_before`."""
    start_ms = tally.index * rules.interval_ms
    stop_ms = reach.stop_ms(start_ms, rules.interval_ms)
    coverage = reach.shares(
        policy, start_ms, stop_ms, lambda detector: observed.get((tally.index, detector), 0)
    )
    is_closed = reach.end_ms is not None or tally.index < (closed_before or 0)
    return rules.score(tally, stop_ms, coverage, is_closed)
