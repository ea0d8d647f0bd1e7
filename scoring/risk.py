"""The risk engine: temporary risk fades, permanent risk stays.

A rule adds its risk when an episode of it has lasted `risk_after_s`, or at once for an event,
once per episode and not again within `risk_cooldown_s` of the last time. Temporary risk falls by
one point a second while no violation lasts, never under zero; permanent risk never falls. Each
session has its own risk (the risk engine this comes from kept one for everybody).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping

from scoring.breaks import Span
from scoring.findings import RiskRaise
from scoring.model import RiskEvent, Violation

# One point a second is one milli-point a millisecond.
_FALL_PER_MS = 1

FOREVER_MS = 10**12


class RiskMeter:
    """Temporary and permanent risk over time, in milli-points.

    Raises come and go in any order. `violations` is the caller's own mapping, read when it
    matters; after a change in it, `touch` says from when on. Only what follows is computed again.
    """

    def __init__(self, violations: Mapping[str, Violation]) -> None:
        self._violations = violations
        self._raises: list[RiskRaise] = []
        self._states: list[tuple[int, int]] = []
        self._lasting: list[Span] | None = None

    def put(self, raised: RiskRaise) -> None:
        """Something raised the risk."""
        insort(self._raises, raised)
        self.touch(raised.at_ms - 1)

    def drop(self, raised: RiskRaise) -> None:
        """It did not, after all."""
        self._raises.remove(raised)
        self.touch(raised.at_ms - 1)

    def touch(self, from_ms: int) -> None:
        """When violations last has changed, but not before `from_ms`."""
        self._lasting = None
        valid = bisect_right(self._raises, from_ms, key=_at_ms)
        del self._states[valid:]

    def at(self, at_ms: int) -> tuple[float, float]:
        """Temporary and permanent risk at an instant that is not before the last raise."""
        lasting = self._settle()
        if not self._states:
            return 0.0, 0.0
        temporary, permanent = self._states[-1]
        temporary = max(0, temporary - _fall(lasting, self._raises[-1].at_ms, at_ms))
        return temporary / 1000, permanent / 1000

    def events(self) -> tuple[RiskEvent, ...]:
        """Every rise, in time order, with the risk after it."""
        self._settle()
        return tuple(
            RiskEvent(
                at_s=each.at_ms / 1000,
                rule=each.rule,
                delta=each.milli / 1000,
                total=sum(state) / 1000,
                is_permanent=each.is_permanent,
                violation_id=each.violation_id,
            )
            for each, state in zip(self._raises, self._states, strict=True)
        )

    def _settle(self) -> list[Span]:
        """Compute the states that are missing; returns the spans since the first of them."""
        if self._lasting is not None:
            return self._lasting
        known = len(self._states)
        from_ms = self._raises[known - 1].at_ms if known else 0
        temporary, permanent = self._states[-1] if known else (0, 0)
        lasting = self._lasting = _spans(self._violations.values(), from_ms)
        for each in self._raises[known:]:
            temporary = max(0, temporary - _fall(lasting, from_ms, each.at_ms))
            from_ms = each.at_ms
            if each.is_permanent:
                permanent += each.milli
            else:
                temporary += each.milli
            self._states.append((temporary, permanent))
        return lasting


def _at_ms(raised: RiskRaise) -> int:
    return raised.at_ms


def _fall(lasting: list[Span], from_ms: int, to_ms: int) -> int:
    """How much temporary risk falls in [from_ms, to_ms), given the disjoint spans that stop it."""
    idle_ms = max(0, to_ms - from_ms)
    for index in range(max(0, bisect_left(lasting, (from_ms, 0)) - 1), len(lasting)):
        start_ms, end_ms = lasting[index]
        if start_ms >= to_ms:
            break
        idle_ms -= max(0, min(end_ms, to_ms) - max(start_ms, from_ms))
    return _FALL_PER_MS * idle_ms


def _spans(violations: Iterable[Violation], from_ms: int) -> list[Span]:
    """The union of the times violations last, of those that last beyond `from_ms`."""
    from_s = from_ms / 1000
    spans = sorted(
        (
            round(each.start_s * 1000),
            FOREVER_MS if each.end_s is None else round(each.end_s * 1000),
        )
        for each in violations
        if each.end_s is None or each.end_s > from_s
    )
    union: list[Span] = []
    for start_ms, end_ms in spans:
        if union and start_ms <= union[-1][1]:
            union[-1] = (union[-1][0], max(end_ms, union[-1][1]))
        elif start_ms < end_ms:
            union.append((start_ms, end_ms))
    return union
