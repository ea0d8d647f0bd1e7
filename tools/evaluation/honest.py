"""An honest session composed from labelled videos, which must raise no flag.

A student who is present and quiet, blinks, glances aside, types, coughs, and whose lamp goes off
for a while. Pictures come from one labelled video, so that it is one person at one camera; typing
and coughs come from the folder where it has them, and are made otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from scoring.model import Detector, IntervalScore
from scoring.policy import standard_policy
from scoring.session import SessionScorer
from tools.evaluation.degrade import degrade_picture
from tools.evaluation.manifest import GAZES, Item, Manifest
from tools.evaluation.media import SAMPLE_RATE, decode, encode, read_sound, read_video, to_pcm
from tools.evaluation.product import Product
from tools.evaluation.results import Judged

LENGTH_S = 600
FPS = 2.0
GLANCE_EVERY_S, GLANCE_S = 17.0, 1.5
LAMP_OFF_S = 20
# Shares of the session: when the lamp goes off, what is typed, and when a cough is heard.
_LAMP_AT = 0.5
_TYPING = ((0.1, 0.2), (0.65, 0.75))
_COUGHS = (0.25, 0.4, 0.85)
_SHIFT_PX, _GRAIN, _GRAINS = 1.5, 2.0, 7
_HISS = 12 / 32_768

Tick = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """One person's frames: looking straight (blinks included), and to a side, at `fps`."""

    item: Item
    fps: float
    straight: tuple[Pixels, ...]
    aside: tuple[Pixels, ...]


def sources(manifest: Manifest) -> list[Item]:
    """The videos to make sessions of: one with glances and one with blinks, where there are."""
    found: list[Item] = []
    videos = [i for i in manifest.items if i.kind == "video" and i.faces == 1]
    glancing = [i for i in videos if any(s.label in GAZES[1:3] for s in i.segments)]
    blinking = [i for i in videos if any(s.label == "blink" for s in i.segments)]
    calm = [i for i in videos if i.gaze == "center" and not i.segments]
    for each in (glancing, blinking):
        found += each[:1]
    return found or calm[:1]


def read_source(manifest: Manifest, item: Item) -> Source:
    """Raises UnreadableMediaError."""
    aside = {
        frame
        for segment in item.segments
        if segment.label in GAZES[1:3]
        for frame in range(round(segment.first), round(segment.last) + 1)
    }
    labelled = [s for s in item.segments if s.label == "center"]
    straight_ones, aside_ones = [], []
    fps = 25.0
    for picture in read_video(manifest.folder / item.file):
        if picture.index:
            fps = picture.index / picture.at_s
        if picture.index in aside:
            aside_ones.append(decode(picture.jpeg))
        elif not labelled or any(s.first <= picture.index <= s.last for s in labelled):
            straight_ones.append(decode(picture.jpeg))
    return Source(item, fps, tuple(straight_ones), tuple(aside_ones))


def pictures(source: Source, length_s: int) -> Iterator[tuple[float, bytes]]:
    """(second, JPEG) at `FPS`, with a camera's grain and small sway on every picture."""
    rng = np.random.default_rng(3)
    shape = source.straight[0].shape
    grains = [rng.normal(0, _GRAIN, shape).astype(np.float32) for _ in range(_GRAINS)]
    lamp_s = _LAMP_AT * length_s
    for number in range(round(length_s * FPS)):
        at_s = number / FPS
        inside_s = at_s % GLANCE_EVERY_S
        if source.aside and at_s > GLANCE_EVERY_S and inside_s < GLANCE_S:
            picture = source.aside[round(inside_s * source.fps) % len(source.aside)]
        else:
            picture = _there_and_back(source.straight, round(at_s * source.fps))
        if lamp_s <= at_s < lamp_s + LAMP_OFF_S:
            picture, _ = degrade_picture("darkness", picture, f"{number}", None)
        x, y = rng.uniform(-_SHIFT_PX, _SHIFT_PX, 2)
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
        size = (picture.shape[1], picture.shape[0])
        moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
        grain = np.roll(grains[number % _GRAINS], number, axis=1)
        yield at_s, encode(np.clip(moved + grain, 0, 255).astype(np.uint8))


def sound(manifest: Manifest, length_s: int) -> Floats:
    """Float32 samples of a quiet room with typing and coughs."""
    rng = np.random.default_rng(5)
    heard = rng.normal(0, _HISS, length_s * SAMPLE_RATE).astype(np.float32)
    keys = [i for i in manifest.items if i.kind == "keyboard"]
    for first, last in _TYPING:
        begin = round(first * length_s) * SAMPLE_RATE
        count = round((last - first) * length_s) * SAMPLE_RATE
        if keys:
            clip = read_sound(manifest.folder / keys[0].file)
            typed = np.resize(clip, count)
        else:
            typed = _typing(count, rng)
        heard[begin : begin + count] += typed
    for share in _COUGHS:
        begin = round(share * length_s) * SAMPLE_RATE
        made = _cough(rng)
        heard[begin : begin + made.size] += made
    return np.clip(heard, -1, 1)


def judge_session(
    product: Product, manifest: Manifest, item: Item, length_s: int, tick: Tick
) -> tuple[list[Judged], dict[str, object]]:
    """A verdict per interval of the session, and what scored and was observed in it."""
    source = read_source(manifest, item)
    samples = sound(manifest, length_s)
    seen = pictures(source, length_s)
    with product.open(Detector) as session:
        for second in range(length_s):
            tick(item.file)
            for _ in range(round(FPS)):
                at_s, jpeg = next(seen)
                session.see(at_s, jpeg)
            piece = samples[second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE]
            session.hear(float(second), to_pcm(piece))
        scorer = SessionScorer(standard_policy())
        scorer.update(session.observations, float(length_s))
        scorer.end(float(length_s))
    intervals = scorer.ledger().intervals
    return [_judged(item, each) for each in intervals], _summary(item, intervals)


def _judged(item: Item, interval: IntervalScore) -> Judged:
    rules = ", ".join(sorted({point.rule.value for point in interval.points}))
    return Judged(
        file=item.file,
        truth="no flag",
        verdict=f"flag: {rules}" if interval.is_flagged else "no flag",
        is_positive=False,
        is_correct=not interval.is_flagged,
        is_alarm=interval.is_flagged,
        part=item.file,
        score=interval.score,
        at=f"from {interval.start_s:.0f} s",
    )


def _summary(item: Item, intervals: tuple[IntervalScore, ...]) -> dict[str, object]:
    points: dict[str, float] = {}
    for interval in intervals:
        for point in interval.points:
            points[point.rule.value] = points.get(point.rule.value, 0.0) + point.points
    names = sorted({name for interval in intervals for name, _ in interval.coverage})
    count = max(1, len(intervals))
    coverage = {
        str(name): round(sum(dict(i.coverage).get(name, 0.0) for i in intervals) / count, 3)
        for name in names
    }
    return {
        "file": item.file,
        "flags": sum(interval.is_flagged for interval in intervals),
        "highest_score": max((interval.score for interval in intervals), default=0.0),
        "points": points,
        "coverage": coverage,
    }


def _there_and_back(frames: tuple[Pixels, ...], number: int) -> Pixels:
    if len(frames) < 2:
        return frames[0]
    place = number % (2 * len(frames) - 2)
    return frames[min(place, 2 * len(frames) - 2 - place)]


def _typing(count: int, rng: np.random.Generator) -> Floats:
    """Key strokes: short decaying bursts of noise, some five a second."""
    typed = np.zeros(count, np.float32)
    burst = rng.normal(0, 1, 800) * np.exp(-np.arange(800) / 120)
    for start in rng.integers(0, count - 800, round(5 * count / SAMPLE_RATE)):
        typed[start : start + 800] += (burst * rng.uniform(0.05, 0.2)).astype(np.float32)
    return typed


def _cough(rng: np.random.Generator) -> Floats:
    """Two coughs: a burst of breath, and a throat's resonances dying away."""
    t = np.arange(round(0.35 * SAMPLE_RATE)) / SAMPLE_RATE
    breath = rng.normal(0, 1, t.size) * (0.8 * np.exp(-t / 0.03) + 0.35 * np.exp(-t / 0.12))
    throat = np.sin(2 * np.pi * np.outer((450, 900, 1500), t)).mean(axis=0) * np.exp(-t / 0.08)
    one = 0.25 * (breath + throat)
    gap = np.zeros(round(0.25 * SAMPLE_RATE))
    return np.asarray(np.concatenate([one, gap, 0.8 * one]), np.float32)
