"""The trust score, 0 to 100: what is left after each violation's share is taken away.

A violation takes its rule's points once, and once more for every minute it lasts. The proctor it
comes from counted a student who faced the camera as the violation and gave no formula; this one
is monotone (a violation never adds trust), explained by the violation log, and 100 for a session
without violations.
"""

from __future__ import annotations

from scoring.model import Violation
from scoring.policy_shape import Policy

_MICRO = 1_000_000


class Trust:
    """The trust score of a session; violations come, change and go in any order."""

    def __init__(self, policy: Policy) -> None:
        self._milli = {rule: round(each.points * 1000) for rule, each in policy.rules.items()}
        self._taken_micro = 0
        self._lasting: dict[str, tuple[int, int]] = {}

    def put(self, violation: Violation) -> None:
        """Count a violation."""
        milli, start_ms, end_ms = self._parts(violation)
        if end_ms is None:
            self._lasting[violation.violation_id] = (milli, start_ms)
        else:
            self._taken_micro += _taken(milli, end_ms - start_ms)

    def drop(self, violation: Violation) -> None:
        """Count a violation no more: the very one that was put."""
        milli, start_ms, end_ms = self._parts(violation)
        if end_ms is None:
            del self._lasting[violation.violation_id]
        else:
            self._taken_micro -= _taken(milli, end_ms - start_ms)

    def at(self, at_ms: int) -> float:
        """The score at an instant; violations that last count as long as they have lasted."""
        taken = self._taken_micro
        for milli, start_ms in self._lasting.values():
            taken += _taken(milli, max(0, at_ms - start_ms))
        return max(0, 100 * _MICRO - taken) / _MICRO

    def _parts(self, violation: Violation) -> tuple[int, int, int | None]:
        end_ms = None if violation.end_s is None else round(violation.end_s * 1000)
        return self._milli.get(violation.rule, 0), round(violation.start_s * 1000), end_ms


def _taken(milli: int, lasted_ms: int) -> int:
    return milli * 1000 + milli * lasted_ms // 60
