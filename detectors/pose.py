"""Angles of head and eyes from face landmarks.

Everything is as seen in the picture: yaw is positive towards image-right, pitch upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats
from detectors.base import Face, Mesh

# Outer and inner corner, iris, upper and lower lid of the image-left and the image-right eye.
_EYES = ((33, 133, 468, 159, 145), (362, 263, 473, 386, 374))
_SIDE_A, _SIDE_B, _FOREHEAD, _CHIN = 234, 454, 10, 152
# An iris that moves by one eye width would be an eye turned by this: the visible eye is about
# 30 mm wide and the eyeball's radius 12 mm, so 15 degrees move the iris by a tenth.
DEG_PER_EYE_WIDTH = 145.0
# Nose offset over the distance between eyes and mouth of a head turned by one radian or so.
_PROFILE_DEG = 140.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees. `sight` is where the eyes point: yaw plus the eyes' turn in the head.

    `opening` is lid distance over eye width, mean of both eyes; `iris_y` how far the irises lie
    under the line between the eye corners, in eye widths; `face_px` the width of the face.
    """

    yaw: float
    pitch: float
    sight: float
    opening: float
    iris_y: float
    face_px: float


def pose_of(mesh: Mesh) -> Pose:
    """Head pose from sides, forehead and chin of the mesh; sight from the irises."""
    points = mesh.points
    across, along = points[_SIDE_B] - points[_SIDE_A], points[_CHIN] - points[_FOREHEAD]
    yaw = math.degrees(math.atan2(float(across[2]), float(np.hypot(across[0], across[1]))))
    pitch = -math.degrees(math.atan2(float(along[2]), float(np.hypot(along[0], along[1]))))
    one, other = (_eye(points, *eye) for eye in _EYES)
    shift, drop, opening = ((a + b) / 2 for a, b in zip(one, other, strict=True))
    return Pose(
        yaw=yaw,
        pitch=pitch,
        sight=yaw + DEG_PER_EYE_WIDTH * shift,
        opening=opening,
        iris_y=drop,
        face_px=mesh.width,
    )


def _eye(
    points: Floats, left: int, right: int, iris: int, upper: int, lower: int
) -> tuple[float, float, float]:
    """Iris offset to image-right and downwards, and opening, in eye widths."""
    (x0, y0), (x1, y1), (ix, iy), (ux, uy), (lx, ly) = points[
        [left, right, iris, upper, lower], :2
    ].tolist()
    across, along = x1 - x0, y1 - y0
    square = max(across * across + along * along, 1e-6)
    return (
        ((ix - x0) * across + (iy - y0) * along) / square - 0.5,
        (across * (iy - y0) - along * (ix - x0)) / square,
        math.hypot(ux - lx, uy - ly) / math.sqrt(square),
    )


def profile_yaw(face: Face) -> float:
    """Rough yaw of a face without a mesh, from how far the nose lies beside the eyes."""
    eyes = (face.points[0] + face.points[1]) / 2
    mouth = face.points[3:5].mean(axis=0) if len(face.points) == 5 else face.points[3]
    down = mouth - eyes
    length = max(float(np.hypot(down[0], down[1])), 1.0)
    side = np.array([down[1], -down[0]]) / length
    offset = float((face.points[2] - eyes) @ side) / length
    return max(-90.0, min(90.0, offset * _PROFILE_DEG))
