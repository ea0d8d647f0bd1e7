"""A set of whole numbers that mostly follow each other, kept as spans. Pure."""

from __future__ import annotations

from bisect import bisect_right

_MOST_SPANS = 5_000
_HIGHEST = 2**53


class NumberSpans:
    """Numbers may come in any order and more than once. Beyond 5,000 spans the hole between the
    two lowest is taken for filled."""

    def __init__(self) -> None:
        # Disjoint, both ends included, in order.
        self._spans: list[tuple[int, int]] = []

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._spans, (number, _HIGHEST)) - 1
        return index >= 0 and number <= self._spans[index][1]

    def add(self, number: int) -> None:
        """Put a number in; one that is there changes nothing."""
        if number in self:
            return
        spans = self._spans
        index = bisect_right(spans, (number, _HIGHEST))
        first = last = number
        if index < len(spans) and spans[index][0] == number + 1:
            last = spans.pop(index)[1]
        if index > 0 and spans[index - 1][1] == number - 1:
            first = spans.pop(index - 1)[0]
            index -= 1
        spans.insert(index, (first, last))
        if len(spans) > _MOST_SPANS:
            spans[0:2] = [(spans[0][0], spans[1][1])]

    def clear(self) -> None:
        """Take all out."""
        self._spans.clear()
