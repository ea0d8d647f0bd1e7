"""Measures what one present, quiet student costs the detectors, next to the bare models.

The product's own analyzer looks at a clip as a worker does. Every model call it makes is kept and
then repeated alone on the same prepared input: that is the bare cost. CPU time of the process, so
other programs on the machine change it little.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.graph import Graph
from detectors.messages import AnalysisRequest, Frame
from detectors.runtime import OnnxRuntimeNetwork, OpenVinoNetwork

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DETECTORS = frozenset({"face", "gaze", "identity", "objects", "camera"})
GOAL_MS = 15.0
GOAL_RATIO = 1.3
_WARM_UP_S = 5.0


@dataclass(slots=True)
class Calls:
    """The model calls of a run, ready to be repeated."""

    made: list[Callable[[], Any]] = field(default_factory=list)
    is_on: bool = False


@contextmanager
def kept_calls() -> Iterator[Calls]:
    """Keep every call of a network or a graph, with a copy of its input, while `is_on`."""
    calls = Calls()
    originals = {kind: kind.run for kind in (Graph, OpenVinoNetwork, OnnxRuntimeNetwork)}

    def keeping(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Any, array: np.ndarray[Any, Any], **more: Any) -> Any:
            if calls.is_on:
                copy = array.copy()
                copy.flags.writeable = False
                calls.made.append(lambda: original(self, copy, **more))
            return original(self, array, **more)

        return run

    for kind, original in originals.items():
        kind.run = keeping(original)  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        for kind, original in originals.items():
            kind.run = original  # type: ignore[method-assign]


def frames_of(video: Path, fps: float, seconds: float) -> list[bytes]:
    """JPEGs at `fps`; a short clip is shown to and fro, with a camera's noise of its own."""
    capture = cv2.VideoCapture(str(video))
    rate, pictures = capture.get(cv2.CAP_PROP_FPS) or 25.0, []
    while True:
        is_read, picture = capture.read()
        if not is_read:
            break
        pictures.append(picture)
    if not pictures:
        raise SystemExit(f"{video} holds no picture that can be read.")
    there_and_back = pictures + pictures[-2:0:-1]
    rng = np.random.default_rng(0)
    jpegs = []
    for step in range(round(seconds * fps)):
        picture = there_and_back[round(step / fps * rate) % len(there_and_back)]
        noisy = np.clip(picture + rng.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)
        jpegs.append(bytes(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]))
    return jpegs


def measure(analyzer: Analyzer, jpegs: Sequence[bytes], fps: float) -> dict[str, Any]:
    """Milliseconds of CPU per student-second: in all, per step, and of the bare models."""
    steps: dict[str, float] = {}
    with kept_calls() as calls:
        spent = 0.0
        warm = min(len(jpegs) // 2, round(_WARM_UP_S * fps))
        for number, jpeg in enumerate(jpegs):
            request = AnalysisRequest(
                number, "bench", frames=(Frame(number / fps, jpeg),), detectors=DETECTORS
            )
            calls.is_on = number >= warm
            copying = len(calls.made)
            start = time.process_time()
            result = analyzer.analyze(request)
            cost = time.process_time() - start
            if number < warm:
                continue
            spent += cost - _copying_s(len(calls.made) - copying)
            for name, ms in result.cost_ms:
                steps[name] = steps.get(name, 0.0) + ms
    seconds = (len(jpegs) - warm) / fps
    start = time.process_time()
    for call in calls.made:
        call()
    bare = time.process_time() - start
    return {
        "seconds": seconds,
        "ms_per_student_second": spent * 1000 / seconds,
        "bare_ms_per_student_second": bare * 1000 / seconds,
        "ratio": spent / bare if bare else None,
        "model_calls": len(calls.made),
        "steps_ms_per_student_second": {name: ms / seconds for name, ms in steps.items()},
    }


def _copying_s(calls: int) -> float:
    """What keeping the inputs of so many calls costs, which is no cost of the product."""
    return calls * _COPY_S


def _measure_copy() -> float:
    array = np.zeros((480, 640, 3), np.uint8)
    start = time.process_time()
    for _ in range(50):
        array.copy()
    return (time.process_time() - start) / 50


_COPY_S = _measure_copy()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 when there is nothing to run it on."""
    parser = argparse.ArgumentParser(prog="bench detectors", description=__doc__)
    parser.add_argument("video", nargs="?", type=Path, help="a clip of a present, quiet student")
    parser.add_argument("--models", type=Path, default=PROJECT_ROOT / "models")
    parser.add_argument("--object-model", default="auto")
    parser.add_argument("--fps", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(argv)
    video = chosen.video or PROJECT_ROOT.parent / "shared" / "media" / "videos" / "gaze_center.mp4"
    if not video.is_file():
        print("Name a video of a present, quiet student: bench detectors VIDEO")
        return 2
    analyzer = Analyzer(WorkerConfig(chosen.models, object_model=chosen.object_model))
    for status in analyzer.statuses():
        if status.detector in DETECTORS:
            print(f"{status.detector:10} {status.model if status.is_on else status.remedy}")
    found = measure(analyzer, frames_of(video, chosen.fps, chosen.seconds), chosen.fps)
    print(f"\n{'step':24}{'ms per student-second':>22}")
    for name, ms in sorted(found["steps_ms_per_student_second"].items(), key=lambda x: -x[1]):
        print(f"{name:24}{ms:22.2f}")
    print(f"{'all':24}{found['ms_per_student_second']:22.2f}   goal {GOAL_MS:g}")
    print(f"{'bare models':24}{found['bare_ms_per_student_second']:22.2f}")
    print(f"{'all over bare models':24}{found['ratio'] or 0:22.2f}   at most {GOAL_RATIO:g}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
