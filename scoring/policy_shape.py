"""The shape of a policy and what makes one impossible. `scoring.policy` has the standard one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scoring.model import LABELS, Detector, EventKind, Rule, Word

# Labels that only ever say "nothing to report": no policy may raise a rule on them.
NEUTRAL_LABELS = frozenset({"one", "center", "same", "clear", "quiet", "own", "ok"})


class PolicyError(ValueError):
    """A policy that cannot be used. The message is one sentence per wrong value."""


class WarningAction(Word):
    """What happens when the warning limit is reached."""

    NOTIFY = "notify"
    PAUSE = "pause"
    END = "end"


@dataclass(frozen=True, slots=True)
class RulePolicy:
    """One rule. A rule is raised by detector labels (it lasts) or by events (it occurs).

    `points` are scored once in each check in which the episode has lasted `min_duration_s` of
    observed time, or once per occurrence. An episode ends after `release_s` of observed absence
    of its labels. An observation under `min_confidence` does not raise the rule. An episode or
    occurrence that starts within `cooldown_s` after the last one that scored is recorded and
    scores nothing. `cap` limits the rule's points in one interval. A critical rule's alerts
    count towards the warning limit. `risk` is added once per episode after `risk_after_s`.
    """

    points: float = 0.0
    min_duration_s: float = 0.0
    release_s: float = 1.0
    labels: Mapping[Detector, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[EventKind, ...] = ()
    min_confidence: float = 0.0
    cooldown_s: float = 0.0
    cap: float | None = None
    is_on: bool = True
    is_critical: bool = False
    risk: float = 0.0
    risk_after_s: float = 0.0
    risk_is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the score depends on. Durations are seconds.

    `holds_s`: how long an observation of a frame stands when no next one of its detector comes;
    one that raises a rule stands for `raised_hold_s` at most, because a detector that suspects
    something looks at every frame.
    `gap_s`: how long an unobserved gap a confirmed episode outlives (a gap scores nothing).
    `alert_cooldown_s` and `risk_cooldown_s` are per rule; `warning_limit` counts critical alerts
    (0: no limit). `focus_alert_below` is the focus score under which an alert is raised.
    `detectors_off` never run: their rules cannot be raised and they have no coverage.
    """

    name: str = "standard"
    interval_s: float = 30.0
    check_s: float = 10.0
    flag_threshold: float = 10.0
    pre_roll_s: float = 5.0
    post_roll_s: float = 5.0
    raised_hold_s: float = 1.2
    gap_s: float = 10.0
    alert_cooldown_s: float = 5.0
    risk_cooldown_s: float = 5.0
    warning_limit: int = 5
    warning_action: WarningAction = WarningAction.NOTIFY
    focus_alert_below: float = 40.0
    rules: Mapping[Rule, RulePolicy] = field(default_factory=dict)
    holds_s: Mapping[Detector, float] = field(default_factory=dict)
    detectors_off: frozenset[Detector] = frozenset()

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise PolicyError("\n".join(problems))

    @property
    def detectors(self) -> frozenset[Detector]:
        """The detectors this policy needs: those of its rules that are on, and for the focus
        score the face and, unless looking away is off, the gaze."""
        needed = {d for rule in self.rules.values() if rule.is_on for d in rule.labels}
        return frozenset(needed | {Detector.FACE}) - self.detectors_off

    def rule(self, rule: Rule) -> RulePolicy:
        """The rule's policy; a rule that is not listed is off."""
        return self.rules.get(rule, _OFF)

    def with_rule(self, rule: Rule, **changes: Any) -> Policy:
        """A copy in which one rule differs."""
        return replace(self, rules={**self.rules, rule: replace(self.rule(rule), **changes)})


_OFF = RulePolicy(is_on=False)


_LIMITS: dict[str, tuple[float, float]] = {
    "interval_s": (1, 3600),
    "check_s": (1, 3600),
    "flag_threshold": (0.001, 100_000),
    "pre_roll_s": (0, 60),
    "post_roll_s": (0, 60),
    "raised_hold_s": (0.1, 60),
    "gap_s": (0, 600),
    "alert_cooldown_s": (0.5, 3600),
    "risk_cooldown_s": (0, 3600),
    "focus_alert_below": (0, 100),
    "points": (0, 1000),
    "min_duration_s": (0, 3600),
    "release_s": (0, 600),
    "min_confidence": (0, 1),
    "cooldown_s": (0, 3600),
    "cap": (0, 100_000),
    "risk": (0, 1000),
    "risk_after_s": (0, 3600),
}


def _problems(policy: Policy) -> list[str]:
    problems = _out_of_range("", policy)
    if not isinstance(policy.name, str) or not 0 < len(policy.name) <= 64:
        problems.append("name must be 1 to 64 characters.")
    limit = policy.warning_limit
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= 1000:
        problems.append("warning_limit must be a whole number from 0 to 1000.")
    if not problems and round(policy.interval_s * 1000) % round(policy.check_s * 1000):
        problems.append(
            f"check_s ({policy.check_s:g}) must divide interval_s ({policy.interval_s:g})."
        )
    for detector, hold in policy.holds_s.items():
        if not _is_number(hold) or not 0.1 <= hold <= 60:
            problems.append(f"holds_s.{detector} must be a number from 0.1 to 60.")
    for rule, each in policy.rules.items():
        problems += _rule_problems(rule, each)
    return problems


def _rule_problems(rule: Rule, policy: RulePolicy) -> list[str]:
    where = f"rules.{rule}"
    problems = _out_of_range(where + ".", policy)
    for name in ("is_on", "is_critical", "risk_is_permanent"):
        if not isinstance(getattr(policy, name), bool):
            problems.append(f"{where}.{name} must be true or false.")
    if policy.labels and policy.events:
        problems.append(f"{where} is raised by labels or by events, not by both.")
    for detector, labels in policy.labels.items():
        for label in labels:
            if label not in LABELS[detector] or label in NEUTRAL_LABELS:
                usable = ", ".join(sorted(LABELS[detector] - NEUTRAL_LABELS))
                problems.append(
                    f"{where}.labels.{detector} names {label!r}, which is none of: {usable}."
                )
    return problems


def _out_of_range(prefix: str, data: Policy | RulePolicy) -> list[str]:
    problems = []
    for each in fields(data):
        value = getattr(data, each.name)
        if each.name not in _LIMITS or (each.name == "cap" and value is None):
            continue
        low, high = _LIMITS[each.name]
        if not _is_number(value) or not low <= value <= high:
            problems.append(f"{prefix}{each.name} must be a number from {low:g} to {high:g}.")
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
