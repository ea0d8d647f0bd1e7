"""The scoring benchmark runs and says what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoring.model import Observation
from tools.bench_scoring import main, make_session


def test_a_small_run_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    assert main(["--sessions", "3", "--made", "2", "--hours", "0.05", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures["observations"] == 180 * 2 * 7
    assert figures["rescore_session_s"] > 0
    assert figures["rescore_exam_s"] > 0
    assert figures["peak_mb"] > 0
    assert "Scoring the exam" in capsys.readouterr().err


def test_five_percent_of_a_made_session_are_episodes() -> None:
    frames = [item for item in make_session(1, 3600) if isinstance(item, Observation)]
    loud = sum(
        frame.labels[0] in {"none", "left", "other", "phone", "speech", "several", "covered"}
        for frame in frames
    )
    assert 0.03 < loud / len(frames) < 0.07
