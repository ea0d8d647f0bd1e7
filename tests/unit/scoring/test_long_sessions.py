"""Long sessions: hours that are over take little room, and stay open to what comes late."""

from __future__ import annotations

import gc
import tracemalloc
from itertools import pairwise

from scoring.model import (
    Detector,
    IntervalChanged,
    Item,
    Rule,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy import standard_policy
from scoring.session import SessionScorer
from tests.unit.scoring.streams import QUIET, Episode, seen, spans

HOURS = 12
EVERY_S = 30
# An hour of a quiet session, scored, packed.
HOUR_BYTES = 250_000


def test_each_of_twelve_hours_takes_no_more_than_its_packed_record() -> None:
    scorer = SessionScorer(standard_policy())
    held: list[int] = []
    tracemalloc.start()
    try:
        for hour in range(HOURS):
            for from_s in range(hour * 3600, (hour + 1) * 3600, EVERY_S):
                is_loud = from_s % 1800 == 0
                episodes: list[Episode] = [(from_s, from_s + 10, "none")] if is_loud else []
                items = [
                    item
                    for detector in QUIET
                    for item in seen(
                        detector,
                        from_s + EVERY_S,
                        *(episodes if detector is Detector.FACE else ()),
                        fps=0.5,
                        from_s=from_s,
                    )
                ]
                scorer.update(items, from_s + EVERY_S + 1)
                scorer.take_trace()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    grown = [after - before for before, after in pairwise(held)]
    assert max(grown) < HOUR_BYTES, grown
    assert sum(v.rule is Rule.NO_FACE for v in scorer.ledger().violations) == HOURS * 2


def test_what_comes_hours_late_finds_its_place_as_if_it_had_come_in_time() -> None:
    length_s = 2 * 3600
    gone_s, back_s = 1800.0, 1980.0
    policy = standard_policy()
    away: list[Episode] = [(1850.0, 1900.0, "none"), (7000.0, 7030.0, "none")]
    items = [
        item
        for detector in QUIET
        for item in seen(detector, length_s, *(away if detector is Detector.FACE else ()), fps=1.0)
    ]
    in_time = SessionScorer(policy)
    in_time.update(items, length_s)
    in_time.end(length_s)
    late = [item for item in items if gone_s <= item.at_s < back_s]
    minutes: dict[int, list[Item]] = {}
    for item in items:
        if not gone_s <= item.at_s < back_s:
            minutes.setdefault(int(item.at_s // 60), []).append(item)
    scorer = SessionScorer(policy)
    for minute in range(length_s // 60):
        scorer.update(minutes.get(minute, ()), minute * 60 + 61)
    changes = scorer.update(late, length_s)
    assert {
        (c.violation.rule, c.violation.start_s) for c in changes if isinstance(c, ViolationChanged)
    } == {(Rule.NO_FACE, 1850.0)}
    assert any(isinstance(c, IntervalChanged) and c.newly_flagged for c in changes)
    assert not any(isinstance(c, ViolationWithdrawn) for c in changes)
    scorer.end(length_s)
    assert scorer.ledger() == in_time.ledger()
    assert len(spans(in_time.ledger(), Rule.NO_FACE)) == 2
