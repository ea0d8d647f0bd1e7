"""Degradations keep the shape, change the content and can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

from tools.evaluation.degrade import (
    DEGRADATIONS,
    PICTURES,
    SOUNDS,
    degrade_picture,
    degrade_sound,
)
from tools.evaluation.media import decode, encode


def _picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    y, x = np.mgrid[0:480, 0:640]
    checks = ((x // 40 + y // 40) % 2 * 160 + 40).astype(np.uint8)
    return np.repeat(checks[..., None], 3, axis=2)


@pytest.mark.parametrize("name", PICTURES)
def test_a_degraded_picture_is_another_one_and_the_same_each_time(name: str) -> None:
    clean = _picture()
    first, quality = degrade_picture(name, clean, "a.jpg", None)
    again, _ = degrade_picture(name, clean, "a.jpg", None)
    assert np.array_equal(first, again)
    sent = decode(encode(first, quality))
    assert sent.shape == ((240, 320, 3) if name == "320x240" else clean.shape)
    if name != "320x240":
        assert np.abs(sent.astype(int) - clean).mean() > 1


def test_darkness_is_dark_and_backlight_darkens_the_spot_only() -> None:
    clean = _picture()
    dark, _ = degrade_picture("darkness", clean, "a.jpg", None)
    assert dark.mean() < clean.mean() / 5
    lit, _ = degrade_picture("backlight", clean, "a.jpg", (0.4, 0.4, 0.2, 0.2))
    assert lit[220:260, 300:340].mean() < clean.mean() / 2
    assert lit[:20, :20].mean() > 200


def test_the_occlusion_covers_a_part_of_the_spot() -> None:
    clean = _picture()
    covered, _ = degrade_picture("occlusion", clean, "a.jpg", (0.25, 0.25, 0.5, 0.5))
    changed = (covered != clean).any(axis=2)
    assert changed[300:340, 200:440].all()
    assert not changed[:280].any()


@pytest.mark.parametrize("name", SOUNDS)
def test_a_degraded_sound_has_the_same_length(name: str) -> None:
    clean = np.sin(np.linspace(0, 900, 16_000)).astype(np.float32) * 0.3
    first = degrade_sound(name, clean, "a.wav")
    assert first.shape == clean.shape
    assert np.array_equal(first, degrade_sound(name, clean, "a.wav"))
    assert not np.array_equal(first, clean)


def test_all_asked_degradations_are_there() -> None:
    asked = {"darkness", "backlight", "blur", "jpeg q20", "320x240", "noise", "occlusion"}
    assert asked <= set(DEGRADATIONS)
