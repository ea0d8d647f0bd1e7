"""A server that is killed while it writes a clip leaves no half file and no waiting clip."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.evidence.clip_files import ClipFiles
from app.evidence.clip_recovery import LOST, settle
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.records import ClipStatus
from app.settings import PROJECT_ROOT, Settings
from app.store import open_repository
from tests.waiting import wait_until

RECORD = """
import os, sys, time
from pathlib import Path
from app.clock import SessionTime, SystemClock
from app.evidence.ring import EvidenceRing
from app.evidence.keys import load_master_key
from app.evidence.manifest import Signer
from app.evidence.media import open_media
from app.evidence.recorder import Recorder
from app.records import SessionRecord, SessionState
from app.settings import Settings
from app.store import open_repository
from scoring.model import IntervalScore
from tests.pictures import draw_jpeg

class Live:
    def clip_changed(self, record): pass

settings = Settings.model_validate({"PROCTOR_DATA_DIR": Path(sys.argv[1])})
clock = SystemClock()
ring = EvidenceRing(600.0, 400_000_000)
pictures = [draw_jpeg(number, 640, 480) for number in range(50)]
for number in range(200):
    ring.add_frame(number / 5, pictures[number % 50])
ring.add_screen(10.0, pictures[0])
repository = open_repository(settings)
master = load_master_key(settings)
media = open_media(settings, repository, clock, master)
recorder = Recorder(
    settings, clock, repository, lambda s: ring, Live(), id, media=media, signer=Signer(master)
)
replace = os.replace

def stop_before_the_clip_has_its_name(old, new):
    if str(new).endswith((".mp4", ".mp4.enc")):
        time.sleep(600)
    replace(old, new)

os.replace = stop_before_the_clip_has_its_name
recorder.start()
session = SessionRecord("s1", "ann", "math", SessionState.RUNNING, clock.now(), clock.now())
interval = IntervalScore(0, 0.0, 40.0, 12.0, flag_score=12.0, flagged_at_s=5.0)
recorder.flag(session, SessionTime(clock.now(), clock), interval, 5.0, 5.0)
recorder.end_session("s1", 40.0)
time.sleep(600)
"""


@pytest.mark.slow
def test_a_kill_while_a_clip_is_written_leaves_no_half_file(tmp_path: Path) -> None:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    folder = settings.clips_path / "ann"
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(tmp_path)], cwd=PROJECT_ROOT
    ) as server:

        def is_writing() -> bool:
            assert server.poll() is None, "the server ended by itself"
            return any(folder.glob(".*.mp4.part"))

        wait_until(is_writing, "a clip that is being written", 60)
        server.send_signal(signal.SIGKILL)
        server.wait(30)
    assert list(folder.glob("*.mp4")) == []
    repository = open_repository(settings)
    try:
        master = load_master_key(settings)
        settle(repository, ClipFiles(open_media(settings, repository, SystemClock(), master)))
        (clip,) = repository.clips()
    finally:
        repository.close()
    assert clip.status is ClipStatus.FAILED
    assert clip.error == LOST
    assert [path for path in settings.clips_path.rglob("*") if path.is_file()] == []
