"""The breaks of a session: spans of time that are not scored."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.stream import BreakMark

Span = tuple[int, int]


class Breaks:
    """Collects marks in any order and answers with spans. A break without an end lasts."""

    def __init__(self) -> None:
        self._marks: set[BreakMark] = set()

    def add(self, mark: BreakMark) -> None:
        self._marks.add(mark)

    def spans(self, until_ms: int) -> list[Span]:
        """The disjoint spans before `until_ms`, in order."""
        if not self._marks:
            return []
        spans: list[Span] = []
        began_ms: int | None = None
        for mark in sorted(self._marks, key=lambda mark: (mark.at_ms, not mark.begins)):
            if mark.at_ms >= until_ms:
                break
            if mark.begins and began_ms is None:
                began_ms = mark.at_ms
            elif not mark.begins and began_ms is not None:
                spans.append((began_ms, mark.at_ms))
                began_ms = None
        if began_ms is not None:
            spans.append((began_ms, until_ms))
        return spans


def within(spans: Sequence[Span], from_ms: int, to_ms: int) -> int:
    """How much of [from_ms, to_ms) the disjoint spans cover."""
    return sum(max(0, min(end, to_ms) - max(start, from_ms)) for start, end in spans)
