"""A real server with its logs: a student sits an exam, is flagged, and is erased."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.settings import load_settings
from tests.live_server import Student
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until
from tools.fuzz import ScriptedServer
from tools.privacy import main as privacy
from tools.verify import main as verify

USER = "zoe.quast-4711"
SECRET = "a-secret-of-the-test-0123456789"
# Faster, and the pictures would stand closer together than a camera takes them.
FRAME_EVERY_S = 0.3


def found(folder: Path, needle: bytes) -> list[str]:
    """The files of the installation that hold these bytes in their content or name."""
    return [
        path.name
        for path in folder.rglob("*")
        if needle in str(path.relative_to(folder)).encode()
        or (path.is_file() and needle in path.read_bytes())
    ]


@pytest.mark.timeout(180)
def test_after_erasure_no_file_of_the_installation_names_the_student(tmp_path: Path) -> None:
    own = {"PROCTOR_SECRET_KEY": SECRET, "PROCTOR_POST_ROLL_S": "0", "INTERVAL_DURATION": "10"}
    server = ScriptedServer(tmp_path, {**own, "PROCTOR_WORKERS": "1"})
    with server:
        server.wait_for_detectors()
        made = server.post("/api/session/create", {"user_id": USER, "exam_id": "logic"})
        student = Student(server.url_at("127.0.0.1"), made["token"])
        student.start()
        picture = scripted_jpeg({"face": "none", "objects": "phone"})
        path = f"/api/session/{made['session_id']}/details"
        clips: list[dict[str, object]] = []
        due_s = time.monotonic()

        def is_ready() -> bool:
            nonlocal due_s
            if time.monotonic() < due_s:
                return False
            due_s += FRAME_EVERY_S
            student.send((picture,))
            clips[:] = server.get(path)["clips"]
            return any(clip["status"] == "ready" for clip in clips)

        wait_until(is_ready, "a clip is ready", 60)
        server.post("/api/session/end", {"session_id": made["session_id"]})
        student.close()
    clip = next((tmp_path / "flagged_videos").rglob("*.mp4"))
    media = clip.read_bytes()[-2000:]
    assert found(tmp_path, USER.encode())
    settings = load_settings(
        {"PROCTOR_DATA_DIR": str(tmp_path), "PROCTOR_SECRET_KEY": SECRET}, tmp_path / "no.env"
    )
    assert privacy(["erase", USER], settings) == 0
    assert found(tmp_path, USER.encode()) == []
    assert found(tmp_path, media) == []
    assert verify(["--audit"], settings) == 0
