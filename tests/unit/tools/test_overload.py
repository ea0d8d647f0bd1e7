"""What a run with too many students comes to, and when it does not hold."""

from __future__ import annotations

from dataclasses import replace

from tools.simulation.overload import Overload, as_text, intervals_between

GOOD = Overload(
    students_held=40,
    students_base=24,
    students_offered=80,
    events_sent=300,
    event_flags_expected=20,
    coverage=0.9,
    coverage_least=0.88,
    coverage_most=0.93,
    room_silence_s=1.6,
    recovered_s=12.0,
    coverage_after=0.99,
    p95_after_s=1.1,
)


def test_what_holds_has_no_failure() -> None:
    assert GOOD.failures == []
    assert GOOD.spread == 0.05
    assert "80 students where 40 are held" in as_text(GOOD)
    assert GOOD.as_dict()["is_held"]


def test_everything_that_does_not_hold_is_a_sentence() -> None:
    bad = replace(
        GOOD,
        events_lost=1,
        event_flags_lost=1,
        coverage_least=0.5,
        room_silence_s=5.0,
        recovered_s=None,
        coverage_after=0.8,
        p95_after_s=None,
    )
    assert len(bad.failures) == 7
    assert all(sentence.endswith(".") for sentence in bad.failures)


def test_a_run_without_flags_from_events_proves_nothing() -> None:
    assert replace(GOOD, event_flags_expected=0).failures


def test_only_whole_intervals_between_the_instants_count() -> None:
    details = {
        "intervals": [
            {"index": index, "is_closed": index < 5, "coverage": {"face": index / 10}}
            for index in range(6)
        ]
    }
    assert intervals_between(details, 31.0, 150.0) == [0.2, 0.3, 0.4]
    assert intervals_between(details, 0.0, 59.0) == []
