"""The trust score, 0 to 100: what is left after each violation's share is taken away.

A violation takes its rule's points once, and once more for every minute it lasts. The proctor it
comes from counted a student who faced the camera as the violation and gave no formula; this one
is monotone (a violation never adds trust), explained by the violation log, and 100 for a session
without violations.
"""

from __future__ import annotations

from collections.abc import Iterable

from scoring.model import Violation
from scoring.policy_shape import Policy

_MICRO = 1_000_000


class Trust:
    """The trust score of a session, from its violations."""

    def __init__(self, policy: Policy, violations: Iterable[Violation]) -> None:
        self._taken_micro = 0
        self._lasting: list[tuple[int, int]] = []
        for each in violations:
            milli = round(policy.rule(each.rule).points * 1000)
            start_ms = round(each.start_s * 1000)
            if each.end_s is None:
                self._lasting.append((milli, start_ms))
            else:
                self._taken_micro += _taken(milli, round(each.end_s * 1000) - start_ms)

    def at(self, at_ms: int) -> float:
        """The score at an instant; violations that last count as long as they have lasted."""
        taken = self._taken_micro
        for milli, start_ms in self._lasting:
            taken += _taken(milli, max(0, at_ms - start_ms))
        return max(0, 100 * _MICRO - taken) / _MICRO


def _taken(milli: int, lasted_ms: int) -> int:
    return milli * 1000 + milli * lasted_ms // 60
