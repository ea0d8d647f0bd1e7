"""Breaks pause scoring: nothing is scored in them and nothing outlives them."""

from __future__ import annotations

from scoring.model import Break, Detector, EventKind, Item, Rule, ScreenEvent
from scoring.policy import standard_policy
from scoring.replay import replay
from tests.unit.scoring.streams import ledger_of, points, scores, seen, spans


def test_nothing_is_scored_in_a_break() -> None:
    items: list[Item] = [
        *seen(Detector.FACE, 120, (40, 80, "none")),
        ScreenEvent("a", EventKind.PASTE, 45.0),
        Break(35.0, True),
        Break(85.0, False),
    ]
    ledger = ledger_of(items, 120)
    assert ledger.violations == ()
    assert scores(ledger) == [0, 0, 0, 0]


def test_a_violation_ends_where_a_break_begins_and_another_may_begin_after_it() -> None:
    items: list[Item] = [
        *seen(Detector.FACE, 120, (20, 80, "none")),
        Break(35.0, True),
        Break(65.0, False),
    ]
    ledger = ledger_of(items, 120)
    assert spans(ledger, Rule.NO_FACE) == [(20.0, 35.0), (65.0, 80.0)]
    assert [check for _, _, check, _ in points(ledger)] == [2, 3, 6, 7]


def test_a_break_is_no_part_of_the_time_that_could_be_observed() -> None:
    frames = [frame for frame in seen(Detector.FACE, 60) if not 10 <= frame.at_s < 25]
    items: list[Item] = [*frames, Break(10.0, True), Break(25.0, False)]
    ledger = replay(standard_policy(), items, 60)
    assert dict(ledger.intervals[0].coverage)["face"] == 1.0
    assert dict(ledger.scores.coverage)["face"] == 1.0


def test_an_interval_that_is_all_break_has_no_coverage_to_speak_of() -> None:
    items: list[Item] = [*seen(Detector.FACE, 90), Break(30.0, True), Break(60.0, False)]
    assert replay(standard_policy(), items, 90).intervals[1].coverage == ()


def test_a_break_without_an_end_lasts() -> None:
    items: list[Item] = [*seen(Detector.FACE, 90, (40, 80, "none")), Break(35.0, True)]
    assert replay(standard_policy(), items, 90).violations == ()


def test_focus_lost_before_a_break_is_not_lost_again_after_it() -> None:
    items: list[Item] = [
        ScreenEvent("a", EventKind.TAB_HIDDEN, 10.0),
        Break(20.0, True),
        Break(40.0, False),
        ScreenEvent("b", EventKind.WINDOW_BLUR, 45.0),
        ScreenEvent("c", EventKind.FOCUS_RETURNED, 50.0),
    ]
    assert spans(replay(standard_policy(), items, 90), Rule.FOCUS_CHANGE) == [(10.0, 20.0)]
