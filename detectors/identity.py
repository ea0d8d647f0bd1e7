"""Whether the face is still the one registered at the start."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import Mesh, View, require_model
from detectors.entry import WorkerConfig
from detectors.gaze import head_angles
from detectors.models import MOBILEFACENET
from detectors.runtime import Network, load_network
from scoring.model import Detector, Observation

ACCEPT_COSINE = 0.34
REGISTER_FRAMES = 4
CHECK_EVERY_S = 3.0
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
# Eyes, nose tip and mouth corners of the 112 x 112 crop (InsightFace's template).
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]],
    np.float32,
)  # fmt: skip


def five_points(mesh: Mesh) -> Floats:
    """Eye centres, nose tip, mouth corners, (5, 2) in pixels."""
    points = mesh.points[:, :2]
    return np.stack([points[468], points[473], points[4], points[61], points[291]])


class FaceEncoder:
    """MobileFaceNet: an aligned face becomes 128 numbers of length 1. Shared."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def encode(self, rgb: Pixels, points: Floats) -> Floats:
        """Embedding (128,) of the face with these five points, averaged with its mirror image."""
        matrix, _ = cv2.estimateAffinePartial2D(points, _TEMPLATE, method=cv2.LMEDS)
        crop = cv2.warpAffine(rgb, matrix, (112, 112))
        total = np.zeros(128, np.float32)
        for image in (crop, crop[:, ::-1]):
            blob = ((image.astype(np.float32) / 255 - _MEAN) / _STD).transpose(2, 0, 1)[None]
            total += self._network.run(np.ascontiguousarray(blob))[0].reshape(-1)
        return total / np.linalg.norm(total)


class IdentityDetector:
    """The encoder, shared by all sessions of the worker."""

    detector = Detector.IDENTITY

    def __init__(self, encoder: FaceEncoder, model: str) -> None:
        self.encoder = encoder
        self.model = model

    def open_stream(self) -> IdentityStream:
        return IdentityStream(self.encoder)


class IdentityStream:
    """Registers the first good frames of one session, then compares."""

    def __init__(self, encoder: FaceEncoder) -> None:
        self._encoder = encoder
        self._registered: list[Floats] = []
        self._checked_s: float | None = None
        self._doubt = False

    def look(self, view: View) -> tuple[Observation, ...]:
        if view.mesh is None or view.faces != 1 or view.mesh.width < 60:
            return ()
        yaw, pitch = head_angles(view.mesh)
        if abs(yaw) > 25 or abs(pitch) > 25:
            return ()
        is_due = self._checked_s is None or view.at_s - self._checked_s >= CHECK_EVERY_S - 0.05
        if len(self._registered) >= REGISTER_FRAMES and not is_due and not self._doubt:
            return ()
        with view.costs.step("identity"):
            embedding = self._encoder.encode(view.rgb, five_points(view.mesh))
        if len(self._registered) < REGISTER_FRAMES:
            self._registered.append(embedding)
            return (
                Observation(Detector.IDENTITY, view.at_s, judgeable=False, reason="calibrating"),
            )
        self._checked_s = view.at_s
        cosine = float(np.mean(self._registered, axis=0) @ embedding)
        self._doubt = cosine < ACCEPT_COSINE
        return (
            Observation(
                Detector.IDENTITY,
                view.at_s,
                ("other" if self._doubt else "same",),
                measures=(("cosine", cosine),),
            ),
        )


def load_identity(config: WorkerConfig) -> IdentityDetector:
    """Raises DetectorUnavailable without the model file."""
    path = require_model(MOBILEFACENET, config.models_dir)
    network = load_network(path, config.threads, exact=True)
    return IdentityDetector(FaceEncoder(network), f"{path.name} on {network.engine}")
