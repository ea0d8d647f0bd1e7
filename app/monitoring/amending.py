"""Intervals as they are stored: what became of them after they were closed, because something
arrived late, and what of them is still to come.

Belongs to the session's track, and with it to the monitor's thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.records import Amendment, IntervalRecord
from scoring.model import IntervalScore

_MOST = 20


class Amendments:
    """The amendments of one session's intervals."""

    def __init__(self, records: Iterable[IntervalRecord]) -> None:
        records = tuple(records)
        self._of = {r.interval.index: r.amendments for r in records if r.amendments}
        self._closed = {r.interval.index: r.interval.score for r in records if r.interval.is_closed}

    def note(self, interval: IntervalScore, now: datetime) -> tuple[Amendment, ...]:
        """The interval as it is now; its amendments so far, this one included."""
        index = interval.index
        if interval.is_closed:
            before = self._closed.get(index, interval.score)
            self._closed[index] = interval.score
            if before != interval.score:
                amendment = Amendment(now, before, interval.score)
                self._of[index] = (*self._of.get(index, ()), amendment)[-_MOST:]
        return self._of.get(index, ())


def over_whole_length(interval: IntervalScore, now_s: float) -> IntervalScore:
    """With coverage as a share of the whole interval: should the server die in it, what is not
    stored was not observed."""
    if interval.is_closed:
        return interval
    elapsed_s = now_s - interval.start_s
    share = min(1.0, max(0.0, elapsed_s / (interval.end_s - interval.start_s)))
    coverage = tuple((name, value * share) for name, value in interval.coverage)
    return replace(interval, coverage=coverage)
