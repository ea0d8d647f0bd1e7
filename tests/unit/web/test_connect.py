"""Who is let in at connect, and what the `answers` decorator promises."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask_socketio import SocketIO

from app.access.doors import Caller
from app.access.needs import STREAM, WATCH, Need
from app.errors import NotFound
from app.records import EndCause
from app.sockets.connect import answers
from tests.unit.web.conftest import KEY, Web, page_token


def socketio_of(web: Web) -> SocketIO:
    return web.app.extensions["socketio"]


def connect(web: Web, auth: object = None, browser: Any = None) -> Any:
    """A connection; `is_connected()` says whether it was let in."""
    return socketio_of(web).test_client(web.app, auth=auth, flask_test_client=browser or web.anyone)


NEEDS = {
    "student": STREAM,
    "staff": WATCH,
    "integrator": Need("probe", "A test.", scope="sessions:read"),
    "looking": Need("probe", "A test.", frozenset({"admin"}), "sessions:read"),
}


def probe(web: Web, kind: str) -> list[Caller]:
    """Register an event `probe` for these callers (see NEEDS); the list fills with who sent it."""
    asked: list[Caller] = []

    @answers(NEEDS[kind])
    def probed(caller: Caller, payload: object) -> dict[str, object]:
        asked.append(caller)
        if payload == "missing":
            raise NotFound("There is no such thing.")
        if payload == "broken":
            raise RuntimeError("a secret of the inside")
        return {"got": payload}

    socketio_of(web).on_event("probe", probed)
    return asked


def ask(client: Any, *payload: object) -> Any:
    return client.emit("probe", *payload, callback=True)


def test_a_token_lets_a_student_in(web: Web) -> None:
    created = web.create()
    asked = probe(web, "student")
    client = connect(web, {"token": created["token"]})
    assert ask(client, 1) == {"ok": True, "got": 1}
    (caller,) = asked
    assert (caller.kind, caller.session_id) == ("student", created["session_id"])
    assert caller.sid
    client.disconnect()
    assert web.services.callers.all() == ()


def test_a_key_lets_an_integrator_in(web: Web) -> None:
    asked = probe(web, "integrator")
    assert ask(connect(web, {"key": KEY}), 1)["ok"]
    assert (asked[0].kind, asked[0].session_id) == ("integrator", "")


def test_a_login_lets_staff_in(web: Web) -> None:
    asked = probe(web, "staff")
    assert ask(connect(web, browser=web.staff()), 1)["ok"]
    assert (asked[0].kind, asked[0].name, asked[0].role) == ("staff", "admin", "admin")


@pytest.mark.parametrize(
    "auth",
    [
        None,
        "text",
        [],
        17,
        {},
        {"token": "forged"},
        {"token": None},
        {"token": 17},
        {"token": {"$ne": 1}},
        {"token": "x" * 100_000},
        {"key": "wrong"},
        {"key": ["x"]},
        {"key": KEY + "x"},
        {"token": KEY},
        {"token": KEY, "key": KEY},
    ],
    ids=str,
)
def test_anything_else_is_refused(web: Web, auth: object) -> None:
    client = connect(web, auth)
    assert not client.is_connected()
    assert web.services.callers.all() == ()


def test_a_stopping_server_lets_nobody_in(web: Web) -> None:
    web.services.stop()
    assert not connect(web, {"key": KEY}).is_connected()


def test_a_wrong_token_is_not_rescued_by_a_login(web: Web) -> None:
    assert not connect(web, {"token": "forged"}, web.staff()).is_connected()


def test_an_ended_session_lets_nobody_in(web: Web) -> None:
    created = web.create()
    web.services.sessions.end(created["session_id"], EndCause.PROCTOR)
    assert not connect(web, {"token": created["token"]}).is_connected()


def test_an_event_for_others_is_refused_before_its_content_is_looked_at(web: Web) -> None:
    asked = probe(web, "looking")
    client = connect(web, {"token": web.create()["token"]})
    for payload in ((), (1,), (1, 2, 3), ("broken",)):
        assert ask(client, *payload)["error"]["code"] == "not_allowed"
    assert asked == []


def test_the_wrong_number_of_parts_is_refused(web: Web) -> None:
    asked = probe(web, "student")
    client = connect(web, {"token": web.create()["token"]})
    for payload in ((), (1, 2), (1, 2, 3)):
        assert ask(client, *payload)["error"]["code"] == "invalid_input"
    assert asked == []


def test_a_refusal_says_why_and_the_connection_goes_on(web: Web) -> None:
    probe(web, "student")
    client = connect(web, {"token": web.create()["token"]})
    assert ask(client, "missing") == {
        "ok": False,
        "error": {"code": "not_found", "message": "There is no such thing."},
    }
    assert ask(client, 2)["ok"]


def test_a_broken_handler_is_logged_and_tells_nothing(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    probe(web, "student")
    client = connect(web, {"token": web.create()["token"]})
    with caplog.at_level(logging.ERROR):
        answer = ask(client, "broken")
    assert answer["error"]["code"] == "error"
    assert "secret" not in str(answer)
    assert "A socket event failed" in caplog.text
    assert ask(client, 2)["ok"]


def test_signing_out_closes_the_live_connections_of_that_login(web: Web) -> None:
    browser, other = web.staff(), web.staff()
    mine, theirs = connect(web, browser=browser), connect(web, browser=other)
    browser.post("/logout", data={"csrf_token": page_token(browser, "/")})
    assert not mine.is_connected()
    assert theirs.is_connected()


def test_a_new_password_ends_live_connections_at_their_next_word(web: Web) -> None:
    asked = probe(web, "staff")
    client = connect(web, browser=web.staff())
    web.services.accounts.prepare(
        web.services.settings.model_copy(update={"admin_password": "another-password"})
    )
    assert ask(client, 1)["error"]["code"] == "not_authenticated"
    assert asked == []


def test_those_who_wait_for_it_hear_of_a_connection_that_closed(web: Web) -> None:
    gone: list[Caller] = []
    web.services.when_gone(gone.append)
    created = web.create()
    connect(web, {"token": created["token"]}).disconnect()
    assert [caller.session_id for caller in gone] == [created["session_id"]]


def test_a_students_own_session_is_the_only_one_it_may_name(web: Web) -> None:
    ann, bob = web.create("ann"), web.create("bob")
    client = connect(web, {"token": ann["token"]})
    answer = client.emit("join_session", {"session_id": bob["session_id"]}, callback=True)
    assert answer["error"]["code"] == "not_allowed"
    for payload in ({}, None, {"session_id": 1}, {"session_id": {"$ne": 1}}):
        answer = client.emit("join_session", payload, callback=True)
        assert answer["ok"] is False
