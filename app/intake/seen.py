"""Which stretches of a session were captured and have arrived, and the holes between them.

Pure: its owner guards it. Seconds are the session's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Span = tuple[float, float]

# Two pictures further apart than this have a hole between them.
HOLE_S = 3.0
_MOST_SPANS = 5_000


class Seen:
    """The union of what arrived, as disjoint spans in order."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for span in spans:
            self.add(*span)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans)

    def add(self, from_s: float, to_s: float) -> None:
        """Something was captured from `from_s` to `to_s` (the same instant for a picture)."""
        spans = self._spans
        right = bisect_right(spans, (to_s + HOLE_S, float("inf")))
        left = right
        while left > 0 and spans[left - 1][1] >= from_s - HOLE_S:
            left -= 1
        if left < right:
            from_s = min(from_s, spans[left][0])
            to_s = max(to_s, spans[right - 1][1])
        spans[left:right] = [(from_s, to_s)]
        if len(spans) > _MOST_SPANS:
            spans[0:2] = [(spans[0][0], spans[1][1])]

    def holes(self, until_s: float) -> tuple[Span, ...]:
        """What is missing of [0, until_s], at least `HOLE_S` long."""
        found = []
        at_s = 0.0
        for from_s, to_s in self._spans:
            if from_s - at_s > HOLE_S:
                found.append((at_s, min(from_s, until_s)))
            at_s = max(at_s, to_s)
        if until_s - at_s > HOLE_S:
            found.append((at_s, until_s))
        return tuple((a, b) for a, b in found if b > a)
