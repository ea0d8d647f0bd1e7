"""Turns an aligned face into 128 numbers: MobileFaceNet.

Two crops of different tightness, each with its mirror image, are averaged: one crop alone leaves
pairs of strangers with small blurred faces as close as some pairs of one person.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import Mesh
from detectors.runtime import Network

SIDE = 112
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
# Eyes, nose tip and mouth corners in the crop (InsightFace's template).
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]],
    np.float32,
)  # fmt: skip
_TIGHTNESS, _QUICK_TIGHTNESS = (0.85, 0.95), (0.9,)
# Below this scale a plain warp would alias.
_SMOOTH_BELOW = 0.7


def five_points(mesh: Mesh) -> Floats:
    """Eye centres (between the corners: irises move), nose tip, mouth corners, (5, 2) pixels."""
    points = mesh.points[:, :2]
    return np.stack(
        [
            (points[33] + points[133]) / 2,
            (points[362] + points[263]) / 2,
            points[1],
            points[61],
            points[291],
        ]
    )


def aligned(rgb: Pixels, points: Floats, tightness: float = 1.0, is_smooth: bool = True) -> Pixels:
    """The face turned upright on five points, uint8 (112, 112, 3).

    Without `is_smooth` a large face aliases, which is good enough to measure its light.
    """
    half = SIDE / 2
    target = ((_TEMPLATE - half) * tightness + half).astype(np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(points.astype(np.float32), target, method=cv2.LMEDS)
    if matrix is None:
        raise ValueError("the landmarks of the face lie on one spot")
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    image = rgb
    if is_smooth and scale < _SMOOTH_BELOW:
        sigma = 0.5 / max(scale, 0.05) - 0.3
        corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]], np.float64)
        seen = corners @ cv2.invertAffineTransform(matrix).T
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        margin = 4 * sigma
        x, y = max(0, int(left - margin)), max(0, int(top - margin))
        part = rgb[y : max(y + 1, int(bottom + margin)), x : max(x + 1, int(right + margin))]
        image = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)
        offset = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
        matrix = np.asarray(matrix, np.float64) @ offset
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE)), np.uint8)


class FaceEncoder:
    """The network as a function. Shared; holds no history."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def encode(self, rgb: Pixels, points: Floats, is_quick: bool = False) -> Floats:
        """Embedding of length 1, float32 (128,), of the face with these five points.

        `is_quick` takes one crop: half the cost, good enough to see that nothing changed.
        """
        total = np.zeros(128, np.float32)
        for tightness in _QUICK_TIGHTNESS if is_quick else _TIGHTNESS:
            crop = aligned(rgb, points, tightness)
            for image in (crop, crop[:, ::-1]):
                blob = ((image.astype(np.float32) / 255 - _MEAN) / _STD).transpose(2, 0, 1)[None]
                total += self._network.run(np.ascontiguousarray(blob))[0].reshape(-1)
        return total / max(float(np.linalg.norm(total)), 1e-6)


def cosine(a: Floats, b: Floats) -> float:
    """How alike two embeddings are, -1 to 1."""
    return float(a @ b)
