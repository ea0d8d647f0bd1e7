"""Judges videos: gaze frame by frame, a change of person, the camera, and alarms over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from scoring.model import Detector, Observation, Rule
from tools.evaluation.manifest import GAZES, Item
from tools.evaluation.media import HEIGHT, WIDTH, Picture, encode, read_video
from tools.evaluation.product import Product
from tools.evaluation.results import Judged, OverTime
from tools.evaluation.stills import Tick, direction_word

Alter = Callable[[str, bytes], bytes]

ANALYSED_FPS = 2.0
GAZE_FPS = (2.0, 5.0)
_FROZEN_S = 8.0
_VISION = (
    Detector.FACE,
    Detector.GAZE,
    Detector.IDENTITY,
    Detector.OBJECTS,
    Detector.CAMERA,
)


@dataclass(frozen=True, slots=True)
class Swap:
    """Another person takes the seat at `at_s`; noticed after `after_s` seconds, or never."""

    file: str
    at_s: float
    after_s: float | None


def gaze_truth(item: Item, frame: int) -> str:
    """The gaze word of a frame, "" when it is not labelled. A segment goes before the cell."""
    for segment in item.segments:
        if segment.label in GAZES and segment.first <= frame <= segment.last:
            return segment.label
    has_segments = any(segment.label in GAZES for segment in item.segments)
    return "" if has_segments else item.gaze


def has_gaze(item: Item) -> bool:
    return bool(item.gaze) or any(segment.label in GAZES for segment in item.segments)


def judge_gaze(
    product: Product, folder: Path, item: Item, fps: float | None, alter: Alter, tick: Tick
) -> list[Judged]:
    """The gaze of every labelled frame of one video, at its own rate or `fps`."""
    judged = []
    with product.open({Detector.GAZE}) as session:
        for picture in read_video(folder / item.file, fps):
            tick(item.file)
            answer = session.see(picture.at_s, alter(item.file, picture.jpeg))
            label = gaze_truth(item, picture.index)
            if not label:
                continue
            truth = direction_word(label)
            observation = answer.of(Detector.GAZE)
            verdict, reason = _gaze_verdict(observation)
            judged.append(
                Judged(
                    file=item.file,
                    truth=truth,
                    verdict=verdict,
                    reason=reason,
                    is_positive=truth != "center",
                    is_correct=verdict == truth,
                    is_found=truth != "center" and verdict == truth,
                    is_alarm=truth == "center" and verdict not in ("", "center"),
                    group=item.group,
                    part=item.file,
                    score=None if observation is None else abs(observation.measure("sight_deg")),
                    ms=answer.ms,
                    at=f"frame {picture.index}",
                )
            )
    return judged


def _gaze_verdict(observation: Observation | None) -> tuple[str, str]:
    if observation is None:
        return "", "no observation"
    if not observation.judgeable:
        return "", observation.reason or "not judgeable"
    label = observation.labels[0]
    return ("center" if label == "closed" else label), ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a whole session over one video came to."""

    item: Item
    seconds: float
    violations: dict[Rule, list[float]]
    observations: tuple[Observation, ...]


def watch(product: Product, folder: Path, item: Item, alter: Alter, tick: Tick) -> Watched:
    """Run one video as a session with every detector of frames at the standard rate."""
    seconds = 0.0
    with product.open(_VISION) as session:
        for picture in read_video(folder / item.file, ANALYSED_FPS):
            tick(item.file)
            session.see(picture.at_s, alter(item.file, picture.jpeg))
            seconds = picture.at_s + 1 / ANALYSED_FPS
        return Watched(item, seconds, session.violations(), tuple(session.observations))


def alarms_over_time(
    watched: Iterable[Watched], is_negative: Callable[[Item], bool], rules: set[Rule]
) -> OverTime:
    """Episodes of `rules` in videos that hold nothing of the kind."""
    seconds, alarms, files = 0.0, 0, []
    for each in watched:
        if not is_negative(each.item):
            continue
        seconds += each.seconds
        count = sum(len(each.violations.get(rule, ())) for rule in rules)
        alarms += count
        if count:
            files.append(each.item.file)
    return OverTime(seconds, alarms, tuple(files))


def looks_straight(item: Item) -> bool:
    """Whether a video holds one person who looks straight ahead in every frame."""
    turns = [s for s in item.segments if s.label in GAZES and s.label != "center"]
    return item.gaze == "center" and not turns


def swaps_of(watched: Iterable[Watched], fps_of: Callable[[Item], float]) -> list[Swap]:
    """For each change of person in a video: how long until it was noticed."""
    found = []
    for each in watched:
        people = [s for s in each.item.segments if s.label.startswith("id:")]
        people.sort(key=lambda segment: segment.first)
        for before, after in pairwise(people):
            if before.label == after.label:
                continue
            at_s = after.first / fps_of(each.item)
            noticed = [
                o.at_s
                for o in each.observations
                if o.detector is Detector.IDENTITY and "other" in o.labels and o.at_s >= at_s - 1e-6
            ]
            after_s = round(min(noticed) - at_s, 2) if noticed else None
            found.append(Swap(each.item.file, round(at_s, 2), after_s))
    return found


def judge_camera(
    product: Product, folder: Path, item: Item, alter: Alter, tick: Tick
) -> list[Judged]:
    """A live video is "ok"; the same one covered, and stopped at its first frame, are not."""
    pictures = list(read_video(folder / item.file, ANALYSED_FPS))
    if not pictures:
        return []
    judged = []
    for truth, frames in (
        ("ok", iter(pictures)),
        ("covered", _covered(pictures)),
        ("frozen", _frozen(pictures[0])),
    ):
        with product.open({Detector.CAMERA}) as session:
            times = []
            for picture in frames:
                tick(item.file)
                jpeg = alter(item.file, picture.jpeg) if truth == "ok" else picture.jpeg
                times.append(session.see(picture.at_s, jpeg).ms)
            labels = {label for o in session.observations for label in o.labels}
        verdict = next((w for w in ("covered", "frozen", "looped", "switched") if w in labels), "")
        verdict = verdict or ("ok" if labels else "")
        judged.append(
            Judged(
                file=item.file if truth == "ok" else f"{item.file} ({truth})",
                truth=truth,
                verdict=verdict,
                reason="" if verdict else "no observation",
                is_positive=truth != "ok",
                is_correct=verdict == truth,
                is_found=truth != "ok" and verdict == truth,
                is_alarm=truth == "ok" and verdict not in ("", "ok"),
                part=truth,
                ms=float(np.median(times)) if times else None,
            )
        )
    return judged


def _covered(pictures: list[Picture]) -> Iterator[Picture]:
    """A hand or tape on the lens: nearly black, with the camera's own noise."""
    rng = np.random.default_rng(0)
    for picture in pictures:
        grain = np.clip(rng.normal(6, 2, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
        yield Picture(picture.index, picture.at_s, encode(grain))


def _frozen(first: Picture) -> Iterator[Picture]:
    for index in range(round(_FROZEN_S * ANALYSED_FPS)):
        yield Picture(index, index / ANALYSED_FPS, first.jpeg)
