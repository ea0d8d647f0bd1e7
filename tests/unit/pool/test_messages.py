"""What server and workers say to each other survives the pipe, quickly and whole."""

from __future__ import annotations

import copy
import pickle

import pytest

from detectors.messages import (
    AnalysisRequest,
    AnalysisResult,
    Box,
    DetectorFault,
    Frame,
    Mark,
    Overlay,
    Sound,
)
from scoring.model import Detector, Observation

SEEN = Observation(Detector.FACE, 1.5, ("one",), 0.9, 0.5, True, "", (("faces", 1.0),))
OVERLAY = Overlay(1.5, (Box(0.1, 0.2, 0.3, 0.4, "face", 0.9),), faces=1, gaze="center")
MESSAGES = (
    SEEN,
    OVERLAY,
    AnalysisRequest(
        7,
        "s1",
        (Frame(1.0, b"jpeg"),),
        (Sound(1.0, b"pcm!"),),
        frozenset({"face"}),
        wants_thumbnail=True,
        marks=(Mark("look", 2.0, 0.1, 0.9),),
    ),
    AnalysisResult(
        7, "s1", (SEEN,), OVERLAY, b"small", (DetectorFault("gaze", "why"),), (("face", 1.0),)
    ),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_comes_out_of_the_pipe_as_it_went_in(message: object) -> None:
    assert pickle.loads(pickle.dumps(message)) == message
    assert copy.deepcopy(message) == message
