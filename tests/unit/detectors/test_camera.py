"""The camera's health on drawn pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from detectors.arrays import Pixels
from detectors.base import Costs, View
from detectors.camera import CameraStream
from detectors.picture import Picture
from detectors.quality import measure


def room(seed: int = 1) -> Pixels:
    """A drawn room: blocks of different grey."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 210, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (640, 480), interpolation=cv2.INTER_NEAREST), np.uint8)


def live(picture: Pixels, step: int) -> Pixels:
    """The same with a camera's noise."""
    noise = np.random.default_rng(step).normal(0, 3, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def with_visitor(picture: Pixels, step: int, period: int) -> Pixels:
    """Somebody who moves through the room and is back after `period` frames."""
    moved = picture.copy()
    turn = 2 * np.pi * (step % period) / period
    x, y = int(320 + 180 * np.cos(turn)), int(240 + 110 * np.sin(3 * turn))
    cv2.circle(moved, (x, y), 70, (230, 200, 180), -1)
    return moved


def labels(frames: list[Pixels], fps: float = 2.0) -> list[str]:
    stream = CameraStream()
    said = []
    for step, rgb in enumerate(frames):
        view = View(step / fps, Picture.of(rgb), Costs(), quality=measure(rgb))
        said.append(stream.look(view)[0].labels[0])
    return said


def test_a_live_room_is_ok() -> None:
    assert set(labels([live(room(), step) for step in range(30)])) == {"ok"}


@pytest.mark.parametrize(
    "cover",
    [
        lambda step: np.zeros((480, 640, 3), np.uint8),
        lambda step: live(np.full((480, 640, 3), 25, np.uint8), step),
    ],
    ids=["black", "a hand on the lens"],
)
def test_a_covered_lens_is_covered_and_unfit_for_others(cover: Callable[[int], Pixels]) -> None:
    stream = CameraStream()
    for step in range(10):
        rgb = live(room(), step) if step < 5 else cover(step)
        view = View(step / 2, Picture.of(rgb), Costs(), quality=measure(rgb))
        found = stream.look(view)[0]
        assert found.labels == (("ok",) if step < 5 else ("covered",))
    assert view.unfit == "covered"
    assert view.advice


@pytest.mark.parametrize("light", [0.25, 0.12, 0.06])
def test_a_lamp_switched_off_does_not_cover_the_camera(light: float) -> None:
    dark = [
        live(np.asarray(room() * light, np.uint8), step) if 5 <= step < 45 else live(room(), step)
        for step in range(60)
    ]
    assert set(labels(dark)) == {"ok"}


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_the_very_same_picture_for_seconds_is_frozen(fps: int) -> None:
    still = live(room(), 0)
    frames = [live(room(), 100 + step) for step in range(fps)] + [still] * (8 * fps)
    said = labels(frames, fps)
    assert said[-1] == "frozen"
    assert "frozen" not in said[: fps + 4 * fps]


def test_a_video_that_repeats_is_looped() -> None:
    base = [live(with_visitor(room(), step, 24), step) for step in range(24)]
    assert "looped" in labels(base * 4)


def test_somebody_who_moves_to_and_fro_before_a_live_camera_is_not_looped() -> None:
    rng = np.random.default_rng(5)
    frames = [
        live(with_visitor(room(), step + int(rng.integers(3)), 24), step) for step in range(96)
    ]
    assert "looped" not in labels(frames)


def test_another_scene_that_stays_is_switched_for_a_while() -> None:
    frames = [live(room(1 if step < 10 else 2), step) for step in range(30)]
    said = labels(frames)
    assert "switched" in said[10:20]
    assert said[-1] == "ok"
