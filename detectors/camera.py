"""Watches the camera itself: covered, frozen, switched, or showing a loop."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.arrays import Pixels
from detectors.base import View
from detectors.entry import WorkerConfig
from detectors.quality import ADVICE
from scoring.model import Detector, Observation

COVERED_CONTRAST = 4.0
FROZEN_DIFFERENCE = 0.02
FROZEN_AFTER_S = 4.0


class CameraDetector:
    """Needs no model."""

    detector = Detector.CAMERA
    model = ""

    def open_stream(self) -> CameraStream:
        return CameraStream()


class CameraStream:
    """The camera of one session."""

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._same_since_s: float | None = None

    def look(self, view: View) -> tuple[Observation, ...]:
        """One label per frame; `covered` and `frozen` also make the frame unfit for others."""
        quality = view.quality
        if quality is None:
            return ()
        label = "ok"
        if quality.contrast < COVERED_CONTRAST:
            label = "covered"
        if self._last is not None and self._last.shape == quality.small.shape:
            difference = float(np.mean(cv2.absdiff(self._last, quality.small)))
            if difference > FROZEN_DIFFERENCE:
                self._same_since_s = None
            elif self._same_since_s is None:
                self._same_since_s = view.at_s
        self._last = quality.small
        if self._same_since_s is not None and view.at_s - self._same_since_s >= FROZEN_AFTER_S:
            label = "frozen" if label == "ok" else label
        if label in ("covered", "frozen"):
            view.unfit = view.unfit or label
            view.advice = view.advice or ADVICE[label]
        return (Observation(Detector.CAMERA, view.at_s, (label,)),)


def load_camera(_config: WorkerConfig) -> CameraDetector:
    return CameraDetector()
