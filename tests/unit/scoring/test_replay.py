"""The live ledger is the replayed ledger, whatever way the items came."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.model import (
    Break,
    Detector,
    EventKind,
    Item,
    Ledger,
    Observation,
    Rule,
    ScreenEvent,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy import standard_policy
from scoring.replay import distinct, replay, rescore
from scoring.session import SessionScorer
from scoring.stream import Record, record_of
from scoring.trace import TraceError, decode, encode
from tests.unit.scoring.streams import QUIET, seen

LOUD = {
    Detector.FACE: ("none", "turned", "several"),
    Detector.GAZE: ("left", "down", "closed"),
    Detector.IDENTITY: ("other",),
    Detector.OBJECTS: ("phone", "several_persons", "book"),
    Detector.SPEECH: ("speech",),
    Detector.VOICE: ("several", "foreign"),
    Detector.CAMERA: ("covered", "frozen"),
}


def session(seed: int, length_s: int) -> list[Item]:
    """A restless session: every detector at its own pace, gaps, doubts, events and a break."""
    rng = random.Random(seed)
    items: list[Item] = []
    for detector, quiet in QUIET.items():
        at_s, until_s, label = 0.0, 0.0, quiet
        fps = rng.choice((1, 2, 5))
        while at_s < length_s:
            if at_s >= until_s:
                until_s = at_s + rng.expovariate(1 / 5)
                label = rng.choice((quiet, quiet, *LOUD[detector], "?", "gap"))
            if label != "gap":
                items.append(_observation(rng, detector, at_s, label, 1 / fps))
            at_s += (1 + rng.uniform(-0.1, 0.1)) / fps
    for number in range(length_s // 6):
        kind = rng.choice(list(EventKind))
        items.append(ScreenEvent(f"e{number}", kind, rng.uniform(0, length_s)))
    start_s = rng.uniform(0, length_s)
    items += [Break(start_s, True), Break(start_s + rng.uniform(1, 20), False)]
    return items


def _observation(
    rng: random.Random, detector: Detector, at_s: float, label: str, period_s: float
) -> Observation:
    is_sound = detector in (Detector.SPEECH, Detector.VOICE)
    measures: tuple[tuple[str, float], ...] = ()
    if detector is Detector.GAZE and rng.random() < 0.9:
        measures = (("yaw", rng.gauss(0, 20)), ("pitch", rng.gauss(0, 10)))
    return Observation(
        detector,
        at_s,
        () if label == "?" else (label,),
        rng.random(),
        span_s=period_s if is_sound else 0.0,
        judgeable=label != "?",
        reason="dark" if label == "?" else "",
        measures=measures,
    )


def live(items: list[Item], end_s: float, rng: random.Random, late_s: float) -> Ledger:
    """Score items live, each up to `late_s` late, some twice."""
    arrivals = [(item.at_s + rng.uniform(0, late_s), item) for item in items]
    arrivals += [
        (at_s + rng.uniform(0, late_s), item) for at_s, item in arrivals if rng.random() < 0.1
    ]
    arrivals.sort(key=lambda arrival: arrival[0])
    scorer = SessionScorer(standard_policy())
    now_s = 0.0
    while now_s < end_s:
        now_s += rng.uniform(0.1, 2.0)
        due = [item for at_s, item in arrivals if at_s <= now_s]
        arrivals = arrivals[len(due) :]
        scorer.update(due, now_s)
    scorer.end(end_s)
    scorer.update([item for _, item in arrivals], end_s + 100)
    assert scorer.scores == scorer.ledger().scores
    return scorer.ledger()


def blocks(items: list[Item], block_ms: int = 60_000) -> list[bytes]:
    """The stored trace of items."""
    parts: dict[int, list[Record]] = {}
    for record in distinct(record_of(item) for item in items):
        parts.setdefault(record.at_ms // block_ms, []).append(record)
    return [encode(parts[index]) for index in sorted(parts)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 2.0, 30.0, 400.0]))
def test_any_order_of_arrival_and_any_duplicates_give_the_replayed_ledger(
    seed: int, late_s: float
) -> None:
    items = session(seed, 110)
    end_s = 101.7
    assert live(items, end_s, random.Random(seed), late_s) == replay(
        standard_policy(), items, end_s
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_stored_trace_scores_as_the_items_it_was_made_of(seed: int) -> None:
    items = session(seed, 150)
    policy = standard_policy(interval_s=20, check_s=5)
    assert rescore(policy, blocks(items), 141.7) == replay(policy, items, 141.7)


def steady(seed: int, length_s: int) -> list[Item]:
    """A session of long quiet stretches, long episodes, and confidence that hardly changes."""
    rng = random.Random(seed)
    items: list[Item] = []
    for detector, quiet in QUIET.items():
        label, until_s, confidence = quiet, 0.0, 0.9
        for half in range(2 * length_s):
            at_s = half / 2
            if at_s >= until_s:
                until_s = at_s + rng.expovariate(1 / 20)
                label = rng.choice((quiet, quiet, *LOUD[detector]))
                confidence = rng.choice((0.3, 0.6, 0.9))
            if rng.random() < 0.02:
                continue
            is_sound = detector in (Detector.SPEECH, Detector.VOICE)
            span_s = 0.5 if is_sound else 0.0
            items.append(Observation(detector, at_s, (label,), confidence, span_s))
    return items


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_a_stretch_that_is_skipped_scores_as_its_observations_one_by_one(seed: int) -> None:
    items = steady(seed, 160)
    policy = standard_policy().with_rule(Rule.LOOKING_AWAY, min_confidence=0.5)
    at_once = rescore(policy, blocks(items), 151.3)
    assert at_once == replay(policy, items, 151.3)
    scorer = SessionScorer(policy)
    for item in sorted(items, key=lambda each: each.at_s):
        scorer.update([item], item.at_s)
    scorer.end(151.3)
    assert at_once == scorer.ledger()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_trace_gives_back_the_very_same_records(seed: int) -> None:
    records = distinct(record_of(item) for item in session(seed, 60))
    assert decode(encode(records)).records() == records


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_items_of_one_millisecond_have_one_order(seed: int) -> None:
    items = [replace(item, at_s=round(item.at_s)) for item in session(seed, 60)]
    assert live(items, 58.0, random.Random(seed), 3.0) == replay(standard_policy(), items, 58.0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_a_session_taken_up_from_its_trace_ends_as_if_it_had_never_stopped(seed: int) -> None:
    items = sorted(session(seed, 300), key=lambda item: item.at_s)
    before = [item for item in items if item.at_s < 210]
    first = SessionScorer(standard_policy())
    trace: dict[int, bytes] = {}
    for start in range(0, len(before), 50):
        batch = before[start : start + 50]
        first.update(batch, batch[-1].at_s + 1)
        trace.update((block.index, block.data) for block in first.take_trace())
    second = SessionScorer.from_trace(
        standard_policy(), [trace[index] for index in sorted(trace)], 250
    )
    # What was on its way comes again, some of it a second time.
    second.update([item for item in items if item.at_s >= 150], 300)
    second.end(300)
    assert second.ledger() == replay(standard_policy(), items, 300)
    trace.update((block.index, block.data) for block in second.take_trace())
    stored = [trace[index] for index in sorted(trace)]
    assert rescore(standard_policy(), stored, 300) == second.ledger()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_the_ledger_of_a_running_session_does_not_depend_on_how_often_time_passes(
    seed: int,
) -> None:
    items = sorted(session(seed, 45), key=lambda item: item.at_s)
    once, often = SessionScorer(standard_policy()), SessionScorer(standard_policy())
    once.update(items, 100)
    for item in items:
        often.update([item], item.at_s)
        assert often.scores == often.ledger().scores
    often.update([], 100)
    assert once.ledger() == often.ledger()


def test_a_long_trace_is_small() -> None:
    items: list[Item] = [
        Observation(d, at / 2, (QUIET[d],), 0.9) for d in Detector for at in range(2 * 600)
    ]
    assert sum(map(len, blocks(items))) < 3_000


def test_bytes_that_are_no_trace_are_refused() -> None:
    for data in (b"", b"x" * 40, encode([])[:-2]):
        with pytest.raises(TraceError):
            decode(data)


def test_what_began_after_a_backdated_end_is_withdrawn() -> None:
    scorer = SessionScorer(standard_policy())
    frames = seen(Detector.FACE, 100, (70, 90, "none"))
    told = [c for c in scorer.update(frames, 100) if isinstance(c, ViolationChanged)]
    assert {change.violation.violation_id for change in told} == {"no_face-70000"}
    withdrawn = [c for c in scorer.end(50) if isinstance(c, ViolationWithdrawn)]
    assert [change.violation.violation_id for change in withdrawn] == ["no_face-70000"]
    assert scorer.ledger() == replay(standard_policy(), frames, 50)
    assert scorer.scores.flagged_intervals == 0
