"""Looks for persons, phones and other objects, as seldom as the room allows.

A calm picture is looked at every CALM_S (more often in the dark, which hides changes); a change
beside the student's head, a suspicion or a missing face brings the next look forward, so that a
phone that is picked up is seen at once. What one look takes for a phone another must see again
CONFIRM_S later: hands and badges look like one in passing. While nothing beside the head has
changed since a look, its verdict stands and is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detectors.base import DetectorUnavailable, View
from detectors.entry import WorkerConfig
from detectors.messages import Box
from detectors.models import YOLOV8N, YOLOX_NANO, find_model
from detectors.motion import MotionGate
from detectors.phones import PhoneFinder, PhoneLook
from detectors.runtime import load_network
from detectors.yolo import BOOK, LAPTOP, PERSON, SCREEN, Found, ObjectFinder
from scoring.model import Detector, Observation

CALM_S, CALM_DIM_S = 12.0, 6.0
# A picture that keeps moving and keeps showing nothing is looked at half as often.
MOVING_S, RESTLESS_S = 1.5, 3.0
# Where many come at once, the first look waits this long for each one there is too little time for.
FIRST_S = 2.0
# However much there is to do, somebody who sits still or moves on is looked at this often.
LONGEST_S = 60.0
ALERT_S = 0.9
CONFIRM_S = 0.45
REPEAT_S = 3.0
THOROUGH_S = 3.0
_KINDS = (PERSON, BOOK, LAPTOP, SCREEN)
_LABELS = {BOOK: "book", LAPTOP: "laptop", SCREEN: "screen"}
_PERSON_SCORE, _OTHER_SCORE = 0.45, 0.5
# Shares of the threshold: where two views ask for all, and where they confirm a phone seen before.
_SUSPICION, _STILL_THERE = 0.6, 0.85
_RESTLESS_LOOKS = 3
_SLACK_S = 0.05


class ObjectsDetector:
    """An object model shared by all sessions of the worker."""

    detector = Detector.OBJECTS

    def __init__(self, phones: PhoneFinder, model: str) -> None:
        self._phones = phones
        self.model = model

    def open_stream(self) -> ObjectsStream:
        return ObjectsStream(self._phones)


class ObjectsStream:
    """Objects of one session."""

    def __init__(self, phones: PhoneFinder) -> None:
        self._phones = phones
        self._gate = MotionGate()
        self._looked_s: float | None = None
        self._from_s: float | None = None
        self._thorough_s: float | None = None
        self._is_seen = False
        self._is_phone = False
        self._is_alert = False
        self._idle_looks = 0
        self._standing: Observation | None = None

    def look(self, view: View) -> tuple[Observation, ...]:
        """Empty when there is nothing to say. Fills `persons` of the view when it looks."""
        if view.unfit:
            return ()
        is_moving = view.quality is not None and self._gate.is_open(
            view.quality.blocks, view.own_box
        )
        if not self._is_due(view, is_moving):
            return self._repeat(view, is_moving)
        self._looked_s = view.at_s
        if view.quality is not None:
            self._gate.settle(view.quality.blocks)
        look, is_seen = self._find_phone(view)
        is_phone = is_seen and (self._is_seen or view.is_still)
        persons = sum(item.kind == PERSON and item.score >= _PERSON_SCORE for item in look.found)
        view.persons = persons
        view.person_score = max(
            (item.score for item in look.found if item.kind == PERSON), default=0.0
        )
        labels = []
        if is_phone:
            labels.append("phone")
            if look.box is not None:
                view.boxes.append(_box(view, look.box, "phone", look.score))
        for item in look.found:
            name = _LABELS.get(item.kind)
            if name is not None and item.score >= _OTHER_SCORE:
                view.boxes.append(_box(view, item, name, item.score))
                if name not in labels:
                    labels.append(name)
        if persons > 1:
            labels.append("several_persons")
        self._is_seen, self._is_phone = is_seen, is_phone
        self._is_alert = is_seen or persons > 1
        is_idle = is_moving and not self._is_alert and not look.is_doubtful
        self._idle_looks = self._idle_looks + 1 if is_idle else 0
        seen = Observation(
            Detector.OBJECTS,
            view.at_s,
            tuple(labels) or ("clear",),
            confidence=look.score if "phone" in labels else 1.0,
            measures=(("persons", float(persons)), ("phone_score", round(look.score, 3))),
        )
        self._standing = None if self._is_alert or look.is_doubtful else seen
        return (seen,)

    def _repeat(self, view: View, is_moving: bool) -> tuple[Observation, ...]:
        """The verdict of the last look, while the picture beside the head is still the same."""
        said = self._standing
        if said is None or view.quality is None:
            return ()
        if is_moving:
            self._standing = None
            return ()
        if view.at_s - said.at_s < REPEAT_S - _SLACK_S:
            return ()
        self._standing = replace(said, at_s=view.at_s)
        return (self._standing,)

    def _find_phone(self, view: View) -> tuple[PhoneLook, bool]:
        """A phone needs all views to be seen, and fewer to be seen again."""
        is_rested = self._thorough_s is None or view.at_s - self._thorough_s >= THOROUGH_S
        # Somebody who only asks for faces needs the persons, which the first view shows.
        is_thorough = view.is_still and (not view.wanted or Detector.OBJECTS in view.wanted)
        look = self._phones.look(view.rgb, _KINDS, view.costs, is_thorough=is_thorough)
        if view.is_still:
            return look, look.score >= self._phones.threshold
        share = look.score / self._phones.threshold
        if self._is_seen and share >= _STILL_THERE:
            return look, True
        if look.is_doubtful and share >= _SUSPICION and (is_rested or self._is_seen):
            self._thorough_s = view.at_s
            look = self._phones.look(view.rgb, _KINDS, view.costs, is_thorough=True)
        elif look.is_doubtful:
            return look, False
        return look, look.score >= self._phones.threshold

    def _is_due(self, view: View, is_moving: bool) -> bool:
        if view.is_still:
            return True
        if self._looked_s is None:
            self._from_s = view.at_s if self._from_s is None else self._from_s
            return view.at_s - self._from_s >= FIRST_S * (view.patience - 1) - _SLACK_S
        waited_s = view.at_s - self._looked_s + _SLACK_S
        is_dim = view.quality is not None and view.quality.is_dark
        if waited_s >= _patient(CALM_DIM_S if is_dim else CALM_S, view):
            return True
        if waited_s >= CONFIRM_S and self._is_seen and not self._is_phone:
            return True
        if waited_s >= ALERT_S and (self._is_alert or view.faces == 0):
            return True
        is_restless = self._idle_looks >= _RESTLESS_LOOKS
        return is_moving and waited_s >= _patient(RESTLESS_S if is_restless else MOVING_S, view)


def _patient(seconds: float, view: View) -> float:
    return min(LONGEST_S, seconds * view.patience)


def load_objects(config: WorkerConfig) -> ObjectsDetector:
    """Raises DetectorUnavailable when no object model is there."""
    path = _choose(config.models_dir, config.object_model)
    network = load_network(path, config.threads)
    finder = ObjectFinder(network)
    return ObjectsDetector(PhoneFinder(finder), f"{path.name} on {network.engine}")


def _choose(models_dir: Path, wish: str) -> Path:
    if wish and wish != "auto":
        name = wish if wish.endswith(".onnx") else f"{wish}.onnx"
        path = models_dir / name
        if path.is_file():
            return path
        raise DetectorUnavailable(
            f"PROCTOR_OBJECT_MODEL names {name}, which is not in the models folder. "
            "Put it there or set it to auto."
        )
    for model in (YOLOV8N, YOLOX_NANO):
        if (found := find_model(model, models_dir)) is not None:
            return found
    raise DetectorUnavailable(f"No object model is there. {YOLOX_NANO.remedy}")


def _box(view: View, item: Found, label: str, score: float) -> Box:
    return Box(
        round(item.left / view.width, 4),
        round(item.top / view.height, 4),
        round((item.right - item.left) / view.width, 4),
        round((item.bottom - item.top) / view.height, 4),
        label,
        round(score, 3),
    )
