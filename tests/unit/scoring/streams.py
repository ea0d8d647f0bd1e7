"""Builds streams of observations for scoring tests, by what is true when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scoring.model import Detector, Item, Ledger, Observation, Rule
from scoring.policy import Policy, standard_policy
from scoring.session import SessionScorer

QUIET: dict[Detector, str] = {
    Detector.FACE: "one",
    Detector.GAZE: "center",
    Detector.IDENTITY: "same",
    Detector.OBJECTS: "clear",
    Detector.SPEECH: "quiet",
    Detector.VOICE: "own",
    Detector.CAMERA: "ok",
}

Episode = tuple[float, float, str]


def seen(
    detector: Detector,
    until_s: float,
    *episodes: Episode,
    fps: float = 2.0,
    from_s: float = 0.0,
    confidence: float = 0.9,
) -> list[Observation]:
    """Observations of one detector from `from_s` to `until_s`: quiet, but for the episodes."""
    observations = []
    for number in range(round((until_s - from_s) * fps)):
        at_s = from_s + number / fps
        label = QUIET[detector]
        for start_s, end_s, other in episodes:
            if start_s <= at_s < end_s:
                label = other
        span_s = 1 / fps if detector in (Detector.SPEECH, Detector.VOICE) else 0.0
        observations.append(
            Observation(detector, round(at_s, 3), (label,), confidence, span_s=span_s)
        )
    return observations


def ledger_of(
    items: Iterable[Item], end_s: float, policy: Policy | None = None, step_s: float = 1.0
) -> Ledger:
    """The ledger of a session scored live: what happens in a second arrives one second later."""
    scorer = SessionScorer(policy or standard_policy())
    waiting = sorted(items, key=lambda item: item.at_s)
    now_s = 0.0
    while now_s < end_s:
        now_s += step_s
        count = next((n for n, item in enumerate(waiting) if item.at_s >= now_s), len(waiting))
        scorer.update(waiting[:count], now_s + 1.0)
        waiting = waiting[count:]
    scorer.end(end_s)
    return scorer.ledger()


def flags(ledger: Ledger) -> list[tuple[int, float, float]]:
    """(interval, sum that flagged, moment of the flag) of each flag."""
    return [
        (interval.index, interval.flag_score, interval.flagged_at_s)
        for interval in ledger.intervals
        if interval.flag_score is not None and interval.flagged_at_s is not None
    ]


def spans(ledger: Ledger, rule: Rule) -> list[tuple[float, float | None]]:
    """From when to when each violation of a rule lasted."""
    return [(v.start_s, v.end_s) for v in ledger.violations if v.rule is rule]


def points(ledger: Ledger) -> list[tuple[Rule, float, int, float]]:
    """(rule, points, check, instant) of each point, in order."""
    return [
        (point.rule, point.points, point.check, point.at_s)
        for interval in ledger.intervals
        for point in interval.points
    ]


def scores(ledger: Ledger) -> Sequence[float]:
    """The score of each interval."""
    return [interval.score for interval in ledger.intervals]
