"""Interval scores and flags: caps, cooldowns, boundaries, and what late items change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoring.findings import RawPoint
from scoring.intervals import IntervalRules, Tally
from scoring.ledger import tallies_of
from scoring.model import Detector, EventKind, Rule, ScreenEvent
from scoring.policy import Policy, standard_policy
from scoring.replay import replay
from tests.unit.scoring.streams import flags, points, scores, seen, spans


def paste(at_s: float) -> ScreenEvent:
    return ScreenEvent(f"paste-{at_s}", EventKind.PASTE, at_s)


def point(at_s: float, cost: float, check_s: float = 10) -> RawPoint:
    at_ms = round(at_s * 1000)
    return RawPoint(
        rule=Rule.CLIPBOARD,
        milli=round(cost * 1000),
        check=at_ms // round(check_s * 1000),
        at_ms=at_ms,
        trigger_ms=at_ms,
        start_ms=at_ms,
        end_ms=at_ms,
        percent=100,
        violation_id=f"clipboard-{at_ms}",
        observations=1,
    )


def test_an_interval_is_flagged_the_moment_its_own_score_reaches_the_threshold() -> None:
    assert flags(replay(standard_policy(), [paste(1), paste(29)], 60)) == [(0, 10.0, 29.0)]


def test_checks_before_a_boundary_count_with_the_check_that_scores_after_it() -> None:
    assert flags(replay(standard_policy(), [paste(12), paste(32)], 60)) == [(1, 10.0, 32.0)]
    # 12 s is no longer one of the two checks before the one at 42 s.
    assert flags(replay(standard_policy(), [paste(12), paste(42)], 60)) == []


def test_checks_of_a_flagged_interval_do_not_count_towards_the_next() -> None:
    ledger = replay(standard_policy(), [paste(21), paste(22), paste(31)], 60)
    assert flags(ledger) == [(0, 10.0, 22.0)]


def test_a_check_that_scores_nothing_flags_nothing() -> None:
    notice = seen(Detector.CAMERA, 60, (31, 36, "frozen"))
    ledger = replay(standard_policy(), [paste(25), *notice], 60)
    assert spans(ledger, Rule.CAMERA_LOOPED) == [(31.0, 36.0)]
    assert flags(ledger) == []


def test_points_of_one_instant_are_one_moment() -> None:
    events = [paste(5), ScreenEvent("a", EventKind.COPY, 5.0), ScreenEvent("b", EventKind.CUT, 5.0)]
    ledger = replay(standard_policy(), events, 30)
    assert flags(ledger) == [(0, 15.0, 5.0)]
    assert len({violation.violation_id for violation in ledger.violations}) == 3


def test_an_event_on_a_boundary_belongs_to_the_interval_that_begins() -> None:
    assert scores(replay(standard_policy(), [paste(30)], 60)) == [0.0, 5.0]


def test_a_session_that_ends_early_shortens_its_last_interval() -> None:
    ledger = replay(standard_policy(), [paste(31)], 41.5)
    assert [(each.start_s, each.end_s) for each in ledger.intervals] == [(0, 30), (30, 41.5)]
    assert replay(standard_policy(), [], 60).intervals[-1].end_s == 60
    assert len(replay(standard_policy(), [], 60).intervals) == 2
    assert replay(standard_policy(), [], 0).intervals == ()


def test_a_cap_limits_a_rule_in_one_interval() -> None:
    policy = standard_policy().with_rule(Rule.CLIPBOARD, cap=7)
    ledger = replay(policy, [paste(1), paste(2), paste(3), paste(31)], 60)
    assert [(cost, at) for _, cost, _, at in points(ledger)] == [(5, 1), (2, 2), (5, 31)]


def test_an_episode_soon_after_one_that_scored_costs_nothing() -> None:
    policy = standard_policy().with_rule(Rule.NO_FACE, cooldown_s=20)
    frames = seen(Detector.FACE, 90, (5, 8, "none"), (20, 23, "none"), (40, 43, "none"))
    ledger = replay(policy, frames, 90)
    assert [at for _, _, _, at in points(ledger)] == [7.0, 42.0]
    assert len(ledger.violations) == 3


def test_a_rule_that_is_off_is_never_raised() -> None:
    policy = standard_policy().with_rule(Rule.NO_FACE, is_on=False)
    assert replay(policy, seen(Detector.FACE, 60, (5, 50, "none")), 60).violations == ()


def test_an_observation_that_is_not_sure_enough_raises_nothing() -> None:
    policy = standard_policy().with_rule(Rule.PHONE, min_confidence=0.5)
    sure = seen(Detector.OBJECTS, 60, (5, 15, "phone"), confidence=0.5)
    unsure = seen(Detector.OBJECTS, 60, (5, 15, "phone"), confidence=0.49)
    assert len(replay(policy, sure, 60).violations) == 1
    assert replay(policy, unsure, 60).violations == ()


def test_intervals_and_checks_are_the_policys() -> None:
    policy = standard_policy(interval_s=20, check_s=20)
    ledger = replay(policy, [paste(15), paste(21), paste(22)], 40)
    # With one check to an interval nothing before the boundary counts.
    assert flags(ledger) == [(1, 10.0, 22.0)]


def by_hand(policy: Policy, given: list[RawPoint]) -> dict[int, float]:
    """The decided rule, told slowly: replays each moment over all checks."""
    flagged: dict[int, float] = {}
    checks = round(policy.interval_s / policy.check_s)
    for moment in sorted({each.at_ms for each in given}):
        now = [each for each in given if each.at_ms <= moment]
        check = next(each.check for each in given if each.at_ms == moment)
        interval = check // checks
        if interval in flagged:
            continue
        own = sum(each.milli for each in now if each.check // checks == interval)
        trailing = sum(
            each.milli
            for each in now
            if check - checks < each.check <= check
            and (each.check // checks == interval or each.check // checks not in flagged)
        )
        for total in (own, trailing):
            if total >= policy.flag_threshold * 1000:
                flagged[interval] = total / 1000
                break
    return flagged


@given(
    st.lists(st.tuples(st.integers(0, 240), st.sampled_from((2, 3, 4, 5, 9, 10))), max_size=30),
    st.sampled_from([(30, 10), (30, 30), (30, 5), (60, 10)]),
)
def test_flags_are_those_of_the_rule_told_slowly(
    given_points: list[tuple[int, int]], lengths: tuple[int, int]
) -> None:
    policy = standard_policy(interval_s=lengths[0], check_s=lengths[1])
    raw = [point(at_s, cost, lengths[1]) for at_s, cost in given_points]
    tallies = tallies_of(IntervalRules(policy), raw)
    found = {index: t.flag.milli / 1000 for index, t in tallies.items() if t.flag is not None}
    assert found == by_hand(policy, raw)


def test_a_tally_hands_nothing_on_once_flagged() -> None:
    rules = IntervalRules(standard_policy())
    flagged = rules.tally(0, [point(25, 10)], None)
    assert flagged.handed_on() == {}
    assert rules.tally(0, [point(25, 9)], None).handed_on() == {2: 9000}
    assert Tally(3).handed_on() == {}
