"""Finds faces with YuNet: slower than BlazeFace, and right where that one is unsure.

Decoding after OpenCV's FaceDetectorYN: per stride one cell per prior, score sqrt(class * object),
centre and size relative to the cell, five key points.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import Face
from detectors.runtime import load_network

_SHAPE = (1, 3, 480, 640)
_STRIDES = (8, 16, 32)
_SAME_FACE = 0.3


class YuNet:
    """The face detector. Shared; holds no history."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._network = load_network(path, threads, exact=True, shape=_SHAPE)
        _, _, self._height, self._width = self._network.input_shape
        self._grids = [
            np.stack(
                np.meshgrid(np.arange(self._width // s), np.arange(self._height // s)), axis=-1
            )
            .reshape(-1, 2)
            .astype(np.float32)
            for s in _STRIDES
        ]

    def find(self, rgb: Pixels, lowest: float = 0.3) -> tuple[Face, ...]:
        """All faces scoring at least `lowest` in uint8 (H, W, 3), best first."""
        height, width = rgb.shape[:2]
        scale = min(self._width / width, self._height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = rgb if size == (width, height) else cv2.resize(rgb, size)
        right, bottom = self._width - size[0], self._height - size[1]
        if right or bottom:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        blob = np.asarray(cv2.dnn.blobFromImage(image, swapRB=True), np.float32)
        boxes, scores, points = self._read(self._network.run(blob), lowest)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), lowest, _SAME_FACE)
        return tuple(
            Face(
                left=float(boxes[i, 0]) / scale,
                top=float(boxes[i, 1]) / scale,
                right=float(boxes[i, 0] + boxes[i, 2]) / scale,
                bottom=float(boxes[i, 1] + boxes[i, 3]) / scale,
                score=float(scores[i]),
                points=points[i] / scale,
            )
            for i in np.asarray(kept, int).ravel()
        )

    def _read(self, outputs: object, lowest: float) -> tuple[Floats, Floats, Floats]:
        """Boxes (n, 4) as x, y, width, height, scores (n,), points (n, 5, 2), in input pixels."""
        flat = [np.asarray(out)[0] for out in outputs]  # type: ignore[attr-defined]
        boxes, scores, points = [], [], []
        for level, stride in enumerate(_STRIDES):
            kind, seen, box, spots = (flat[level + 3 * part] for part in range(4))
            score = np.sqrt(np.clip(kind[:, 0], 0, 1) * np.clip(seen[:, 0], 0, 1))
            keep = np.flatnonzero(score >= lowest)
            grid = self._grids[level][keep]
            center = (grid + box[keep, :2]) * stride
            extent = np.exp(box[keep, 2:]) * stride
            boxes.append(np.concatenate([center - extent / 2, extent], axis=1))
            scores.append(score[keep])
            points.append((spots[keep].reshape(-1, 5, 2) + grid[:, None]) * stride)
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)
