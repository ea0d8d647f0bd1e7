"""Measures what watching one student costs, beside the bare cost of the models alone.

A session is run through the product's own analyzer at 2 analysed frames a second with a second of
sound each. Every call of a model is written down; then each second is run again and followed by
the same calls alone on the very same tensors, so that whatever else the machine does falls on both
alike. Of several rounds the least of each second counts. CPU time is of the whole process, so
threads of the engines count.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.graph import Graph
from detectors.messages import AnalysisRequest, Frame, Sound
from detectors.models import PROJECT_ROOT
from detectors.runtime import OnnxRuntimeNetwork, OpenVinoNetwork
from detectors.speech import SpeechModel
from detectors.voice import VoiceModel
from scoring.model import Detector
from tools.drawn import LOOKS, Camera, Pose, draw_students
from tools.evaluation.media import SAMPLE_RATE, encode, read_sound, read_video, to_pcm

GOAL_MS = 15.0
GOAL_RATIO = 1.3
FPS = 2.0
WARM_UP_S = 12

# Every way in which a detector asks a model for something.
_MODEL_CALLS: tuple[tuple[type, str], ...] = (
    (OpenVinoNetwork, "run"),
    (OnnxRuntimeNetwork, "run"),
    (Graph, "run"),
    (SpeechModel, "judge"),
    (VoiceModel, "infer"),
)

Call = Callable[[], object]
_ALL = frozenset(detector.value for detector in Detector)


@dataclass(frozen=True, slots=True)
class Second:
    """What one student sends in a second."""

    frames: tuple[Frame, ...]
    sound: Sound


@dataclass(slots=True)
class Cost:
    """What one kind of session cost, in CPU milliseconds per student-second."""

    name: str
    seconds: int
    product_ms: float = 0.0
    models_ms: float = 0.0
    model_calls: int = 0
    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Product over bare models."""
        return self.product_ms / self.models_ms if self.models_ms else float("inf")


class Recorder:
    """Writes down the calls of models, with their arguments kept as they were.

    `calls` is the list that is written to, None while nothing is.
    """

    def __init__(self) -> None:
        self.calls: list[Call] | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand between the detectors and their models for the time of the block."""
        originals = [(owner, name, getattr(owner, name)) for owner, name in _MODEL_CALLS]
        for owner, name, original in originals:
            setattr(owner, name, self._wrapped(original))
        try:
            yield
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)

    def _wrapped(self, original: Callable[..., object]) -> Callable[..., object]:
        def call(owner: object, *args: Any, **kwargs: Any) -> object:
            if self.calls is not None:
                kept = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
                self.calls.append(lambda: original(owner, *kept, **kwargs))
            return original(owner, *args, **kwargs)

        return call


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU time of one second: of the product with its steps, and of the bare models."""

    product_ms: float
    models_ms: float
    step_ms: dict[str, float]


def record_session(analyzer: Analyzer, name: str, seconds: Sequence[Second]) -> list[list[Call]]:
    """The calls of models in each second of a session."""
    recorder, calls = Recorder(), []
    with recorder.installed():
        for index, second in enumerate(seconds):
            recorder.calls = []
            analyzer.analyze(AnalysisRequest(index, name, second.frames, (second.sound,), _ALL))
            calls.append(recorder.calls)
        recorder.calls = None
    analyzer.close(name)
    return calls


def run_session(
    analyzer: Analyzer, name: str, seconds: Sequence[Second], calls: Sequence[Sequence[Call]]
) -> list[Spent]:
    """Analyze the seconds one after the other, each followed by its calls alone."""
    spent = []
    for index, second in enumerate(seconds):
        request = AnalysisRequest(index, name, second.frames, (second.sound,), _ALL)
        start = time.process_time()
        result = analyzer.analyze(request)
        product = time.process_time()
        for call in calls[index]:
            call()
        end = time.process_time()
        spent.append(Spent((product - start) * 1000, (end - product) * 1000, dict(result.cost_ms)))
    analyzer.close(name)
    return spent


def measure(analyzer: Analyzer, name: str, seconds: Sequence[Second], rounds: int) -> Cost:
    """The least of some rounds, second by second.

    The first seconds (calibration, registration) are run and not counted.
    """
    calls = record_session(analyzer, name, seconds)
    runs = [run_session(analyzer, name, seconds, calls)[WARM_UP_S:] for _ in range(rounds)]
    each = list(zip(*runs, strict=True))
    counted = len(each)
    best = [min(second, key=lambda spent: spent.product_ms) for second in each]
    step_ms: dict[str, float] = {}
    step_seconds: Counter[str] = Counter()
    for spent in best:
        for step, ms in spent.step_ms.items():
            step_ms[step] = step_ms.get(step, 0.0) + ms
            step_seconds[step] += 1
    return Cost(
        name=name,
        seconds=counted,
        product_ms=sum(spent.product_ms for spent in best) / counted,
        models_ms=sum(min(s.models_ms for s in second) for second in each) / counted,
        model_calls=sum(map(len, calls[WARM_UP_S:])),
        steps={
            step: {
                "ms_when_it_works": ms / step_seconds[step],
                "ms_per_student_second": ms / counted,
            }
            for step, ms in step_ms.items()
        },
    )


def student(length_s: int, video: Path | None, spoken: Path | None) -> list[Second]:
    """Seconds of a present student, quiet (room hiss) unless `spoken` is a sound file."""
    jpegs = _frames(length_s, video)
    sound = read_sound(spoken) if spoken else None
    rng = np.random.default_rng(0)
    made = []
    for second in range(length_s):
        frames = tuple(
            Frame(second + i / FPS, jpegs[(second * int(FPS) + i) % len(jpegs)])
            for i in range(int(FPS))
        )
        if sound is None:
            samples = rng.normal(0, 0.002, SAMPLE_RATE).astype(np.float32)
        else:
            at = second * SAMPLE_RATE % max(1, sound.size - SAMPLE_RATE)
            samples = sound[at : at + SAMPLE_RATE]
        made.append(Second(frames, Sound(float(second), to_pcm(samples))))
    return made


def _frames(length_s: int, video: Path | None) -> list[bytes]:
    if video is not None:
        there = [picture.jpeg for picture in read_video(video, FPS)]
        return there + there[::-1]
    camera, drawing = Camera(), draw_students([(Pose(), LOOKS[0])])
    return [encode(camera.take(drawing, i / FPS)) for i in range(round(length_s * FPS))]


def _media() -> Path | None:
    folder = Path(os.environ.get("CANDOR_MEDIA_DIR") or PROJECT_ROOT.parent / "shared" / "media")
    return folder if (folder / "manifest.csv").is_file() else None


def _first(path: Path | None) -> Path | None:
    return path if path is not None and path.is_file() else None


def as_table(cost: Cost) -> str:
    """Steps, then the product beside the bare models."""
    lines = [f"{cost.name}: {cost.seconds} s at {FPS:g} analysed frames/s"]
    lines.append(f"  {'step':<16}{'ms in its seconds':>20}{'CPU ms per student-second':>28}")
    for name, step in sorted(cost.steps.items(), key=lambda s: -s[1]["ms_per_student_second"]):
        lines.append(
            f"  {name:<16}{step['ms_when_it_works']:>20.2f}{step['ms_per_student_second']:>28.2f}"
        )
    lines.append(f"  {'product':<16}{'':>20}{cost.product_ms:>28.2f}")
    lines.append(f"  {'models alone':<16}{cost.model_calls:>14} calls{cost.models_ms:>28.2f}")
    lines.append(f"  {cost.ratio:.2f} times the bare models (at most {GOAL_RATIO:g} is wanted)")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0; the figures are for reading, machines differ."""
    parser = argparse.ArgumentParser(prog="./run.sh bench detectors", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of each session")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many")
    parser.add_argument("--video", type=Path, metavar="FILE", help="the student's camera")
    parser.add_argument("--sound", type=Path, metavar="FILE", help="what a talking student says")
    parser.add_argument("--models", type=Path, default=PROJECT_ROOT / "models", metavar="DIR")
    parser.add_argument("--object-model", default="auto", metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    given = parser.parse_args(argv)
    if given.seconds < 1 or given.rounds < 1:
        parser.error("--seconds and --rounds must be at least 1")
    media = _media()
    video = given.video or _first(media / "videos/gaze_center.mp4" if media else None)
    spoken = given.sound or _first(media / "audio/libri_1688.wav" if media else None)
    print(f"Camera: {video.name if video else 'a drawn student'}; 1 thread per model.")
    analyzer = Analyzer(WorkerConfig(models_dir=given.models, object_model=given.object_model))
    for status in analyzer.statuses():
        if not status.is_on:
            print(f"  {status.detector} is off and costs nothing: {status.remedy}")
    length_s = given.seconds + WARM_UP_S
    scenes = [("present and quiet", student(length_s, video, None))]
    if spoken is not None:
        scenes.append(("present and talking", student(length_s, video, spoken)))
    costs = []
    for name, seconds in scenes:
        cost = measure(analyzer, name, seconds, given.rounds)
        costs.append(cost)
        print(as_table(cost))
    print(f"Goal: {GOAL_MS:g} ms for a present, quiet student; here {costs[0].product_ms:.1f} ms.")
    if given.json:
        data = [asdict(cost) | {"ratio": cost.ratio} for cost in costs]
        given.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return 0
