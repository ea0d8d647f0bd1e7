"""Counts faces and follows the student's own.

`FaceTracker` runs first and fills the view (faces, mesh); `FaceStream` runs after the objects
detector, because "nobody" and "somebody whose face cannot be seen" differ by a person.
"""

from __future__ import annotations

from detectors.base import Face, Mesh, View
from detectors.entry import WorkerConfig
from detectors.faces import FaceFinder, load_finder, overlap
from detectors.mesh import INPUT_PX, FaceMesh, region_of_face, region_of_mesh
from detectors.messages import Box
from detectors.motion import MotionGate
from detectors.quality import ADVICE, unfit_reason
from scoring.model import Detector, Observation

# Whoever comes in changes the picture and is looked for at once. Where shadows hide a change, and
# where the student's own face is in doubt, time alone must do.
SCAN_EVERY_S, SCAN_DIM_S, SCAN_DOUBT_S = 5.0, 2.0, 1.0
HARD_EVERY_S = 1.0
PERSON_HOLD_S = 2.5
_CANDIDATE = 0.35
_OWN_SCORE = 0.3
_DOUBTS = 2
# From here on something in the picture may be a person, or a face, too faint to be called one.
_SILHOUETTE, _FACELIKE = 0.03, 0.3
_SLACK_S = 0.05


class FaceDetector:
    """The face models, shared by all sessions of the worker."""

    detector = Detector.FACE

    def __init__(self, finder: FaceFinder, mesh: FaceMesh) -> None:
        self.finder = finder
        self.mesh = mesh
        self.model = f"{finder.model}, FaceMesh with iris"

    def open_tracker(self) -> FaceTracker:
        return FaceTracker(self.finder, self.mesh)

    def open_stream(self) -> FaceStream:
        return FaceStream()


class FaceTracker:
    """Follows the student's face with the mesh; looks for all faces when that is due.

    Due means: the own face is lost, something changed beside it, others were there, or enough
    time has passed (SCAN_EVERY_S, less where it is dim or the own face is in doubt).
    """

    def __init__(self, finder: FaceFinder, mesh: FaceMesh) -> None:
        self._finder = finder
        self._placer = mesh
        self._own: Mesh | None = None
        self._others: tuple[Face, ...] = ()
        self._scanned_s: float | None = None
        self._hard_s: float | None = None
        self._doubts = 0
        self._gate = MotionGate()

    @property
    def is_near(self) -> bool:
        """Whether half a picture's pixels are still as many as the mesh can take in."""
        own = self._own
        return own is not None and region_of_mesh(own).size >= 2 * INPUT_PX

    def look(self, view: View) -> tuple[Observation, ...]:
        """Fill `faces`, `detected` and `mesh` of the view."""
        mesh = self._place(view, self._own)
        view.own_box = None if mesh is None else _share_box(view, mesh)
        if mesh is None or self._is_due(view):
            found = self._scan(view, mesh)
            self._scanned_s = view.at_s
            if view.quality is not None:
                self._gate.settle(view.quality.blocks)
            if found is not mesh:
                mesh = found
                view.own_box = None if mesh is None else _share_box(view, mesh)
        self._own = mesh
        view.mesh = mesh
        has_own = mesh is not None or bool(view.detected)
        view.faces = int(has_own) + len(self._others)
        _draw(view)
        return ()

    def _is_due(self, view: View) -> bool:
        if self._others or self._scanned_s is None:
            return True
        wait_s = SCAN_EVERY_S
        if self._doubts:
            wait_s = SCAN_DOUBT_S
        elif view.quality is None or view.quality.is_dark:
            wait_s = SCAN_DIM_S
        if view.at_s - self._scanned_s >= wait_s - _SLACK_S:
            return True
        return view.quality is not None and self._gate.is_open(view.quality.blocks, view.own_box)

    def _place(self, view: View, last: Mesh | None) -> Mesh | None:
        if last is None:
            return None
        region = region_of_mesh(last)
        rgb = view.small_rgb if region.size >= 2 * INPUT_PX else view.rgb
        with view.costs.step("mesh"):
            return self._placer.place(rgb, region, view.picture.size)

    def _scan(self, view: View, mesh: Mesh | None) -> Mesh | None:
        scanned = self._finder.scan(view.small_rgb, view.costs, view.picture.size)
        others = [f for f in scanned if f.score >= _CANDIDATE and not _is_own(mesh, f)]
        is_confirmed = mesh is not None and any(
            f.score >= _OWN_SCORE and _is_own(mesh, f) for f in scanned
        )
        if is_confirmed and not others and not view.is_still:
            view.detected = tuple(f for f in scanned if _is_own(mesh, f))[:1]
            self._others = ()
            self._doubts = 0
            return mesh
        found = self._finder.search(view.rgb, view.costs, scanned)
        if not found or (view.quality is not None and view.quality.is_dark):
            found = self._search_hard(view, found, is_needed=mesh is None and not found)
        if mesh is not None and not any(_is_own(mesh, f) for f in found):
            self._doubts = 0 if is_confirmed else self._doubts + 1
            if self._doubts >= _DOUBTS:
                mesh = None
        else:
            self._doubts = 0
        own: Face | None = None
        if mesh is None and found:
            own = max(found, key=lambda face: face.width)
            rgb = view.rgb
            with view.costs.step("mesh"):
                mesh = self._placer.place(rgb, region_of_face(own))
            mesh = self._place(view, mesh) or mesh
        view.detected = found
        view.facelike = max((face.score for face in scanned), default=0.0)
        view.own = own
        self._others = tuple(f for f in found if f is not own and not _is_own(mesh, f))
        return mesh

    def _search_hard(
        self, view: View, found: tuple[Face, ...], is_needed: bool
    ) -> tuple[Face, ...]:
        is_due = self._hard_s is None or view.at_s - self._hard_s >= HARD_EVERY_S - _SLACK_S
        if not (is_due or is_needed) or (found and not is_due):
            return found
        self._hard_s = view.at_s
        is_dark = view.quality is not None and view.quality.is_dark
        hard = self._finder.search_hard(view.rgb, is_dark, view.costs, is_empty=not found)
        return found + tuple(f for f in hard if all(overlap(f, known) < 0.3 for known in found))


class FaceStream:
    """Turns what the tracker and the objects detector found into a verdict."""

    def __init__(self) -> None:
        self._person_s: float | None = None
        self._trace: float | None = None

    def look(self, view: View) -> tuple[Observation, ...]:
        """One observation per frame; none while the tracker could not judge."""
        if view.faces is None:
            return ()
        if view.person_score is not None:
            self._trace = view.person_score
        if view.persons:
            self._person_s = view.at_s
        elif view.persons == 0:
            self._person_s = None
        measures = (("faces", float(view.faces)), ("persons", float(view.persons or 0)))
        if view.faces == 0:
            if not view.unfit and view.quality is not None:
                coarseness = view.picture.coarseness
                reason = unfit_reason(view.rgb, view.quality, coarseness)
                view.unfit = self._excuse(view, reason)
            if view.unfit:
                view.advice = view.advice or ADVICE.get(view.unfit, "")
                return (
                    Observation(
                        Detector.FACE,
                        view.at_s,
                        judgeable=False,
                        reason=view.unfit,
                        measures=measures,
                    ),
                )
            is_person = self._person_s is not None and view.at_s - self._person_s <= PERSON_HOLD_S
            label = "turned" if is_person else "none"
        else:
            label = "one" if view.faces == 1 else "several"
        view.advice = view.advice or ADVICE.get(label, "")
        score = max((face.score for face in view.detected), default=1.0)
        return (
            Observation(Detector.FACE, view.at_s, (label,), confidence=score, measures=measures),
        )

    def _excuse(self, view: View, reason: str) -> str:
        """The reason, unless it is one under which a person would at least have left a trace.

        Before a window and in a coarse picture even a silhouette is taken for a little of a
        person, so a room without any is empty.
        """
        if reason not in ("backlit", "compressed") or self._trace is None:
            return reason
        is_facelike = reason == "compressed" and view.facelike >= _FACELIKE
        return reason if self._trace >= _SILHOUETTE or is_facelike else ""


def _is_own(mesh: Mesh | None, face: Face) -> bool:
    """Whether the detected face is the one the mesh lies on."""
    if mesh is None:
        return False
    x, y = mesh.center
    return face.left <= x <= face.right and face.top <= y <= face.bottom


def _share_box(view: View, mesh: Mesh) -> tuple[float, float, float, float]:
    """The head around the mesh, in shares of the picture."""
    left, top, right, bottom = mesh.box
    wide, tall = (right - left) * 0.25, (bottom - top) * 0.25
    width, height = view.picture.size
    return (
        (left - wide) / width,
        (top - 2 * tall) / height,
        (right + wide) / width,
        (bottom + tall) / height,
    )


def _draw(view: View) -> None:
    for face in view.detected:
        view.boxes.append(_box(view, face.left, face.top, face.right, face.bottom, face.score))
    if view.mesh is not None and not any(_is_own(view.mesh, face) for face in view.detected):
        view.boxes.append(_box(view, *view.mesh.box, 1.0))


def _box(view: View, left: float, top: float, right: float, bottom: float, score: float) -> Box:
    x, y = max(0.0, left) / view.width, max(0.0, top) / view.height
    return Box(
        round(x, 4),
        round(y, 4),
        round(min(1.0, right / view.width) - x, 4),
        round(min(1.0, bottom / view.height) - y, 4),
        "face",
        round(score, 3),
    )


def load_face(config: WorkerConfig) -> FaceDetector:
    """Raises DetectorUnavailable when MediaPipe cannot be used."""
    return FaceDetector(load_finder(config), FaceMesh())
