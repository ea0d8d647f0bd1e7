"""Golden traces: the scoring rules of the five documents the product grew from."""

from __future__ import annotations

import pytest

from scoring.focus import ALPHA, CELL_MS, WEIGHTS_PERCENT
from scoring.model import AlertRaised, Detector, EventKind, Item, Observation, Rule, ScreenEvent
from scoring.policy import standard_policy
from scoring.replay import replay
from scoring.session import SessionScorer
from tests.unit.scoring.streams import flags, ledger_of, points, scores, seen, spans


def head(until_s: float, *turned: tuple[float, float, float]) -> list[Observation]:
    """Gaze observations with head yaw: 0 degrees, but for (start, end, yaw)."""
    frames = []
    for number in range(round(until_s * 2)):
        at_s = number / 2
        yaw = next((yaw for start, end, yaw in turned if start <= at_s < end), 0.0)
        label = "center" if abs(yaw) < 30 else "left"
        frames.append(Observation(Detector.GAZE, at_s, (label,), 1.0, measures=(("yaw", yaw),)))
    return frames


# A: focus score and alerts


def test_seed_a_full_attention_is_100_because_the_weights_sum_to_1() -> None:
    assert sum(WEIGHTS_PERCENT.values()) == 100
    ledger = ledger_of([*seen(Detector.FACE, 60), *head(60)], 60)
    assert ledger.scores.focus == 100.0


def test_seed_a_focus_is_an_ema_with_alpha_0_3() -> None:
    frames = [*seen(Detector.FACE, 10, (4, 10, "none"))]
    expected = 100.0
    for _ in range(round(6 * 1000 / CELL_MS)):
        expected += ALPHA * (0.0 - expected)
    assert replay(standard_policy(), frames, 10).scores.focus == pytest.approx(expected)


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_seed_a_focus_does_not_depend_on_the_frame_rate(fps: float) -> None:
    frames = seen(Detector.FACE, 20, (5, 9, "none"), fps=fps)
    once = seen(Detector.FACE, 20, (5, 9, "none"), fps=2)
    policy = standard_policy()
    assert replay(policy, frames, 11).scores.focus == replay(policy, once, 11).scores.focus


def test_seed_a_focus_under_40_is_a_looking_away_alert_every_5_seconds() -> None:
    frames = [*seen(Detector.FACE, 30), *head(30, (10, 22, 60))]
    alerts = [a.at_s for a in replay(standard_policy(), frames, 30).alerts if a.kind == "low_focus"]
    assert alerts == [13.0, 18.0]


def test_seed_a_the_fifth_critical_alert_reaches_the_limit() -> None:
    scorer = SessionScorer(standard_policy())
    changes = scorer.update(seen(Detector.OBJECTS, 60, (5, 40, "phone")), 60)
    alerts = [each for each in changes if isinstance(each, AlertRaised)]
    assert [each.alert.at_s for each in alerts] == [8.0, 13.0, 18.0, 23.0, 28.0, 33.0, 38.0]
    assert all(each.alert.is_critical for each in alerts)
    assert [each.limit_reached for each in alerts].count(True) == 1
    assert (scorer.scores.warnings, scorer.scores.warning_limit_at_s) == (7, 28.0)


def test_seed_a_phone_several_faces_and_another_person_are_critical() -> None:
    critical = {rule for rule, each in standard_policy().rules.items() if each.is_critical}
    assert critical == {Rule.PHONE, Rule.SEVERAL_FACES, Rule.OTHER_PERSON}


def test_seed_a_a_phone_seen_for_a_moment_is_no_phone() -> None:
    frames = seen(Detector.OBJECTS, 30, (5, 7.5, "phone"))
    ledger = replay(standard_policy(), frames, 30)
    assert (ledger.violations, ledger.alerts) == ((), ())


# B: risk engine


def risk(ledger_risk: object) -> list[tuple[Rule, float, float, float]]:
    """(rule, instant, delta, total) of each rise."""
    assert isinstance(ledger_risk, tuple)
    return [(each.rule, each.at_s, each.delta, each.total) for each in ledger_risk]


def test_seed_b_each_event_adds_its_risk_when_it_is_confirmed() -> None:
    items: list[Item] = [
        *seen(Detector.FACE, 200, (10, 13, "none"), (40, 43, "several")),
        *seen(Detector.GAZE, 200, (80, 84, "left")),
        *seen(Detector.OBJECTS, 200, (120, 126, "phone")),
        ScreenEvent("t", EventKind.TAB_HIDDEN, 160.0),
        ScreenEvent("r", EventKind.FOCUS_RETURNED, 161.0),
    ]
    ledger = ledger_of(items, 200)
    assert risk(ledger.risk) == [
        (Rule.NO_FACE, 12.0, 5.0, 5.0),
        (Rule.SEVERAL_FACES, 42.0, 10.0, 10.0),
        (Rule.LOOKING_AWAY, 83.0, 6.0, 6.0),
        (Rule.PHONE, 125.0, 15.0, 15.0),
        (Rule.FOCUS_CHANGE, 160.0, 5.0, 20.0),
    ]
    assert (ledger.scores.risk_temporary, ledger.scores.risk_permanent) == (0.0, 20.0)


def test_seed_b_temporary_risk_falls_by_one_a_second_only_while_nothing_lasts() -> None:
    frames = seen(Detector.FACE, 60, (10, 20, "none"))
    policy = standard_policy()

    def temporary(at_s: float) -> float:
        return replay(policy, frames, at_s).scores.risk_temporary

    assert [temporary(at_s) for at_s in (11, 13, 20, 22, 24, 30)] == [0, 5, 5, 3, 1, 0]


def test_seed_b_risk_has_a_cooldown_per_event() -> None:
    frames = seen(Detector.FACE, 60, (10, 13, "none"), (14, 16.5, "none"), (20, 23, "none"))
    rises = replay(standard_policy(), frames, 60).risk
    assert [each.at_s for each in rises] == [12.0, 22.0]


def test_seed_b_a_phone_for_four_seconds_is_a_violation_without_risk() -> None:
    ledger = replay(standard_policy(), seen(Detector.OBJECTS, 60, (10, 14, "phone")), 60)
    assert spans(ledger, Rule.PHONE) == [(10.0, 14.0)]
    assert ledger.risk == ()


# C: intervals


def test_seed_c_the_points_of_each_kind() -> None:
    items: list[Item] = [
        *seen(Detector.GAZE, 400, (5, 9, "down")),
        *seen(Detector.SPEECH, 400, (35, 38, "speech")),
        *seen(Detector.VOICE, 400, (65, 69, "several")),
        *seen(Detector.FACE, 400, (95, 98, "several"), (155, 158, "none")),
        ScreenEvent("a", EventKind.TAB_HIDDEN, 185.0),
        ScreenEvent("b", EventKind.FOCUS_RETURNED, 186.0),
        ScreenEvent("c", EventKind.TAB_HIDDEN, 187.0),
        ScreenEvent("d", EventKind.FOCUS_RETURNED, 188.0),
        ScreenEvent("e", EventKind.COPY, 215.0),
        ScreenEvent("f", EventKind.PASTE, 216.0),
    ]
    ledger = ledger_of(items, 240)
    assert scores(ledger) == [2.0, 3.0, 10.0, 10.0, 0.0, 9.0, 8.0, 10.0]
    assert [flag[0] for flag in flags(ledger)] == [2, 3, 7]


def test_seed_c_a_blink_is_no_looking_away() -> None:
    ledger = replay(standard_policy(), seen(Detector.GAZE, 30, (5, 12, "closed")), 30)
    assert ledger.violations == ()


def test_seed_c_a_minute_of_absence_is_not_15_flags() -> None:
    assert len(flags(ledger_of(seen(Detector.FACE, 60, (0, 60, "none")), 60))) == 2


def test_seed_c_sound_and_screen_are_scored() -> None:
    items: list[Item] = [
        *seen(Detector.SPEECH, 30, (3, 6, "speech")),
        ScreenEvent("a", EventKind.CUT, 9.0),
        ScreenEvent("b", EventKind.FULLSCREEN_EXIT, 15.0),
    ]
    ledger = ledger_of(items, 30)
    assert [(rule, at) for rule, _, _, at in points(ledger)] == [
        (Rule.SPEECH, 4.0),
        (Rule.CLIPBOARD, 9.0),
        (Rule.FULLSCREEN_EXIT, 15.0),
    ]
    assert flags(ledger) == [(0, 12.0, 15.0)]


# D: identity


def test_seed_d_another_person_counts_after_five_seconds_of_good_frames() -> None:
    good = seen(Detector.IDENTITY, 60, (10, 14.5, "other"), (30, 36, "other"))
    ledger = replay(standard_policy(), good, 60)
    assert spans(ledger, Rule.OTHER_PERSON) == [(30.0, 36.0)]
    assert flags(ledger) == [(1, 10.0, 35.0)]


def test_seed_d_bad_frames_are_no_mismatch_and_their_time_does_not_count() -> None:
    frames = []
    for number in range(60):
        at_s = number / 2
        if number % 2:
            frames.append(Observation(Detector.IDENTITY, at_s, judgeable=False, reason="blurred"))
        else:
            frames.append(Observation(Detector.IDENTITY, at_s, ("other",), 0.9))
    confirmed = replay(standard_policy(), frames, 30).intervals[0].points[0]
    assert confirmed.at_s == 9.5
    only_bad = [frame for frame in frames if not frame.judgeable]
    assert replay(standard_policy(), only_bad, 30).violations == ()


# E: trust and the violation log


def test_seed_e_facing_the_camera_is_no_violation() -> None:
    ledger = ledger_of([*seen(Detector.FACE, 60), *head(60)], 60)
    assert (ledger.violations, ledger.scores.trust) == ((), 100.0)


def test_seed_e_trust_falls_with_each_violation_and_its_duration() -> None:
    def trust(until_s: float) -> float:
        frames = seen(Detector.FACE, 200, (10, until_s, "none"))
        return replay(standard_policy(), frames, 200).scores.trust

    assert trust(70) == 100 - 9 - 9
    assert trust(130) == 100 - 9 - 18
    assert trust(11) == 100


def test_seed_e_trust_never_falls_under_zero() -> None:
    frames = seen(Detector.OBJECTS, 1200, (0, 1200, "phone"))
    assert replay(standard_policy(), frames, 1200).scores.trust == 0.0


def test_seed_e_the_log_has_time_duration_and_explanation() -> None:
    ledger = ledger_of(seen(Detector.FACE, 60, (12, 34, "none"), confidence=0.8), 60)
    (violation,) = ledger.violations
    assert (violation.start_s, violation.end_s) == (12.0, 34.0)
    assert (violation.peak_confidence, violation.observations) == (0.8, 44)
    explained = [point for interval in ledger.intervals for point in interval.points]
    assert [(p.check, p.at_s, p.start_s, p.end_s, p.observations) for p in explained] == [
        (1, 14.0, 12.0, 20.0, 16),
        (2, 20.0, 12.0, 30.0, 36),
        (3, 30.0, 12.0, 34.0, 44),
    ]
    assert {p.violation_id for p in explained} == {violation.violation_id}
