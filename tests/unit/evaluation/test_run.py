"""A run over a folder: what is asked for, and media that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from detectors.identity import Checked
from detectors.messages import AnalysisResult, Box, Overlay
from scoring.model import Detector, Observation
from tests.pictures import draw_jpeg
from tools.evaluate import main, read_options
from tools.evaluation.degrade import DEGRADATIONS
from tools.evaluation.manifest import load_manifest
from tools.evaluation.product import Answer, Product, Session
from tools.evaluation.progress import Progress
from tools.evaluation.report import as_report
from tools.evaluation.run import Run
from tools.evaluation.spots import Spots

MANIFEST = """file,faces,phones,gaze,identity,kind,truth_segments
good.jpg,1,0,center,ann,image,
empty.jpg,1,0,center,ann,image,
text.jpg,0,1,,,image,
cut.mp4,,,center,,video,
cut.wav,,,,,speech,
"""


class OneFace:
    """Sees one face in whatever can be decoded, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.analyzer = self

    def remedy(self, detector: Detector) -> str:
        return ""

    model = remedy

    def check_face(self, picture: bytes) -> Checked:
        return Checked(None, "undecodable")

    def still(self, picture: bytes, detectors: set[Detector]) -> Answer:
        self.asked += 1
        seen = tuple(Observation(d, 0.0, ("one",)) for d in detectors) if picture else ()
        overlay = Overlay(0.0, (Box(0.1, 0.2, 0.3, 0.4, "face", 0.9),))
        return Answer(AnalysisResult(1, "still", observations=seen, overlay=overlay), 1.0)

    def close(self, session: str) -> None:
        pass

    def open(self, detectors: set[Detector]) -> Session:
        """For media of which nothing can be played."""
        return Session(cast(Product, self), "played", frozenset())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
    (tmp_path / "good.jpg").write_bytes(draw_jpeg())
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name in ("text.jpg", "cut.mp4", "cut.wav"):
        (tmp_path / name).write_bytes(b"neither a picture nor a sound")
    return tmp_path


def _run(folder: Path, product: OneFace, degradation: str = "") -> dict[str, Any]:
    manifest = load_manifest(folder)
    real = cast(Product, product)
    spots = Spots(real, folder)
    evaluation = Run(real, manifest, Detector, Progress(), spots, degradation).evaluate()
    return {**as_report(evaluation.sections), "problems": evaluation.problems}


def test_a_file_that_cannot_be_read_is_named_and_counts_as_an_abstention_and_an_error(
    folder: Path,
) -> None:
    report = _run(folder, OneFace())
    face = report["face"]
    assert (face["n"], face["correct"], face["abstained"]) == (3, 1, 2)
    assert face["errors"] == ["empty.jpg", "text.jpg"]
    assert report["objects"]["errors"] == ["empty.jpg", "text.jpg"]
    assert report["identity"]["errors"] == ["good.jpg + empty.jpg"]
    assert report["gaze_stills"]["n"] == 2
    for name, file in (("gaze", "cut.mp4"), ("camera", "cut.mp4"), ("speech", "cut.wav")):
        assert (report[name]["n"], report[name]["abstained"]) == (1, 1)
        assert report[name]["errors"] == [file]
    assert [problem.split()[0] for problem in report["problems"]] == [
        "empty.jpg", "text.jpg", "cut.mp4", "cut.wav",
    ]  # fmt: skip


@pytest.mark.parametrize("degradation", ["darkness", "occlusion", "noise"])
def test_a_degraded_run_bears_what_cannot_be_read(folder: Path, degradation: str) -> None:
    assert _run(folder, OneFace(), degradation)["face"]["abstained"] == 2


def test_where_the_face_is_in_a_picture_is_found_once(folder: Path) -> None:
    product = OneFace()
    spots = Spots(cast(Product, product), folder)
    assert spots.of("good.jpg") == spots.of("good.jpg") == (0.1, 0.2, 0.3, 0.4)
    assert product.asked == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "name the folder"),
        (["--detector", "nose", "."], "choose from 'face'"),
        ([".", "--degrade", "fog"], "there is no degradation 'fog'"),
        ([".", "--json", "nowhere/figures.json"], "cannot be written"),
        ([".", "--html", "."], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    given: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(given)
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["{}"], []),
        (["{}", "--degrade"], list(DEGRADATIONS)),
        (["--degrade", "{}"], list(DEGRADATIONS)),
        (["{}", "--degrade", "darkness", "jpeg-q20"], ["darkness", "jpeg q20"]),
        (["--degrade", "jpeg q20", "{}"], ["jpeg q20"]),
        (["--degrade", "blur", "--detector", "face", "{}"], ["blur"]),
    ],
)
def test_all_degradations_are_meant_or_those_that_are_named(
    given: list[str], names: list[str], tmp_path: Path
) -> None:
    options = read_options([word.format(tmp_path) for word in given])
    assert options.folder == tmp_path
    assert options.degrade == names


def test_a_folder_without_a_manifest_gets_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--degrade", "darkness"]) == 2
    assert "name a folder that holds one" in capsys.readouterr().err
