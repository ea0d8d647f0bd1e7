"""The live rooms: newest first, at most once a second, pixels only for those who look."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from app.evidence.ring import EvidenceRing
from app.monitoring.live import MOST_EVENTS, LiveRooms
from app.monitoring.views import Mark, SessionView, Warned, gaze_word
from app.records import EndCause, SessionState
from detectors.messages import Box, Overlay
from scoring.model import IntervalScore, Rule, Scores, Violation
from tests.fakes import FakeClock
from tests.records import a_clip


@dataclass
class Room:
    """Live rooms whose sender is the test, and everything they sent."""

    clock: FakeClock = field(default_factory=FakeClock)
    sent: list[tuple[str, Any, str]] = field(default_factory=list)
    rings: dict[str, EvidenceRing] = field(default_factory=dict)
    wished: list[frozenset[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = LiveRooms(self._emit, self.clock, self.rings.get, self.wished.append)
        self.started_at = self.clock.now()

    def _emit(self, event: str, payload: object, room: str) -> None:
        self.sent.append((event, payload, room))

    def view(self, session_id: str = "s1", **changes: Any) -> SessionView:
        at_s = (self.clock.now() - self.started_at).total_seconds()
        view = SessionView(
            session_id=session_id,
            user_id="ann",
            exam_id="math",
            state=SessionState.RUNNING,
            started_at=self.started_at,
            at=self.clock.now(),
            at_s=at_s,
            scores=Scores(at_s=at_s),
            interval=IntervalScore(0, 0.0, 30.0),
        )
        return replace(view, **changes)

    def take(self, event: str) -> list[tuple[Any, str]]:
        self.live.send_due()
        taken = [(payload, room) for name, payload, room in self.sent if name == event]
        self.sent = [item for item in self.sent if item[0] != event]
        return taken


@pytest.fixture
def room() -> Room:
    return Room()


def a_mark(room: Room, points: float = 9.0) -> Mark:
    violation = Violation("no_face-2000", Rule.NO_FACE, 2.0, None, 0.87654, 5)
    return Mark(violation, room.started_at + timedelta(seconds=2), points)


def test_a_session_nobody_looks_at_is_not_sent(room: Room) -> None:
    room.live.publish(room.view())
    assert room.take("monitoring_update") == []


def test_who_joins_sees_the_session_at_once_with_its_picture(room: Room) -> None:
    room.rings["s1"] = EvidenceRing(60, 1_000_000)
    room.rings["s1"].add_frame(1.0, b"jpeg")
    room.live.publish(room.view())
    room.live.join("sid", "s1")
    ((update, target),) = room.take("monitoring_update")
    assert target == "session:s1"
    assert base64.b64decode(update["frame"]) == b"jpeg"
    assert set(update) == {
        "session_id", "user_id", "exam_id", "frame", "gaze", "faces", "interval_score",
        "violations", "timestamp", "seen_at", "total_score", "risk", "focus", "trust",
        "flagged_intervals", "boxes", "direction", "yaw_deg", "pitch_deg", "calibration", "advice",
        "coverage", "state", "line", "gap", "interval", "is_running", "is_paused", "pauses",
        "warnings",
        "sound_db",
    }  # fmt: skip


def test_a_session_is_sent_about_once_a_second_and_then_with_the_newest(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.publish(room.view())
    assert len(room.take("monitoring_update")) == 1
    for focus in (90.0, 80.0, 70.0, 60.0):
        room.clock.advance(0.3)
        room.live.publish(room.view(scores=Scores(focus=focus)))
        assert room.take("monitoring_update") == []
    room.clock.advance(0.1)
    ((update, _),) = room.take("monitoring_update")
    assert update["focus"] == 60.0


def test_a_verdict_each_second_is_sent_as_it_comes(room: Room) -> None:
    room.live.join("sid", "s1")
    sent_after: list[float] = []
    judged_s = 0.0
    for step in range(1, 101):
        room.clock.advance(0.1)
        # A second of sound and pictures is judged at once, sometimes later by a fifth.
        if step % 10 == (4 if step // 10 % 2 else 6):
            judged_s = step / 10
        overlay = Overlay(at_s=judged_s, faces=1)
        room.live.publish(room.view(overlay=overlay))
        if room.take("monitoring_update"):
            sent_after.append(round(step / 10 - judged_s, 1))
    assert 9 <= len(sent_after) <= 11
    assert sent_after[4:] == [0.0] * len(sent_after[4:])


def test_verdicts_that_come_often_are_not_sent_in_a_flood(room: Room) -> None:
    room.live.join("sid", "s1")
    sent = 0
    for step in range(100):
        room.clock.advance(0.1)
        room.live.publish(room.view(overlay=Overlay(at_s=step / 10, faces=1)))
        sent += len(room.take("monitoring_update"))
    assert sent <= 13


def test_a_score_that_rises_is_sent_at_once_but_not_in_a_flood(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.join_wall("wall")
    for session_id in ("s1", "s2"):
        room.live.publish(room.view(session_id))
    room.live.send_due()
    room.sent.clear()
    sent: dict[str, list[float]] = {"monitoring_update": [], "wall_update": []}
    for step in range(1, 11):
        room.clock.advance(0.1)
        room.live.publish(room.view("s2", line="slow"))
        room.live.publish(room.view(scores=Scores(total_score=float(step))))
        sent["monitoring_update"] += [u["total_score"] for u, _ in room.take("monitoring_update")]
        for update, _ in room.take("wall_update"):
            rows = {row["session_id"]: row["total_score"] for row in update["sessions"]}
            assert (set(rows) == {"s1"}) == (step < 10)
            sent["wall_update"].append(rows["s1"])
    for scores in sent.values():
        assert 4 <= len(scores) <= 6
        assert scores == sorted(scores)


def test_a_score_that_falls_with_its_interval_waits_for_its_turn(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.publish(room.view(scores=Scores(interval_score=9.0, total_score=9.0)))
    room.take("monitoring_update")
    room.clock.advance(0.5)
    room.live.publish(room.view(scores=Scores(interval_score=0.0, total_score=9.0)))
    assert room.take("monitoring_update") == []


def test_a_view_that_did_not_change_is_not_sent_again(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.publish(room.view())
    room.take("monitoring_update")
    room.clock.advance(5)
    assert room.take("monitoring_update") == []


def test_no_frame_is_a_null_and_not_a_fault(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.publish(room.view())
    ((update, _),) = room.take("monitoring_update")
    assert update["frame"] is None
    assert update["faces"] is None
    assert update["gaze"] == "unknown"


def test_what_the_detectors_saw_is_shown_until_it_is_old(room: Room) -> None:
    overlay = Overlay(
        at_s=0.0,
        boxes=(Box(0.1, 0.2, 0.30001, 0.4, "face", 0.98765),),
        faces=1,
        gaze="left",
        yaw_deg=-20.0,
        calibration=0.9,
        advice="Move closer.",
    )
    room.live.join("sid", "s1")
    room.live.publish(room.view(overlay=overlay))
    ((update, _),) = room.take("monitoring_update")
    assert (update["gaze"], update["direction"], update["faces"]) == ("distracted", "left", 1)
    assert (update["yaw_deg"], update["calibration"]) == (-20.0, 0.9)
    assert update["boxes"] == [
        {"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4, "label": "face", "confidence": 0.988}
    ]
    room.clock.advance(5)
    room.live.publish(room.view(overlay=overlay))
    ((update, _),) = room.take("monitoring_update")
    assert (update["gaze"], update["faces"], update["boxes"]) == ("unknown", None, [])


@pytest.mark.parametrize(
    ("gaze", "word"),
    [("center", "focused"), ("closed", "focused"), ("up", "distracted"), ("", "unknown")],
)
def test_a_blink_is_focused_and_silence_is_unknown(gaze: str, word: str) -> None:
    assert gaze_word(Overlay(at_s=0.0, gaze=gaze)) == word


def test_violations_of_the_interval_are_listed_with_their_points(room: Room) -> None:
    room.live.join("sid", "s1")
    room.live.publish(room.view(marks=(a_mark(room),)))
    ((update, _),) = room.take("monitoring_update")
    assert update["violations"] == [
        {
            "violation_id": "no_face-2000",
            "rule": "no_face",
            "start_s": 2.0,
            "end_s": None,
            "points": 9.0,
            "started_at": "2026-03-02T09:00:02.000Z",
            "confidence": 0.877,
        }
    ]


def test_who_leaves_or_is_gone_gets_nothing_more(room: Room) -> None:
    room.live.join("one", "s1")
    room.live.join("two", "s1")
    room.live.leave("one", "s1")
    assert room.live.viewers("s1") == 1
    room.live.forget("two")
    room.live.leave("two", "s1")
    room.live.publish(room.view())
    assert room.live.viewers("s1") == 0
    assert room.take("monitoring_update") == []


def test_the_wall_gets_every_row_once_and_then_only_what_changed(room: Room) -> None:
    for session_id in ("s1", "s2"):
        room.live.publish(room.view(session_id))
    rows = room.live.join_wall("sid")
    assert [row["session_id"] for row in rows] == ["s1", "s2"]
    room.take("wall_update")
    room.clock.advance(1)
    room.live.publish(room.view("s1"))
    room.live.publish(room.view("s2", scores=Scores(interval_score=4.0)))
    ((update, target),) = room.take("wall_update")
    assert target == "wall"
    assert [(r["session_id"], r["interval_score"]) for r in update["sessions"]] == [("s2", 4.0)]
    assert set(update["sessions"][0]) == {
        "session_id", "user_id", "exam_id", "state", "is_running", "is_paused", "pauses",
        "started_at", "faces", "gaze",
        "interval_score", "total_score", "flagged_intervals", "last_violation", "line", "gap",
        "coverage", "advice", "risk", "focus", "trust", "faults", "asks", "watched_by",
        "group",
    }  # fmt: skip


def test_the_wall_is_sent_at_most_once_a_second(room: Room) -> None:
    room.live.join_wall("sid")
    room.live.publish(room.view())
    assert len(room.take("wall_update")) == 1
    room.live.publish(room.view(line="slow"))
    room.clock.advance(0.9)
    assert room.take("wall_update") == []
    room.clock.advance(0.2)
    assert len(room.take("wall_update")) == 1


def test_the_wall_names_the_last_violation(room: Room) -> None:
    room.live.publish(room.view(last=a_mark(room)))
    (row,) = room.live.join_wall("sid")
    assert row["last_violation"] == {"rule": "no_face", "at": "2026-03-02T09:00:02.000Z"}


def test_an_ended_session_is_shown_as_ended_once_and_then_forgotten(room: Room) -> None:
    room.live.join("viewer", "s1")
    room.live.join_wall("wall")
    room.live.publish(room.view())
    room.live.send_due()
    room.sent.clear()
    room.live.ended("s1", EndCause.STUDENT)
    ((row,),) = [update["sessions"] for update, _ in room.take("wall_update")]
    assert (row["state"], row["is_running"]) == ("ended", False)
    assert [u["is_running"] for u, _ in room.take("monitoring_update")] == [False]
    events = room.take("session_event")
    assert [(e["kind"], e["cause"], target) for e, target in events] == [
        ("ended", "student", "session:s1"),
        ("ended", "student", "wall"),
    ]
    room.clock.advance(5)
    assert room.live.join_wall("late") == []
    assert room.take("wall_update") == []


def test_events_go_to_the_room_of_the_session_and_to_the_wall(room: Room) -> None:
    room.live.join("viewer", "s1")
    interval = IntervalScore(2, 60.0, 90.0, 13.0, flag_score=13.0)
    room.live.violation("s1", a_mark(room))
    room.live.flagged("s1", interval, room.clock.now())
    room.live.clip_changed(a_clip(session_id="s1"))
    room.live.violation("s2", a_mark(room))
    events = [event for event, _ in room.take("session_event")]
    assert [event["kind"] for event in events] == ["violation", "flag", "clip"]
    assert events[0]["rule"] == "no_face"
    assert events[1]["interval"] == {"index": 2, "start_s": 60.0, "end_s": 90.0}
    assert events[1]["score"] == 13.0
    assert events[2]["status"] == "waiting"
    room.live.join_wall("wall")
    room.live.violation("s2", a_mark(room))
    assert [target for _, target in room.take("session_event")] == ["wall"]


def test_events_that_cannot_be_sent_in_time_are_dropped_and_counted(room: Room) -> None:
    room.live.join_wall("wall")
    for _ in range(MOST_EVENTS + 3):
        room.live.violation("s1", a_mark(room))
    assert room.live.counters()["live_events_dropped"] == 3
    assert len(room.take("session_event")) == MOST_EVENTS


def test_thumbnails_are_asked_for_and_sent_only_to_those_who_want_them(room: Room) -> None:
    room.live.thumbnail("s1", b"unasked", room.clock.now())
    room.live.want("one", ["s1", "s2"])
    room.live.want("two", ["s2"])
    assert room.wished == [frozenset({"s1", "s2"})]
    room.live.thumbnail("s1", b"small", room.clock.now())
    ((payload, target),) = room.take("thumbnail")
    assert (payload["jpeg"], target) == (b"small", "one")
    room.live.thumbnail("s2", b"small", room.clock.now())
    assert [target for _, target in room.take("thumbnail")] == ["one", "two"]
    room.live.forget("one")
    assert room.wished[-1] == frozenset({"s2"})
    room.live.leave_wall("two")
    assert room.wished[-1] == frozenset()


def test_a_thumbnail_is_sent_at_most_once_in_two_seconds(room: Room) -> None:
    room.live.want("one", ["s1"])
    sent = 0
    for _ in range(12):
        room.live.thumbnail("s1", b"small", room.clock.now())
        sent += len(room.take("thumbnail"))
        room.clock.advance(0.5)
    assert sent == 3


def test_the_student_is_told_what_changed_without_scores_or_pixels(room: Room) -> None:
    room.live.publish(room.view(overlay=Overlay(at_s=0.0, faces=1, gaze="center")))
    ((status, target),) = room.take("status")
    assert target == "student:s1"
    assert status == {
        "state": "running", "line": "good", "face": "well", "advice": "", "warnings": [],
        "is_paused": False, "pauses": [], "focus": None,
        "warned": {"count": 0, "limit": 0, "action": "", "last": []},
    }  # fmt: skip
    room.clock.advance(2)
    warned = (Warned("no_face", room.clock.now()),)
    overlay = Overlay(at_s=2.0, faces=0)
    room.live.publish(room.view(overlay=overlay, warned=warned))
    ((status, _),) = room.take("status")
    assert status["face"] == "none"
    assert status["warnings"] == [
        {"rule": "no_face", "at": "2026-03-02T09:00:02.000Z", "counts": False}
    ]
    room.clock.advance(2)
    room.live.publish(room.view(overlay=overlay, warned=warned))
    assert room.take("status") == []


def test_a_room_that_cannot_be_reached_does_not_stop_the_others(room: Room) -> None:
    def emit(event: str, payload: object, target: str) -> None:
        if target == "session:s1":
            raise ConnectionError("gone")
        room.sent.append((event, payload, target))

    live = LiveRooms(emit, room.clock, room.rings.get, room.wished.append)
    for session_id in ("s1", "s2"):
        live.join("sid", session_id)
        live.publish(room.view(session_id))
    live.send_due()
    assert "session:s2" in {target for _, _, target in room.sent}


def test_the_sending_thread_sends_what_is_left_when_it_stops(room: Room) -> None:
    room.live.start()
    room.live.join_wall("wall")
    room.live.ended("s1", EndCause.PROCTOR)
    room.live.stop()
    assert [event for event, _, _ in room.sent] == ["session_event"]


@pytest.mark.room
def test_two_proctors_on_one_session_see_each_other(room: Room) -> None:
    room.live.publish(room.view())
    room.live.join("a", "s1", "carol")
    room.live.join("b", "s1", "dave")
    room.live.join("c", "s1")
    assert [update["people"] for update, _ in room.take("presence")] == [
        ["carol"],
        ["carol", "dave"],
    ]
    room.live.forget("a")
    ((update, target),) = room.take("presence")
    assert (update["people"], target) == (["dave"], "desk:s1")


@pytest.mark.room
def test_what_staff_do_is_told_to_staff_only(room: Room) -> None:
    room.live.publish(room.view())
    room.live.join("a", "s1", "carol")
    room.live.join_wall("w")
    room.live.acted("s1", "math", {"action": "note"})
    assert {target for _, target in room.take("session_event")} == {"desk:s1", "wall"}


@pytest.mark.room
def test_the_wall_says_what_a_student_waits_for(room: Room) -> None:
    room.live.publish(room.view())
    room.live.join_wall("w")
    room.live.asks("s1", ["chat"])
    room.live.asks("s1", ["admission"], "check_in")
    ((update, _),) = room.take("wall_update")
    assert update["sessions"][0]["asks"] == ["admission", "chat"]
    room.live.asks("s1", [])
    assert room.live.join_wall("x")[0]["asks"] == ["admission"]


@pytest.mark.room
def test_the_plot_of_a_session_is_there_for_whoever_comes_later(room: Room) -> None:
    for second in range(25):
        room.live.publish(room.view(at_s=float(second)))
        room.live.send_due()
        room.clock.advance(1)
    assert [at_s for at_s, _, _ in room.live.trend("s1")] == [0.0, 10.0, 20.0]
    assert room.live.join_wall("w")[0]["trend"] == [0.0, 0.0, 0.0]
