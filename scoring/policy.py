"""The policy in force: the standard one, and policies as plain data.

YAML files, presets and overlays live outside, in `app.policies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from scoring.model import Detector, EventKind, Rule, Word
from scoring.policy_shape import Policy, PolicyError, RulePolicy, WarningAction

__all__ = [
    "STANDARD_HOLDS_S",
    "STANDARD_RULES",
    "Policy",
    "PolicyError",
    "RulePolicy",
    "WarningAction",
    "policy_from_dict",
    "policy_to_dict",
    "standard_policy",
]

STANDARD_HOLDS_S: dict[Detector, float] = {
    Detector.FACE: 1.5,
    Detector.GAZE: 1.5,
    Detector.IDENTITY: 8.0,
    Detector.OBJECTS: 3.5,
    Detector.SPEECH: 1.5,
    Detector.VOICE: 1.5,
    Detector.CAMERA: 2.5,
}

STANDARD_RULES: dict[Rule, RulePolicy] = {
    Rule.LOOKING_AWAY: RulePolicy(
        points=2,
        min_duration_s=3,
        release_s=0.75,
        labels={
            Detector.GAZE: ("left", "right", "up", "down"),
            Detector.FACE: ("turned",),
        },
        risk=6,
        risk_after_s=3,
    ),
    Rule.SPEECH: RulePolicy(
        points=3,
        min_duration_s=1,
        release_s=1.5,
        labels={Detector.SPEECH: ("speech",)},
        risk=3,
        risk_after_s=1,
    ),
    Rule.NO_FACE: RulePolicy(
        points=9,
        min_duration_s=2,
        release_s=0.75,
        labels={Detector.FACE: ("none",)},
        risk=5,
        risk_after_s=2,
    ),
    Rule.SEVERAL_FACES: RulePolicy(
        points=10,
        min_duration_s=2,
        release_s=0.75,
        labels={Detector.FACE: ("several",), Detector.OBJECTS: ("several_persons",)},
        is_critical=True,
        risk=10,
        risk_after_s=2,
    ),
    Rule.SEVERAL_VOICES: RulePolicy(
        points=10,
        min_duration_s=3,
        release_s=2.5,
        labels={Detector.VOICE: ("several", "foreign")},
        risk=10,
        risk_after_s=3,
    ),
    Rule.PHONE: RulePolicy(
        points=10,
        min_duration_s=3,
        release_s=1.5,
        labels={Detector.OBJECTS: ("phone",)},
        is_critical=True,
        risk=15,
        risk_after_s=5,
        risk_is_permanent=True,
    ),
    Rule.OTHER_PERSON: RulePolicy(
        points=10,
        min_duration_s=5,
        release_s=2.5,
        labels={Detector.IDENTITY: ("other",)},
        is_critical=True,
        risk=15,
        risk_after_s=5,
        risk_is_permanent=True,
    ),
    Rule.CAMERA_BLOCKED: RulePolicy(
        points=9,
        min_duration_s=2,
        release_s=0.75,
        labels={Detector.CAMERA: ("covered",)},
        risk=5,
        risk_after_s=2,
    ),
    Rule.CAMERA_LOOPED: RulePolicy(
        points=0,
        min_duration_s=2,
        release_s=2.5,
        labels={Detector.CAMERA: ("frozen", "looped")},
    ),
    Rule.FOCUS_CHANGE: RulePolicy(
        points=4,
        release_s=0,
        events=(EventKind.TAB_HIDDEN, EventKind.WINDOW_BLUR),
        risk=5,
        risk_is_permanent=True,
    ),
    Rule.CLIPBOARD: RulePolicy(
        points=5,
        release_s=0,
        events=(EventKind.COPY, EventKind.CUT, EventKind.PASTE),
        risk=5,
        risk_is_permanent=True,
    ),
    Rule.FULLSCREEN_EXIT: RulePolicy(
        points=4, release_s=0, events=(EventKind.FULLSCREEN_EXIT,), risk=5
    ),
}


def standard_policy(
    interval_s: float = 30,
    check_s: float = 10,
    flag_threshold: float = 10,
    pre_roll_s: float = 5,
    post_roll_s: float = 5,
) -> Policy:
    """The standard policy, with the figures an administrator sets in `.env`.

    Risk figures are those of the risk engine's five events (no face +5 after 2 s, several faces
    +10 after 2 s, looking away +6 after 3 s, phone +15 permanent after 5 s, change of focus +5
    permanent at once); the other rules carry figures of the same scale.
    """
    return Policy(
        interval_s=interval_s,
        check_s=check_s,
        flag_threshold=flag_threshold,
        pre_roll_s=pre_roll_s,
        post_roll_s=post_roll_s,
        rules=STANDARD_RULES,
        holds_s=STANDARD_HOLDS_S,
    )


def policy_to_dict(policy: Policy) -> dict[str, object]:
    """The policy as plain data for JSON, BSON and YAML; `policy_from_dict` reads it back."""
    data: dict[str, object] = {
        f.name: getattr(policy, f.name)
        for f in fields(Policy)
        if f.name not in {"rules", "holds_s", "detectors_off", "warning_action"}
    }
    data["warning_action"] = policy.warning_action.value
    data["holds_s"] = {detector.value: hold for detector, hold in policy.holds_s.items()}
    data["detectors_off"] = sorted(detector.value for detector in policy.detectors_off)
    data["rules"] = {rule.value: _rule_to_dict(each) for rule, each in policy.rules.items()}
    return data


def _rule_to_dict(rule: RulePolicy) -> dict[str, object]:
    data: dict[str, object] = {f.name: getattr(rule, f.name) for f in fields(RulePolicy)}
    data["labels"] = {detector.value: list(labels) for detector, labels in rule.labels.items()}
    data["events"] = [event.value for event in rule.events]
    return data


def policy_from_dict(data: Mapping[str, object]) -> Policy:
    """Read a policy; what is missing stands as in the standard policy, rule by rule.

    Raises PolicyError with a sentence per unknown name or impossible value.
    """
    known = {f.name for f in fields(Policy)}
    _refuse_unknown("The policy", data, known)
    given: dict[str, Any] = {k: v for k, v in data.items() if k not in {"rules", "holds_s"}}
    if "warning_action" in given:
        given["warning_action"] = _word(WarningAction, given["warning_action"], "warning_action")
    if "detectors_off" in given:
        given["detectors_off"] = frozenset(
            _word(Detector, each, "detectors_off") for each in _list(given, "detectors_off")
        )
    holds = {
        _word(Detector, key, "holds_s"): value
        for key, value in _mapping(data, "holds_s", "The policy").items()
    }
    rules = dict(STANDARD_RULES)
    for key, value in _mapping(data, "rules", "The policy").items():
        rule = _word(Rule, key, "rules")
        if not isinstance(value, Mapping):
            raise PolicyError(f"rules.{key} must hold names and values.")
        rules[rule] = _rule_from_dict(rule, value, rules[rule])
    return Policy(**{**given, "rules": rules, "holds_s": {**STANDARD_HOLDS_S, **holds}})


def _rule_from_dict(rule: Rule, data: Mapping[str, object], base: RulePolicy) -> RulePolicy:
    _refuse_unknown(f"rules.{rule}", data, {f.name for f in fields(RulePolicy)})
    given: dict[str, Any] = dict(data)
    if "labels" in given:
        labels = _mapping(given, "labels", f"rules.{rule}")
        given["labels"] = {
            _word(Detector, key, f"rules.{rule}.labels"): tuple(_list(labels, key))
            for key in labels
        }
    if "events" in given:
        given["events"] = tuple(
            _word(EventKind, each, f"rules.{rule}.events") for each in _list(given, "events")
        )
    return replace(base, **given)


AnyWord = TypeVar("AnyWord", bound=Word)


def _word(kind: type[AnyWord], value: object, where: str) -> AnyWord:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise PolicyError(f"{where} names {value!r}, which is none of: {known}.") from None


def _mapping(data: Mapping[str, object], key: str, where: str) -> Mapping[str, object]:
    value = data.get(key, {})
    if not isinstance(value, Mapping):
        raise PolicyError(f"{where}: {key} must hold names and values.")
    return value


def _list(data: Mapping[str, object], key: str) -> list[Any]:
    value = data[key]
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise PolicyError(f"{key} must be a list.")
    return list(value)


def _refuse_unknown(where: str, data: Mapping[str, object], known: set[str]) -> None:
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise PolicyError(
            f"{where} has unknown names: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
        )
