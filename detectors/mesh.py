"""Places 478 landmarks, irises included, on one face: MediaPipe's attention mesh.

The model is shared; where to look (the region) comes from the caller, who tracks it per student.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import Face, Mesh
from detectors.graph import Graph

LANDMARKS = 478
# The side of the model's own input: a region with more pixels than this is shrunk to it.
INPUT_PX = 192
# Outer eye corners (33, 263); MediaPipe turns the region until the line between them is level.
_EYE_A, _EYE_B = 33, 263
_MARGIN = 1.5
# One serialized landmark: message tag and length, then three tagged float32.
_RECORD = np.dtype(
    [
        ("tag", "u1"), ("size", "u1"),
        ("tx", "u1"), ("x", "<f4"), ("ty", "u1"), ("y", "<f4"), ("tz", "u1"), ("z", "<f4"),
    ]
)  # fmt: skip

_CONFIG = """
input_stream: "image"
input_stream: "roi"
input_side_packet: "with_attention"
output_stream: "landmarks"
executor: { name: "" type: "ApplicationThreadExecutor" }
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""


@dataclass(frozen=True, slots=True)
class Region:
    """A square of the picture, in pixels, turned by `angle` radians (clockwise as seen)."""

    x: float
    y: float
    size: float
    angle: float


def region_of_mesh(mesh: Mesh) -> Region:
    """Where to look next for a face that is here now."""
    return _region(mesh.box, mesh.points[_EYE_A], mesh.points[_EYE_B])


def region_of_face(face: Face) -> Region:
    """Where to look for the landmarks of a detected face."""
    box = (face.left, face.top, face.right, face.bottom)
    return _region(box, face.points[0], face.points[1])


def _region(box: tuple[float, float, float, float], eye_a: Floats, eye_b: Floats) -> Region:
    left, top, right, bottom = box
    angle = math.atan2(float(eye_b[1] - eye_a[1]), float(eye_b[0] - eye_a[0]))
    size = max(right - left, bottom - top) * _MARGIN
    return Region((left + right) / 2, (top + bottom) / 2, size, angle)


class FaceMesh:
    """The landmark model. Shared; holds no history. Raises DetectorUnavailable when made."""

    def __init__(self) -> None:
        self._graph = Graph(_CONFIG, "landmarks", {"with_attention": True})
        from mediapipe.framework.formats import rect_pb2

        self._rect = rect_pb2.NormalizedRect

    def place(
        self, rgb: Pixels, region: Region, size: tuple[int, int] | None = None
    ) -> Mesh | None:
        """Landmarks of the face in `region` of uint8 (H, W, 3); None when there is no face.

        `size` is the width and height of the picture whose coordinates `region` and the answer
        have, where `rgb` is a smaller copy of it.
        """
        width, height = size or (rgb.shape[1], rgb.shape[0])
        packet = self._graph.run(
            rgb,
            roi=self._rect(
                x_center=region.x / width,
                y_center=region.y / height,
                width=region.size / width,
                height=region.size / height,
                rotation=region.angle,
            ),
        )
        if packet is None:
            return None
        points = self._points(packet)
        points *= np.array([width, height, width], np.float32)
        return Mesh(points)

    def _points(self, packet: object) -> Floats:
        raw = self._graph.serialized(packet)
        if len(raw) == LANDMARKS * _RECORD.itemsize:
            records = np.frombuffer(raw, _RECORD)
            points = np.empty((LANDMARKS, 3), np.float32)
            for column, name in enumerate("xyz"):
                points[:, column] = records[name]
            return points
        message = self._graph.read.get_proto(packet)
        return np.array([(p.x, p.y, p.z) for p in message.landmark], np.float32)
