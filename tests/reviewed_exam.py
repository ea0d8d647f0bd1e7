"""An exam that has been sat, scored by the real monitor, with clips of drawn students."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from app.monitoring.monitor import Monitor, take_up
from app.records import (
    ClipRecord,
    ClipStatus,
    EndCause,
    SessionRecord,
    SessionState,
    Snapshot,
)
from app.wiring import Services
from detectors.messages import AnalysisResult
from scoring.model import Detector, EventKind, Observation, ScreenEvent
from scoring.policy import policy_to_dict, standard_policy
from tests.fakes import FakeClock
from tests.unit.app.test_monitor import FakeLive, FakeRecorder
from tools.drawn import LOOKS, Look, Pose, draw_room, draw_students

FPS = 4
WIDTH, HEIGHT = 320, 240
Picture = NDArray[np.uint8]

# What happens from second to second: left, right, down, none, several, phone, paste.
Story = Sequence[tuple[float, float, str]]

STORIES: dict[str, Story] = {
    "ann": (
        (6, 11, "left"),
        (14, 15.5, "right"),
        (18, 25, "left"),
        (33, 38, "down"),
        (40, 44, "none"),
        (46, 49, "left"),
        (50, 50.5, "paste"),
        (56, 63, "none"),
        (65, 69, "none"),
    ),
    "ben": ((12, 18, "several"), (40, 44, "left"), (70, 76, "phone")),
    "cara": ((8, 45, "none"),),
    "dilan": ((5, 9, "phone"), (9, 14, "down")),
}
LENGTH_S = 100
ZERO_AGO = timedelta(hours=2)
_GAZE = {"left": (-34.0, 2.0), "right": (30.0, 3.0), "down": (4.0, -28.0)}


@dataclass(frozen=True, slots=True)
class Sat:
    """A session that was sat, and its clips in order."""

    session: SessionRecord
    clips: tuple[ClipRecord, ...]


def sit_exam(services: Services, exam_id: str = "algebra", *users: str) -> list[Sat]:
    """Let these students (all of `STORIES` by default) sit an exam that ended an hour ago."""
    chosen = users or tuple(STORIES)
    return [
        _sit(services, exam_id, user, STORIES[user], LOOKS[number % len(LOOKS)])
        for number, user in enumerate(chosen)
    ]


def _sit(services: Services, exam_id: str, user_id: str, story: Story, look: Look) -> Sat:
    zero = (datetime.now(timezone.utc) - ZERO_AGO).replace(microsecond=0)
    clock = FakeClock(zero)
    session_id = f"s-{exam_id}-{user_id}"
    record = SessionRecord(
        session_id,
        user_id,
        exam_id,
        SessionState.RUNNING,
        zero,
        zero,
        policy=policy_to_dict(standard_policy()),
    )
    repository = services.repository
    repository.add_session(record)
    recorder = FakeRecorder()
    monitor = Monitor(
        services.settings,
        clock,
        repository,
        recorder,
        FakeLive(),
        lambda _: None,
        lambda _: None,
        new_scorer=take_up,
    )
    monitor.open(record)
    for half in range(2 * LENGTH_S):
        clock.advance(0.5)
        at_s = half / 2
        monitor.post_result(AnalysisResult(half, session_id, _seen(at_s, story)))
        if _acts(at_s, story) == "paste" and at_s % 1 == 0:
            monitor.post_event(session_id, ScreenEvent(f"e{half}", EventKind.PASTE, at_s))
        monitor.step()
    monitor.request_end(session_id)
    monitor.step()
    while monitor._outbox.waiting():
        clock.advance(10)
        monitor._outbox.write_due()
    repository.update_session(
        session_id,
        state=SessionState.ENDED,
        ended_at=zero + timedelta(seconds=LENGTH_S),
        end_cause=EndCause.STUDENT,
    )
    clips = tuple(
        film(services, record, zero, index, story, look) for _, index, _, _ in recorder.flags
    )
    stored = repository.session(session_id)
    assert stored is not None
    return Sat(stored, clips)


def _acts(at_s: float, story: Story) -> str:
    return next((what for start, end, what in story if start <= at_s < end), "")


def _seen(at_s: float, story: Story) -> tuple[Observation, ...]:
    what = _acts(at_s, story)
    face = what if what in ("none", "several") else "one"
    sway = 1.5 * np.sin(at_s)
    yaw, pitch = _GAZE.get(what, (0.0, 0.0))
    gaze = what if what in _GAZE else "center"
    judged = face == "one"
    return (
        Observation(Detector.FACE, at_s, (face,), 0.93, measures=(("faces", float(judged)),)),
        Observation(
            Detector.GAZE,
            at_s,
            (gaze,) if judged else (),
            0.82,
            judgeable=judged,
            measures=(("yaw", yaw + sway), ("pitch", pitch - 4 + sway)) if judged else (),
        ),
        Observation(Detector.OBJECTS, at_s, ("phone" if what == "phone" else "clear",), 0.87),
    )


def _picture(at_s: float, story: Story, look: Look) -> Picture:
    what = _acts(at_s, story)
    if what == "none":
        drawing = draw_room()
    else:
        yaw, pitch = _GAZE.get(what, (0.0, 0.0))
        pose = Pose(x=320 + 1.2 * yaw, look_x=float(np.clip(yaw / 34, -1, 1)), look_y=-pitch / 28)
        people = [(pose, look)]
        if what == "several":
            people.insert(0, (Pose(x=520, y=190, size=70), LOOKS[1]))
        drawing = draw_students(people)
    return np.asarray(cv2.resize(drawing, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def film(
    services: Services,
    session: SessionRecord,
    zero: datetime,
    index: int,
    story: Story,
    look: Look,
    length_s: float = LENGTH_S,
) -> ClipRecord:
    """A clip of a flagged interval that is stored, in which the student acts out the story."""
    stored = next(
        each.interval
        for each in services.repository.intervals(session.session_id)
        if each.interval.index == index
    )
    from_s = max(0.0, stored.start_s - 5)
    to_s = min(float(length_s), stored.end_s + 5)
    times = np.arange(from_s, to_s, 1 / FPS)
    shown: dict[str, Picture] = {}
    pictures = []
    for at_s in times:
        what = _acts(float(at_s), story)
        if what not in shown:
            shown[what] = _picture(float(at_s), story, look)
        pictures.append(shown[what])
    stem = f"{session.user_id}/flagged_{session.exam_id}_{index}_score{stored.flag_score:g}"
    storage = services.media.storage
    storage.write(f"{stem}.mp4", _mp4(pictures))
    snapshots = []
    for number, point in enumerate(stored.points[:4]):
        name = f"{stem}_snapshots/{number}.jpg"
        still = _picture(max(point.start_s, point.at_s - 0.5), story, look)
        storage.write(name, cv2.imencode(".jpg", still)[1].tobytes())
        at = zero + timedelta(seconds=point.at_s)
        snapshots.append(Snapshot(point.violation_id, point.rule.value, at, 5.0, 5.0, name))
    clip = ClipRecord(
        f"c-{session.session_id}-{index}",
        session.session_id,
        session.user_id,
        session.exam_id,
        index,
        stored.flag_score or 0.0,
        tuple(dict.fromkeys(point.rule.value for point in stored.points)),
        ClipStatus.READY,
        zero + timedelta(seconds=from_s),
        zero + timedelta(seconds=to_s),
        zero + timedelta(seconds=stored.trigger_at_s or from_s),
        zero + timedelta(seconds=stored.flagged_at_s or from_s),
        f"{stem}.mp4",
        duration_s=to_s - from_s,
        frames=len(pictures),
        snapshots=tuple(snapshots),
    )
    services.repository.save_clip(clip)
    return clip


def _mp4(pictures: Sequence[Picture]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        options = {"preset": "ultrafast", "g": "4"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
