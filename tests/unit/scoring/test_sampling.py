"""Frame rate, clock jitter and lost frames change neither what is found nor what it costs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.model import Detector, Ledger, Observation, Rule
from scoring.policy import standard_policy
from scoring.replay import replay
from tests.unit.scoring.streams import Episode, flags, points, scores, seen, spans

RATES = (1.0, 2.0, 5.0, 15.0)
LABELS = {
    Detector.FACE: ("none", "several", "turned"),
    Detector.GAZE: ("left", "down"),
    Detector.OBJECTS: ("phone", "several_persons"),
    Detector.SPEECH: ("speech",),
    Detector.VOICE: ("several",),
    Detector.IDENTITY: ("other",),
    Detector.CAMERA: ("covered",),
}
LENGTH_S = 122


@st.composite
def truths(draw: st.DrawFn) -> list[tuple[Detector, Episode]]:
    """What truly happens: episodes of whole seconds, clear of every threshold by over a second
    and never reaching their minimum duration or ending within a second of a check's boundary."""
    truth: list[tuple[Detector, Episode]] = []
    clear_s = 2
    for start_s in range(2, LENGTH_S - 40, 40):
        if draw(st.booleans()):
            detector = draw(st.sampled_from(list(LABELS)))
            label = draw(st.sampled_from(LABELS[detector]))
            begin_s = start_s + draw(st.sampled_from((0, 1, 10)))
            length_s = draw(st.sampled_from((7, 12, 13)))
            end_s = begin_s + length_s
            if end_s % 10 < clear_s or end_s % 10 > 10 - clear_s:
                end_s = end_s // 10 * 10 + 15
            truth.append((detector, (begin_s + 0.5, end_s + 0.5, label)))
    return truth


def sampled(
    truth: list[tuple[Detector, Episode]], fps: float, jitter_s: float, seed: int
) -> list[Observation]:
    """The truth as seen at a frame rate, each frame's clock off by up to `jitter_s`."""
    rng = random.Random(seed)
    frames: list[Observation] = []
    for detector in dict.fromkeys([Detector.FACE, *(each for each, _ in truth)]):
        episodes = [episode for each, episode in truth if each is detector]
        for frame in seen(detector, LENGTH_S, *episodes, fps=fps):
            at_s = max(0.0, frame.at_s + rng.uniform(-jitter_s, jitter_s))
            frames.append(Observation(detector, at_s, frame.labels, frame.confidence, frame.span_s))
    return frames


def found(ledger: Ledger) -> list[tuple[Rule, int, float]]:
    """What was found and what it cost, without its instants."""
    return [(rule, check, cost) for rule, cost, check, _ in points(ledger)]


@settings(max_examples=25, deadline=None)
@given(truths(), st.sampled_from(RATES), st.sampled_from((0.0, 0.02)), st.integers(0, 999))
def test_the_same_points_flags_and_violations_at_1_to_15_frames_a_second(
    truth: list[tuple[Detector, Episode]], fps: float, jitter_s: float, seed: int
) -> None:
    clean = replay(standard_policy(), sampled(truth, 10.0, 0.0, 0), LENGTH_S)
    other = replay(standard_policy(), sampled(truth, fps, jitter_s, seed), LENGTH_S)
    assert sorted(found(other)) == sorted(found(clean))
    assert scores(other) == scores(clean)
    assert [(index, total) for index, total, _ in flags(other)] == [
        (index, total) for index, total, _ in flags(clean)
    ]
    margin_s = 1 / fps + jitter_s + 0.1
    pairs = zip(
        sorted(other.violations, key=lambda v: (v.rule, v.start_s)),
        sorted(clean.violations, key=lambda v: (v.rule, v.start_s)),
        strict=True,
    )
    for violation, wanted in pairs:
        assert violation.rule is wanted.rule
        assert abs(violation.start_s - wanted.start_s) <= margin_s
        assert abs((violation.end_s or 0) - (wanted.end_s or 0)) <= margin_s


def test_both_edges_are_debounced_the_same_at_every_rate() -> None:
    # Two half-second returns do not interrupt an absence; a return of four seconds does.
    for fps in (2.0, 5.0, 15.0):
        frames = seen(
            Detector.FACE, 60, (10, 13, "none"), (13.5, 17, "none"), (21, 25, "none"), fps=fps
        )
        found_spans = spans(replay(standard_policy(), frames, 60), Rule.NO_FACE)
        wanted = [(10.0, 17.0), (21.0, 25.0)]
        assert all(
            abs(a - b) <= 1 / fps
            for got, want in zip(found_spans, wanted, strict=True)
            for a, b in zip(got, want, strict=True)
            if a is not None
        )


def test_lost_frames_are_lost_coverage_and_end_no_violation() -> None:
    frames = [f for f in seen(Detector.FACE, 60, (10, 40, "none")) if not 20 <= f.at_s < 27]
    ledger = replay(standard_policy(), frames, 60)
    assert spans(ledger, Rule.NO_FACE) == [(10.0, 40.0)]
    first = dict(ledger.intervals[0].coverage)
    # The last frame before the gap, at 19.5 s, holds for 1.2 s.
    assert first["face"] == pytest.approx((30 - 7 + 0.7) / 30)
    assert first["gaze"] == 0.0


def test_unobserved_time_scores_nothing() -> None:
    frames = [f for f in seen(Detector.FACE, 60, (10, 40, "none")) if not 20 <= f.at_s < 30]
    ledger = replay(standard_policy(), frames, 60)
    assert spans(ledger, Rule.NO_FACE) == [(10.0, 40.0)]
    # The last frame before the gap holds into the third check; the rest of it is unobserved.
    assert [check for _, _, check, _ in points(ledger)] == [1, 2, 3]
    earlier = [f for f in seen(Detector.FACE, 60, (10, 40, "none")) if not 18.5 <= f.at_s < 30]
    ledger = replay(standard_policy(), earlier, 60)
    assert [check for _, _, check, _ in points(ledger)] == [1, 3]


def test_a_violation_does_not_outlive_a_long_gap() -> None:
    frames = [f for f in seen(Detector.FACE, 60, (10, 40, "none")) if not 18 <= f.at_s < 31]
    ledger = replay(standard_policy(), frames, 60)
    assert spans(ledger, Rule.NO_FACE) == [(10.0, 18.7), (31.0, 40.0)]


def test_what_cannot_be_judged_is_not_observed() -> None:
    dark = [Observation(Detector.FACE, at / 2, judgeable=False, reason="dark") for at in range(120)]
    ledger = replay(standard_policy(), dark, 60)
    assert ledger.violations == ()
    assert dict(ledger.scores.coverage)["face"] == 0.0


def test_an_unconfirmed_suspicion_does_not_outlive_the_dark() -> None:
    frames = [
        f
        for f in seen(Detector.FACE, 60, (10, 11, "none"), (14, 15, "none"))
        if not 11 <= f.at_s < 14
    ]
    assert replay(standard_policy(), frames, 60).violations == ()


def test_two_detectors_raise_one_rule_together() -> None:
    frames = [
        *seen(Detector.FACE, 60, (10, 12, "turned")),
        *seen(Detector.GAZE, 60, (12, 14, "left")),
    ]
    ledger = replay(standard_policy(), frames, 60)
    assert spans(ledger, Rule.LOOKING_AWAY) == [(10.0, 14.0)]
    assert points(ledger) == [(Rule.LOOKING_AWAY, 2.0, 1, 13.0)]
