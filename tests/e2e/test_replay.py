"""A recorded session with real detectors replays to exactly the ledger that was scored live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.ledgers import first_difference, ledger_sha256, replayed
from app.settings import load_settings
from app.store import open_repository
from tests.media import PROJECT_ROOT, load_manifest, media_dir, requires_media, requires_models
from tools.serving import Server

SECONDS = 40


def _video() -> Path:
    folder = media_dir()
    assert folder is not None
    videos = sorted((folder / "videos").glob("*.mp4"))
    if not videos:
        pytest.skip("no video in the labelled media")
    wanted = [video for video in videos if "female_and_male" in video.stem]
    return (wanted or videos)[0]


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.media
@requires_media
@requires_models
def test_a_recorded_session_replays_to_the_live_ledger(tmp_path: Path) -> None:
    assert load_manifest()
    with Server(tmp_path, {"INTERVAL_DURATION": "10", "CHECK_INTERVAL": "5"}) as server:
        server.wait_for_detectors()
        session = server.post("/api/session/create", {"user_id": "ann", "exam_id": "math"})
        agent = [sys.executable, "-m", "tools.agent", "--server", server.url]
        agent += ["--token", session["token"], "--video", str(_video()), "--no-microphone"]
        agent += ["--seconds", str(SECONDS), "--end"]
        for event in ("paste@6", "tab_hidden@15", "focus_returned@18"):
            agent += ["--event", event]
        subprocess.run(agent, cwd=PROJECT_ROOT, check=True, timeout=SECONDS + 90)
        details = server.get(f"/api/session/{session['session_id']}/details")
    assert details["session"]["state"] == "ended"
    assert details["session"]["total_score"] > 0
    settings = load_settings({"PROCTOR_DATA_DIR": str(tmp_path)}, env_file=tmp_path / "no.env")
    repository = open_repository(settings)
    try:
        record = repository.session(session["session_id"])
        assert record is not None
        ledger = replayed(repository, record)
        assert first_difference(repository, record, ledger) is None
        assert record.ledger_sha256 == ledger_sha256(ledger)
        assert sum(len(block.data) for block in repository.trace(record.session_id)) > 500
    finally:
        repository.close()
    said = subprocess.run(
        [sys.executable, "-m", "tools.replay", record.session_id],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PROCTOR_DATA_DIR": str(tmp_path), "MONGO_URI": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert "EQUAL" in said.stdout
