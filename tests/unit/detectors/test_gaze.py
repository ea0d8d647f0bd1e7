"""Direction and calibration on poses, without pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detectors.gaze import CALIBRATED, UNCALIBRATED, Calibration, Center, direction
from detectors.pose import Pose

AHEAD = Pose(yaw=0, pitch=0, sight=0, opening=0.3, iris_y=-0.06, face_px=180)
KNOWN = Center(quality=1.0)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, "center"),
        ({"yaw": -40.0, "sight": -60.0}, "left"),
        ({"yaw": 40.0, "sight": 60.0}, "right"),
        ({"pitch": 25.0}, "up"),
        ({"pitch": -35.0}, "down"),
        ({"opening": 0.05}, "closed"),
        ({"opening": 0.1, "pitch": -35.0}, "down"),
    ],
)
def test_a_pose_has_one_direction(change: dict[str, float], word: str) -> None:
    assert direction(replace(AHEAD, **change), Center(), UNCALIBRATED) == word


def test_a_turned_head_that_looks_at_the_screen_is_in_the_centre() -> None:
    assert direction(replace(AHEAD, yaw=22.0, sight=3.0), Center(), UNCALIBRATED) == "center"


def test_eyes_alone_count_once_the_student_is_known() -> None:
    aside = replace(AHEAD, sight=-14.0)
    assert direction(aside, Center(), UNCALIBRATED) == "center"
    assert direction(aside, KNOWN, CALIBRATED) == "left"


def test_a_camera_beside_the_screen_is_learnt() -> None:
    calibration = Calibration()
    pose = replace(AHEAD, yaw=14.0, sight=15.0, pitch=-12.0)
    for step in range(8):
        calibration.add(step * 0.5, pose)
    assert calibration.is_done
    assert calibration.center.quality > 0.9
    assert direction(pose, calibration.center, CALIBRATED) == "center"
    assert direction(replace(pose, sight=0.0), calibration.center, CALIBRATED) == "left"


@pytest.mark.parametrize("fps", [1, 2, 5, 15])
def test_calibration_takes_the_same_seconds_at_every_frame_rate(fps: int) -> None:
    calibration = Calibration()
    step = 0
    while not calibration.is_done:
        calibration.add(step / fps, AHEAD)
        step += 1
    assert 2.5 <= (step - 1) / fps <= 4.0


def test_somebody_who_looks_around_at_the_start_is_not_calibrated_on_it() -> None:
    calibration = Calibration()
    for step in range(12):
        calibration.add(step * 0.5, replace(AHEAD, sight=(-15.0, 15.0)[step % 2]))
    assert not calibration.is_done
    assert calibration.center.quality == 0.0


def test_a_slow_change_of_posture_is_followed_but_not_without_end() -> None:
    calibration = Calibration()
    for step in range(8):
        calibration.add(step * 0.5, AHEAD)
    for step in range(8, 4000):
        drift = min(30.0, (step - 8) * 0.01)
        calibration.add(step * 0.5, replace(AHEAD, sight=drift, yaw=drift))
    assert 2.0 < calibration.center.sight <= 8.0


def test_reading_from_edge_to_edge_is_never_long_on_one_side() -> None:
    """Lines of 4 s across 24 degrees of sight, the width of a laptop screen."""
    longest, since, now = 0.0, None, 0.0
    last = "center"
    for step in range(600):
        now = step * 0.1
        sight = -12.0 + 24.0 * ((now % 4.0) / 4.0)
        last = direction(replace(AHEAD, sight=sight), KNOWN, CALIBRATED, last)
        if last == "center":
            since = None
        else:
            since = now if since is None else since
            longest = max(longest, now - since)
    assert longest < 2.0


def test_leaving_a_side_takes_more_than_staying_there() -> None:
    edge = replace(AHEAD, sight=9.0)
    assert direction(edge, KNOWN, CALIBRATED, "center") == "center"
    assert direction(edge, KNOWN, CALIBRATED, "right") == "right"
