"""Finds faces in a picture: BlazeFace, full range, from MediaPipe's package."""

from __future__ import annotations

import numpy as np

from detectors.arrays import Pixels
from detectors.base import Face
from detectors.graph import Graph

LOWEST_SCORE = 0.3

_CONFIG = """
input_stream: "image"
output_stream: "detections"
executor: {{ name: "" type: "ApplicationThreadExecutor" }}
node {{
  calculator: "{calculator}"
  input_stream: "IMAGE:image"
  output_stream: "DETECTIONS:detections"
  options: {{ [mediapipe.FaceDetectionOptions.ext] {{ min_score_thresh: {score} }} }}
}}
"""


class BlazeFace:
    """The face detector. Shared; holds no history."""

    def __init__(self, score: float = LOWEST_SCORE, full_range: bool = True) -> None:
        calculator = "FaceDetectionFullRangeCpu" if full_range else "FaceDetectionShortRangeCpu"
        self._graph = Graph(_CONFIG.format(calculator=calculator, score=score), "detections")

    def find(self, rgb: Pixels, size: tuple[int, int] | None = None) -> tuple[Face, ...]:
        """All faces in uint8 (H, W, 3), best first.

        `size` is the width and height of the picture whose coordinates the answer has, where
        `rgb` is a smaller copy of it.
        """
        packet = self._graph.run(rgb)
        if packet is None:
            return ()
        width, height = size or (rgb.shape[1], rgb.shape[0])
        faces = []
        for found in self._graph.read.get_proto_list(packet):
            data = found.location_data
            box = data.relative_bounding_box
            points = np.array(
                [(point.x * width, point.y * height) for point in data.relative_keypoints],
                np.float32,
            )
            faces.append(
                Face(
                    left=box.xmin * width,
                    top=box.ymin * height,
                    right=(box.xmin + box.width) * width,
                    bottom=(box.ymin + box.height) * height,
                    score=float(found.score[0]),
                    points=points,
                )
            )
        return tuple(sorted(faces, key=lambda face: -face.score))
