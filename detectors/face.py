"""Counts faces and follows the student's own.

`FaceTracker` runs first and fills the view (detected faces, mesh); `FaceStream` runs after the
objects detector, because "nobody" and "somebody whose face cannot be seen" differ by a person.
"""

from __future__ import annotations

from detectors.base import Face, Mesh, View
from detectors.blaze import BlazeFace
from detectors.entry import WorkerConfig
from detectors.mesh import FaceMesh, region_of_face, region_of_mesh
from detectors.messages import Box
from detectors.quality import ADVICE
from scoring.model import Detector, Observation

DETECT_EVERY_S = 1.0
FACE_SCORE = 0.5


class FaceDetector:
    """The face models, shared by all sessions of the worker."""

    detector = Detector.FACE
    model = "BlazeFace full range, FaceMesh with iris (mediapipe)"

    def __init__(self) -> None:
        self._blaze = BlazeFace()
        self._mesh = FaceMesh()

    def open_tracker(self) -> FaceTracker:
        return FaceTracker(self._blaze, self._mesh)

    def open_stream(self) -> FaceStream:
        return FaceStream()


class FaceTracker:
    """Follows the student's face from frame to frame; looks for all faces now and then."""

    def __init__(self, blaze: BlazeFace, mesh: FaceMesh) -> None:
        self._blaze = blaze
        self._mesh = mesh
        self._last: Mesh | None = None
        self._detected_s: float | None = None
        self._others = 0

    def look(self, view: View) -> tuple[Observation, ...]:
        """Fill `faces`, `detected` and `mesh` of the view."""
        mesh = None
        if self._last is not None:
            with view.costs.step("mesh"):
                mesh = self._mesh.place(view.rgb, region_of_mesh(self._last))
        is_due = self._detected_s is None or view.at_s - self._detected_s >= DETECT_EVERY_S - 0.05
        if mesh is None or is_due or self._others:
            with view.costs.step("faces"):
                view.detected = tuple(
                    face for face in self._blaze.find(view.rgb) if face.score >= FACE_SCORE
                )
            self._detected_s = view.at_s
            if mesh is None and view.detected:
                largest = max(view.detected, key=lambda face: face.width)
                with view.costs.step("mesh"):
                    mesh = self._mesh.place(view.rgb, region_of_face(largest))
                own = 1
            else:
                own = int(mesh is not None)
            self._others = (
                len(view.detected) - own
                if mesh is None
                else sum(not _is_same(mesh, face) for face in view.detected)
            )
        self._last = mesh
        view.mesh = mesh
        view.faces = (1 if mesh is not None else min(1, len(view.detected))) + max(0, self._others)
        for face in view.detected:
            view.boxes.append(
                Box(
                    face.left / view.width, face.top / view.height,
                    face.width / view.width, face.height / view.height,
                    "face", round(face.score, 3),
                )
            )  # fmt: skip
        if mesh is not None and not view.detected:
            low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
            view.boxes.append(
                Box(
                    float(low[0]) / view.width, float(low[1]) / view.height,
                    float(high[0] - low[0]) / view.width, float(high[1] - low[1]) / view.height,
                    "face", 1.0,
                )
            )  # fmt: skip
        return ()


class FaceStream:
    """Turns what the tracker and the objects detector found into a verdict."""

    def look(self, view: View) -> tuple[Observation, ...]:
        if view.faces is None:
            return ()
        if view.faces == 0:
            if view.unfit:
                view.advice = view.advice or ADVICE.get(view.unfit, "")
                return (Observation(Detector.FACE, view.at_s, judgeable=False, reason=view.unfit),)
            label = "turned" if view.persons else "none"
        else:
            label = "one" if view.faces == 1 else "several"
        view.advice = view.advice or ADVICE.get(label, "")
        return (
            Observation(
                Detector.FACE,
                view.at_s,
                (label,),
                confidence=max((face.score for face in view.detected), default=1.0),
                measures=(("faces", float(view.faces)), ("persons", float(view.persons or 0))),
            ),
        )


def _is_same(mesh: Mesh, face: Face) -> bool:
    x, y = mesh.center
    return face.left <= x <= face.right and face.top <= y <= face.bottom


def load_face(_config: WorkerConfig) -> FaceDetector:
    """Raises DetectorUnavailable when MediaPipe cannot be used."""
    return FaceDetector()
