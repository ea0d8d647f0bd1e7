"""Policies as people write them: YAML presets and files, and what one student is granted.

Everything from outside goes through pydantic first and through the policy's own checks second;
each wrong value is one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InvalidInput, NotFound
from app.settings import PROJECT_ROOT, Settings
from scoring.model import Detector, EventKind, Rule
from scoring.policy import (
    Policy,
    PolicyError,
    WarningAction,
    policy_from_dict,
    standard_policy,
)

PRESETS_PATH = PROJECT_ROOT / "policies"
MOST_BYTES = 65_536


class RuleDocument(BaseModel):
    """One rule of a policy document, its types only; see docs/policies.md."""

    model_config = ConfigDict(extra="forbid", strict=True)

    points: float = 0
    min_duration_s: float = 0
    release_s: float = 1
    labels: dict[str, list[str]] = {}
    events: list[str] = []
    min_confidence: float = 0
    cooldown_s: float = 0
    cap: float | None = None
    is_on: bool = True
    is_critical: bool = False
    risk: float = 0
    risk_after_s: float = 0
    risk_is_permanent: bool = False


class PolicyDocument(BaseModel):
    """A policy document, its types only. What it leaves out is as in the standard policy."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = "custom"
    interval_s: float = 30
    check_s: float = 10
    flag_threshold: float = 10
    pre_roll_s: float = 5
    post_roll_s: float = 5
    raised_hold_s: float = 1.2
    gap_s: float = 10
    alert_cooldown_s: float = 5
    risk_cooldown_s: float = 5
    warning_limit: int = 5
    warning_action: str = WarningAction.NOTIFY.value
    focus_alert_below: float = 40
    detectors_off: list[str] = []
    holds_s: dict[str, float] = {}
    rules: dict[str, RuleDocument] = {}


class Overlay(BaseModel):
    """What one student is granted over the exam's policy.

    `extra_time_min` and the breaks concern the exam's clock; a break that is taken pauses scoring.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    extra_time_min: Annotated[float, Field(ge=0, le=1440)] = 0
    gaze_off: bool = False
    helper_allowed: bool = False
    reading_aloud_allowed: bool = False
    breaks: Annotated[int, Field(ge=0, le=100)] = 0
    break_min: Annotated[float, Field(gt=0, le=240)] = 10


@dataclass(frozen=True, slots=True)
class Preset:
    """A policy file that came with the product."""

    name: str
    path: Path


def presets() -> tuple[Preset, ...]:
    """The presets by name."""
    return tuple(Preset(path.stem, path) for path in sorted(PRESETS_PATH.glob("*.yaml")))


def policy_named(name: str, settings: Settings) -> Policy:
    """A preset. The standard one carries the figures of `.env`.

    Raises NotFound for a name that is no preset's.
    """
    if name == "standard":
        return standard_policy(
            interval_s=settings.interval_s,
            check_s=settings.check_s,
            flag_threshold=settings.flag_threshold,
            pre_roll_s=settings.pre_roll_s,
            post_roll_s=settings.post_roll_s,
        )
    known = {preset.name: preset for preset in presets()}
    if name not in known:
        raise NotFound(f"There is no policy of that name. Known: {', '.join(known)}.")
    return read_policy(known[name].path.read_text(encoding="utf-8"))


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises InvalidInput with one sentence per wrong name or value."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"A policy file has at most {MOST_BYTES} bytes.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The policy file cannot be read: {error}.") from error
    return read_policy(text)


def read_policy(text: str) -> Policy:
    """Read a policy from YAML. Raises InvalidInput with one sentence per wrong name or value."""
    if len(text) > MOST_BYTES or "&" in text:
        raise InvalidInput("A policy is at most 64 kB of YAML without anchors (&).")
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"The policy is not YAML: {_first_line(error)}") from error
    if not isinstance(data, dict):
        raise InvalidInput("A policy holds names and values, such as 'flag_threshold: 10'.")
    return policy_of(data)


def policy_of(data: dict[str, Any]) -> Policy:
    """Make a policy from plain data. Raises InvalidInput, one sentence per wrong name or value."""
    try:
        document = PolicyDocument.model_validate(data)
        return policy_from_dict(document.model_dump(exclude_unset=True) | {"name": document.name})
    except ValidationError as error:
        raise InvalidInput("\n".join(_sentences(error))) from None
    except PolicyError as error:
        raise InvalidInput(str(error)) from None


def with_overlay(policy: Policy, overlay: Overlay) -> Policy:
    """The policy for a student with these grants.

    Gaze off: looking away is no rule, the gaze is not computed, and the focus score, which then
    only knows presence, alerts nobody. A helper may be seen and heard. Reading aloud is no speech.
    """
    off: set[Rule] = set()
    granted = policy
    if overlay.gaze_off:
        off.add(Rule.LOOKING_AWAY)
        detectors = policy.detectors_off | {Detector.GAZE}
        granted = replace(granted, detectors_off=detectors, focus_alert_below=0)
    if overlay.helper_allowed:
        off |= {Rule.SEVERAL_FACES, Rule.SEVERAL_VOICES, Rule.SPEECH}
    if overlay.reading_aloud_allowed:
        off.add(Rule.SPEECH)
    for rule in off:
        granted = granted.with_rule(rule, is_on=False)
    return granted


def vocabulary() -> dict[str, list[str]]:
    """The words a policy may use, for forms and documentation."""
    return {
        "rules": [rule.value for rule in Rule],
        "detectors": [detector.value for detector in Detector],
        "events": [kind.value for kind in EventKind],
        "warning_action": [action.value for action in WarningAction],
    }


def _first_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split()) + "."


def _sentences(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{where}: {problem['msg']}." if where else f"{problem['msg']}.")
    return lines
