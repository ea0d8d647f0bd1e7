"""How the wall's bench tells a violation that was drawn from one that was not."""

from __future__ import annotations

import pytest

from detectors.scripted import picture_script
from tools.bench_wall_live import due_of, match
from tools.simulation.material import MaterialError, drawn, scripted
from tools.simulation.mix import KINDS, Part

pytestmark = pytest.mark.room


def test_a_violation_is_due_when_its_rule_s_minimum_is_over_and_an_event_at_once() -> None:
    absent = due_of(Part(0, KINDS["absent"], (1,)), "s0", 1_000.0, 2)
    assert [(due.rule, due.at_ms, due.score) for due in absent] == [("no_face", 37_000.0, 9)]
    tabs = due_of(Part(1, KINDS["tabs"], (1,)), "s1", 0.0, 2)
    assert [(due.rule, due.at_ms, due.score) for due in tabs] == [
        ("focus_change", 34_000.0, 4),
        ("clipboard", 38_000.0, 9),
        ("focus_change", 40_000.0, 13),
    ]
    assert due_of(Part(2, KINDS["honest"], ()), "s2", 0.0, 2) == []
    assert due_of(Part(0, KINDS["absent"], (1,)), "s0", 0.0, 0.6) == []


def test_the_first_frame_with_the_score_counts_and_what_never_came_is_missed() -> None:
    dues = due_of(Part(1, KINDS["tabs"], (1,)), "s1", 0.0, 2)
    shown = [
        ("s1", 13.0, 4_000.0),
        ("s2", 13.0, 34_100.0),
        ("s1", 4.0, 34_500.0),
        ("s1", 9.0, 39_250.0),
        ("s1", 0.0, 60_100.0),
    ]
    delays, missed = match(dues, shown)
    assert delays == {"focus_change": [0.5], "clipboard": [1.25]}
    assert missed == [dues[2]]


def test_a_scripted_picture_says_what_its_scene_shows() -> None:
    material = scripted(drawn(0.5, {"empty"}))
    assert picture_script(material.frame("empty", 0, 1))["face"] == "none"
    assert picture_script(material.frame("present", 3, 0))["face"] == "one"
    with pytest.raises(MaterialError, match="phone"):
        drawn(0.5, {"phone"})
