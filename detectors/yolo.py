"""Finds COCO objects with a YOLO model; the output layout is told from its shape.

Known layouts: YOLOv8/11 `(1, 4 + classes, N)` with centre boxes in input pixels, RGB in 0..1; and
YOLOX `(1, N, 5 + classes)` on strides 8, 16, 32 with box offsets to a grid, BGR in 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import DetectorUnavailable
from detectors.runtime import Network

PERSON, BOOK, LAPTOP, SCREEN, PHONE, REMOTE = 0, 73, 63, 62, 67, 65
CLASSES = 80
_STRIDES = (8, 16, 32)
_SAME_BOX = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """One object: COCO class, score 0 to 1, corners in pixels of the picture."""

    kind: int
    score: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


class ObjectFinder:
    """A YOLO network as a function. Shared; holds no history."""

    def __init__(self, network: Network) -> None:
        self._network = network
        _, _, self.height, self.width = network.input_shape
        out = network.run(np.zeros(network.input_shape, np.float32))[0]
        rows, columns = out.shape[1:]
        if rows == 4 + CLASSES:
            self.is_yolox = False
        elif columns == 5 + CLASSES:
            self.is_yolox = True
            self._grid, self._stride = _yolox_grid(self.height, self.width)
        else:
            raise DetectorUnavailable(
                f"The object model gives {tuple(out.shape)}, which is neither YOLOv8 nor YOLOX "
                "with 80 classes. Set PROCTOR_OBJECT_MODEL to another file."
            )

    def find(self, rgb: Pixels, kinds: tuple[int, ...], lowest: float = 0.03) -> tuple[Found, ...]:
        """Objects of `kinds` scoring at least `lowest` in uint8 (H, W, 3), best first."""
        blob, scale = self._blob(rgb)
        boxes, scores = self._read(self._network.run(blob)[0][0], kinds)
        height, width = rgb.shape[:2]
        found: list[Found] = []
        for column, kind in enumerate(kinds):
            keep = np.flatnonzero(scores[:, column] >= lowest)
            if not keep.size:
                continue
            for index in _distinct(boxes[keep], scores[keep, column]):
                x, y, w, h = boxes[keep[index]] / scale
                found.append(
                    Found(
                        kind,
                        float(scores[keep[index], column]),
                        max(0.0, float(x - w / 2)),
                        max(0.0, float(y - h / 2)),
                        min(float(width), float(x + w / 2)),
                        min(float(height), float(y + h / 2)),
                    )
                )
        return tuple(sorted(found, key=lambda item: -item.score))

    def _blob(self, rgb: Pixels) -> tuple[Floats, float]:
        height, width = rgb.shape[:2]
        scale = min(self.width / width, self.height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = rgb if size == (width, height) else cv2.resize(rgb, size)
        if size != (self.width, self.height):
            image = cv2.copyMakeBorder(
                image, 0, self.height - size[1], 0, self.width - size[0],
                cv2.BORDER_CONSTANT, value=(114, 114, 114),
            )  # fmt: skip
        factor = 1.0 if self.is_yolox else 1 / 255
        blob = cv2.dnn.blobFromImage(np.ascontiguousarray(image), factor, swapRB=self.is_yolox)
        return np.asarray(blob, np.float32), scale

    def _read(self, out: Floats, kinds: tuple[int, ...]) -> tuple[Floats, Floats]:
        if not self.is_yolox:
            return out[:4].T, out[[4 + kind for kind in kinds]].T
        boxes = np.concatenate(
            [(out[:, :2] + self._grid) * self._stride, np.exp(out[:, 2:4]) * self._stride], axis=1
        )
        return boxes, out[:, [5 + kind for kind in kinds]] * out[:, 4:5]


def _distinct(boxes: Floats, scores: Floats) -> list[int]:
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
    kept = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), 0.0, _SAME_BOX)
    return [int(index) for index in np.asarray(kept).ravel()]


def _yolox_grid(height: int, width: int) -> tuple[Floats, Floats]:
    grids, strides = [], []
    for stride in _STRIDES:
        ys, xs = np.mgrid[0 : height // stride, 0 : width // stride]
        grids.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full((xs.size, 1), stride))
    return (
        np.concatenate(grids).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )
