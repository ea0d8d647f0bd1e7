"""The door of all detectors: what is missing, what fails, what is kept per session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detectors.analyzer import Analyzer
from detectors.base import View, ViewStream
from detectors.camera import CameraStream
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, AnalysisResult, Frame
from scoring.model import Detector, Observation
from tests.media import models_dir

ALL = frozenset(str(detector) for detector in Detector)


def jpeg_of(seed: int = 0, size: tuple[int, int] = (480, 640)) -> bytes:
    """A drawn picture without anybody in it."""
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 200, (size[0] // 40, size[1] // 40, 3)).astype(np.uint8)
    image = cv2.resize(small, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    return bytes(cv2.imencode(".jpg", image)[1])


def request_of(*frames: Frame, session: str = "s1", **fields: Any) -> AnalysisRequest:
    return replace(AnalysisRequest(1, session, frames=frames, detectors=ALL), **fields)


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(WorkerConfig(models_dir=models_dir() or Path("nowhere")))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Analyzer:
    return Analyzer(WorkerConfig(models_dir=tmp_path_factory.mktemp("no-models")))


def labels_of(result: AnalysisResult, detector: Detector) -> list[tuple[str, ...]]:
    return [o.labels for o in result.observations if o.detector is detector]


def test_a_missing_model_switches_its_detector_off_with_a_remedy(bare: Analyzer) -> None:
    statuses = {status.detector: status for status in bare.statuses()}
    assert set(statuses) == ALL
    for name in ("objects", "identity"):
        assert not statuses[name].is_on
        assert statuses[name].remedy.endswith(".")
    assert statuses["face"].is_on
    assert statuses["camera"].is_on


def test_the_others_work_without_the_missing_ones(bare: Analyzer) -> None:
    result = bare.analyze(request_of(Frame(0.0, jpeg_of())))
    assert result.faults == ()
    assert labels_of(result, Detector.FACE) == [("none",)]
    assert labels_of(result, Detector.OBJECTS) == []


def test_an_empty_picture_holds_nobody(analyzer: Analyzer) -> None:
    result = analyzer.analyze(request_of(Frame(1.5, jpeg_of()), session="empty"))
    assert labels_of(result, Detector.FACE) == [("none",)]
    assert result.overlay is not None
    assert result.overlay.faces == 0
    assert result.overlay.at_s == 1.5
    assert result.overlay.advice


def test_only_wanted_detectors_are_heard(analyzer: Analyzer) -> None:
    result = analyzer.analyze(
        request_of(Frame(0.0, jpeg_of()), session="few", detectors=frozenset({"camera"}))
    )
    assert {o.detector for o in result.observations} == {Detector.CAMERA}


def test_what_is_not_a_picture_is_a_fault_and_no_label(analyzer: Analyzer) -> None:
    result = analyzer.analyze(request_of(Frame(0.0, b"\xff\xd8 not a picture"), session="bad"))
    assert result.observations == ()
    assert [fault.detector for fault in result.faults] == ["camera"]


def test_a_thumbnail_comes_only_when_asked_for(analyzer: Analyzer) -> None:
    frame = Frame(0.0, jpeg_of())
    assert analyzer.analyze(request_of(frame, session="t")).thumbnail == b""
    jpeg = analyzer.analyze(request_of(frame, session="t", wants_thumbnail=True)).thumbnail
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (120, 160, 3)


class BrokenStream:
    def look(self, view: View) -> tuple[Observation, ...]:
        raise ValueError("the model gave nonsense")


class BrokenCamera:
    detector = Detector.CAMERA
    model = ""

    def __init__(self) -> None:
        self.is_broken = True

    def open_stream(self) -> ViewStream:
        return BrokenStream() if self.is_broken else CameraStream()


@pytest.fixture
def breaking(bare: Analyzer) -> Iterator[BrokenCamera]:
    kept = bare._views[Detector.CAMERA]
    broken = BrokenCamera()
    bare._views[Detector.CAMERA] = broken
    yield broken
    bare._views[Detector.CAMERA] = kept


def test_a_detector_that_raises_is_a_fault_and_the_others_go_on(
    bare: Analyzer, breaking: BrokenCamera
) -> None:
    result = bare.analyze(request_of(Frame(0.0, jpeg_of()), session="broken"))
    assert [fault.detector for fault in result.faults] == ["camera"]
    assert "the model gave nonsense" in result.faults[0].message
    assert labels_of(result, Detector.CAMERA) == []
    assert labels_of(result, Detector.FACE) == [("none",)]


def test_closing_forgets_the_streams_and_an_unknown_session_is_harmless(
    analyzer: Analyzer,
) -> None:
    analyzer.analyze(request_of(Frame(0.0, jpeg_of()), session="gone"))
    assert "gone" in analyzer._sessions
    analyzer.close("gone")
    analyzer.close("never seen")
    assert "gone" not in analyzer._sessions


def test_a_still_leaves_no_stream_behind(analyzer: Analyzer) -> None:
    analyzer.analyze(request_of(Frame(0.0, jpeg_of()), session="still", is_still=True))
    assert "still" not in analyzer._sessions


@pytest.mark.parametrize("size", [(120, 160), (720, 1280), (480, 480), (64, 48)])
def test_any_picture_size_is_judged(analyzer: Analyzer, size: tuple[int, int]) -> None:
    result = analyzer.analyze(request_of(Frame(0.0, jpeg_of(size=size)), session=str(size)))
    assert result.faults == ()
