"""Says whether a picture is good enough to judge, and what the student can change.

Works on a small grey copy of the picture, so it costs a fraction of a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Pixels

SMALL = (160, 120)

ADVICE = {
    "dark": "It is too dark to see you well. Please switch on a light in front of you.",
    "backlit": "There is a bright light behind you. Please turn, or put a light in front of you.",
    "blurred": "The picture is blurred. Please clean the camera and sit still in front of it.",
    "far": "You are far from the camera. Please come closer.",
    "covered": "The camera shows nothing. Please uncover it.",
    "frozen": "The camera picture does not move any more. Please check the camera.",
    "turned": "Your face cannot be seen. Please face the screen.",
    "none": "Nobody can be seen. Please sit in front of the camera.",
    "several": "More than one person can be seen. Please sit alone in front of the camera.",
}


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one picture. `small` is its grey copy, uint8 (120, 160).

    `brightness` and `contrast` are mean and standard deviation of `small` (0 to 255);
    `highlight` is the share of nearly white pixels; `sharpness` the standard deviation of the
    Laplacian over `contrast`.
    """

    small: Pixels
    brightness: float
    contrast: float
    highlight: float
    sharpness: float

    @property
    def unfit(self) -> str:
        """Why the picture as a whole cannot be trusted to show a face; empty when it can."""
        if self.brightness < 35:
            return "dark"
        if self.highlight > 0.25 and self.brightness > 110:
            return "backlit"
        if self.sharpness < 0.12:
            return "blurred"
        return ""


def measure(rgb: Pixels) -> Quality:
    """Measure a picture, uint8 (H, W, 3)."""
    reduced = cv2.resize(rgb, SMALL, interpolation=cv2.INTER_AREA)
    small = np.asarray(cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY), np.uint8)
    mean, deviation = cv2.meanStdDev(small)
    contrast = float(deviation[0, 0])
    edges = cv2.Laplacian(small, cv2.CV_32F)
    return Quality(
        small=small,
        brightness=float(mean[0, 0]),
        contrast=contrast,
        highlight=float(np.count_nonzero(small >= 240)) / small.size,
        sharpness=float(edges.std()) / max(contrast, 1.0),
    )
