"""Looks for persons, phones and other objects every few moments."""

from __future__ import annotations

from pathlib import Path

from detectors.base import DetectorUnavailable, View
from detectors.entry import WorkerConfig
from detectors.messages import Box
from detectors.models import YOLOV8N, YOLOX_NANO, find_model
from detectors.runtime import load_network
from detectors.yolo import BOOK, LAPTOP, PERSON, PHONE, SCREEN, Found, ObjectFinder
from scoring.model import Detector, Observation

EVERY_S = 2.0
KINDS = (PERSON, PHONE, BOOK, LAPTOP, SCREEN)
LABELS = {PHONE: "phone", BOOK: "book", LAPTOP: "laptop", SCREEN: "screen"}
PHONE_SCORE, PERSON_SCORE, OTHER_SCORE = 0.25, 0.4, 0.5


class ObjectsDetector:
    """A YOLO model shared by all sessions of the worker."""

    detector = Detector.OBJECTS

    def __init__(self, finder: ObjectFinder, model: str) -> None:
        self.finder = finder
        self.model = model

    def open_stream(self) -> ObjectsStream:
        return ObjectsStream(self.finder)


class ObjectsStream:
    """Objects of one session: looks every EVERY_S, more often when something was seen."""

    def __init__(self, finder: ObjectFinder) -> None:
        self._finder = finder
        self._looked_s: float | None = None
        self._is_alert = False

    def look(self, view: View) -> tuple[Observation, ...]:
        """Empty when it is not time to look."""
        is_missing = view.faces == 0 and not view.unfit
        is_due = (
            view.is_still or self._looked_s is None or view.at_s - self._looked_s >= EVERY_S - 0.05
        )
        if not (is_due or self._is_alert or is_missing):
            return ()
        self._looked_s = view.at_s
        with view.costs.step("objects"):
            found = self._finder.find(view.rgb, KINDS)
        persons = [item for item in found if item.kind == PERSON and item.score >= PERSON_SCORE]
        view.persons = len(persons)
        things = [
            item
            for item in found
            if item.kind != PERSON
            and item.score >= (PHONE_SCORE if item.kind == PHONE else OTHER_SCORE)
        ]
        labels = list(dict.fromkeys(LABELS[item.kind] for item in things))
        if len(persons) > 1:
            labels.append("several_persons")
        self._is_alert = "phone" in labels
        view.boxes.extend(_box(view, item, LABELS.get(item.kind, "person")) for item in things)
        best = max((item.score for item in things if item.kind == PHONE), default=0.0)
        return (
            Observation(
                Detector.OBJECTS,
                view.at_s,
                tuple(labels) or ("clear",),
                confidence=best or 1.0,
                measures=(("persons", float(len(persons))), ("phone_score", best)),
            ),
        )


def load_objects(config: WorkerConfig) -> ObjectsDetector:
    """Raises DetectorUnavailable when no object model is there."""
    path = _choose(config.models_dir, config.object_model)
    network = load_network(path, config.threads)
    return ObjectsDetector(ObjectFinder(network), f"{path.name} on {network.engine}")


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


def _box(view: View, item: Found, label: str) -> Box:
    return Box(
        item.left / view.width,
        item.top / view.height,
        (item.right - item.left) / view.width,
        (item.bottom - item.top) / view.height,
        label,
        round(item.score, 3),
    )
