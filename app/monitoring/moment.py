"""What a scorer says at one moment, worked out once however many ask, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from app.monitoring.surroundings import Scorer
from app.monitoring.views import Mark
from scoring.model import IntervalScore, Scores, Violation


class Moment:
    """The numbers and the running interval between two updates of a scorer."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @cached_property
    def scores(self) -> Scores:
        return self._scorer.scores

    @cached_property
    def interval(self) -> IntervalScore:
        """The interval that is running (or was last)."""
        return self._scorer.running_interval


def points_of(interval: IntervalScore) -> dict[str, float]:
    """What each violation has cost in an interval, by its id."""
    totals: dict[str, float] = {}
    for point in interval.points:
        totals[point.violation_id] = totals.get(point.violation_id, 0.0) + point.points
    return totals


def marks_of(
    violations: Iterable[Violation],
    interval: IntervalScore,
    mark: Callable[[Violation, float], Mark],
) -> tuple[Mark, ...]:
    """The violations that belong to an interval, oldest first, with what each has cost in it."""
    points = points_of(interval)
    inside = [
        violation
        for violation in violations
        if violation.violation_id in points
        or violation.end_s is None
        or violation.end_s > interval.start_s
    ]
    inside.sort(key=lambda violation: violation.start_s)
    return tuple(mark(each, points.get(each.violation_id, 0.0)) for each in inside)
