"""The live scorer: what it announces, when, and how it goes on after a restart."""

from __future__ import annotations

import math

import pytest

from scoring.model import (
    AlertRaised,
    Change,
    Detector,
    EventKind,
    IntervalChanged,
    Observation,
    Rule,
    ScreenEvent,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy import standard_policy
from scoring.replay import replay
from scoring.session import SETTLE_MS, SessionScorer
from tests.unit.scoring.streams import QUIET, seen

SETTLE_S = SETTLE_MS / 1000


def play(scorer: SessionScorer, frames: list[Observation], until_s: float) -> list[Change]:
    """Feed frames second by second, each second 1.5 s after its start; returns all changes."""
    changes: list[Change] = []
    for second in range(round(until_s)):
        due = [frame for frame in frames if second <= frame.at_s < second + 1]
        changes += scorer.update(due, second + 1.5)
    return changes


def intervals(changes: list[Change]) -> list[IntervalChanged]:
    return [each for each in changes if isinstance(each, IntervalChanged)]


def test_a_violation_is_announced_when_it_begins_grows_and_ends() -> None:
    changes = play(SessionScorer(standard_policy()), seen(Detector.FACE, 60, (20, 40, "none")), 60)
    told = [each.violation for each in changes if isinstance(each, ViolationChanged)]
    assert [(v.violation_id, v.end_s) for v in told] == [
        ("no_face-20000", None),
        ("no_face-20000", None),
        ("no_face-20000", 40.0),
    ]


def test_a_flag_is_announced_once() -> None:
    scorer = SessionScorer(standard_policy())
    changes = play(scorer, seen(Detector.FACE, 90, (0, 60, "none")), 90)
    assert [each.interval.index for each in intervals(changes) if each.newly_flagged] == [0, 1]
    assert scorer.scores.flagged_intervals == 2


def test_a_score_rises_with_the_observation_at_which_the_minimum_is_reached() -> None:
    scorer = SessionScorer(standard_policy())
    frames = seen(Detector.FACE, 10, (2, 10, "none"))
    scorer.update([frame for frame in frames if frame.at_s < 4.0], 4.0)
    assert scorer.scores.interval_score == 0.0
    scorer.update([frame for frame in frames if frame.at_s == 4.0], 4.2)
    assert scorer.scores.interval_score == 9.0
    assert [violation.rule for violation in scorer.scores.active] == [Rule.NO_FACE]
    assert scorer.running_interval.points[0].at_s == 4.0


def test_a_check_scores_with_the_first_observation_in_it() -> None:
    scorer = SessionScorer(standard_policy())
    scorer.update(seen(Detector.FACE, 10, (2, 10, "none")), 10.0)
    scorer.update([Observation(Detector.FACE, 10.0, ("none",), 0.9)], 10.1)
    assert scorer.scores.interval_score == 18.0


def test_the_sum_that_is_told_with_a_flag_is_the_sum_that_stands() -> None:
    scorer = SessionScorer(standard_policy())
    phone = seen(Detector.OBJECTS, 60, (5, 60, "phone"))
    voices = seen(Detector.VOICE, 60, (4, 60, "several"))
    told: list[IntervalChanged] = []
    for second in range(60):
        # The voices are heard two seconds after the frames are seen.
        due = [frame for frame in phone if second <= frame.at_s < second + 1]
        due += [sound for sound in voices if second <= sound.at_s + 2 < second + 1]
        told += intervals(list(scorer.update(due, second + 1.5)))
    scorer.end(60)
    announced = {c.interval.index: c.interval.flag_score for c in told if c.newly_flagged}
    assert announced == {each.index: each.flag_score for each in scorer.ledger().intervals}
    assert announced == {0: 10.0, 1: 20.0}


def test_an_event_scores_at_once() -> None:
    scorer = SessionScorer(standard_policy())
    scorer.update([ScreenEvent("a", EventKind.PASTE, 3.0)], 3.1)
    assert scorer.scores.interval_score == 5.0


def test_an_event_a_moment_ahead_of_the_clock_is_told_in_its_own_interval() -> None:
    scorer = SessionScorer(standard_policy().with_rule(Rule.CLIPBOARD, points=10))
    told = [
        change
        for now_s in (29.9, 30.1)
        for change in intervals(
            list(scorer.update([ScreenEvent("a", EventKind.PASTE, 30.02)], now_s))
        )
    ]
    assert [(each.interval.index, each.newly_flagged) for each in told] == [(1, False), (1, True)]


def test_an_interval_closes_once_what_was_on_its_way_has_come() -> None:
    scorer = SessionScorer(standard_policy())
    before = scorer.update((), 30 + SETTLE_S - 0.1)
    closed = scorer.update((), 30 + SETTLE_S)
    assert before == ()
    assert [(each.interval.index, each.interval.is_closed) for each in intervals(list(closed))] == [
        (0, True)
    ]
    assert scorer.update((), 31 + SETTLE_S) == ()


def test_a_late_observation_counts_in_its_own_interval_and_amends_it() -> None:
    scorer = SessionScorer(standard_policy())
    frames = seen(Detector.FACE, 50)
    play(scorer, frames, 50)
    changes = scorer.update(seen(Detector.OBJECTS, 20, (12, 16, "phone")), 51)
    (amended,) = intervals(list(changes))
    assert (amended.interval.index, amended.interval.is_closed) == (0, True)
    assert amended.newly_flagged
    assert amended.interval.flag_score == 10.0


def test_what_late_observations_disprove_is_withdrawn() -> None:
    scorer = SessionScorer(standard_policy())
    play(scorer, seen(Detector.FACE, 60, (10, 14, "none")), 60)
    assert scorer.scores.total_score == 9.0
    back = [Observation(Detector.FACE, 10.2 + number / 2, ("one",), 0.9) for number in range(8)]
    changes = scorer.update(back, 61)
    assert any(isinstance(each, ViolationWithdrawn) for each in changes)
    assert scorer.scores.total_score == 0.0
    assert intervals(list(changes))[0].interval.score == 0.0


def test_a_duplicate_changes_nothing() -> None:
    scorer = SessionScorer(standard_policy())
    frames = seen(Detector.FACE, 40, (5, 15, "none"))
    play(scorer, frames, 40)
    ledger = scorer.ledger()
    assert scorer.update(frames, 40.5) == ()
    assert scorer.ledger() == ledger


def test_an_instant_that_is_no_number_is_refused_before_anything_changes() -> None:
    scorer = SessionScorer(standard_policy())
    with pytest.raises(ValueError, match="NaN"):
        scorer.update(
            [
                ScreenEvent("a", EventKind.PASTE, 1.0),
                Observation(Detector.FACE, math.nan, ("one",)),
            ],
            2.0,
        )
    scorer.update((), 3.0)
    assert scorer.scores.total_score == 0.0


def test_the_end_closes_the_running_interval_and_what_lasts() -> None:
    scorer = SessionScorer(standard_policy())
    play(scorer, seen(Detector.FACE, 40, (20, 40, "none")), 40)
    changes = list(scorer.end(40))
    (closed,) = [each.interval for each in intervals(changes) if each.interval.index == 1]
    assert (closed.end_s, closed.is_closed) == (40.0, True)
    assert scorer.ledger().violations[0].end_s == 40.0
    assert scorer.end(50) == ()
    assert scorer.scores.at_s == 40.0


def test_coverage_while_running_is_of_the_time_so_far() -> None:
    scorer = SessionScorer(standard_policy())
    play(scorer, seen(Detector.FACE, 10), 10)
    coverage = dict(scorer.running_interval.coverage)
    assert coverage["face"] == 1.0
    assert coverage["objects"] == 0.0


def test_a_detector_that_stops_loses_coverage_and_never_reads_as_clean() -> None:
    scorer = SessionScorer(standard_policy())
    frames = [f for f in seen(Detector.FACE, 60) if f.at_s < 15]
    play(scorer, frames, 60)
    closed = scorer.ledger().intervals
    assert 0.5 < dict(closed[0].coverage)["face"] < 0.6
    assert dict(closed[1].coverage)["face"] == 0.0


def test_a_restart_goes_on_from_the_stored_ledger() -> None:
    policy = standard_policy()
    first = SessionScorer(policy)
    play(first, seen(Detector.FACE, 50, (10, 16, "none"), (45, 50, "none")), 50)
    stored = first.ledger()
    second = SessionScorer(policy, stored, 70.0)
    assert second.scores.total_score == stored.scores.total_score
    told = list(second.update((), 70.1))
    assert [each.violation for each in told if isinstance(each, ViolationChanged)] == [
        second.ledger().violations[1]
    ]
    assert second.ledger().violations[1].end_s is not None
    # The interval that was open when the server stopped is closed, the one before it is not told.
    assert [each.interval.index for each in intervals(told)] == [1]
    more = seen(Detector.FACE, 120, (80, 85, "none"), from_s=70)
    changes = play(second, more, 120)
    assert [each.interval.index for each in intervals(changes) if each.newly_flagged] == []
    assert second.scores.total_score == stored.scores.total_score + 9.0
    assert 0 < dict(second.ledger().intervals[2].coverage)["face"] < 1


def test_checks_before_a_restart_count_for_the_first_flag_after_it() -> None:
    policy = standard_policy()
    first = SessionScorer(policy)
    first.update([ScreenEvent("a", EventKind.PASTE, 25.0)], 26.0)
    second = SessionScorer(policy, first.ledger(), 31.0)
    assert second.update([ScreenEvent("a", EventKind.PASTE, 25.0)], 31.5) == ()
    changes = list(second.update([ScreenEvent("b", EventKind.PASTE, 32.0)], 33.0))
    (flagged,) = [each.interval for each in intervals(changes) if each.newly_flagged]
    assert (flagged.index, flagged.flag_score) == (1, 10.0)


def test_a_stored_flag_is_not_announced_again() -> None:
    policy = standard_policy()
    first = SessionScorer(policy)
    play(first, seen(Detector.OBJECTS, 20, (5, 20, "phone")), 20)
    assert first.scores.flagged_intervals == 1
    second = SessionScorer(policy, first.ledger(), 22.0)
    changes = play(second, seen(Detector.OBJECTS, 60, from_s=22.0), 60)
    assert not any(each.newly_flagged for each in intervals(changes))
    assert not any(isinstance(each, AlertRaised) for each in changes)
    assert second.scores.flagged_intervals == 1


def test_a_quiet_session_is_all_zeros_and_full_marks() -> None:
    frames = [frame for detector in QUIET for frame in seen(detector, 120)]
    scores = replay(standard_policy(), frames, 120).scores
    assert (scores.total_score, scores.trailing_score, scores.flagged_intervals) == (0, 0, 0)
    assert (scores.risk_temporary, scores.risk_permanent) == (0, 0)
    assert (scores.focus, scores.trust) == (100, 100)
    assert {share for _, share in scores.coverage} == {1.0}


def test_the_trailing_score_is_of_the_last_30_seconds() -> None:
    scorer = SessionScorer(standard_policy())
    scorer.update([ScreenEvent("a", EventKind.PASTE, 20.0)], 21.0)
    scorer.update([ScreenEvent("b", EventKind.PASTE, 35.0)], 36.0)
    assert scorer.scores.trailing_score == 10.0
    scorer.update((), 51.0)
    assert scorer.scores.trailing_score == 5.0
    assert scorer.scores.interval_score == 5.0
