"""Whether the face is still the one registered at the start.

Several good frames register the student; later ones are compared now and then, and at once when
the tracked face was lost, jumped or looks different from one frame to the next. A face that was
followed without a break since it was compared is still the same one. "Other" needs several good
frames in a row below REJECT; between the two thresholds, and on a bad frame, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.base import Mesh, View, require_model
from detectors.encoder import FaceEncoder, aligned, cosine, five_points
from detectors.entry import WorkerConfig
from detectors.glimpse import glimpse
from detectors.messages import Mark
from detectors.models import MOBILEFACENET
from detectors.pose import pose_of
from detectors.runtime import load_network
from scoring.model import Detector, Observation

# From here on two pictures show one person: no pair of strangers among some 13,000 reached it.
ACCEPT = 0.53
REJECT = 0.40
REGISTER_FRAMES = 5
_REGISTER_SPACING_S = 0.4
# Where many register at once, each takes its frames further apart; never further than this.
_WIDEST_SPACING_S = 3.0
CHECK_EVERY_S = 10.0
# How long after a comparison "same" is said again of a face that was followed without a break.
REPEAT_S = 5.0
# A quick comparison at least this good needs no thorough one.
_QUICK_ACCEPT = 0.62
_OTHER_FRAMES, _OTHER_S = 3, 0.9
_SMALLEST_PX = 48.0
# Further than the first a head is turned too far to be called somebody else, further than the
# second to be compared at all.
_WIDEST_DEG, _WIDEST_TURN_DEG = 25.0, 60.0
_TURNED_RETRY_S = 1.5
_PATIENT_URGENT_S = 6.0
_LONGEST_S = 60.0
_OPEN_EYES = 0.12
_JUMP = 0.6
# Two glimpses of one face in a row are more alike than this, unless it moved fast.
_STEADY = 0.88
_DARKEST, _BRIGHTEST, _FLATTEST = 30.0, 230.0, 14.0
_SLACK_S = 0.05


@dataclass(frozen=True, slots=True)
class Checked:
    """One look at a face: the embedding, and why this frame is no good or not good enough.

    Any two embeddings can show the same person; only two without a `reason` can show different
    ones, because turning a head makes a face unlike itself and never like another.
    """

    embedding: Floats | None
    reason: str = ""


class IdentityDetector:
    """The encoder, shared by all sessions of the worker."""

    detector = Detector.IDENTITY

    def __init__(self, encoder: FaceEncoder, model: str) -> None:
        self._encoder = encoder
        self.model = model

    def open_stream(self) -> IdentityStream:
        return IdentityStream(self)

    def embed(self, rgb: Pixels, mesh: Mesh, is_quick: bool = False, share: float = 1.0) -> Checked:
        """The embedding of a face, if this frame is good enough to compare it.

        `share` is the size of `rgb` over that of the picture whose coordinates the mesh has.
        """
        pose = pose_of(mesh)
        if pose.face_px < _SMALLEST_PX:
            return Checked(None, "far")
        turn = max(abs(pose.yaw), abs(pose.pitch))
        if turn > _WIDEST_TURN_DEG:
            return Checked(None, "turned")
        if pose.opening < _OPEN_EYES:
            return Checked(None, "closed")
        points = five_points(mesh) * share
        grey = cv2.cvtColor(aligned(rgb, points, is_smooth=False), cv2.COLOR_RGB2GRAY)
        mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
        if mean < _DARKEST:
            return Checked(None, "dark")
        if mean > _BRIGHTEST or deviation < _FLATTEST:
            return Checked(None, "blurred")
        reason = "turned" if turn > _WIDEST_DEG else ""
        return Checked(self._encoder.encode(rgb, points, is_quick), reason)


class IdentityStream:
    """Registers the first good frames of one session, then compares."""

    def __init__(self, detector: IdentityDetector) -> None:
        self._detector = detector
        self._registered: list[Floats] = []
        self._template: Floats | None = None
        self._last_s: float | None = None
        self._bad_since_s: float | None = None
        self._bad = 0
        self._is_urgent = False
        self._from_s = float("-inf")
        self._same: Observation | None = None
        self._glimpse: Floats | None = None
        self._seat: tuple[float, float, float] | None = None

    def prompt(self, mark: Mark) -> None:
        """`register`: forget who was seen before, and learn the face that is there now."""
        if mark.kind == "register":
            self._registered = []
            self._template = None
            self._last_s = None
            self._from_s = mark.at_s
            self._bad = 0
            self._bad_since_s = None
            self._same = None

    def look(self, view: View) -> tuple[Observation, ...]:
        """At most one observation; none when it is not time to look or nobody can be compared."""
        if view.at_s < self._from_s:
            # Taken before the student was asked, and looked at late.
            return ()
        if view.mesh is None or view.faces != 1:
            self._is_urgent = self._is_urgent or view.faces is not None
            self._same = None
            return ()
        self._notice_jump(view, view.mesh)
        if not (view.is_still or self._is_due(view)):
            return self._repeat(view.at_s)
        self._same = None
        rgb = view.small_rgb
        with view.costs.step("identity"):
            checked = self._check(rgb, view.mesh, rgb.shape[1] / view.width)
        if checked.embedding is None or (checked.reason and not self._is_accepted(checked)):
            if checked.embedding is not None:
                self._last_s = view.at_s - CHECK_EVERY_S + _TURNED_RETRY_S
            return (_unjudged(view.at_s, checked.reason),)
        self._last_s = view.at_s
        if self._template is None:
            return (self._register(view.at_s, checked.embedding),)
        return (self._compare(view.at_s, self._template, checked.embedding),)

    def _is_accepted(self, checked: Checked) -> bool:
        """Whether a face that cannot be rejected is the registered one all the same."""
        return (
            self._template is not None
            and checked.embedding is not None
            and cosine(self._template, checked.embedding) >= _QUICK_ACCEPT
        )

    def _check(self, rgb: Pixels, mesh: Mesh, share: float) -> Checked:
        if self._template is not None and self._bad == 0:
            checked = self._detector.embed(rgb, mesh, is_quick=True, share=share)
            if (
                checked.embedding is None
                or checked.reason
                or cosine(self._template, checked.embedding) >= _QUICK_ACCEPT
            ):
                return checked
        return self._detector.embed(rgb, mesh, share=share)

    def _repeat(self, at_s: float) -> tuple[Observation, ...]:
        """What the last comparison said, of a face that was followed since."""
        said = self._same
        if said is None or self._is_watching or at_s - said.at_s < REPEAT_S - _SLACK_S:
            return ()
        self._same = replace(said, at_s=at_s, measures=())
        return (self._same,)

    @property
    def _is_watching(self) -> bool:
        return self._template is None or self._is_urgent or self._bad > 0

    def _is_due(self, view: View) -> bool:
        if self._last_s is None:
            return True
        wait_s = _REGISTER_SPACING_S if self._is_watching else CHECK_EVERY_S
        if view.patience > 1 and self._template is None:
            wait_s = min(_WIDEST_SPACING_S, wait_s * view.patience**2)
        elif view.patience > 1 and not self._bad:
            # Few pictures look like jumps of the face; only a suspicion is followed at once.
            patient_s = min(_LONGEST_S, CHECK_EVERY_S * view.patience)
            wait_s = _PATIENT_URGENT_S if self._is_urgent else patient_s
        return view.at_s - self._last_s >= wait_s - _SLACK_S

    def _register(self, at_s: float, embedding: Floats) -> Observation:
        """Collect frames that agree with each other; a stray one starts the collection anew."""
        if self._registered and cosine(_mean(self._registered), embedding) < REJECT:
            self._registered = []
        self._registered.append(embedding)
        if len(self._registered) >= REGISTER_FRAMES:
            self._template = _mean(self._registered)
            self._is_urgent = True
        progress = len(self._registered) / REGISTER_FRAMES
        return _unjudged(at_s, "calibrating", (("registered", round(progress, 2)),))

    def _compare(self, at_s: float, template: Floats, embedding: Floats) -> Observation:
        likeness = cosine(template, embedding)
        measures = (("cosine", round(likeness, 3)),)
        if likeness >= REJECT:
            self._bad = 0
            self._bad_since_s = None
            if likeness < ACCEPT:
                return _unjudged(at_s, "doubt", measures)
            self._is_urgent = False
            self._same = Observation(
                Detector.IDENTITY, at_s, ("same",), likeness, measures=measures
            )
            return self._same
        self._bad += 1
        if self._bad_since_s is None:
            self._bad_since_s = at_s
        if self._bad < _OTHER_FRAMES or at_s - self._bad_since_s < _OTHER_S - _SLACK_S:
            return _unjudged(at_s, "doubt", measures)
        return Observation(
            Detector.IDENTITY, at_s, ("other",), min(1.0, 1.0 - likeness), measures=measures
        )

    def _notice_jump(self, view: View, mesh: Mesh) -> None:
        """A face that is suddenly elsewhere, of another size or unlike itself may be new."""
        if view.quality is not None:
            last, self._glimpse = self._glimpse, glimpse(view.quality.small, mesh, view.width)
            if last is not None and float(last @ self._glimpse) < _STEADY:
                self._is_urgent = True
        x, y = mesh.center
        seat, self._seat = self._seat, (x, y, mesh.width)
        if seat is None:
            return
        size = max(seat[2], 1.0)
        if np.hypot(x - seat[0], y - seat[1]) > _JUMP * size or not (
            0.7 < mesh.width / size < 1.43
        ):
            self._is_urgent = True


def _mean(embeddings: list[Floats]) -> Floats:
    total = np.sum(embeddings, axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), np.float32)


def _unjudged(
    at_s: float, reason: str, measures: tuple[tuple[str, float], ...] = ()
) -> Observation:
    return Observation(Detector.IDENTITY, at_s, judgeable=False, reason=reason, measures=measures)


def load_identity(config: WorkerConfig) -> IdentityDetector:
    """Raises DetectorUnavailable without the model file."""
    path = require_model(MOBILEFACENET, config.models_dir)
    network = load_network(path, config.threads, exact=True)
    return IdentityDetector(FaceEncoder(network), f"{path.name} on {network.engine}")
