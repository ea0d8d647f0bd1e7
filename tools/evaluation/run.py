"""One evaluation: every wanted detector over every item that is labelled for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median
from typing import TypeVar

import av

from detectors.arrays import Floats
from scoring.model import Detector, Rule
from tools.evaluation import honest, motion, sound, stills
from tools.evaluation.degrade import PICTURES, SOUNDS, Spot, degrade_picture, degrade_sound
from tools.evaluation.manifest import HOLDS_SPEECH, Item, Manifest
from tools.evaluation.media import (
    UnreadableMediaError,
    decode,
    encode,
    read_still,
    read_video,
)
from tools.evaluation.product import Product
from tools.evaluation.progress import Progress
from tools.evaluation.results import Judged, OverTime, Section

_T = TypeVar("_T")

_ALARMS: dict[Detector, tuple[set[Rule], Callable[[Item], bool]]] = {
    Detector.FACE: ({Rule.NO_FACE, Rule.SEVERAL_FACES}, lambda item: item.faces == 1),
    Detector.GAZE: ({Rule.LOOKING_AWAY}, motion.looks_straight),
    Detector.IDENTITY: ({Rule.OTHER_PERSON}, lambda item: bool(item.person)),
    Detector.OBJECTS: ({Rule.PHONE}, lambda item: item.phones == 0),
    Detector.CAMERA: (
        {Rule.CAMERA_BLOCKED, Rule.CAMERA_LOOPED},
        lambda item: item.kind == "video",
    ),
}
TITLES = {
    "face": "Faces per picture: none, one or several",
    "gaze": "Gaze per video frame",
    "gaze_stills": "Gaze of single pictures",
    "head": "Head of single pictures",
    "identity": "Pairs of faces: the same person or not",
    "objects": "Phones per picture",
    "persons": "Persons per picture: none, one or several",
    "speech": "Speech per clip",
    "voice": "Another voice per clip",
    "voice_unenrolled": "Several voices per clip, nobody enrolled",
    "camera": "The camera itself, per video",
    "honest": "Honest sessions of ten minutes: intervals without a flag",
}


@dataclass(slots=True)
class Evaluation:
    """Sections by name, in the order of `TITLES`, and files that could not be read."""

    sections: dict[str, Section] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Run:
    """Runs the product over a manifest, clean or under one degradation."""

    def __init__(
        self,
        product: Product,
        manifest: Manifest,
        detectors: Iterable[Detector],
        progress: Progress,
        degradation: str = "",
    ) -> None:
        self._product = product
        self._manifest = manifest
        self._detectors = frozenset(detectors)
        self._progress = progress
        self._degradation = degradation
        self._evaluation = Evaluation()
        self._unreadable: set[str] = set()
        self._spot = lru_cache(maxsize=None)(self._find_spot)

    def evaluate(self) -> Evaluation:
        """All sections. A degradation of sound leaves pictures out, and the other way round."""
        wanted = self._detectors
        if not self._degradation or self._degradation in PICTURES:
            for detector, judge in (
                (Detector.FACE, self._face),
                (Detector.GAZE, self._gaze),
                (Detector.IDENTITY, self._identity),
                (Detector.OBJECTS, self._objects),
                (Detector.CAMERA, self._camera),
            ):
                if detector in wanted:
                    judge()
            self._over_time()
        if not self._degradation or self._degradation in SOUNDS:
            self._sound()
        order = [name for name in TITLES if name in self._evaluation.sections]
        self._evaluation.sections = {name: self._evaluation.sections[name] for name in order}
        return self._evaluation

    def evaluate_honest(self, length_s: int = honest.LENGTH_S) -> Section | None:
        """Sessions that must raise no flag; None where no video fits. Not for degradations."""
        items = honest.sources(self._manifest)
        self._progress.begin("honest sessions", length_s * len(items))
        section = Section("honest", TITLES["honest"])
        told = []
        for item in items:
            found = self._try_video(
                item,
                lambda item: honest.judge_session(
                    self._product, self._manifest, item, length_s, self._progress.step
                ),
            )
            if found is not None:
                section.judged += found[0]
                told.append(found[1])
        section.extra["sessions"] = told
        return section if told else None

    def _section(self, name: str, detector: Detector) -> Section:
        section = Section(name, TITLES[name], remedy=self._product.remedy(detector))
        section.extra["model"] = self._product.model(detector)
        self._evaluation.sections[name] = section
        return section

    def _items(self, is_wanted: Callable[[Item], bool]) -> list[Item]:
        return [
            item
            for item in self._manifest.items
            if item.file not in self._unreadable and is_wanted(item)
        ]

    def _stills(self, is_wanted: Callable[[Item], bool], stage: str) -> list[Item]:
        """Pictures that can be read; the others are reported once."""
        readable = []
        for item in self._items(lambda item: item.kind == "image" and is_wanted(item)):
            try:
                read_still(self._manifest.folder / item.file)
            except (UnreadableMediaError, OSError) as error:
                self._give_up(item, error)
                continue
            readable.append(item)
        self._progress.begin(stage, len(readable))
        return readable

    def _videos(self, is_wanted: Callable[[Item], bool], stage: str) -> list[Item]:
        found = self._items(lambda item: item.kind == "video" and is_wanted(item))
        self._progress.begin(stage, sum(round(2 * (item.seconds or 5)) for item in found))
        return found

    def _give_up(self, item: Item, error: Exception) -> None:
        self._unreadable.add(item.file)
        self._evaluation.problems.append(f"{item.file}: {error}; counted as not labelled.")

    def _load(self, item: Item) -> bytes:
        return self._alter(item.file, read_still(self._manifest.folder / item.file))

    def _alter(self, file: str, jpeg: bytes) -> bytes:
        if not self._degradation:
            return jpeg
        spot = self._spot(file) if self._degradation in ("occlusion", "backlight") else None
        bgr, quality = degrade_picture(self._degradation, decode(jpeg), file, spot)
        return encode(bgr, quality)

    def _find_spot(self, file: str) -> Spot | None:
        """Where the largest face is in the clean picture (or a video's first frame)."""
        path = self._manifest.folder / file
        try:
            jpeg = read_still(path)
        except UnreadableMediaError:
            jpeg = next(read_video(path, motion.ANALYSED_FPS)).jpeg
        overlay = self._product.still(jpeg, {Detector.FACE}).result.overlay
        boxes = [b for b in overlay.boxes if b.label == "face"] if overlay else []
        if not boxes:
            return None
        box = max(boxes, key=lambda b: b.width * b.height)
        return box.x, box.y, box.width, box.height

    def _face(self) -> None:
        section = self._section("face", Detector.FACE)
        items = self._stills(lambda i: i.faces is not None or bool(i.persons), "faces")
        section.judged, present = stills.judge_faces(
            self._product, items, self._load, self._progress.step
        )
        absent = [each.file for each in present if each.is_called_absent]
        section.extra["present"] = len(present)
        section.extra["called_absent"] = len(absent)
        section.extra["called_absent_files"] = absent

    def _gaze(self) -> None:
        section = self._section("gaze", Detector.GAZE)
        items = self._videos(motion.has_gaze, "gaze")
        rates: dict[str, list[Judged]] = {}
        for fps in (None, *motion.GAZE_FPS):
            for item in items:
                found = self._try_video(item, self._gaze_judge(fps))
                rates.setdefault("all" if fps is None else f"{fps:g}", []).extend(found or [])
        section.judged = rates.pop("all", [])
        section.extra["at_fps"] = {
            rate: Section("", "", judged).as_dict() for rate, judged in rates.items()
        }
        pictures = self._stills(lambda i: bool(i.gaze or i.head), "gaze and head")
        gazes, heads = stills.judge_directions(
            self._product, pictures, self._load, self._progress.step
        )
        self._section("gaze_stills", Detector.GAZE).judged = gazes
        self._section("head", Detector.GAZE).judged = heads

    def _gaze_judge(self, fps: float | None) -> Callable[[Item], list[Judged]]:
        folder, alter, tick = self._manifest.folder, self._alter, self._progress.step
        return lambda item: motion.judge_gaze(self._product, folder, item, fps, alter, tick)

    def _identity(self) -> None:
        section = self._section("identity", Detector.IDENTITY)
        items = self._stills(lambda i: bool(i.person) and i.faces in (None, 1), "identity")
        section.judged = stills.judge_pairs(
            self._product,
            items,
            self._load,
            self._progress.step,
            lambda: time.perf_counter() * 1000,
        )

    def _objects(self) -> None:
        section = self._section("objects", Detector.OBJECTS)
        items = self._stills(
            lambda i: i.phones is not None or i.persons is not None, "phones and persons"
        )
        phones, persons = stills.judge_objects(
            self._product, items, self._load, self._progress.step
        )
        section.judged = phones
        self._section("persons", Detector.OBJECTS).judged = persons

    def _camera(self) -> None:
        section = self._section("camera", Detector.CAMERA)
        for item in self._videos(lambda _: True, "camera"):
            found = self._try_video(
                item,
                lambda item: motion.judge_camera(
                    self._product,
                    self._manifest.folder,
                    item,
                    self._alter,
                    self._progress.step,
                ),
            )
            section.judged += found or []

    def _over_time(self) -> None:
        """False alarms of whole sessions, and how soon a change of person is noticed."""
        wanted = [d for d in _ALARMS if d in self._detectors]
        if not wanted:
            return
        watched = []
        for item in self._videos(lambda _: True, "whole sessions"):
            each = self._try_video(
                item,
                lambda item: motion.watch(
                    self._product, self._manifest.folder, item, self._alter, self._progress.step
                ),
            )
            watched += [each] if each else []
        for detector in wanted:
            rules, is_negative = _ALARMS[detector]
            section = self._evaluation.sections[detector.value]
            section.over_time = motion.alarms_over_time(watched, is_negative, rules)
        if Detector.IDENTITY in wanted:
            swaps = motion.swaps_of(watched, self._fps_of)
            self._evaluation.sections["identity"].extra["swaps"] = [
                {"file": s.file, "at_s": s.at_s, "noticed_after_s": s.after_s} for s in swaps
            ]

    def _fps_of(self, item: Item) -> float:
        with av.open(str(self._manifest.folder / item.file)) as container:
            return float(container.streams.video[0].average_rate or 25)

    def _try_video(self, item: Item, judge: Callable[[Item], _T]) -> _T | None:
        try:
            return judge(item)
        except UnreadableMediaError as error:
            self._give_up(item, error)
            return None

    def _sound(self) -> None:
        wanted = self._detectors & {Detector.SPEECH, Detector.VOICE}
        if not wanted:
            return
        items = self._items(lambda i: HOLDS_SPEECH.get(i.kind) is not None)
        self._progress.begin("speech and voices", len(items))
        heard, plain = [], []
        for item in items:
            self._progress.step(item.file)
            try:
                listened = self._listen(item, is_enrolled=True)
                heard.append(listened)
                if item.enrol is not None and Detector.VOICE in wanted:
                    plain.append(self._listen(item, is_enrolled=False))
            except UnreadableMediaError as error:
                self._give_up(item, error)
        if Detector.SPEECH in wanted:
            section = self._section("speech", Detector.SPEECH)
            section.judged = [j for each in heard if (j := sound.judge_speech(each))]
            section.threshold = None
            section.over_time = _sound_alarms(
                heard, Rule.SPEECH, lambda item: HOLDS_SPEECH[item.kind] is False
            )
        if Detector.VOICE in wanted:
            self._voice("voice", heard)
            self._voice("voice_unenrolled", plain)

    def _voice(self, name: str, heard: list[sound.Listened]) -> None:
        section = self._section(name, Detector.VOICE)
        delays = []
        for each in heard:
            is_enrolled = each.item.enrol is not None and name == "voice"
            part = each.item.kind if each.item.enrol is not None else f"{each.item.kind}, as found"
            judged = sound.judge_voice(each, part)
            if judged is None:
                continue
            section.judged.append(judged)
            starts = each.violations.get(Rule.SEVERAL_VOICES, [])
            since_s = sound.second_voice_s(each.item)
            if is_enrolled and starts and since_s is not None:
                delays.append(starts[0] - since_s)
        if delays:
            section.extra["start_error_s_p50"] = round(median(delays), 2)
        section.over_time = _sound_alarms(
            heard, Rule.SEVERAL_VOICES, lambda item: sound.has_other_voice(item) is False
        )

    def _listen(self, item: Item, is_enrolled: bool) -> sound.Listened:
        def alter(file: str, samples: Floats) -> Floats:
            if not self._degradation:
                return samples
            return degrade_sound(self._degradation, samples, file)

        return sound.listen(self._product, self._manifest.folder, item, alter, is_enrolled)


def _sound_alarms(
    heard: list[sound.Listened], rule: Rule, is_negative: Callable[[Item], bool]
) -> OverTime:
    negative = [each for each in heard if is_negative(each.item)]
    return OverTime(
        seconds=sum(each.seconds for each in negative),
        false_alarms=sum(len(each.violations.get(rule, ())) for each in negative),
        files=tuple(each.item.file for each in negative if each.violations.get(rule)),
    )
