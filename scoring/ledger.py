"""Puts what the folds found together: the intervals, the scores and the ledger.

The live session and the replay of a stored one both end here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from scoring.breaks import Span, within
from scoring.findings import Findings, RawPoint
from scoring.intervals import IntervalRules, Tally
from scoring.model import IntervalScore, Ledger
from scoring.policy_shape import Policy
from scoring.standing import Coverage, Standing, in_order
from scoring.stream import DETECTORS

_NAMES = tuple(detector.value for detector in DETECTORS)


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
    standing = Standing(policy)
    for violation in found.violations.values():
        standing.put(violation)
    for alert in found.alerts:
        standing.put_alert(alert)
    for raised in found.risk:
        standing.risk.put(raised)
    for tally in tallies.values():
        standing.count(Tally(tally.index), tally)
    violations = in_order(found.violations.values())
    scores = standing.scores(
        at_ms=reach.now_ms,
        recent=[tallies[index] for index in (last - 1, last) if index in tallies],
        last=last,
        active=tuple(each for each in violations if each.end_s is None),
        coverage=reach.shares(0, reach.now_ms, totals),
        focus=focus,
    )
    alerts = tuple(sorted(found.alerts, key=lambda a: (a.at_s, a.kind, a.violation_id)))
    return Ledger(violations, intervals, scores, alerts, standing.risk.events())


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
