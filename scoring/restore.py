"""Goes on from a stored ledger when the observations behind it are gone.

What is stored stands: points, flags, violations, coverage. A violation that had no end is closed
at its last known instant. Risk and alerts are derived from the violations' spans.
"""

from __future__ import annotations

from dataclasses import replace

from scoring.findings import Findings, RawPoint, RiskRaise
from scoring.intervals import Flag
from scoring.model import Alert, Ledger, Violation
from scoring.policy_shape import Policy
from scoring.stream import DETECTORS


def findings_of(policy: Policy, ledger: Ledger) -> Findings:
    """The findings a stored ledger stands for."""
    found = Findings()
    last_points: dict[str, float] = {}
    interval_ms = round(policy.interval_s * 1000)
    for interval in ledger.intervals:
        for point in interval.points:
            last_points[point.violation_id] = max(
                point.end_s, last_points.get(point.violation_id, 0.0)
            )
            found.points.append(
                RawPoint(
                    rule=point.rule,
                    milli=round(point.points * 1000),
                    check=point.check,
                    at_ms=round(point.at_s * 1000),
                    trigger_ms=round(point.at_s * 1000),
                    start_ms=round(point.start_s * 1000),
                    end_ms=round(point.end_s * 1000),
                    percent=round(point.confidence * 100),
                    violation_id=point.violation_id,
                    observations=point.observations,
                )
            )
        for index, detector in enumerate(DETECTORS):
            share = dict(interval.coverage).get(detector.value, 0.0)
            length_ms = min(interval_ms, round((interval.end_s - interval.start_s) * 1000))
            found.coverage[interval.index, index] = round(share * length_ms)
    for violation in ledger.violations:
        closed = violation
        if violation.end_s is None:
            end_s = max(violation.start_s, last_points.get(violation.violation_id, 0.0))
            closed = replace(violation, end_s=end_s)
        found.violations[closed.violation_id] = closed
        _derive(policy, closed, found)
    return found


def flags_of(ledger: Ledger) -> dict[int, Flag]:
    """The stored flags by interval."""
    return {
        interval.index: Flag(
            milli=round(interval.flag_score * 1000),
            at_ms=round((interval.flagged_at_s or interval.start_s) * 1000),
            trigger_ms=round((interval.trigger_at_s or interval.start_s) * 1000),
        )
        for interval in ledger.intervals
        if interval.flag_score is not None
    }


def _derive(policy: Policy, violation: Violation, found: Findings) -> None:
    rule = policy.rule(violation.rule)
    end_s = violation.start_s if violation.end_s is None else violation.end_s
    at_s = violation.start_s if rule.events else violation.start_s + rule.min_duration_s
    risk_at_s = at_s if rule.events else max(at_s, violation.start_s + rule.risk_after_s)
    if rule.risk and risk_at_s <= end_s:
        found.risk.append(
            RiskRaise(
                at_ms=round(risk_at_s * 1000),
                rule=violation.rule,
                violation_id=violation.violation_id,
                milli=round(rule.risk * 1000),
                is_permanent=rule.risk_is_permanent,
            )
        )
    kind, vid = violation.rule.value, violation.violation_id
    found.alerts.append(Alert(kind, at_s, rule.is_critical, vid))
    while not rule.events and at_s + policy.alert_cooldown_s < end_s:
        at_s += policy.alert_cooldown_s
        found.alerts.append(Alert(kind, at_s, rule.is_critical, vid))
