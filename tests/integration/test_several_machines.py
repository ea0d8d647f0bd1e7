"""A session goes on while any process of an installation of several machines is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.integration.several import Several
from tests.waiting import wait_until
from tools.agent.line import session_of
from tools.chaos.clock import FastClock
from tools.chaos.story import Episode, Happening, Story
from tools.chaos.student import Student

# What is promised is 10 s; a machine that runs other tests beside it gets more.
HEALED_S = 40.0
LONG_WAIT_S = 90.0


class Proctor:
    """Looks at a session and at the wall, from the server it is connected to."""

    def __init__(self, several: Several, name: str, session_id: str) -> None:
        self._session_id = session_id
        self._updates: list[dict[str, Any]] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.events: list[str] = []
        self._client = socketio.Client(reconnection_delay=0.3, reconnection_delay_max=1)
        self._client.on("monitoring_update", self._updates.append)
        self._client.on("session_event", lambda event: self.events.append(event["kind"]))
        self._client.on("wall_update", self._row)
        self._client.on("connect", self._join)
        # The login was made at the other server.
        cookie = several.sign_in("web-0" if name == "web-1" else "web-1")
        self._client.connect(several.url(name), {"Cookie": cookie}, transports=["websocket"])

    def seen_at(self) -> float:
        """When, in Unix seconds, the last picture was taken that is shown with its verdict."""
        shown = [each for each in list(self._updates) if each["frame"] and each["seen_at"]]
        return _unix_s(shown[-1]["seen_at"]) if shown else 0.0

    def is_paused(self) -> bool:
        return bool(self._updates and self._updates[-1]["is_paused"])

    def act(self, kind: str, text: str = "", reason: str = "") -> dict[str, Any]:
        order = {"session_id": self._session_id, "kind": kind, "text": text, "reason": reason}
        answer: dict[str, Any] = self._client.call("act", order, timeout=30)
        return answer

    def close(self) -> None:
        self._client.disconnect()

    def _join(self) -> None:
        self._client.emit("join_session", {"session_id": self._session_id})
        self._client.emit("join_wall", {})

    def _row(self, payload: dict[str, Any]) -> None:
        self.rows |= {row["session_id"]: row for row in payload["sessions"]}


@contextmanager
def living(student: Student) -> Iterator[None]:
    """The student's page does its work on a thread of its own."""
    is_over = threading.Event()

    def live() -> None:
        while not is_over.wait(0.02):
            student.live()

    thread = threading.Thread(target=live, name="test-student", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)
        student.hang_up()


@contextmanager
def a_session(several: Several, story: Story) -> Iterator[tuple[str, Student]]:
    made = several.ask("/api/session/create", {"user_id": "ann", "exam_id": "logic"})
    session_id, token = made["session_id"], made["token"]
    # As the page and the agent do: the key by which nginx tells students apart.
    assert session_of(token) == session_id
    url = f"{several.url()}/?k={session_id}"
    student = Student(url, token, story, FastClock(time.time(), 1.0), time.monotonic)
    with living(student):
        wait_until(lambda: student.started_ms, "the session runs")
        yield session_id, student


def test_a_session_goes_on_when_its_server_is_killed_and_a_proctor_of_the_other_sees_it(
    tmp_path: Path,
) -> None:
    story = Story(1, (Episode(3, 12, {"objects": "phone"}),), (Happening("e1", "paste", 4.0),))
    with Several(tmp_path) as several, a_session(several, story) as (session_id, _):
        owner = several.owner()
        other = "web-1" if owner == "web-0" else "web-0"
        proctor = Proctor(several, other, session_id)
        try:
            wait_until(proctor.seen_at, "the proctor of the other server sees a picture")
            assert proctor.act("message", "Hello")["ok"]
            assert proctor.act("pause", reason="A fire alarm")["ok"]
            wait_until(proctor.is_paused, "scoring is paused where the session runs")
            assert proctor.act("resume")["ok"]
            wait_until(lambda: not proctor.is_paused(), "and goes on")
            wait_until(lambda: "flag" in proctor.events, "the proctor is told of the flag")
            killed_at = time.time()
            several.kill(owner)
            wait_until(
                lambda: proctor.seen_at() > killed_at + 1, "the student is seen again", HEALED_S
            )
            found = several.ask(f"/api/session/{session_id}/details", name=other)
            rules = [violation["rule"] for violation in found["violations"]]
            assert sorted(rules) == ["clipboard", "phone"]
            assert [clip["status"] for clip in found["clips"]] == ["waiting"]
            wait_until(lambda: proctor.rows.get(session_id), "the wall shows the session")
            # Where it runs now hangs on which came first, the student or the server's new start.
            wait_until(lambda: several.answers(owner), "the killed server is back", HEALED_S)
            assert several.ask("/api/session/end", {"session_id": session_id}, owner)
            wait_until(lambda: "ended" in proctor.events, "it can be ended from anywhere")
        finally:
            proctor.close()


@pytest.mark.long
def test_nothing_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    story = Story(
        2,
        (Episode(4, 10, {"objects": "phone"}), Episode(36, 42, {"face": "several"})),
        (Happening("e1", "paste", 6.0), Happening("e2", "copy", 37.0)),
    )
    with Several(tmp_path) as several, a_session(several, story) as (session_id, student):
        owner = several.owner()
        other = "web-1" if owner == "web-0" else "web-0"
        proctor = Proctor(several, other, session_id)
        try:
            wait_until(proctor.seen_at, "the proctor of the other server sees a picture")
            for victim in ("worker-0", "redis", "store", "nginx", owner, "worker-1", other):
                killed_at = time.time()
                several.kill(victim)
                wait_until(
                    lambda: proctor.seen_at() > killed_at + 1,  # noqa: B023  # waits in this turn
                    f"the student is seen again after the end of {victim}",
                    HEALED_S,
                )
                print(f"{victim}: seen again after {time.time() - killed_at:.1f} s")
            wait_until(lambda: student.is_done, "the story is told", LONG_WAIT_S)

            def found() -> dict[str, Any]:
                with suppress(OSError, ValueError):
                    return several.ask(f"/api/session/{session_id}/details")
                return {"clips": [], "violations": [], "intervals": []}

            def clips() -> list[tuple[int, str, int]]:
                return sorted(
                    (clip["interval_index"], clip["status"], clip["frames"])
                    for clip in found()["clips"]
                )

            wait_until(
                lambda: [each[:2] for each in clips()] == [(0, "ready"), (1, "ready")],
                "both clips are written",
                LONG_WAIT_S,
            )
            print(clips(), [dict(each["coverage"]) for each in found()["intervals"]])
            assert [each[2] for each in clips()] == [35 * 4, 40 * 4]
            rules = sorted(violation["rule"] for violation in found()["violations"])
            assert rules == ["clipboard", "clipboard", "phone", "several_faces"]
            for interval in found()["intervals"][:3]:
                assert dict(interval["coverage"])["face"] > 0.95
        finally:
            proctor.close()


def _unix_s(at: str) -> float:
    return datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
