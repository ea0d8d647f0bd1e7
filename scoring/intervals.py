"""Turns points into interval scores and flags.

Intervals are half-open, aligned to the session's start, and hold a whole number of checks. An
interval is flagged once: the moment its own score reaches the threshold, or the moment a check
that scores in it reaches the threshold together with the checks before it that complete one
interval's length (two, for 30 s and 10 s). Checks of an interval that is already flagged do not
count towards the next one, and a check that scores nothing flags nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from scoring.findings import RawPoint
from scoring.model import IntervalScore, Point, Rule
from scoring.policy_shape import Policy


@dataclass(frozen=True, slots=True)
class Flag:
    """Why an interval was flagged, in milli-points and ms."""

    milli: int
    at_ms: int
    trigger_ms: int


@dataclass(frozen=True, slots=True)
class Tally:
    """An interval's capped points and what it hands to the next: the sums of its checks."""

    index: int
    points: tuple[RawPoint, ...] = ()
    milli: int = 0
    checks: tuple[tuple[int, int], ...] = ()
    flag: Flag | None = None

    def handed_on(self) -> dict[int, int]:
        """Milli-points per check that count towards the next interval's flag."""
        return {} if self.flag is not None else dict(self.checks)


class IntervalRules:
    """The policy's arithmetic of intervals, in ms and milli-points."""

    def __init__(self, policy: Policy) -> None:
        self.interval_ms = round(policy.interval_s * 1000)
        self.check_ms = round(policy.check_s * 1000)
        self.checks = self.interval_ms // self.check_ms
        self._threshold = round(policy.flag_threshold * 1000)
        self._caps = {
            rule: round(each.cap * 1000)
            for rule, each in policy.rules.items()
            if each.cap is not None
        }

    def tally(self, index: int, points: Iterable[RawPoint], before: Tally | None) -> Tally:
        """Score one interval. `before` is the tally of the interval before it, if it has points."""
        capped = self._capped(sorted(points, key=lambda point: point.order))
        checks = before.handed_on() if before is not None else {}
        milli = 0
        flag: Flag | None = None
        for at_ms, group in groupby(capped, key=lambda point: point.at_ms):
            batch = list(group)
            for point in batch:
                checks[point.check] = checks.get(point.check, 0) + point.milli
                milli += point.milli
            if flag is None:
                last = batch[-1].check
                trailing = sum(checks.get(last - back, 0) for back in range(self.checks))
                reached = milli if milli >= self._threshold else trailing
                if reached >= self._threshold:
                    flag = Flag(reached, at_ms, max(point.trigger_ms for point in batch))
        first = index * self.checks
        own = tuple(sorted((check, each) for check, each in checks.items() if check >= first))
        return Tally(index, tuple(capped), milli, own, flag)

    def _capped(self, points: Sequence[RawPoint]) -> list[RawPoint]:
        if not self._caps:
            return list(points)
        spent: dict[Rule, int] = {}
        kept = []
        for point in points:
            cap = self._caps.get(point.rule)
            milli = point.milli
            if cap is not None:
                milli = min(milli, cap - spent.get(point.rule, 0))
                spent[point.rule] = spent.get(point.rule, 0) + milli
            if milli > 0:
                kept.append(point if milli == point.milli else replace(point, milli=milli))
        return kept

    def score(
        self,
        tally: Tally,
        end_ms: int,
        coverage: tuple[tuple[str, float], ...],
        is_closed: bool,
    ) -> IntervalScore:
        """The interval as the world sees it."""
        flag = tally.flag
        return IntervalScore(
            index=tally.index,
            start_s=tally.index * self.interval_ms / 1000,
            end_s=end_ms / 1000,
            score=tally.milli / 1000,
            points=tuple(_point(each) for each in tally.points),
            flag_score=None if flag is None else flag.milli / 1000,
            flagged_at_s=None if flag is None else flag.at_ms / 1000,
            trigger_at_s=None if flag is None else flag.trigger_ms / 1000,
            coverage=coverage,
            is_closed=is_closed,
        )


def _point(raw: RawPoint) -> Point:
    return Point(
        rule=raw.rule,
        points=raw.milli / 1000,
        check=raw.check,
        at_s=raw.at_ms / 1000,
        start_s=raw.start_ms / 1000,
        end_s=raw.end_ms / 1000,
        confidence=raw.percent / 100,
        violation_id=raw.violation_id,
        observations=raw.observations,
    )
