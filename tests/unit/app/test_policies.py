"""Policy files, presets and what one student is granted."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InvalidInput, NotFound
from app.policies import (
    Overlay,
    PolicyDocument,
    load_policy,
    policy_named,
    presets,
    read_policy,
    vocabulary,
    with_overlay,
)
from app.settings import PROJECT_ROOT, Settings
from scoring.model import Detector, Observation, Rule
from scoring.policy import WarningAction, policy_to_dict, standard_policy
from scoring.replay import replay


def test_the_standard_preset_is_the_standard_policy() -> None:
    assert load_policy(PROJECT_ROOT / "policies" / "standard.yaml") == standard_policy()


def test_the_presets_are_practice_standard_and_strict() -> None:
    assert [preset.name for preset in presets()] == ["practice", "standard", "strict"]
    for preset in presets():
        assert policy_named(preset.name, Settings.model_validate({})).name == preset.name


def test_the_standard_policy_takes_its_figures_from_the_settings() -> None:
    settings = Settings.model_validate({"INTERVAL_DURATION": 60, "CHECK_INTERVAL": 20})
    policy = policy_named("standard", settings)
    assert (policy.interval_s, policy.check_s) == (60, 20)


def test_a_name_that_is_no_preset_is_not_found() -> None:
    with pytest.raises(NotFound):
        policy_named("../../etc/passwd", Settings.model_validate({}))


def test_practice_flags_nothing_whatever_happens() -> None:
    frames = [Observation(Detector.OBJECTS, at / 2, ("phone",), 1.0) for at in range(240)]
    policy = policy_named("practice", Settings.model_validate({}))
    ledger = replay(policy, frames, 120)
    assert ledger.scores.total_score > 0
    assert ledger.scores.flagged_intervals == 0


def test_strict_pauses_at_its_warning_limit() -> None:
    strict = policy_named("strict", Settings.model_validate({}))
    assert (strict.warning_limit, strict.warning_action) == (3, WarningAction.PAUSE)
    assert strict.rule(Rule.NO_FACE) == standard_policy().rule(Rule.NO_FACE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("flag_treshold: 10", "flag_treshold"),
        ("flag_threshold: ten", "flag_threshold"),
        ("rules: {phone: {point: 3}}", "rules.phone.point"),
        ("rules: {fone: {points: 3}}", "'fone'"),
        ("[1, 2]", "names and values"),
        ("a: [", "not YAML"),
        ("a: &a [1]\nb: [*a, *a]", "without anchors"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("", "names and values"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_policy(text)
    assert sentence in str(refusal.value)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        load_policy(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_text("#" * 70_000)
    with pytest.raises(InvalidInput):
        load_policy(tmp_path / "large.yaml")


def test_gaze_off_needs_no_gaze_and_alerts_nobody() -> None:
    policy = with_overlay(standard_policy(), Overlay(gaze_off=True))
    assert Detector.GAZE not in policy.detectors
    assert not policy.rule(Rule.LOOKING_AWAY).is_on
    turned = [Observation(Detector.FACE, at / 2, ("turned",), 1.0) for at in range(120)]
    ledger = replay(policy, turned, 60)
    assert (ledger.violations, ledger.alerts) == ((), ())


def test_a_helper_may_be_seen_and_heard() -> None:
    policy = with_overlay(standard_policy(), Overlay(helper_allowed=True))
    off = {rule for rule, each in policy.rules.items() if not each.is_on}
    assert off == {Rule.SEVERAL_FACES, Rule.SEVERAL_VOICES, Rule.SPEECH}
    assert policy.rule(Rule.PHONE).is_on


def test_reading_aloud_is_no_speech_and_other_voices_still_count() -> None:
    policy = with_overlay(standard_policy(), Overlay(reading_aloud_allowed=True))
    assert not policy.rule(Rule.SPEECH).is_on
    assert policy.rule(Rule.SEVERAL_VOICES).is_on


def test_the_documentation_names_every_word_of_a_policy() -> None:
    text = (PROJECT_ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    words = [*PolicyDocument.model_fields, *policy_to_dict(standard_policy())]
    words += vocabulary()["rules"] + vocabulary()["detectors"] + vocabulary()["warning_action"]
    assert [word for word in words if f"`{word}`" not in text] == []
