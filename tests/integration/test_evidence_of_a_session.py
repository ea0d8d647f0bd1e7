"""A scripted session from start to seal: one clip for each flag, with its trigger in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from app.evidence.keys import load_master_key
from app.evidence.manifest import Signer
from app.evidence.verify import Verifier
from app.records import ClipRecord, ClipStatus, EndCause
from app.settings import Settings
from tests.integration.test_flag_to_clip import HONEST, Server, Student
from tests.scripted_media import read_number
from tests.waiting import wait_until

ALONE, TOGETHER = HONEST, {"face": "several"}
# From these seconds of the session on; intervals are 10 s long.
SCRIPT: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.0, ALONE),
    (3.0, TOGETHER),
    (7.0, ALONE),
    (21.0, TOGETHER),
    (25.0, ALONE),
)
LENGTH_S = 27.0


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "key").write_text("k" * 64)
    settings = Settings.model_validate(
        {
            "PROCTOR_DATA_DIR": tmp_path / "data",
            "PROCTOR_WORKERS": 1,
            "INTERVAL_DURATION": 10,
            "CHECK_INTERVAL": 5,
            "PROCTOR_PRE_ROLL_S": 2,
            "PROCTOR_POST_ROLL_S": 1,
            "PROCTOR_MEDIA_ENCRYPTION": request.param,
            "PROCTOR_MASTER_KEY_FILE": tmp_path / "key",
        }
    )
    running = Server(settings)
    yield running
    running.stop()


def play(server: Server) -> tuple[str, list[tuple[float, int]]]:
    """Act out the script; the session, and when each batch was sent with the number it carries."""
    wait_until(lambda: server.services.pool.counters()["workers_ready"], "a worker")
    record, _ = server.services.sessions.create("ann", "math")
    started = server.services.sessions.start(record.session_id)
    assert started.started_at is not None
    zero_s = started.started_at.timestamp()
    student = Student(server.services, record.session_id)
    sent: list[tuple[float, int]] = []

    def is_over() -> bool:
        now_s = time.time() - zero_s
        student.script = next(s for from_s, s in reversed(SCRIPT) if from_s <= now_s)
        before = student.seq
        student.stream()
        if student.seq != before:
            sent.append((student.sent_s, before))
        return now_s >= LENGTH_S

    wait_until(is_over, "the end of the script", 60)
    return record.session_id, sent


def number_at(server: Server, clip: ClipRecord) -> int | None:
    """The number in the picture on show at the clip's trigger."""
    trigger_s = (clip.trigger_at - clip.from_at).total_seconds()
    shown = None
    with (
        server.services.media.open(clip.file_name) as file,
        av.open(file) as container,
    ):
        for frame in container.decode(video=0):
            if float(frame.time or 0) > trigger_s + 0.005:
                break
            shown = frame
    return None if shown is None else read_number(shown.to_ndarray(format="bgr24"))


@pytest.mark.slow
def test_every_flag_of_a_session_has_one_clip_that_holds_its_trigger(server: Server) -> None:
    session_id, sent = play(server)
    repository = server.services.repository
    server.services.sessions.end(session_id, EndCause.STUDENT)

    def is_sealed() -> bool:
        session = repository.session(session_id)
        return session is not None and bool(session.seal)

    wait_until(is_sealed, "the seal", 30)
    flagged = {i.interval.index for i in repository.intervals(session_id) if i.interval.is_flagged}
    clips = sorted(repository.clips(session_id), key=lambda clip: clip.interval_index)
    assert flagged == {0, 2}
    assert [clip.interval_index for clip in clips] == [0, 2]
    for clip in clips:
        assert clip.status is ClipStatus.READY
        covered_s = (clip.to_at - clip.from_at).total_seconds()
        assert clip.duration_s == pytest.approx(covered_s, rel=0.05)
        expected = next(number for at_s, number in sent if at_s >= clip.trigger_at.timestamp())
        assert abs((number_at(server, clip) or -9) - expected) <= 1
        (snapshot,) = clip.snapshots
        assert snapshot.rule == "several_faces"
        with server.services.media.open(snapshot.file_name) as file:
            assert file.read(3) == b"\xff\xd8\xff"
    stems = {clip.file_name.removesuffix(".mp4") for clip in clips}
    assert {name for name in server.files if name.startswith("ann/flagged_")} == {
        f"{stem}.mp4" + (".enc" if server.settings.media_encryption else "") for stem in stems
    } | {
        snapshot.file_name + ".enc"
        for clip in clips
        for snapshot in clip.snapshots
        if server.settings.media_encryption
    }
    key = Signer(load_master_key(server.settings)).public_key
    verdict = Verifier(repository, server.services.media, key).verify(session_id)
    assert verdict.problems == ()
    assert verdict.is_sealed
    assert verdict.clips == len(clips)
