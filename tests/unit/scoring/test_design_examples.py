"""The examples of the scoring rules, as decided."""

from __future__ import annotations

from scoring.model import Detector, EventKind, Rule, ScreenEvent
from tests.unit.scoring.streams import flags, ledger_of, points, scores, seen, spans


def test_absences_from_26_to_29_and_31_to_34_flag_the_second_interval_only() -> None:
    ledger = ledger_of(seen(Detector.FACE, 90, (26, 29, "none"), (31, 34, "none")), 90)
    assert flags(ledger) == [(1, 18.0, 33.0)]
    assert scores(ledger) == [9.0, 9.0, 0.0]


def test_a_phone_from_25_to_29_flags_only_the_first_interval() -> None:
    ledger = ledger_of(seen(Detector.OBJECTS, 90, (25, 29, "phone")), 90)
    assert flags(ledger) == [(0, 10.0, 28.0)]


def test_absence_from_0_to_60_is_two_flagged_intervals_and_one_violation() -> None:
    ledger = ledger_of(seen(Detector.FACE, 90, (0, 60, "none")), 90)
    assert flags(ledger) == [(0, 18.0, 10.0), (1, 18.0, 40.0)]
    assert scores(ledger) == [27.0, 27.0, 0.0]
    assert spans(ledger, Rule.NO_FACE) == [(0.0, 60.0)]


def test_absence_across_a_check_counts_as_the_whole_it_is() -> None:
    ledger = ledger_of(seen(Detector.FACE, 60, (8.1, 11.9, "none"), fps=10), 60)
    assert points(ledger) == [(Rule.NO_FACE, 9.0, 1, 10.1)]
    assert spans(ledger, Rule.NO_FACE) == [(8.1, 11.9)]


def test_absence_across_an_interval_counts_as_the_whole_it_is() -> None:
    ledger = ledger_of(seen(Detector.FACE, 60, (28.1, 31.9, "none"), fps=10), 60)
    assert points(ledger) == [(Rule.NO_FACE, 9.0, 3, 30.1)]
    assert scores(ledger) == [0.0, 9.0]


def test_two_absences_of_1_9_s_apart_are_two_short_absences() -> None:
    ledger = ledger_of(
        seen(Detector.FACE, 60, (8.0, 9.9, "none"), (20.0, 21.9, "none"), fps=10), 60
    )
    assert ledger.violations == ()


def test_a_tab_switch_is_four_points_and_a_paste_five_once_each() -> None:
    events = [
        ScreenEvent("a", EventKind.TAB_HIDDEN, 4.0),
        ScreenEvent("b", EventKind.WINDOW_BLUR, 4.01),
        ScreenEvent("c", EventKind.FOCUS_RETURNED, 9.0),
        ScreenEvent("d", EventKind.PASTE, 12.0),
        ScreenEvent("d", EventKind.PASTE, 12.0),
    ]
    ledger = ledger_of(events, 30)
    assert points(ledger) == [
        (Rule.FOCUS_CHANGE, 4.0, 0, 4.0),
        (Rule.CLIPBOARD, 5.0, 1, 12.0),
    ]
    assert spans(ledger, Rule.FOCUS_CHANGE) == [(4.0, 9.0)]


def test_a_flag_names_the_moment_and_the_observation_that_caused_it() -> None:
    frames = seen(Detector.OBJECTS, 30, (5.2, 12, "phone"), fps=5)
    flagged = ledger_of(frames, 30).intervals[0]
    assert flagged.flagged_at_s == 8.2
    assert flagged.trigger_at_s == 8.2
    between = ledger_of(seen(Detector.OBJECTS, 30, (5.2, 12, "phone"), fps=2), 30).intervals[0]
    assert (between.flagged_at_s, between.trigger_at_s) == (8.5, 8.5)
