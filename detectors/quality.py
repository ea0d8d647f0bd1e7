"""Says whether a picture is good enough to judge, and what the student can change.

Works on a small grey copy of the picture, so it costs a fraction of a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels

SMALL = (160, 120)
BLOCKS = (20, 15)
_HALF = (320, 240)

ADVICE = {
    "dark": "It is too dark to see you well. Please switch on a light in front of you.",
    "backlit": "There is a bright light behind you. Please turn, or put a light in front of you.",
    "blurred": "The picture is blurred. Please clean the camera and sit still in front of it.",
    "noisy": "The picture is full of noise. Please switch on a light.",
    "compressed": "The picture is too coarse to see you well. Please check your connection.",
    "far": "You are far from the camera. Please come closer.",
    "covered": "The camera shows nothing. Please uncover it.",
    "frozen": "The camera picture does not move any more. Please check the camera.",
    "turned": "Your face cannot be seen. Please face the screen.",
    "none": "Nobody can be seen. Please sit in front of the camera.",
    "several": "More than one person can be seen. Please sit alone in front of the camera.",
}

_DARK, _DIM = 28.0, 60.0
_BRIGHT_PIXEL, _BRIGHT_SHARE, _DIM_REST = 215, 0.12, 80.0
_NOISY = 5.0
_BLACK, _WHITE = 20, 235
_SOFT = 1.4
# JPEG's quality 40; 80 gives 23, 20 gives 144.
_COARSE = 72.0
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one picture. `small` is its grey copy, uint8 (120, 160); `blocks` the mean of
    each 8 x 8 of its pixels, float32 (15, 20); `brightness` the mean of all (0 to 255).
    """

    small: Pixels
    blocks: Floats
    brightness: float

    @property
    def is_dark(self) -> bool:
        """Dark enough that lifting the shadows may show more."""
        return self.brightness < _DIM


def measure(rgb: Pixels) -> Quality:
    """Measure a picture, uint8 (H, W, 3), or a smaller copy of it."""
    small = _grey(rgb, SMALL)
    blocks = cv2.resize(small.astype(np.float32), BLOCKS, interpolation=cv2.INTER_AREA)
    return Quality(small, np.asarray(blocks, np.float32), float(cv2.mean(blocks)[0]))


def unfit_reason(rgb: Pixels, quality: Quality, coarseness: float = 0.0) -> str:
    """Why a face in this picture could have been missed; empty when there is no excuse.

    Asked only about pictures in which nobody was found. Blur is the ratio of fine to coarse
    gradients on the strongest edges, which an empty wall with one door frame passes and a
    defocused room does not. `coarseness` is `Picture.coarseness`.
    """
    small = quality.small
    if quality.brightness < _DARK or float(np.percentile(small, 95)) < _DIM:
        return "dark"
    bright = small >= _BRIGHT_PIXEL
    share = float(bright.mean())
    if _BRIGHT_SHARE < share < 1 and float(np.median(small[~bright])) < _DIM_REST:
        return "backlit"
    half = _grey(rgb, _HALF)
    if noise(half) > _NOISY:
        return "noisy"
    if edge_ratio(half) < _SOFT:
        return "blurred"
    if coarseness > _COARSE:
        return "compressed"
    return ""


def noise(grey: Pixels) -> float:
    """The standard deviation of the noise of uint8 (240, 320), after Immerkaer (1996).

    Taken in the smoothest quarter of the picture: texture is somewhere, noise is everywhere. What
    is black or white shows none of it and is left out.
    """
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, _IMMERKAER))
    each = cv2.resize(rough, BLOCKS, interpolation=cv2.INTER_AREA)
    light = cv2.resize(grey, BLOCKS, interpolation=cv2.INTER_AREA)
    shown = each[(light > _BLACK) & (light < _WHITE)]
    return float(np.percentile(shown if shown.size else each, 25)) * 0.2089


def edge_ratio(grey: Pixels) -> float:
    """Fine over coarse gradient on the strongest edges of uint8 (240, 320): 1 is all blur."""
    coarse = _gradient(np.asarray(cv2.GaussianBlur(grey, (0, 0), 2.0), np.uint8))
    edges = coarse >= max(float(np.percentile(coarse, 98)), 1.0)
    if not edges.any():
        return 1.0
    return float(_gradient(grey)[edges].mean() / coarse[edges].mean())


def _grey(rgb: Pixels, size: tuple[int, int]) -> Pixels:
    green = cv2.extractChannel(rgb, 1)
    return np.asarray(cv2.resize(green, size, interpolation=cv2.INTER_AREA), np.uint8)


def _gradient(grey: Pixels) -> Floats:
    across, along = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, along), np.float32)
