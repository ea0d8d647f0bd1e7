from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.intake.jpeg import inspect_jpeg
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, Frame, Sound
from detectors.scripted import ScriptedAnalyzer
from scoring.model import Detector, Observation
from tests.scripted_media import read_number, scripted_jpeg, scripted_pcm

ALL = frozenset(str(detector) for detector in Detector)


def analyze(
    frames: tuple[Frame, ...] = (),
    sounds: tuple[Sound, ...] = (),
    detectors: frozenset[str] = ALL,
    wants_thumbnail: bool = False,
) -> tuple[Observation, ...]:
    analyzer = ScriptedAnalyzer(WorkerConfig(Path("models"), scripted=True))
    request = AnalysisRequest(1, "s", frames, sounds, detectors, wants_thumbnail)
    return analyzer.analyze(request).observations


def test_a_picture_says_what_is_seen_in_it() -> None:
    jpeg = scripted_jpeg({"face": "several", "objects": ["phone", "book"]})
    face, objects = analyze((Frame(3.5, jpeg),))
    assert (face.detector, face.labels, face.at_s) == (Detector.FACE, ("several",), 3.5)
    assert objects.labels == ("phone", "book")


def test_details_can_be_given() -> None:
    script = {"identity": {"labels": "other", "confidence": 0.75, "measures": {"cosine": 0.1}}}
    (identity,) = analyze((Frame(1, scripted_jpeg(script)),))
    assert (identity.confidence, identity.measure("cosine")) == (0.75, 0.1)


def test_a_reason_makes_an_observation_not_judgeable() -> None:
    (face,) = analyze((Frame(1, scripted_jpeg({"face": {"reason": "dark"}})),))
    assert (face.judgeable, face.labels, face.reason) == (False, (), "dark")


def test_sound_says_what_is_heard_over_its_span() -> None:
    (speech, voice) = analyze(
        sounds=(Sound(2, scripted_pcm({"speech": "speech", "voice": "several"}, 0.5)),)
    )
    assert (speech.labels, speech.span_s) == (("speech",), 0.5)
    assert voice.labels == ("several",)


def test_only_the_sessions_detectors_answer_and_plain_media_say_nothing() -> None:
    jpeg = scripted_jpeg({"face": "one", "gaze": "left"})
    (gaze,) = analyze((Frame(1, jpeg),), detectors=frozenset({"gaze"}))
    assert gaze.detector is Detector.GAZE
    assert analyze((Frame(1, scripted_jpeg()),), (Sound(1, scripted_pcm()),)) == ()


def test_a_script_that_asks_for_failure_fails() -> None:
    with pytest.raises(RuntimeError):
        analyze((Frame(1, scripted_jpeg({"do": "fail"})),))


@pytest.mark.parametrize("number", [0, 1, 4711, 65535])
@pytest.mark.parametrize("size", [(640, 480), (640, 360), (320, 240)])
def test_a_scripted_picture_is_a_real_jpeg_with_a_number_in_it(
    number: int, size: tuple[int, int]
) -> None:
    jpeg = scripted_jpeg({"face": "one"}, size=size, number=number, quality=50)
    info = inspect_jpeg(jpeg)
    assert (info.width, info.height) == size
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert read_number(np.asarray(picture, np.uint8)) == number
