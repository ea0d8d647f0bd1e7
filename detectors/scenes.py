"""Small descriptors of a picture and how alike two are, for the camera's health."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels

_SIZE = (32, 24)


@dataclass(frozen=True, slots=True)
class Scene:
    """`grey` is float32 (768,), 0 to 255; `structure` the same without its slow changes of
    light, of length 1; `edge` how strong the strongest 2 % of edges are.
    """

    grey: Floats
    structure: Floats
    edge: float


def describe(small: Pixels) -> Scene:
    """Describe a small grey picture, uint8 (120, 160)."""
    tiny = np.asarray(
        cv2.resize(small, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32), np.float32
    )
    soft = cv2.GaussianBlur(small, (0, 0), 1.5).astype(np.float32)
    across, along = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    edge = float(np.percentile(cv2.magnitude(across, along), 98)) / 4
    coarse = tiny - cv2.GaussianBlur(tiny, (0, 0), 4.0)
    flat = coarse.reshape(-1)
    return Scene(
        grey=tiny.reshape(-1),
        structure=np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32),
        edge=edge,
    )


def likeness(a: Scene, b: Scene) -> float:
    """Correlation of the structure, -1 to 1: the same room in other light stays near 1."""
    return float(a.structure @ b.structure)
