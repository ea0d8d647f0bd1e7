"""An analyzer that says what its input tells it to: for tests and demonstrations.

A picture carries its script as JSON in a JPEG comment that begins with `candor:`; a piece of
sound carries it behind a magic number at its start. No picture is looked at, no sound is
heard, and nothing but the standard library is loaded.

A script maps a detector to a label, a list of labels, or an object with `labels`,
`confidence`, `reason` (then it is not judgeable) and `measures`. `do` may be `die`, `hang` or
`fail`, for tests of those who start workers; `wait_s` makes the answer late.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Mapping
from typing import Any

from detectors.entry import WorkerConfig
from detectors.messages import (
    AnalysisRequest,
    AnalysisResult,
    Box,
    DetectorFault,
    DetectorStatus,
    Overlay,
)
from scoring.model import LABELS, Detector, Observation

PICTURE_PREFIX = b"candor:"
SOUND_MAGIC = b"CANDOR-SCRIPT-1\x00"
_SOUND_DETECTORS = frozenset({Detector.SPEECH, Detector.VOICE})


class ScriptedAnalyzer:
    """Answers each request with what the scripts in its frames and sounds say."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config

    def statuses(self) -> tuple[DetectorStatus, ...]:
        """Every detector is on: a script can speak for each."""
        return tuple(DetectorStatus(str(d), is_on=True, model="scripted") for d in Detector)

    def close(self, session_id: str) -> None:
        """Nothing is kept per session."""

    def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        """The observations of all scripts, in time order of frames, then of sounds."""
        observations: list[Observation] = []
        faults: list[DetectorFault] = []
        for frame in request.frames:
            script = picture_script(frame.jpeg)
            faults += _act(script)
            observations += _observations(script, frame.at_s, 0.0, request.detectors)
        for sound in request.sounds:
            script = sound_script(sound.pcm)
            faults += _act(script)
            observations += _observations(script, sound.at_s, sound.span_s, request.detectors)
        thumbnail = request.frames[-1].jpeg if request.frames else b""
        return AnalysisResult(
            request_id=request.request_id,
            session_id=request.session_id,
            observations=() if faults else tuple(observations),
            overlay=_overlay(observations) if request.frames and not faults else None,
            thumbnail=thumbnail if request.wants_thumbnail else b"",
            faults=tuple(faults),
        )


def picture_script(jpeg: bytes) -> dict[str, Any]:
    """The script in a JPEG's comment; empty when there is none."""
    position = 2
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker = jpeg[position + 1]
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if marker in (0xDA, 0xD9) or length < 2:
            break
        segment = jpeg[position + 4 : position + 2 + length]
        if marker == 0xFE and segment.startswith(PICTURE_PREFIX):
            return _read(segment[len(PICTURE_PREFIX) :])
        position += 2 + length
    return {}


def sound_script(pcm: bytes) -> dict[str, Any]:
    """The script at the start of a piece of sound; empty when there is none."""
    start = len(SOUND_MAGIC) + 4
    if not pcm.startswith(SOUND_MAGIC) or len(pcm) < start:
        return {}
    (length,) = struct.unpack_from("<I", pcm, len(SOUND_MAGIC))
    return _read(pcm[start : start + length])


def _read(text: bytes) -> dict[str, Any]:
    try:
        script = json.loads(text)
    except ValueError:
        return {}
    return script if isinstance(script, dict) else {}


def _act(script: Mapping[str, Any]) -> list[DetectorFault]:
    wait_s = script.get("wait_s")
    if isinstance(wait_s, (int, float)):
        time.sleep(wait_s)
    action = script.get("do")
    if action == "die":
        os._exit(3)
    if action == "hang":
        while True:
            time.sleep(60)
    if action == "fail":
        raise RuntimeError("The script asked for a failure.")
    if isinstance(fault := script.get("fault"), str):
        return [DetectorFault(fault, "The script asked for a fault.")]
    return []


def _observations(
    script: Mapping[str, Any], at_s: float, span_s: float, detectors: frozenset[str]
) -> list[Observation]:
    found = []
    for detector in Detector:
        said = script.get(str(detector))
        is_sound = span_s > 0
        if said is None or detector not in detectors or is_sound != (detector in _SOUND_DETECTORS):
            continue
        found.append(_observation(detector, said, at_s, span_s))
    return found


def _observation(detector: Detector, said: Any, at_s: float, span_s: float) -> Observation:
    details = said if isinstance(said, dict) else {"labels": said}
    labels = details.get("labels", ())
    labels = (labels,) if isinstance(labels, str) else tuple(labels)
    reason = str(details.get("reason", ""))
    return Observation(
        detector=detector,
        at_s=at_s,
        span_s=span_s,
        labels=() if reason else tuple(x for x in labels if x in LABELS[detector]),
        confidence=float(details.get("confidence", 1.0)),
        judgeable=not reason,
        reason=reason,
        measures=tuple((str(k), float(v)) for k, v in details.get("measures", {}).items()),
    )


def _overlay(observations: list[Observation]) -> Overlay:
    """Drawn from the newest picture's observations."""
    at_s = max((o.at_s for o in observations if o.span_s == 0), default=0.0)
    newest = [o for o in observations if o.at_s == at_s and o.span_s == 0 and o.judgeable]
    faces, gaze, boxes = None, "", []
    for seen in newest:
        if seen.detector is Detector.FACE and seen.labels:
            faces = {"none": 0, "turned": 0, "one": 1, "several": 2}[seen.labels[0]]
            for index in range(faces):
                boxes.append(Box(0.2 + 0.3 * index, 0.2, 0.25, 0.4, "face", seen.confidence))
        if seen.detector is Detector.GAZE and seen.labels:
            gaze = seen.labels[0]
        if seen.detector is Detector.OBJECTS and "phone" in seen.labels:
            boxes.append(Box(0.6, 0.6, 0.1, 0.2, "phone", seen.confidence))
    return Overlay(at_s=at_s, boxes=tuple(boxes), faces=faces, gaze=gaze)
