"""The load generator: who behaves how, and how what came of it is judged."""

from __future__ import annotations

from typing import Any

import pytest

from tools.simulation.mix import KINDS, MixError, Part, cast, parse_mix
from tools.simulation.outcome import coverage_of, judge, percentile, quarters_of

EVERYBODY = "honest=0.9,absent=0.02,company=0.02,phone=0.02,voices=0.02,tabs=0.02"


def test_what_a_mix_leaves_open_is_honest() -> None:
    assert parse_mix("absent=0.25") == {"absent": 0.25, "honest": 0.75}
    assert parse_mix("")["honest"] == 1


@pytest.mark.parametrize("text", ["asleep=0.1", "absent=some", "absent=0.7,tabs=0.7", "absent=-1"])
def test_a_mix_that_cannot_be_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(MixError, match=r"\.$"):
        parse_mix(text)


def test_the_cast_follows_the_shares() -> None:
    parts = cast(100, parse_mix(EVERYBODY), 5)
    kinds = [part.kind.name for part in parts]
    assert [part.number for part in parts] == list(range(100))
    assert kinds.count("honest") == 90
    assert all(kinds.count(name) == 2 for name in KINDS if name != "honest")


def test_few_students_still_show_each_kind_that_fits() -> None:
    kinds = [part.kind.name for part in cast(6, parse_mix(EVERYBODY), 5)]
    assert sorted(kinds) == sorted(KINDS)
    assert len(cast(2, parse_mix(EVERYBODY), 5)) == 2


def test_an_episode_lies_inside_one_whole_interval() -> None:
    for part in cast(12, parse_mix("absent=0.5,tabs=0.5"), 3):
        assert all(1 <= index < 6 for index in part.intervals)
        assert 0 <= part.kind.start_s < part.kind.end_s < 30
        first = part.intervals[0] * 30
        assert not part.is_in_episode(first + part.kind.start_s - 0.1)
        assert part.is_in_episode(first + part.kind.start_s)
        assert not part.is_in_episode(first + part.kind.end_s)


def test_every_event_is_due_once() -> None:
    part = Part(0, KINDS["tabs"], (1, 4))
    due = [each for second in range(180) for each in part.events_between(second, second + 1)]
    assert due == part.events_between(0, 180)
    assert [kind for _, kind in due] == 2 * list(KINDS["tabs"].events)


def _details(*flagged: int, closed: int = 6, rules: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "intervals": [
            {
                "index": index,
                "is_closed": True,
                "is_flagged": index in flagged,
                "points": [{"rule": "no_face"}] if index in flagged else [],
                "coverage": {"face": 0.5 if index == 2 else 1.0},
            }
            for index in range(closed)
        ],
        "violations": [{"rule": rule} for rule in rules],
    }


def test_flags_where_the_part_put_them_are_right() -> None:
    verdict = judge(Part(3, KINDS["absent"], (1, 4)), _details(1, 4), [])
    assert (verdict.missing, verdict.unexpected) == ((), ())


def test_a_missing_and_an_unexpected_flag_are_told() -> None:
    verdict = judge(Part(3, KINDS["absent"], (1, 4)), _details(1, 2), [])
    assert verdict.missing == (4,)
    assert verdict.unexpected == ("2: no_face",)


def test_the_interval_the_session_ended_in_is_not_judged() -> None:
    verdict = judge(Part(3, KINDS["absent"], (1, 4)), _details(1, closed=5), [])
    assert verdict.missing == ()


def test_an_event_that_left_no_violation_is_lost() -> None:
    sent = [*KINDS["tabs"].events, "fullscreen_enter"]
    whole = _details(rules=("focus_change", "focus_change", "clipboard"))
    assert judge(Part(0, KINDS["honest"], ()), whole, sent).missing_events == 0
    assert judge(Part(0, KINDS["honest"], ()), _details(), sent).missing_events == 3


def test_coverage_leaves_the_first_and_the_last_interval_out() -> None:
    assert coverage_of(_details(closed=5)) == pytest.approx((1 + 0.5 + 1) / 3)


def test_percentiles_of_nothing_are_nothing() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0


def test_the_latency_of_each_quarter_shows_a_drift() -> None:
    samples = [(float(at_s), 0.5 if at_s < 75 else 0.9) for at_s in range(10, 100)]
    assert quarters_of(samples, 0.0, 100.0) == [0.5, 0.5, 0.5, 0.9]
    assert quarters_of([], 0.0, 100.0) == [None, None, None, None]
