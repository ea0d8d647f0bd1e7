"""Measures of a face or a voice never leave the detector process, and go with the session."""

from __future__ import annotations

import ast
import dataclasses
import gc
import pickle
import typing
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.identity import IdentityStream
from detectors.messages import AnalysisRequest, AnalysisResult, Frame, WorkerMessage
from scoring.model import Detector
from tests.media import (
    PROJECT_ROOT,
    load_manifest,
    media_dir,
    models_dir,
    requires_media,
    requires_models,
)

ALL = frozenset(str(detector) for detector in Detector)
# What a detector process may send that is not a number, a word or a small record of these: a
# small picture for the wall, and what the student said, for staff who listen.
BYTES_TOLD = {("AnalysisResult", "thumbnail"), ("Heard", "pcm")}
WRITERS = {"write_bytes", "write_text", "tofile", "save", "savez", "dump", "memmap", "imwrite"}
# Fetch and make model files before any student is there.
MAY_WRITE = {"model_files.py", "voice_model.py"}
MOST_MEASURES = 12


def told_types(kind: object, owner: str = "", field: str = "") -> list[tuple[str, str, object]]:
    """(class, field, type) of everything a message is made of."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return [
            found
            for each in dataclasses.fields(kind)
            for found in told_types(hints[each.name], kind.__name__, each.name)
        ]
    parts = [part for part in typing.get_args(kind) if part is not Ellipsis]
    if parts and typing.get_origin(kind) is not typing.Literal:
        return [found for part in parts for found in told_types(part, owner, field)]
    return [(owner, field, kind)]


def test_no_message_of_a_detector_process_has_room_for_a_template() -> None:
    for owner, field, kind in told_types(WorkerMessage):
        assert kind is not np.ndarray, (owner, field)
        assert kind is not bytes or (owner, field) in BYTES_TOLD, (owner, field)


def test_detectors_write_nothing_to_disk() -> None:
    for file in sorted((PROJECT_ROOT / "detectors").rglob("*.py")):
        if file.name in MAY_WRITE:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert name not in WRITERS, f"{file.name}:{node.lineno}"
            assert name != "open" or len(node.args) < 2, f"{file.name}:{node.lineno}"


def a_face() -> bytes:
    """A frontal face that the development media knows, as a camera would send it."""
    folder = media_dir()
    assert folder is not None
    row = next(
        each
        for each in load_manifest()
        if (each["faces"], each["head"], each["kind"]) == ("1", "frontal", "image")
    )
    image = cv2.imread(str(folder / row["file"]))
    scale = 480 / image.shape[0]
    done, jpeg = cv2.imencode(".jpg", cv2.resize(image, None, fx=scale, fy=scale))
    assert done
    return jpeg.tobytes()


def templates() -> list[np.ndarray[typing.Any, typing.Any]]:
    """The measures of faces that streams in this process hold now."""
    streams = [each for each in gc.get_objects() if isinstance(each, IdentityStream)]
    return [
        value
        for stream in streams
        for value in vars(stream).values()
        if isinstance(value, np.ndarray) and value.size >= 64
    ]


@requires_media
@requires_models
def test_a_registered_face_is_in_no_answer_and_gone_with_the_session() -> None:
    gc.collect()
    before = len(templates())
    analyzer = Analyzer(WorkerConfig(models_dir=models_dir() or Path("nowhere")))
    jpeg, results = a_face(), list[AnalysisResult]()
    for second in range(0, 40, 2):
        request = AnalysisRequest(second, "s1", (Frame(float(second), jpeg),), detectors=ALL)
        results.append(analyzer.analyze(request))
    held = templates()[before:]
    if not held:
        pytest.skip("this machine has no model that registers faces")
    sent = pickle.dumps(results)
    for template in held:
        for kind in (np.float32, np.float64):
            data = np.ascontiguousarray(template, dtype=kind).tobytes()
            assert data[:16] not in sent
    told = [each for result in results for each in result.observations]
    assert max(len(each.measures) for each in told) <= MOST_MEASURES
    del held
    analyzer.close("s1")
    gc.collect()
    assert len(templates()) == before
