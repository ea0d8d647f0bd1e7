"""Who may enter which room, over Flask-SocketIO's own test client."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from flask_socketio import SocketIO

from app.access.doors import Caller, Login
from app.access.limits import Limits
from app.access.places import Places
from app.errors import NotAuthenticated, NotFound
from app.load.state import LoadState
from app.monitoring.live import LiveRooms
from app.monitoring.views import SessionView
from app.records import EndCause, SessionRecord, SessionState
from app.sockets import connect, proctor
from app.sockets.connect import Callers
from scoring.model import IntervalScore, Scores
from tests.fakes import FakeClock
from tests.records import NOON

SESSIONS = ("s1", "s2", *(f"many{number}" for number in range(51)))


class FakeDoors:
    def by_token(self, token: str, network: str) -> Caller:
        if not token.startswith("token-"):
            raise NotAuthenticated("no such token")
        return Caller("student", session_id=token.removeprefix("token-"))

    def by_key(self, key: str) -> Caller:
        return Caller("integrator", name=key, scopes=frozenset({"sessions:read"}))

    by_key_id = by_key

    def by_login(self, login: Login) -> Caller:
        exams = frozenset({"math"} if login.username == "admin" else {"art"})
        return Caller("staff", name=login.username, role="proctor", exams=exams)


class FakeSessions:
    def get(self, session_id: object) -> SessionRecord:
        if session_id not in SESSIONS:
            raise NotFound("There is no such session.")
        return SessionRecord(str(session_id), "ann", "math", SessionState.RUNNING, NOON)


@dataclass
class Door:
    """The server's side, with clients that connect as whoever is asked for."""

    app: flask.Flask
    socketio: SocketIO
    live: LiveRooms
    clock: FakeClock
    wished: list[frozenset[str]] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    def student(self, session_id: str) -> Any:
        return self.socketio.test_client(self.app, auth={"token": f"token-{session_id}"})

    def integrator(self) -> Any:
        return self.socketio.test_client(self.app, auth={"key": "k"})

    def staff(self, username: str = "admin") -> Any:
        browser = self.app.test_client()
        with browser.session_transaction() as cookie:
            cookie["login"] = {"username": username, "stamp": "x", "login_id": "1"}
        return self.socketio.test_client(self.app, flask_test_client=browser)

    def show(self, session_id: str) -> None:
        self.live.publish(
            SessionView(
                session_id,
                "ann",
                "math",
                SessionState.RUNNING,
                NOON,
                self.clock.now(),
                0.0,
                Scores(),
                IntervalScore(0, 0.0, 30.0),
            )
        )
        self.live.send_due()


def ask(client: Any, event: str, *payload: object) -> Any:
    return client.emit(event, *payload, callback=True)


def names(client: Any) -> list[str]:
    return [message["name"] for message in client.get_received()]


@pytest.fixture
def door() -> Door:
    app = flask.Flask("test")
    app.config["SECRET_KEY"] = "test"
    socketio = SocketIO(app, async_mode="threading", async_handlers=False)
    clock = FakeClock()
    wished: list[frozenset[str]] = []
    live = LiveRooms(
        lambda event, payload, room: socketio.emit(event, payload, to=room),
        clock,
        lambda session_id: None,
        wished.append,
    )
    resumed: list[str] = []
    services: Any = SimpleNamespace(
        fleet=None,
        monitor=SimpleNamespace(resume=resumed.append),
        live=live,
        sessions=FakeSessions(),
        doors=FakeDoors(),
        callers=Callers(),
        is_closing=False,
        limits=Limits(clock, 1000),
        places=Places(clock, "secret"),
        load=SimpleNamespace(state=lambda: LoadState(2.0, 5.0)),
        gone=lambda caller: live.forget(caller.sid),
        audited=SimpleNamespace(event=lambda *_: None),
    )
    app.extensions["candor"] = services
    connect.register(socketio, services)
    proctor.register(socketio, services)
    return Door(app, socketio, live, clock, wished, resumed)


def test_a_student_joins_the_own_session_and_no_other(door: Door) -> None:
    client = door.student("s1")
    assert ask(client, "join_session", {"session_id": "s1"}) == {"ok": True, "session_id": "s1"}
    refused = ask(client, "join_session", {"session_id": "s2"})
    assert (refused["ok"], refused["error"]["code"]) == (False, "not_allowed")
    door.show("s2")
    assert names(client) == []
    door.show("s1")
    assert names(client) == ["monitoring_update"]


def test_an_integrator_joins_and_leaves_any_session(door: Door) -> None:
    client = door.integrator()
    assert ask(client, "join_session", {"session_id": "s2"})["ok"]
    door.show("s2")
    assert names(client) == ["monitoring_update"]
    assert ask(client, "leave_session", {"session_id": "s2"}) == {"ok": True}
    door.clock.advance(5)
    door.show("s2")
    assert names(client) == []
    assert door.live.viewers("s2") == 0


@pytest.mark.parametrize("event", ["join_wall", "leave_wall"])
def test_the_wall_is_for_staff_only(door: Door, event: str) -> None:
    assert ask(door.student("s1"), event, {})["error"]["code"] == "not_allowed"
    assert ask(door.integrator(), event, {})["error"]["code"] == "not_allowed"
    assert ask(door.staff(), event, {})["ok"]


def test_thumbnails_are_for_staff_only(door: Door) -> None:
    wish = {"session_ids": ["s1"]}
    assert ask(door.student("s1"), "want_thumbnails", wish)["error"]["code"] == "not_allowed"
    client = door.staff()
    assert ask(client, "want_thumbnails", wish) == {"ok": True}
    assert door.wished == [frozenset({"s1"})]
    door.live.thumbnail("s1", b"small", NOON)
    door.live.send_due()
    assert names(client) == ["thumbnail"]


def test_the_wall_answers_with_every_row_and_then_sends_changes(door: Door) -> None:
    door.show("s1")
    client = door.staff()
    answer = ask(client, "join_wall", {})
    assert [row["session_id"] for row in answer["sessions"]] == ["s1"]
    assert answer["load"] == {"rung": "whole", "is_reduced": False, "analysis_fps": 2.0, "says": ""}
    door.live.ended("s1", EndCause.STUDENT)
    door.live.send_due()
    assert names(client) == ["session_event", "wall_update"]
    assert ask(client, "leave_wall", {}) == {"ok": True}
    door.clock.advance(5)
    door.show("s2")
    assert names(client) == []


def test_everybody_who_looks_hears_that_less_is_looked_at_and_no_student_does(door: Door) -> None:
    wall, looker, student = door.staff(), door.integrator(), door.student("s1")
    door.show("s1")
    ask(wall, "join_wall", {})
    ask(looker, "join_session", {"session_id": "s1"})
    ask(student, "join_session", {"session_id": "s1"})
    payload = LoadState(2.0, 5.0, 2).payload()
    door.live.announce("load", payload)
    for client in (wall, looker):
        heard = [each["args"] for each in client.get_received() if each["name"] == "load"]
        assert heard == [[payload]]
    assert "load" not in names(student)


def test_a_session_that_does_not_exist_has_no_room(door: Door) -> None:
    refused = ask(door.integrator(), "join_session", {"session_id": "gone"})
    assert refused["error"]["code"] == "not_found"
    assert door.live.viewers("gone") == 0


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("join_session", None),
        ("join_session", "s1"),
        ("join_session", {}),
        ("join_session", {"session_id": ["s1"]}),
        ("leave_session", {"session_id": 7}),
        ("want_thumbnails", {"session_ids": "s1"}),
        ("want_thumbnails", {"session_ids": [1]}),
        ("want_thumbnails", {"session_ids": ["s"] * 61}),
    ],
)
def test_what_is_not_in_the_protocol_is_refused_with_a_reason(
    door: Door, event: str, payload: object
) -> None:
    refused = ask(door.staff(), event, payload)
    assert refused["ok"] is False
    assert refused["error"]["code"] == "invalid_input"
    assert refused["error"]["message"]


def test_a_connection_may_look_at_many_sessions_but_not_at_hundreds(door: Door) -> None:
    client = door.staff()
    for number in range(50):
        assert ask(client, "join_session", {"session_id": f"many{number}"})["ok"]
    refused = ask(client, "join_session", {"session_id": "many50"})
    assert refused["error"]["code"] == "too_many"
    assert ask(client, "join_session", {"session_id": "many7"})["ok"]


def test_who_disconnects_is_no_longer_counted(door: Door) -> None:
    client = door.staff()
    ask(client, "join_session", {"session_id": "s1"})
    ask(client, "join_wall", {})
    ask(client, "want_thumbnails", {"session_ids": ["s1"]})
    assert door.live.viewers("s1") == 1
    client.disconnect()
    assert door.live.viewers("s1") == 0
    assert door.live.counters()["live_viewers"] == 0
    assert door.wished[-1] == frozenset()


def test_a_proctor_sees_the_wall_of_the_assigned_exams_only(door: Door) -> None:
    mine, other = door.staff(), door.staff("art-teacher")
    door.show("s1")
    assert [row["session_id"] for row in ask(mine, "join_wall", {})["sessions"]] == ["s1"]
    assert ask(other, "join_wall", {})["sessions"] == []
    door.clock.advance(5)
    door.show("s2")
    door.live.ended("s2", EndCause.STUDENT)
    door.live.send_due()
    assert set(names(mine)) == {"wall_update", "session_event"}
    assert names(other) == []


def test_a_proctor_of_another_exam_has_no_room_and_no_thumbnails(door: Door) -> None:
    other = door.staff("art-teacher")
    for session_id in ("s1", "none"):
        answer = ask(other, "join_session", {"session_id": session_id})
        assert answer["error"]["code"] == "not_allowed"
    assert ask(other, "want_thumbnails", {"session_ids": ["s1"]})["ok"]
    assert door.wished == []


def test_staff_resume_a_session_that_was_paused_and_nobody_else_does(door: Door) -> None:
    assert ask(door.staff(), "resume", {"session_id": "s1"}) == {"ok": True}
    for client in (door.student("s1"), door.integrator(), door.staff("of-another-exam")):
        assert ask(client, "resume", {"session_id": "s1"})["error"]["code"] == "not_allowed"
    assert ask(door.staff(), "resume", {"session_id": "gone"})["ok"] is False
    assert ask(door.staff(), "resume", {"session_id": 7})["error"]["code"] == "invalid_input"
    assert door.resumed == ["s1"]
