"""What folding a stretch of a stream brings to light, in whole milliseconds and milli-points."""

from __future__ import annotations

from dataclasses import dataclass, field

from scoring.model import Alert, Rule, Violation


@dataclass(slots=True)
class RawPoint:
    """Points of one rule in one check, before caps. `end_ms`, `percent` and `observations` grow
    while the check lasts; `trigger_ms` is the observation or event the point rests on."""

    rule: Rule
    milli: int
    check: int
    at_ms: int
    trigger_ms: int
    start_ms: int
    end_ms: int
    percent: int
    violation_id: str
    observations: int

    @property
    def order(self) -> tuple[int, str, str]:
        return (self.at_ms, self.rule.value, self.violation_id)


@dataclass(frozen=True, slots=True, order=True)
class RiskRaise:
    """A confirmed episode or occurrence that adds risk."""

    at_ms: int
    rule: Rule
    violation_id: str
    milli: int
    is_permanent: bool


@dataclass(slots=True)
class Findings:
    """Everything found in one stretch. `coverage` maps (interval, detector index) to observed ms.

    A violation stands here in every stretch it is open in; the last stretch has its last word.
    `is_changed` is set whenever a violation, a point, an alert or a raise of risk came.
    """

    violations: dict[str, Violation] = field(default_factory=dict)
    points: list[RawPoint] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    risk: list[RiskRaise] = field(default_factory=list)
    coverage: dict[tuple[int, int], int] = field(default_factory=dict)
    is_changed: bool = False

    def cover(self, interval_ms: int, detector: int, from_ms: int, to_ms: int) -> None:
        """Count [from_ms, to_ms) as observed by a detector."""
        while from_ms < to_ms:
            interval = from_ms // interval_ms
            end_ms = min(to_ms, (interval + 1) * interval_ms)
            key = (interval, detector)
            self.coverage[key] = self.coverage.get(key, 0) + end_ms - from_ms
            from_ms = end_ms

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found, not even that somebody looked."""
        return not any(self.parts())

    def parts(self) -> tuple[object, ...]:
        """The arguments that make the same findings again."""
        return (self.violations, self.points, self.alerts, self.risk, self.coverage)
