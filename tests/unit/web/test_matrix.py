"""Every route and every socket event, asked by everybody there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.access.needs import Need
from app.access.roles import SCOPES
from app.records import EndCause
from app.sockets.connect import declared_events
from app.web.factory import ROUTES
from app.web.routes import Route
from tests.records import a_clip
from tests.unit.web.conftest import Bearer, Web, build_web, page_token
from tools.permissions import FILE, document

STAFF = {"admin": "admin", "manager": "exam_manager", "proctor": "proctor", "reviewer": "reviewer"}
EVERYBODY = (
    "nobody",
    *STAFF,
    "other proctor",
    "other reviewer",
    "disabled",
    "student",
    "other student",
    "ended student",
    "key",
    "weak key",
    "closed key",
    "expired key",
)
OUTSIDE = {"nobody", "disabled", "ended student", "closed key", "expired key"}
CLIP_FILE = "ann/a.mp4"
EXAM_NAMES = {"session_id", "video_id", "clip_id", "filepath", "exam_id"}
# Routes whose body names a session or an exam.
BOUND_BODY = {"create_session", "end_session", "resume_session"}

# Written down by hand: who may pass the doors that matter most.
WATCHERS = {"admin", "manager", "proctor"}
BY_HAND: dict[str, set[str]] = {
    "admin_people": {"admin"},
    "add_person": {"admin"},
    "change_person": {"admin"},
    "admin_keys": {"admin"},
    "add_key": {"admin"},
    "close_key": {"admin"},
    "put_roster": {"admin", "manager", "key"},
    "get_roster": {"admin", "manager", "key"},
    "admin_roster": {"admin", "manager"},
    "change_roster": {"admin", "manager"},
    "create_session": {*WATCHERS, "key"},
    "end_session": {*WATCHERS, "key"},
    "decide_place": {*WATCHERS, "key"},
    "act": {*WATCHERS, "key"},
    "act_on_exam": {*WATCHERS, "key"},
    "session_actions": {*WATCHERS, "reviewer", "key"},
    "waiting_places": {*WATCHERS, "key"},
    "session_details": {*WATCHERS, "reviewer", "key", "student"},
    "video": {*WATCHERS, "reviewer", "key"},
    "video_file": {*WATCHERS, "reviewer", "key"},
    "media_part": {*WATCHERS, "reviewer", "key"},
    "machine": {"admin", "manager", "key"},
    "arrived": {"student", "other student"},
    "admin_wall": {*WATCHERS, "other proctor"},
}
EVENTS_BY_HAND: dict[str, set[str]] = {
    "start": {"student", "other student"},
    "batch": {"student", "other student"},
    "screen_event": {"student", "other student"},
    "end_session": {"student", "other student"},
    "join_session": {*WATCHERS, "key", "student"},
    "leave_session": {*WATCHERS, "key", "student"},
    "join_wall": {*WATCHERS, "other proctor"},
    "want_thumbnails": {*WATCHERS, "other proctor"},
    "decide_place": {*WATCHERS, "key"},
    "resume": {*WATCHERS, "key"},
    "listen": WATCHERS,
    "act": {*WATCHERS, "key"},
    "chat_seen": {*WATCHERS, "key"},
    "message_seen": {"student", "other student"},
    "chat": {"student", "other student"},
    "ask_break": {"student", "other student"},
    "withdraw_break": {"student", "other student"},
    "talk": {"student", "other student"},
}


@dataclass
class World:
    """One exam with a session and a clip, and somebody of every kind."""

    web: Web
    session_id: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    browsers: dict[str, Any] = field(default_factory=dict)
    csrf: dict[str, str] = field(default_factory=dict)

    def client(self, who: str) -> Any:
        secret = self.tokens.get(who) or self.keys.get(who)
        return Bearer(self.web.anyone, secret) if secret else self.browsers[who]

    def sign_in(self, who: str) -> None:
        browser = self.web.anyone
        name = who.replace(" ", "-")
        form = {"username": name, "password": "a-password", "csrf_token": page_token(browser)}
        assert browser.post("/login", data=form).status_code == 303
        self.browsers[who], self.csrf[who] = browser, page_token(browser, "/")

    def may(self, who: str, route: Route) -> bool:
        """Whether this caller passes the door of a route."""
        headers = {"X-CSRFToken": self.csrf[who]} if who in self.csrf else {}
        secret = self.tokens.get(who) or self.keys.get(who)
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        browser = self.web.anyone if secret else self.browsers[who]
        body = self.body(who, route) if route.body else None
        answer = browser.open(self.path(route), method=route.method, headers=headers, json=body)
        is_sent_to_login = answer.status_code == 302 and "/login" in answer.headers["Location"]
        if route.name == "sign_out" and answer.status_code == 303:
            self.sign_in(who)
        return answer.status_code not in (401, 403) and not is_sent_to_login

    def body(self, who: str, route: Route) -> dict[str, Any]:
        if route.name not in BOUND_BODY:
            return {}
        if route.name == "create_session":
            return {"user_id": "ann", "exam_id": "math"}
        # The session must outlive the test; where it is named, nobody may end it.
        return {"session_id": self.session_id if who.startswith("other") else "s_none"}

    def path(self, route: Route) -> str:
        names = {
            "session_id": self.session_id,
            "video_id": "c1",
            "clip_id": "c1",
            "part": "clip.mp4",
            "filepath": CLIP_FILE,
            "exam_id": "math",
        }
        path = route.path
        for name in route.names:
            path = path.replace(f"{{{name}}}", names.get(name, "none"))
        return path

    def connect(self, who: str) -> Any:
        auth = None
        if who in self.tokens:
            auth = {"token": self.tokens[who]}
        elif who in self.keys:
            auth = {"key": self.keys[who]}
        socketio = self.web.app.extensions["socketio"]
        browser = self.browsers.get(who) or self.web.anyone
        return socketio.test_client(self.web.app, auth=auth, flask_test_client=browser)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    web = build_web(tmp_path_factory.mktemp("world"))
    built = World(web)
    desk, repository = web.services.desk, web.services.repository
    built.browsers["nobody"] = web.anyone
    built.csrf["nobody"] = page_token(built.browsers["nobody"], "/")
    people = [
        ("manager", "exam_manager", ()),
        ("proctor", "proctor", ("math",)),
        ("reviewer", "reviewer", ()),
        ("other proctor", "proctor", ("art",)),
        ("other reviewer", "reviewer", ("art",)),
        ("disabled", "admin", ()),
    ]
    for who, role, exams in people:
        desk.add(who.replace(" ", "-"), "a-password", role, exams)
        built.sign_in(who)
    desk.set_password("admin", "a-password")
    built.sign_in("admin")
    desk.disable("disabled")
    mine, other, ended = (
        web.services.sessions.create(user, exam)[0]
        for user, exam in (("ann", "math"), ("bob", "art"), ("eve", "math"))
    )
    built.session_id = mine.session_id
    for who, record in (("student", mine), ("other student", other), ("ended student", ended)):
        built.tokens[who] = web.services.tokens.join(record.session_id)
    web.services.sessions.end(ended.session_id, EndCause.STUDENT)
    repository.save_clip(a_clip(session_id=mine.session_id, file_name=CLIP_FILE))
    _, built.keys["key"] = web.services.keys.add("all", ["*"])
    closed, built.keys["closed key"] = web.services.keys.add("closed", ["*"])
    web.services.keys.close(closed.key_id)
    _, built.keys["expired key"] = web.services.keys.add("expired", ["*"], 1)
    web.clock.advance(86_401)
    for who in ("other proctor", "other reviewer", *STAFF):
        built.sign_in(who)
    for who, record in (("student", mine), ("other student", other), ("ended student", ended)):
        built.tokens[who] = web.services.tokens.join(record.session_id)
    yield built
    repository.close()


def expected(need: Need, who: str, *, is_bound: bool, is_session: bool) -> bool:
    """What the declaration says about a caller."""
    if need.is_open:
        return True
    if who == "ended student" and need.is_after_end:
        return not is_session
    if who in OUTSIDE:
        return False
    if who == "key":
        return bool(need.scope)
    if who == "student":
        return need.student
    if who == "other student":
        return need.student and not is_session
    role = STAFF.get(who) or who.removeprefix("other ")
    return role in need.roles and not (is_bound and who.startswith("other "))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_lets_in_whom_it_declares_and_nobody_else(world: World, route: Route) -> None:
    is_bound = bool(EXAM_NAMES & set(route.names)) or route.name in BOUND_BODY
    asked = [who for who in EVERYBODY if who != "weak key"]
    got = {who for who in asked if world.may(who, route)}
    if route.name == "sign_in":
        return  # Its own 401 says that the password is wrong, to everybody alike.
    if route.needs.is_open:
        # A form of an open page still has to come from that page.
        assert got == {who for who in asked if route.method == "GET" or who in world.csrf}
        return
    # A key or token opens no page that a browser shows.
    kinds = {who for who in asked if not (route.is_page and who in {*world.keys, *world.tokens})}
    declared = {
        who
        for who in kinds
        if expected(route.needs, who, is_bound=is_bound, is_session="session_id" in route.names)
    }
    assert got == declared
    if route.name in BY_HAND:
        assert got == BY_HAND[route.name]


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.needs.scope and not route.is_page],
    ids=lambda route: route.name,
)
def test_a_key_opens_only_its_scopes(world: World, route: Route) -> None:
    others = [scope for scope in SCOPES if scope != route.needs.scope]
    record, world.keys["weak key"] = world.web.services.keys.add("weak", others)
    assert not world.may("weak key", route)
    world.web.services.keys.close(record.key_id)
    record, world.keys["weak key"] = world.web.services.keys.add("fit", [route.needs.scope])
    assert world.may("weak key", route)
    world.web.services.keys.close(record.key_id)


def events(world: World) -> dict[str, Need | None]:
    return declared_events(world.web.app.extensions["socketio"])


def test_every_event_declares_what_it_needs(world: World) -> None:
    found = events(world)
    assert found
    assert [event for event, need in found.items() if need is None] == []
    assert found.keys() >= EVENTS_BY_HAND.keys()


def test_a_route_cannot_be_made_without_a_need() -> None:
    with pytest.raises(TypeError, match="needs"):
        Route("GET", "/x", "x", "x", lambda call: "")  # type: ignore[call-arg]


@pytest.mark.parametrize("who", [who for who in EVERYBODY if who != "weak key"])
def test_an_event_answers_whom_it_declares_and_nobody_else(world: World, who: str) -> None:
    client = world.connect(who)
    assert client.is_connected() is (who not in OUTSIDE)
    if who in OUTSIDE:
        return
    for event, need in events(world).items():
        assert need is not None
        is_bound = event not in ("join_wall", "leave_wall", "want_thumbnails")
        payload = {"session_id": world.session_id} if is_bound else {}
        code = client.emit(event, payload, callback=True)
        got = code.get("error", {}).get("code") not in ("not_allowed", "not_authenticated")
        assert got is expected(need, who, is_bound=is_bound, is_session=is_bound) or (
            who == "other student" and event in EVENTS_BY_HAND
        ), event
        # A student's own events name no session; the token does.
        plain = client.emit(event, {}, callback=True).get("error", {}).get("code")
        if event in EVENTS_BY_HAND and who in EVENTS_BY_HAND[event]:
            assert plain != "not_allowed", event
        elif event in EVENTS_BY_HAND:
            assert not got, event
    client.disconnect()


def test_the_table_in_the_documentation_is_what_the_code_declares() -> None:
    assert FILE.read_text(encoding="utf-8") == document()


def test_the_table_names_every_caller_there_is() -> None:
    assert Path(FILE).read_text(encoding="utf-8").count("\n| GET ") > 10
