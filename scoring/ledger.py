"""Puts what the folds found together: violations, alerts, risk, trust, scores and the ledger.

The live session and the replay of a stored one both end here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from scoring.breaks import Span, within
from scoring.findings import Findings, RawPoint
from scoring.intervals import IntervalRules, Tally
from scoring.model import IntervalScore, Ledger, Scores
from scoring.policy_shape import Policy
from scoring.risk import RiskMeter
from scoring.stream import DETECTORS
from scoring.trust import Trust

Coverage = tuple[tuple[str, float], ...]

_NAMES = tuple(detector.value for detector in DETECTORS)


class Account:
    """The findings of a session in order, with what follows from them at any later instant."""

    def __init__(self, policy: Policy, found: Findings, tallies: Mapping[int, Tally]) -> None:
        self._interval_ms = round(policy.interval_s * 1000)
        self.violations = tuple(
            sorted(
                found.violations.values(), key=lambda v: (v.start_s, v.rule.value, v.violation_id)
            )
        )
        self.alerts = tuple(sorted(found.alerts, key=lambda a: (a.at_s, a.kind, a.violation_id)))
        self._active = tuple(each for each in self.violations if each.end_s is None)
        self._tallies = tallies
        self._total_milli = sum(tally.milli for tally in tallies.values())
        self._flagged = sum(tally.flag is not None for tally in tallies.values())
        self._trust = Trust(policy, self.violations)
        self._meter = RiskMeter(found.risk, self.violations)
        self.risk = tuple(self._meter.events)
        critical = [alert.at_s for alert in self.alerts if alert.is_critical]
        self.warnings = len(critical)
        limit = policy.warning_limit
        self.limit_at_s = critical[limit - 1] if 0 < limit <= len(critical) else None

    def scores(self, at_ms: int, last: int, coverage: Coverage, focus: float) -> Scores:
        """The numbers at an instant in interval `last`."""
        temporary, permanent = self._meter.at(at_ms)
        from_ms = at_ms - self._interval_ms
        tallies = self._tallies
        recent = [tallies[index] for index in (last - 1, last) if index in tallies]
        trailing = sum(p.milli for tally in recent for p in tally.points if p.at_ms > from_ms)
        return Scores(
            at_s=at_ms / 1000,
            interval_score=tallies[last].milli / 1000 if last in tallies else 0.0,
            trailing_score=trailing / 1000,
            total_score=self._total_milli / 1000,
            flagged_intervals=self._flagged,
            risk_temporary=temporary,
            risk_permanent=permanent,
            focus=focus,
            trust=self._trust.at(at_ms),
            active=self._active,
            coverage=coverage,
            warnings=self.warnings,
            warning_limit_at_s=self.limit_at_s,
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a session has come: `now_ms`, the cursor of each detector the policy has on (by
    its index, in order), its breaks so far, and its end if it has one."""

    now_ms: int
    cursors: Sequence[tuple[int, int]]
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

    def shares(self, from_ms: int, to_ms: int, observed_ms: Mapping[int, int]) -> Coverage:
        """The share of [from_ms, to_ms), as far as it has come, that each detector observed.

        Breaks are no part of it; a detector that had no time yet is left out.
        """
        shares = []
        for detector, reached_ms in self.cursors:
            cursor = min(reached_ms, to_ms)
            possible_ms = cursor - from_ms
            if self.breaks:
                possible_ms -= within(self.breaks, from_ms, cursor)
            if possible_ms > 0:
                share = min(1.0, observed_ms.get(detector, 0) / possible_ms)
                shares.append((_NAMES[detector], share))
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
    observed: dict[int, dict[int, int]] = {}
    totals: dict[int, int] = {}
    for (index, detector), observed_ms in found.coverage.items():
        observed.setdefault(index, {})[detector] = observed_ms
        totals[detector] = totals.get(detector, 0) + observed_ms
    intervals = tuple(
        interval_of(rules, tallies.get(index, Tally(index)), observed.get(index, {}), reach)
        for index in range(last + 1)
    )
    account = Account(policy, found, tallies)
    scores = account.scores(reach.now_ms, last, reach.shares(0, reach.now_ms, totals), focus)
    return Ledger(account.violations, intervals, scores, account.alerts, account.risk)


def interval_of(
    rules: IntervalRules,
    tally: Tally,
    observed_ms: Mapping[int, int],
    reach: Reach,
    closed_before: int = 0,
) -> IntervalScore:
    """One interval with its coverage. It is closed when the session has ended or its index is
    before `closed_before`."""
    start_ms = tally.index * rules.interval_ms
    stop_ms = reach.stop_ms(start_ms, rules.interval_ms)
    coverage = reach.shares(start_ms, stop_ms, observed_ms)
    is_closed = reach.end_ms is not None or tally.index < closed_before
    return rules.score(tally, stop_ms, coverage, is_closed)
