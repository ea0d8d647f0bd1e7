"""Where the student looks: head pose and irises, calibrated on the first seconds or by points.

`left` is image-left, as seen in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from detectors.base import View
from detectors.entry import WorkerConfig
from detectors.messages import Mark
from detectors.pointing import Learnt, Pointing, own_limits
from detectors.pose import Pose, pose_of, profile_yaw
from scoring.model import Detector, Observation

CALIBRATION_S = 2.5
CALIBRATION_FRAMES = 5
_WINDOW_S = 5.0
# A pose further from straight ahead than this is nobody's way of looking at a screen.
_WIDEST_SIGHT, _WIDEST_YAW, _WIDEST_PITCH = 18.0, 25.0, 26.0
_STEADY_DEG = 6.0
# The centre follows a change of posture slowly and only so far.
_FOLLOW_S, _FOLLOW_DEG, _FOLLOW_LIMIT_DEG = 90.0, 5.0, 8.0
_SMALL_FACE_PX, _SMALL_FACE_FACTOR = 80.0, 1.4
_CLOSED, _CLOSED_SHARE = 0.12, 0.5
_PROFILE_YAW = 25.0
_LEAVE_SHARE = 0.85
_OPENING = 0.3
_IRIS_Y = -0.06
_DEG_PER_IRIS_Y = 100.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How far from the centre still counts as looking at the screen, in degrees."""

    sight: float
    yaw: float
    up: float
    down: float


UNCALIBRATED = Limits(sight=20.0, yaw=30.0, up=16.0, down=25.0)
CALIBRATED = Limits(sight=9.5, yaw=25.0, up=13.0, down=14.0)


@dataclass(frozen=True, slots=True)
class Center:
    """How this student looks at the screen. `quality` is 0 (unknown) to 1."""

    yaw: float = 0.0
    sight: float = 0.0
    pitch: float = 0.0
    opening: float = _OPENING
    iris_y: float = _IRIS_Y
    quality: float = 0.0


class Calibration:
    """Learns the centre from the first steady seconds, then follows slow changes of posture."""

    def __init__(self) -> None:
        self.center = Center()
        self._seen: list[tuple[float, Pose]] = []
        self._first: Center | None = None
        self._last_s: float | None = None

    @property
    def is_done(self) -> bool:
        return self._first is not None

    def take(self, at_s: float, learnt: Learnt) -> None:
        """The student looked at points: no need to guess from the first steady seconds."""
        self._last_s = at_s
        self.center = self._first = _center(
            list(learnt.middle), 1.0 - 0.5 * learnt.spread / _STEADY_DEG
        )

    def add(self, at_s: float, pose: Pose) -> None:
        """Learn from a frame with open eyes."""
        if self._first is not None:
            self._follow(at_s, pose)
        elif (
            abs(pose.sight) <= _WIDEST_SIGHT
            and abs(pose.yaw) <= _WIDEST_YAW
            and abs(pose.pitch) <= _WIDEST_PITCH
        ):
            self._seen = [(t, p) for t, p in self._seen if at_s - t <= _WINDOW_S]
            self._seen.append((at_s, pose))
            self._settle(at_s)

    def _settle(self, at_s: float) -> None:
        poses = [pose for _, pose in self._seen]
        sight, pitch = median(p.sight for p in poses), median(p.pitch for p in poses)
        spread = max(
            _most([abs(p.sight - sight) for p in poses]),
            _most([abs(p.pitch - pitch) for p in poses]),
        )
        progress = min(
            1.0,
            (at_s - self._seen[0][0]) / CALIBRATION_S,
            len(poses) / CALIBRATION_FRAMES,
        )
        if progress >= 1.0 and spread <= _STEADY_DEG:
            self._last_s = at_s
            self.center = self._first = _center(poses, 1.0 - 0.5 * spread / _STEADY_DEG)

    def _follow(self, at_s: float, pose: Pose) -> None:
        first, center = self._first, self.center
        if first is None or self._last_s is None:
            return
        share = min(1.0, max(0.0, at_s - self._last_s) / _FOLLOW_S)
        self._last_s = at_s
        if (
            abs(pose.sight - center.sight) > _FOLLOW_DEG
            or abs(pose.pitch - center.pitch) > _FOLLOW_DEG
        ):
            return
        self.center = Center(
            yaw=_towards(center.yaw, pose.yaw, share, first.yaw),
            sight=_towards(center.sight, pose.sight, share, first.sight),
            pitch=_towards(center.pitch, pose.pitch, share, first.pitch),
            opening=center.opening + (pose.opening - center.opening) * share,
            iris_y=center.iris_y + (pose.iris_y - center.iris_y) * share,
            quality=center.quality,
        )


class GazeDetector:
    """Needs the face mesh; has no model of its own."""

    detector = Detector.GAZE
    model = "FaceMesh with iris"

    def open_stream(self) -> GazeStream:
        return GazeStream()


class GazeStream:
    """Gaze of one session."""

    def __init__(self) -> None:
        self._calibration = Calibration()
        self._label = "center"
        self._limits = CALIBRATED
        self._pointing: Pointing | None = None
        self._points = 0

    def prompt(self, mark: Mark) -> None:
        """`look` at a point, and `looked` when the last one is gone."""
        if mark.kind == "look":
            self._pointing = self._pointing or Pointing()
            self._pointing.show(mark)
        elif mark.kind == "looked" and self._pointing is not None:
            self._pointing.end(mark.at_s)

    def _learn(self, at_s: float, pose: Pose) -> None:
        pointing = self._pointing
        if pointing is None:
            return
        pointing.add(at_s, pose)
        if pointing.over_s is None or at_s < pointing.over_s:
            return
        self._pointing = None
        learnt = pointing.learn()
        if learnt is not None:
            self._calibration.take(at_s, learnt)
            usual = CALIBRATED
            sight, up, down = own_limits(learnt, usual.sight, usual.up, usual.down)
            self._limits = replace(usual, sight=sight, up=up, down=down)
            self._points = learnt.points

    def look(self, view: View) -> tuple[Observation, ...]:
        """One observation per frame with a face; without one it is not judgeable."""
        if view.faces is None:
            return ()
        if view.mesh is None:
            return self._profile(view)
        pose = pose_of(view.mesh)
        center = self._calibration.center
        label = direction(
            pose,
            center,
            self._limits if self._calibration.is_done else UNCALIBRATED,
            self._label,
        )
        self._label = label
        if label != "closed":
            self._calibration.add(view.at_s, pose)
            self._learn(view.at_s, pose)
        view.direction = label
        view.yaw_deg, view.pitch_deg = round(pose.yaw, 1), round(pose.pitch, 1)
        view.calibration = round(self._calibration.center.quality, 2)
        return (
            Observation(
                Detector.GAZE,
                view.at_s,
                (label,),
                measures=(
                    ("yaw", round(pose.yaw, 2)),
                    ("pitch", round(pose.pitch, 2)),
                    ("sight_deg", round(pose.sight - center.sight, 2)),
                    ("opening", round(pose.opening, 3)),
                    ("calibration", round(center.quality, 2)),
                    *((("points", float(self._points)),) if self._points else ()),
                ),
            ),
        )

    def _profile(self, view: View) -> tuple[Observation, ...]:
        """A head turned so far that no mesh fits it still shows which way it is turned."""
        yaw = profile_yaw(view.own) if view.own is not None else 0.0
        if abs(yaw) < _PROFILE_YAW:
            reason = view.unfit or "no_face"
            return (Observation(Detector.GAZE, view.at_s, judgeable=False, reason=reason),)
        self._label = view.direction = "left" if yaw < 0 else "right"
        view.yaw_deg = round(yaw, 1)
        return (
            Observation(
                Detector.GAZE,
                view.at_s,
                (self._label,),
                confidence=0.8,
                measures=(
                    ("yaw", round(yaw, 2)),
                    ("calibration", round(self._calibration.center.quality, 2)),
                ),
            ),
        )


def direction(pose: Pose, center: Center, limits: Limits, last: str = "center") -> str:
    """The gaze word for a pose. Leaving a side takes a little more than staying there."""
    factor = _SMALL_FACE_FACTOR if pose.face_px < _SMALL_FACE_PX else 1.0
    sight, yaw = pose.sight - center.sight, pose.yaw - center.yaw
    pitch = pose.pitch - center.pitch
    if pose.opening < max(_CLOSED, _CLOSED_SHARE * center.opening):
        # The lids of somebody who reads something in their lap look closed.
        return "down" if pitch < -limits.down * factor else "closed"
    if center.quality:
        pitch -= _DEG_PER_IRIS_Y * (pose.iris_y - center.iris_y) * 0.5
    # (share of the limit, weight between the axes, word): irises say less about the axis than
    # the head, because an eye turned upwards in a raised head often turns sideways too.
    shares = (
        (sight / limits.sight, 0.8, "left", "right"),
        (yaw / limits.yaw, 1.0, "left", "right"),
        (pitch / (limits.up if pitch > 0 else limits.down), 1.0, "down", "up"),
    )
    best, word = 0.0, "center"
    for share, weight, negative, positive in shares:
        name = negative if share < 0 else positive
        edge = factor * (_LEAVE_SHARE if last == name else 1.0)
        if abs(share) > edge and abs(share) * weight > best:
            best, word = abs(share) * weight, name
    return word


def _center(poses: list[Pose], quality: float) -> Center:
    return Center(
        yaw=median(p.yaw for p in poses),
        sight=median(p.sight for p in poses),
        pitch=median(p.pitch for p in poses),
        opening=median(p.opening for p in poses),
        iris_y=median(p.iris_y for p in poses),
        quality=quality,
    )


def _most(values: list[float]) -> float:
    """What four of five values do not exceed."""
    return sorted(values)[(len(values) * 4 - 1) // 5]


def _towards(value: float, target: float, share: float, anchor: float) -> float:
    moved = value + (target - value) * share
    return max(anchor - _FOLLOW_LIMIT_DEG, min(anchor + _FOLLOW_LIMIT_DEG, moved))


def load_gaze(_config: WorkerConfig) -> GazeDetector:
    return GazeDetector()
