"""One evaluation: every wanted detector over every item that is labelled for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeVar

import av

from detectors.arrays import Floats
from scoring.model import Detector, Rule
from tools.evaluation import honest, motion, sound, stills
from tools.evaluation.degrade import (
    AROUND_THE_FACE,
    PICTURES,
    SOUNDS,
    degrade_picture,
    degrade_sound,
)
from tools.evaluation.manifest import HOLDS_SPEECH, Item, Manifest
from tools.evaluation.media import (
    UnreadableMediaError,
    decode,
    encode,
    read_still,
)
from tools.evaluation.product import Product
from tools.evaluation.progress import Progress
from tools.evaluation.results import Judged, OverTime, Section, unread
from tools.evaluation.spots import Spots

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
        spots: Spots,
        degradation: str = "",
    ) -> None:
        self._product = product
        self._manifest = manifest
        self._detectors = frozenset(detectors)
        self._progress = progress
        self._degradation = degradation
        self._evaluation = Evaluation()
        self._unreadable: set[str] = set()
        self._spots = spots

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
        for section in self._evaluation.sections.values():
            section.judged = [self._marked(judged) for judged in section.judged]
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
        return [item for item in self._manifest.items if is_wanted(item)]

    def _stills(self, is_wanted: Callable[[Item], bool], stage: str) -> list[Item]:
        items = self._items(lambda item: item.kind == "image" and is_wanted(item))
        self._progress.begin(stage, len(items))
        return items

    def _videos(self, is_wanted: Callable[[Item], bool], stage: str) -> list[Item]:
        found = self._items(lambda item: item.kind == "video" and is_wanted(item))
        self._progress.begin(stage, sum(round(2 * (item.seconds or 5)) for item in found))
        return found

    def _give_up(self, file: str, error: Exception) -> None:
        if file not in self._unreadable:
            self._unreadable.add(file)
            self._evaluation.problems.append(f"{file} {error}; not judged.")

    def _marked(self, judged: Judged) -> Judged:
        """Whatever was said of a file that cannot be read is an error of the file."""
        files = judged.file.split(" + ")
        if not self._unreadable & {*files}:
            return judged
        return replace(judged, is_unread=True, reason="cannot be decoded")

    def _load(self, item: Item) -> bytes:
        """What the product is sent. A file that is no picture is sent as nothing."""
        path = self._manifest.folder / item.file
        try:
            return self._alter(item.file, read_still(path))
        except UnreadableMediaError as error:
            self._give_up(item.file, error)
            return b""

    def _alter(self, file: str, jpeg: bytes) -> bytes:
        if not self._degradation:
            return jpeg
        spot = self._spots.of(file) if self._degradation in AROUND_THE_FACE else None
        bgr, quality = degrade_picture(self._degradation, decode(jpeg), file, spot)
        return encode(bgr, quality)

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
                lost = unread(item.file, item.gaze, is_positive=False, group=item.group)
                judged = [lost] if found is None else found
                rates.setdefault("all" if fps is None else f"{fps:g}", []).extend(judged)
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
            lost = unread(item.file, "ok", is_positive=False)
            section.judged += [lost] if found is None else found

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
            self._give_up(item.file, error)
            return None

    def _sound(self) -> None:
        wanted = self._detectors & {Detector.SPEECH, Detector.VOICE}
        if not wanted:
            return
        items = self._items(lambda i: HOLDS_SPEECH.get(i.kind) is not None)
        self._progress.begin("speech and voices", len(items))
        heard, plain, lost = [], [], []
        for item in items:
            self._progress.step(item.file)
            try:
                listened = self._listen(item, is_enrolled=True)
                heard.append(listened)
                if item.enrol is not None and Detector.VOICE in wanted:
                    plain.append(self._listen(item, is_enrolled=False))
            except UnreadableMediaError as error:
                self._give_up(item.file, error)
                lost.append(item)
        if Detector.SPEECH in wanted:
            section = self._section("speech", Detector.SPEECH)
            section.judged = [j for each in heard if (j := sound.judge_speech(each))]
            section.judged += [
                unread(i.file, i.kind, is_positive=HOLDS_SPEECH[i.kind] is True, group=i.group)
                for i in lost
            ]
            section.threshold = None
            section.over_time = _sound_alarms(
                heard, Rule.SPEECH, lambda item: HOLDS_SPEECH[item.kind] is False
            )
        if Detector.VOICE in wanted:
            self._voice("voice", heard)
            self._voice("voice_unenrolled", plain)
            self._evaluation.sections["voice"].judged += [
                unread(i.file, i.kind, is_positive=is_other, group=i.group)
                for i in lost
                if (is_other := sound.has_other_voice(i)) is not None
            ]

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
