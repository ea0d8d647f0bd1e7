"""One finished session in a store, scored by the real monitor: the fixture of all reports."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from PIL import Image

from app.evidence.media import Media
from app.monitoring.monitor import Monitor, take_up
from app.records import ClipStatus, EndCause, ReviewState, SessionRecord, SessionState, Snapshot
from app.settings import Settings
from app.store import Repository
from detectors.messages import AnalysisResult
from scoring.model import Detector, EventKind, Observation, ScreenEvent
from scoring.policy import policy_to_dict, standard_policy
from tests.fakes import FakeClock
from tests.records import a_clip
from tests.unit.app.test_monitor import FakeLive, FakeRecorder

LENGTH_S = 100


def a_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 120, 160)).save(file, "JPEG")
    return file.getvalue()


def finished_session(
    repository: Repository,
    settings: Settings,
    media: Media | None = None,
    session_id: str = "s1",
    user_id: str = "ann",
) -> SessionRecord:
    """100 s: a phone, an absence, looking away, a paste, 15 s without any look; one clip."""
    clock = FakeClock()
    now = clock.now()
    policy = policy_to_dict(standard_policy())
    record = SessionRecord(
        session_id, user_id, "math", SessionState.RUNNING, now, now, policy=policy
    )
    repository.add_session(record)
    monitor = Monitor(
        settings,
        clock,
        repository,
        FakeRecorder(),
        FakeLive(),
        lambda _: None,
        lambda _: None,
        new_scorer=take_up,
    )
    monitor.open(record)
    for half in range(2 * LENGTH_S):
        clock.advance(0.5)
        at_s = half / 2
        if not 60 <= at_s < 75:
            monitor.post_result(AnalysisResult(half, session_id, _seen(at_s)))
        if at_s == 50:
            monitor.post_event(session_id, ScreenEvent("e1", EventKind.PASTE, 50.0))
        monitor.step()
    monitor.request_end(session_id)
    monitor.step()
    while monitor._outbox.waiting():
        clock.advance(10)
        monitor._outbox.write_due()
    ended_at = now + timedelta(seconds=LENGTH_S)
    repository.update_session(
        session_id, state=SessionState.ENDED, ended_at=ended_at, end_cause=EndCause.STUDENT
    )
    _add_clip(repository, session_id, user_id, media)
    stored = repository.session(session_id)
    assert stored is not None
    return stored


def _seen(at_s: float) -> tuple[Observation, ...]:
    face = "none" if 35 <= at_s < 40 else "one"
    gaze = "left" if 80 <= at_s < 86 else "center"
    things = "phone" if 10 <= at_s < 18 else "clear"
    faces = (("faces", float(face == "one")),)
    return (
        Observation(Detector.FACE, at_s, (face,), 0.93, measures=faces),
        Observation(Detector.GAZE, at_s, (gaze,), 0.8),
        Observation(Detector.OBJECTS, at_s, (things,), 0.87),
    )


def _add_clip(repository: Repository, session_id: str, user_id: str, media: Media | None) -> None:
    found = [each for each in repository.violations(session_id) if each.violation.rule == "phone"]
    violation = found[0].violation
    name = f"{user_id}/flagged_2026-03-02T09-00-13_score10"
    picture = f"{name}_snapshots/phone.jpg"
    at = found[0].started_at
    snapshot = Snapshot(violation.violation_id, "phone", at, 15.0, 15.0, picture)
    if media is not None:
        media.storage.write(picture, a_jpeg())
    clip = a_clip(f"c-{session_id}", session_id, ClipStatus.READY, f"{name}.mp4")
    zero = at - timedelta(seconds=violation.start_s)
    clip = replace(
        clip,
        user_id=user_id,
        snapshots=(snapshot,),
        rules=("phone",),
        duration_s=35.0,
        from_at=zero,
        to_at=zero + timedelta(seconds=35),
        trigger_at=zero + timedelta(seconds=13),
        flagged_at=zero + timedelta(seconds=13),
    )
    repository.save_clip(clip)
    repository.review_clip(clip.clip_id, ReviewState.CONFIRMED)
