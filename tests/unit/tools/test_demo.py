"""The drawn students are what the demonstration says they are, to the real detectors."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, Frame
from scoring.model import Detector, Observation
from tools.agent.pictures import encode_jpeg
from tools.demo import Scene, ScenePictures, quiet_room, students
from tools.drawn import LOOKS, Picture, Pose, draw_room, draw_students

FACES = frozenset({str(Detector.CAMERA), str(Detector.FACE), str(Detector.GAZE)})


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> Analyzer:
    """Without model files: faces and gaze come with mediapipe."""
    return Analyzer(WorkerConfig(models_dir=tmp_path_factory.mktemp("no-models")))


def _seen(analyzer: Analyzer, drawing: Picture, session_id: str) -> list[Observation]:
    pictures = ScenePictures([Scene(60, drawing)], seed=3)
    found: list[Observation] = []
    for number in range(8):
        picture = pictures.at(number / 2)
        assert picture is not None
        frame = Frame(number / 2, encode_jpeg(picture, 640, 480, 0.75))
        request = AnalysisRequest(number, session_id, frames=(frame,), detectors=FACES)
        found += analyzer.analyze(request).observations
    analyzer.close(session_id)
    return [item for item in found if item.detector is Detector.FACE and item.judgeable]


@pytest.mark.parametrize("number", range(len(LOOKS)))
def test_every_drawn_student_is_one_face(analyzer: Analyzer, number: int) -> None:
    seen = _seen(analyzer, draw_students([(Pose(), LOOKS[number])]), f"look-{number}")
    assert {item.labels for item in seen[2:]} == {("one",)}


def test_an_empty_drawn_room_has_no_face(analyzer: Analyzer) -> None:
    seen = _seen(analyzer, draw_room(), "room")
    assert {item.labels for item in seen} == {("none",)}


def test_a_drawn_visitor_is_a_second_face(analyzer: Analyzer) -> None:
    both = draw_students([(Pose(470, 200, 80), LOOKS[0]), (Pose(250), LOOKS[3])])
    seen = _seen(analyzer, both, "both")
    assert seen[-1].labels == ("several",)


def test_scenes_follow_each_other_and_start_again() -> None:
    dark, bright = np.full((480, 640, 3), 20, np.uint8), np.full((480, 640, 3), 200, np.uint8)
    pictures = ScenePictures([Scene(2, dark), Scene(3, bright)], seed=0)
    shades = [float(np.mean(pictures.at(at_s))) for at_s in (0.0, 1.9, 2.1, 4.9, 5.1)]  # type: ignore[arg-type]
    assert [shade > 100 for shade in shades] == [False, False, True, True, False]


def test_no_two_pictures_of_a_drawn_camera_are_alike() -> None:
    pictures = ScenePictures([Scene(5, draw_room())], seed=0)
    assert not np.array_equal(pictures.at(1.0), pictures.at(1.2))  # type: ignore[arg-type]


def test_every_demo_student_has_a_picture_at_any_time() -> None:
    for number, student in enumerate(students()):
        pictures = ScenePictures(student.scenes, number)
        assert all(pictures.at(at_s) is not None for at_s in (0.0, 14.99, 20.0, 89.99, 200.0))


def test_the_quiet_room_is_faint() -> None:
    heard = np.frombuffer(quiet_room().until(1.0), "<i2")
    assert len(heard) == 16_000
    assert np.abs(heard).max() < 200
