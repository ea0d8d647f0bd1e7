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


def trust_of(policy: Policy, violations: Iterable[Violation], at_s: float) -> float:
    """The trust score at `at_s`; violations that last count as long as they have lasted."""
    taken = sum(_taken_micro(policy, each, at_s) for each in violations)
    return max(0, 100 * _MICRO - taken) / _MICRO


def _taken_micro(policy: Policy, violation: Violation, at_s: float) -> int:
    end_s = at_s if violation.end_s is None else violation.end_s
    lasted_ms = max(0, round((end_s - violation.start_s) * 1000))
    milli = round(policy.rule(violation.rule).points * 1000)
    return milli * 1000 + milli * lasted_ms // 60
