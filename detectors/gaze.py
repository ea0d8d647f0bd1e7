"""Where the student looks: head pose and irises, calibrated on the first seconds.

`left` is image-left, as seen in the picture. Yaw is positive towards image-right, pitch upwards.
"""

from __future__ import annotations

import math
from statistics import median

import numpy as np

from detectors.arrays import Floats
from detectors.base import Mesh, View
from detectors.entry import WorkerConfig
from scoring.model import Detector, Observation

CALIBRATION_FRAMES = 8
SIDE_RATIO = 0.06
YAW_LIMIT, UP_LIMIT, DOWN_LIMIT = 28.0, 18.0, 20.0
CLOSED_EAR = 0.13


def head_angles(mesh: Mesh) -> tuple[float, float]:
    """Yaw and pitch in degrees from the sides of the face, forehead and chin."""
    points = mesh.points
    across, along = points[454] - points[234], points[152] - points[10]
    yaw = math.degrees(math.atan2(float(across[2]), float(np.hypot(across[0], across[1]))))
    pitch = math.degrees(math.atan2(float(along[2]), float(np.hypot(along[0], along[1]))))
    return yaw, pitch


def iris_ratio(points: Floats) -> float:
    """Where the irises sit between the eye corners: 0 image-left, 1 image-right, both eyes."""
    ratios = []
    for a, b, iris in ((33, 133, 468), (362, 263, 473)):
        line = points[b, :2] - points[a, :2]
        ratios.append(float((points[iris, :2] - points[a, :2]) @ line / (line @ line)))
    return sum(ratios) / 2


def eye_opening(points: Floats) -> float:
    """Lid distance over eye width, mean of both eyes."""
    total = 0.0
    for a, b, up, low in ((33, 133, 159, 145), (362, 263, 386, 374)):
        total += float(
            np.linalg.norm(points[up, :2] - points[low, :2])
            / np.linalg.norm(points[a, :2] - points[b, :2])
        )
    return total / 2


class GazeDetector:
    """Needs the face mesh; has no model of its own."""

    detector = Detector.GAZE
    model = "FaceMesh with iris (mediapipe)"

    def open_stream(self) -> GazeStream:
        return GazeStream()


class GazeStream:
    """Gaze of one session."""

    def __init__(self) -> None:
        self._ratios: list[float] = []
        self._center = 0.5

    def look(self, view: View) -> tuple[Observation, ...]:
        if view.mesh is None:
            if view.faces is None:
                return ()
            return (Observation(Detector.GAZE, view.at_s, judgeable=False, reason="no_face"),)
        yaw, pitch = head_angles(view.mesh)
        ratio = iris_ratio(view.mesh.points)
        opening = eye_opening(view.mesh.points)
        if len(self._ratios) < CALIBRATION_FRAMES and abs(ratio - 0.5) < SIDE_RATIO:
            self._ratios.append(ratio)
            self._center = median(self._ratios)
        view.yaw_deg, view.pitch_deg = round(yaw, 1), round(pitch, 1)
        view.direction = self._direction(yaw, pitch, ratio, opening)
        return (
            Observation(
                Detector.GAZE,
                view.at_s,
                (view.direction,),
                measures=(
                    ("yaw_deg", yaw),
                    ("pitch_deg", pitch),
                    ("iris", ratio - self._center),
                    ("opening", opening),
                    ("calibration", min(1.0, len(self._ratios) / CALIBRATION_FRAMES)),
                ),
            ),
        )

    def _direction(self, yaw: float, pitch: float, ratio: float, opening: float) -> str:
        if opening < CLOSED_EAR:
            return "closed"
        if abs(yaw) > YAW_LIMIT:
            return "left" if yaw < 0 else "right"
        if pitch > UP_LIMIT:
            return "up"
        if pitch < -DOWN_LIMIT:
            return "down"
        if abs(ratio - self._center) > SIDE_RATIO:
            return "left" if ratio < self._center else "right"
        return "center"


def load_gaze(_config: WorkerConfig) -> GazeDetector:
    return GazeDetector()
