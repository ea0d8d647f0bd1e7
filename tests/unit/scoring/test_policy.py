"""Policies: the standard one, plain data, and refusals in sentences."""

from __future__ import annotations

import json

import pytest

from scoring.model import Detector, EventKind, Rule
from scoring.policy import (
    Policy,
    PolicyError,
    WarningAction,
    policy_from_dict,
    policy_to_dict,
    standard_policy,
)


def test_the_standard_points_and_durations_are_those_decided() -> None:
    rules = standard_policy().rules
    assert {rule: (each.points, each.min_duration_s) for rule, each in rules.items()} == {
        Rule.LOOKING_AWAY: (2, 3),
        Rule.SPEECH: (3, 1),
        Rule.NO_FACE: (9, 2),
        Rule.SEVERAL_FACES: (10, 2),
        Rule.SEVERAL_VOICES: (10, 3),
        Rule.PHONE: (10, 3),
        Rule.OTHER_PERSON: (10, 5),
        Rule.CAMERA_BLOCKED: (9, 2),
        Rule.CAMERA_LOOPED: (0, 2),
        Rule.FOCUS_CHANGE: (4, 0),
        Rule.CLIPBOARD: (5, 0),
        Rule.FULLSCREEN_EXIT: (4, 0),
    }


def test_a_policy_survives_json() -> None:
    policy = standard_policy(interval_s=20, check_s=5).with_rule(
        Rule.SPEECH, cap=6.5, cooldown_s=9, is_on=False
    )
    assert policy_from_dict(json.loads(json.dumps(policy_to_dict(policy)))) == policy


def test_what_a_document_leaves_out_is_standard() -> None:
    policy = policy_from_dict({"rules": {"phone": {"points": 3}}, "warning_action": "end"})
    assert policy.rule(Rule.PHONE).points == 3
    assert policy.rule(Rule.PHONE).min_duration_s == 3
    assert policy.warning_action is WarningAction.END
    assert policy.rule(Rule.NO_FACE) == standard_policy().rule(Rule.NO_FACE)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"intervall_s": 30}, "unknown names: intervall_s"),
        ({"interval_s": 30, "check_s": 7}, "check_s (7) must divide interval_s (30)"),
        ({"interval_s": "30"}, "interval_s must be a number"),
        ({"interval_s": float("nan")}, "interval_s must be a number"),
        ({"warning_limit": 2.5}, "warning_limit must be a whole number"),
        ({"warning_action": "shout"}, "none of: notify, pause, end"),
        ({"rules": {"yawning": {}}}, "rules names 'yawning'"),
        ({"rules": {"phone": {"points": -1}}}, "rules.phone.points must be a number"),
        ({"rules": {"phone": {"points": True}}}, "rules.phone.points must be a number"),
        ({"rules": {"phone": {"labels": {"objects": ["clear"]}}}}, "'clear', which is none of"),
        ({"rules": {"phone": {"events": ["copy"]}}}, "by labels or by events, not by both"),
        ({"rules": {"phone": {"is_on": "no"}}}, "is_on must be true or false"),
        ({"rules": []}, "rules must hold names and values"),
        ({"holds_s": {"face": 0}}, "holds_s.face must be a number"),
        ({"detectors_off": "gaze"}, "detectors_off must be a list"),
        ({"detectors_off": ["nose"]}, "none of: face"),
    ],
)
def test_an_impossible_policy_is_refused_in_a_sentence(
    data: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PolicyError) as refusal:
        policy_from_dict(data)
    assert sentence in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PolicyError) as refusal:
        policy_from_dict({"interval_s": 0, "gap_s": -1, "rules": {"phone": {"points": -1}}})
    assert len(str(refusal.value).splitlines()) == 3


def test_the_detectors_needed_follow_from_the_rules_that_are_on() -> None:
    policy = standard_policy()
    assert policy.detectors == frozenset(Detector)
    assert Detector.GAZE not in policy.with_rule(Rule.LOOKING_AWAY, is_on=False).detectors
    assert Detector.FACE in Policy().detectors
    assert policy.rule(Rule.CLIPBOARD).events == (EventKind.COPY, EventKind.CUT, EventKind.PASTE)
