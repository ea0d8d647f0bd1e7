"""What can be wrong with a picture or a sound: each is one function of the clean one.

All chance in it comes from a seed of the file's name, so a run can be repeated.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from tools.evaluation.coded import through_opus
from tools.evaluation.media import QUALITY

Spot = tuple[float, float, float, float]


def _darkness(bgr: Pixels, rng: np.random.Generator, _spot: Spot) -> Pixels:
    """An eighth of the light, with the noise a camera makes of it."""
    dim = bgr.astype(np.float32) / 8 + rng.normal(0, 3, bgr.shape)
    return np.asarray(np.clip(dim, 0, 255), np.uint8)


def _backlight(bgr: Pixels, _rng: np.random.Generator, spot: Spot) -> Pixels:
    """A bright window around a person who is left in the dark."""
    height, width = bgr.shape[:2]
    x, y, w, h = spot
    across = (np.arange(width) / width - (x + w / 2)) / max(w, 0.15)
    down = (np.arange(height) / height - (y + h / 2)) / max(h * 1.6, 0.25)
    far = np.clip(np.sqrt(across[None] ** 2 + down[:, None] ** 2) - 0.7, 0, 1)[..., None]
    lit = bgr * (0.3 * (1 - far)) + 255 * far + bgr * far * 0.3
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _blur(bgr: Pixels, _rng: np.random.Generator, _spot: Spot) -> Pixels:
    return np.asarray(cv2.GaussianBlur(bgr, (0, 0), 4.0), np.uint8)


def _small(bgr: Pixels, _rng: np.random.Generator, _spot: Spot) -> Pixels:
    size = (max(1, bgr.shape[1] // 2), max(1, bgr.shape[0] // 2))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _noise(bgr: Pixels, rng: np.random.Generator, _spot: Spot) -> Pixels:
    noisy = bgr.astype(np.float32) + rng.normal(0, 20, bgr.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _occlusion(bgr: Pixels, _rng: np.random.Generator, spot: Spot) -> Pixels:
    """Something grey in front of the lower third of the face."""
    height, width = bgr.shape[:2]
    x, y, w, h = spot
    left, right = int((x - 0.05 * w) * width), int((x + 1.05 * w) * width)
    top, bottom = int((y + 0.68 * h) * height), int((y + 1.05 * h) * height)
    covered = bgr.copy()
    covered[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = (96, 96, 96)
    return covered


def _same(bgr: Pixels, _rng: np.random.Generator, _spot: Spot) -> Pixels:
    return bgr


PICTURES: dict[str, Callable[[Pixels, np.random.Generator, Spot], Pixels]] = {
    "darkness": _darkness,
    "backlight": _backlight,
    "blur": _blur,
    "jpeg q20": _same,
    "320x240": _small,
    "noise": _noise,
    "occlusion": _occlusion,
}
QUALITIES = {"jpeg q20": 20}
# These need to know where the face is.
AROUND_THE_FACE = ("backlight", "occlusion")

CENTRE: Spot = (0.35, 0.2, 0.3, 0.5)


def degrade_picture(name: str, bgr: Pixels, file: str, spot: Spot | None) -> tuple[Pixels, int]:
    """The picture degraded, and the JPEG quality it is sent with.

    `spot` is where the face is, in shares of the picture (left, top, width, height).
    """
    rng = np.random.default_rng(zlib.crc32(file.encode()))
    return PICTURES[name](bgr, rng, spot or CENTRE), QUALITIES.get(name, QUALITY)


def _noisy_sound(samples: Floats, rng: np.random.Generator) -> Floats:
    """White noise 10 dB under the sound's own level."""
    level = float(np.sqrt(np.mean(np.square(samples)))) if samples.size else 0.0
    noise = rng.normal(0, max(level, 1e-3) * 10 ** (-10 / 20), samples.size)
    return np.asarray(np.clip(samples + noise, -1, 1), np.float32)


def _faint_sound(samples: Floats, _rng: np.random.Generator) -> Floats:
    """20 dB softer, in 16 bits."""
    return np.asarray(np.round(samples * 3276.8) / 32768, np.float32)


def _coded_sound(samples: Floats, _rng: np.random.Generator) -> Floats:
    """As a browser sends it."""
    return through_opus(samples)


SOUNDS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "noise": _noisy_sound,
    "faint": _faint_sound,
    "opus": _coded_sound,
}


def degrade_sound(name: str, samples: Floats, file: str) -> Floats:
    """The sound degraded; float32 (n,) in and out."""
    return SOUNDS[name](samples, np.random.default_rng(zlib.crc32(file.encode())))


DEGRADATIONS: tuple[str, ...] = (*PICTURES, *(name for name in SOUNDS if name not in PICTURES))
