"""The risk of a session at every instant, from its rises and from when violations lasted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from scoring.model import RiskEvent, Violation


class RiskLine:
    """Temporary risk falls by one point a second while no violation lasts, permanent never."""

    def __init__(
        self, violations: Sequence[Violation], risk: Sequence[RiskEvent], end_s: float
    ) -> None:
        self._risk = risk
        self._times = [event.at_s for event in risk]
        self._permanent = list(
            accumulate(event.delta if event.is_permanent else 0.0 for event in risk)
        )
        self._end_s = end_s
        self._spans = _union(violations, end_s)
        self._ends = [0.0, *accumulate(end - start for start, end in self._spans)]
        self._starts = [start for start, _ in self._spans]

    def at(self, at_s: float) -> float:
        """The risk after everything that happened until `at_s`."""
        index = bisect_right(self._times, at_s) - 1
        return 0.0 if index < 0 else self._after(index, at_s)

    def curve(self, most: int = 600) -> list[tuple[float, float]]:
        """The risk over time as a line: second and risk, about `most` samples and every edge."""
        step_s = max(0.5, self._end_s / most)
        edges = {0.0, self._end_s, *self._times}
        edges |= {edge for span in self._spans for edge in span}
        edges |= {number * step_s for number in range(int(self._end_s / step_s) + 1)}
        rises = set(self._times)
        curve: list[tuple[float, float]] = []
        for at_s in sorted(edge for edge in edges if edge <= self._end_s):
            if at_s in rises:
                before = self._times.index(at_s) - 1
                curve.append((at_s, self._after(before, at_s) if before >= 0 else 0.0))
            curve.append((at_s, self.at(at_s)))
        return curve

    def _after(self, index: int, at_s: float) -> float:
        event, permanent = self._risk[index], self._permanent[index]
        busy_s = self._busy_s(at_s) - self._busy_s(event.at_s)
        idle_s = at_s - event.at_s - busy_s
        return permanent + max(0.0, event.total - permanent - idle_s)

    def _busy_s(self, at_s: float) -> float:
        """Seconds before `at_s` in which some violation lasted."""
        index = bisect_right(self._starts, at_s)
        if index == 0:
            return 0.0
        start_s, end_s = self._spans[index - 1]
        return self._ends[index - 1] + min(at_s, end_s) - start_s


def _union(violations: Sequence[Violation], end_s: float) -> list[tuple[float, float]]:
    """The disjoint spans in which violations lasted, in order."""
    spans = sorted((v.start_s, end_s if v.end_s is None else v.end_s) for v in violations)
    union: list[tuple[float, float]] = []
    for start, stop in spans:
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(stop, union[-1][1]))
        elif start < stop:
            union.append((start, stop))
    return union
