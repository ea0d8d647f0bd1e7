"""From a student's batches to a playable clip, with real workers, threads, store and disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

from app.clock import SystemClock
from app.records import ClipRecord, ClipStatus, EndCause, SessionState
from app.settings import Settings
from app.store import open_repository
from app.wiring import Services, build_services
from scoring.model import Rule
from tests.scripted_media import scripted_jpeg, scripted_pcm
from tests.waiting import wait_until

BATCH_S = 0.5
FPS = 4
HONEST = {"face": "one", "gaze": "center"}


@dataclass
class Student:
    """Sends what a browser would, in real time, when `stream` is called often enough."""

    services: Services
    session_id: str
    seq: int = 0
    sent_s: float = 0.0
    script: dict[str, Any] = field(default_factory=dict)

    def stream(self) -> None:
        now_s = time.time()
        if now_s - self.sent_s < BATCH_S:
            return
        self.sent_s = now_s
        frames = [scripted_jpeg(self.script, number=self.seq)] * round(FPS * BATCH_S)
        sound = scripted_pcm(None, BATCH_S)
        start_ms = (now_s - BATCH_S) * 1000
        header = {
            "seq": self.seq,
            "sent_ms": now_s * 1000,
            "frames": [
                {"t": start_ms + index * 1000 / FPS, "size": len(jpeg)}
                for index, jpeg in enumerate(frames)
            ],
            "audio": [{"t": start_ms, "size": len(sound)}],
        }
        self.services.ingest.accept_batch(self.session_id, header, b"".join([*frames, sound]))
        self.seq += 1


@dataclass
class Server:
    """A server on one data folder that can be stopped and started again."""

    settings: Settings
    sent: list[tuple[str, Any, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.services = build_services(
            self.settings,
            SystemClock(),
            lambda event, payload, room: self.sent.append((event, payload, room)),
            lambda sid: None,
            scripted=True,
        )
        self.services.start()

    def stop(self) -> None:
        self.services.stop()

    @property
    def files(self) -> list[str]:
        """Every file but manifests and snapshots."""
        root = self.settings.clips_path
        found = (p for p in root.rglob("*") if p.is_file() and p.suffix not in {".json", ".jpg"})
        return sorted(str(p.relative_to(root)) for p in found)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = Settings.model_validate(
        {
            "PROCTOR_DATA_DIR": tmp_path,
            "PROCTOR_WORKERS": 1,
            "INTERVAL_DURATION": 10,
            "CHECK_INTERVAL": 5,
            "PROCTOR_PRE_ROLL_S": 2,
            "PROCTOR_POST_ROLL_S": 1,
        }
    )
    running = Server(settings)
    yield running
    running.stop()


def begin(server: Server, script: dict[str, Any]) -> Student:
    record, _ = server.services.sessions.create("ann", "math")
    server.services.sessions.start(record.session_id)
    return Student(server.services, record.session_id, script=script)


def flags_of(student: Student) -> int:
    student.stream()
    view = student.services.monitor.view(student.session_id)
    return view.scores.flagged_intervals if view else 0


@pytest.mark.slow
def test_a_second_person_is_flagged_and_leaves_one_clip_with_the_pictures(server: Server) -> None:
    server.services.live.join("proctor", "unknown")
    student = begin(server, {"face": "several"})
    server.services.live.join("proctor", student.session_id)
    wait_until(lambda: flags_of(student), "a flag")

    def waits() -> bool:
        clips = server.services.repository.clips()
        return [clip.status for clip in clips] == [ClipStatus.WAITING]

    # What is shown is ahead of what is stored by a moment.
    wait_until(waits, "the clip waits for its post-roll")
    ended = server.services.sessions.end(student.session_id, EndCause.PROCTOR)
    assert ended.flagged_intervals == 1
    assert ended.total_score >= 10

    def is_ready() -> bool:
        (clip,) = server.services.repository.clips()
        return clip.status is ClipStatus.READY

    wait_until(is_ready, "the clip")
    (clip,) = server.services.repository.clips()
    assert server.files == [clip.file_name]
    assert clip.rules == ("several_faces",)
    assert clip.has_sound
    assert clip.from_at <= clip.trigger_at <= clip.to_at
    covered_s = (clip.to_at - clip.from_at).total_seconds()
    assert clip.duration_s == pytest.approx(covered_s, rel=0.05)
    with av.open(str(server.settings.clips_path / clip.file_name)) as container:
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) >= clip.frames > 4
    (violation,) = server.services.repository.violations(student.session_id)
    assert violation.violation.rule is Rule.SEVERAL_FACES
    assert violation.ended_at is not None
    kinds = [p["kind"] for event, p, _ in server.sent if event == "session_event"]
    assert {"violation", "flag", "clip", "ended"} <= set(kinds)


@pytest.mark.slow
def test_an_honest_student_leaves_no_file(server: Server) -> None:
    student = begin(server, HONEST)

    def has_been_seen() -> bool:
        student.stream()
        view = server.services.monitor.view(student.session_id)
        coverage = dict(view.scores.coverage) if view else {}
        return view is not None and view.at_s > 3 and coverage.get("face", 0) > 0.3

    wait_until(has_been_seen, "some seconds of coverage")
    ended = server.services.sessions.end(student.session_id, EndCause.STUDENT)
    assert ended.total_score == 0
    assert server.services.repository.clips() == ()
    assert server.files == []


@pytest.mark.slow
def test_a_restart_keeps_what_was_found_and_the_session_goes_on(server: Server) -> None:
    student = begin(server, {"face": "several"})
    wait_until(lambda: flags_of(student), "a flag")
    server.stop()
    (clip,) = _clips_on(server)
    assert clip.status is ClipStatus.READY
    assert server.files == [clip.file_name]
    server.start()
    (record,) = server.services.repository.sessions(SessionState.RUNNING)
    view = server.services.monitor.view(record.session_id)
    assert view is not None
    assert view.scores.flagged_intervals == 1
    assert view.scores.total_score >= 10
    again = Student(server.services, record.session_id, script=HONEST)

    def is_seen() -> bool:
        again.stream()
        view = server.services.monitor.view(record.session_id)
        return view is not None and view.overlay is not None

    wait_until(is_seen, "pictures after the restart")
    ended = server.services.sessions.end(record.session_id, EndCause.STUDENT)
    assert ended.flagged_intervals == 1
    assert len(server.services.repository.clips()) == 1


def _clips_on(server: Server) -> tuple[ClipRecord, ...]:
    repository = open_repository(server.settings)
    try:
        return repository.clips()
    finally:
        repository.close()
