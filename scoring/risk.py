"""The risk engine: temporary risk fades, permanent risk stays.

A rule adds its risk when an episode of it has lasted `risk_after_s`, or at once for an event,
once per episode and not again within `risk_cooldown_s` of the last time. Temporary risk falls by
one point a second while no violation lasts, never under zero; permanent risk never falls. Each
session has its own risk (the risk engine this comes from kept one for everybody).
"""

from __future__ import annotations

from collections.abc import Iterable

from scoring.breaks import Span
from scoring.findings import RiskRaise
from scoring.model import RiskEvent, Violation

# One point a second is one milli-point a millisecond.
_FALL_PER_MS = 1

FOREVER_MS = 10**12


class RiskMeter:
    """Temporary and permanent risk over time, from what raises it and the violations there are."""

    def __init__(self, raises: Iterable[RiskRaise], violations: Iterable[Violation]) -> None:
        self._lasting = _merged(
            (
                round(each.start_s * 1000),
                FOREVER_MS if each.end_s is None else round(each.end_s * 1000),
            )
            for each in violations
        )
        self.events: list[RiskEvent] = []
        self._at_ms = self._temporary = self._permanent = self._span = 0
        for each in sorted(raises):
            self._fall_until(each.at_ms)
            if each.is_permanent:
                self._permanent += each.milli
            else:
                self._temporary += each.milli
            self.events.append(
                RiskEvent(
                    at_s=each.at_ms / 1000,
                    rule=each.rule,
                    delta=each.milli / 1000,
                    total=(self._temporary + self._permanent) / 1000,
                    is_permanent=each.is_permanent,
                    violation_id=each.violation_id,
                )
            )

    def at(self, at_ms: int) -> tuple[float, float]:
        """Temporary and permanent risk at an instant that is not before the last raise."""
        temporary = self._temporary
        if at_ms > self._at_ms:
            temporary = max(0, temporary - _FALL_PER_MS * self._idle_ms(at_ms))
        return temporary / 1000, self._permanent / 1000

    def _fall_until(self, at_ms: int) -> None:
        self._temporary = max(0, self._temporary - _FALL_PER_MS * self._idle_ms(at_ms))
        while self._span < len(self._lasting) and self._lasting[self._span][1] <= at_ms:
            self._span += 1
        self._at_ms = at_ms

    def _idle_ms(self, to_ms: int) -> int:
        idle_ms = to_ms - self._at_ms
        for index in range(self._span, len(self._lasting)):
            start_ms, end_ms = self._lasting[index]
            if start_ms >= to_ms:
                break
            idle_ms -= max(0, min(end_ms, to_ms) - max(start_ms, self._at_ms))
        return idle_ms


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The union of spans as disjoint ones in time order; empty ones are left out."""
    union: list[Span] = []
    for start_ms, end_ms in sorted(spans):
        if start_ms >= end_ms:
            continue
        if union and start_ms <= union[-1][1]:
            union[-1] = (union[-1][0], max(end_ms, union[-1][1]))
        else:
            union.append((start_ms, end_ms))
    return union
