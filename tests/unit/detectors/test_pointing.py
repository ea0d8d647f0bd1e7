"""Calibration by points: what is learnt of where a student looks."""

from __future__ import annotations

from dataclasses import replace

from detectors.messages import Mark
from detectors.pointing import Pointing, own_limits
from detectors.pose import Pose

STRAIGHT = Pose(yaw=1.0, pitch=-4.0, sight=3.0, opening=0.3, iris_y=-0.06, face_px=150.0)


def shown(*points: tuple[float, float, float, float]) -> Pointing:
    """Points at (x, y), each looked at for 2 s with this sight and pitch beside straight on."""
    pointing = Pointing()
    for number, (x, y, sight, pitch) in enumerate(points):
        pointing.show(Mark("look", number * 2.0, x, y))
        # The eyes are still elsewhere when the point appears.
        pointing.add(number * 2.0 + 0.2, replace(STRAIGHT, sight=60.0))
        for at_s in (0.7, 1.2, 1.7):
            pose = replace(STRAIGHT, sight=3.0 + sight, pitch=-4.0 + pitch)
            pointing.add(number * 2.0 + at_s, pose)
    pointing.end(len(points) * 2.0)
    return pointing


def test_the_middle_gives_the_centre_and_the_corners_the_reach() -> None:
    learnt = shown((0.5, 0.5, 0, 0), (0.1, 0.1, -9, 6), (0.9, 0.9, 12, -8)).learn()
    assert learnt is not None
    assert {pose.sight for pose in learnt.middle} == {3.0}
    assert (learnt.sight, learnt.up, learnt.down, learnt.points) == (12, 6, 8, 3)


def test_limits_are_widened_to_the_own_screen_and_never_narrowed() -> None:
    wide = shown((0.5, 0.5, 0, 0), (0.9, 0.5, 12, 0)).learn()
    narrow = shown((0.5, 0.5, 0, 0), (0.9, 0.5, 2, 0)).learn()
    wild = shown((0.5, 0.5, 0, 0), (0.9, 0.5, 70, 0)).learn()
    assert wide is not None
    assert narrow is not None
    assert wild is not None
    assert own_limits(wide, 9.5, 13, 14) == (15, 13, 14)
    assert own_limits(narrow, 9.5, 13, 14) == (9.5, 13, 14)
    assert own_limits(wild, 9.5, 13, 14)[0] == 17


def test_without_a_steady_look_at_the_middle_nothing_is_learnt() -> None:
    assert shown((0.1, 0.1, 0, 0)).learn() is None
    restless = Pointing()
    restless.show(Mark("look", 0.0))
    for number, sight in enumerate((-20.0, 0.0, 20.0)):
        restless.add(0.6 + number * 0.4, replace(STRAIGHT, sight=sight))
    assert restless.learn() is None
