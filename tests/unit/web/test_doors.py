"""Who is let in, and in which order the questions are asked."""

from __future__ import annotations

from typing import Any

import pytest

from app.records import EndCause
from app.web.factory import ROUTES
from app.web.routes import Route
from tests.unit.web.conftest import PASSWORD, Web, json_of, page_token

GUARDED = [route for route in ROUTES if route.callers]
GUARDED_API = [route for route in GUARDED if not route.is_page]
PAGES = [route for route in GUARDED if route.is_page]
OPEN = {
    "/",
    "/portal/config",
    "/portal/session",
    "/portal/exam/{exam}",
    "/portal/words/{language}",
    "/portal/result",
    "/portal/phone",
    "/phone",
    "/login",
    "/healthz",
    "/readyz",
    "/api/openapi.json",
}


def path_of(route: Route) -> str:
    return (
        route.path.replace("{session_id}", "s_1")
        .replace("{video_id}", "c1")
        .replace("{filepath}", "ann/a.mp4")
    )


def ask(client: Any, route: Route, **more: Any) -> Any:
    return client.open(path_of(route), method=route.method, **more)


def test_only_portal_login_health_and_the_document_are_open() -> None:
    assert {route.path for route in ROUTES if not route.callers} == OPEN


@pytest.mark.parametrize("route", GUARDED_API, ids=lambda route: route.name)
@pytest.mark.parametrize("data", [b"", b"garbage \xff", b'{"user_id": "a/b"}'])
def test_without_a_key_the_answer_is_401_even_for_garbage(
    web: Web, route: Route, data: bytes
) -> None:
    answer = ask(web.anyone, route, data=data)
    assert answer.status_code == 401
    assert json_of(answer)["success"] is False
    assert json_of(answer)["error"]["code"] == "not_authenticated"
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("route", GUARDED_API, ids=lambda route: route.name)
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer wrong", "Bearer " + "x" * 5000]
)
def test_a_wrong_key_is_401(web: Web, route: Route, header: str) -> None:
    answer = ask(web.anyone, route, headers={"Authorization": header})
    assert answer.status_code == 401


def test_a_wrong_key_is_not_rescued_by_a_login(web: Web) -> None:
    answer = web.staff().get("/api/sessions/active", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.name)
def test_a_page_sends_strangers_to_the_login(web: Web, route: Route) -> None:
    answer = ask(web.anyone, route)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.name)
def test_a_key_does_not_open_a_page(web: Web, route: Route) -> None:
    answer = ask(web.anyone, route, headers={"Authorization": f"Bearer {web.integrator.secret}"})
    assert answer.status_code == 302


def test_a_students_token_opens_its_own_session_only(web: Web) -> None:
    ann, bob = web.create("ann"), web.create("bob")
    student = web.student(ann["token"])
    assert student.get(f"/api/session/{ann['session_id']}/details").status_code == 200
    other = student.get(f"/api/session/{bob['session_id']}/details")
    assert (other.status_code, other.json["error"]["code"]) == (403, "not_allowed")
    assert student.get("/api/session/s_none/details").status_code == 403


@pytest.mark.parametrize(
    "route",
    [route for route in GUARDED_API if "student" not in route.callers],
    ids=lambda route: route.name,
)
def test_a_students_token_opens_nothing_else(web: Web, route: Route) -> None:
    token = web.create()["token"]
    answer = ask(web.anyone, route, data=b"garbage", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


def test_a_students_token_ends_with_the_session(web: Web) -> None:
    created = web.create()
    web.services.sessions.end(created["session_id"], EndCause.STUDENT)
    answer = web.student(created["token"]).get(f"/api/session/{created['session_id']}/details")
    assert answer.status_code == 401


def test_a_join_token_expires(web: Web) -> None:
    created = web.create()
    web.clock.advance(121 * 60)
    answer = web.student(created["token"]).get(f"/api/session/{created['session_id']}/details")
    assert answer.status_code == 401


def test_a_login_reads_and_with_the_pages_token_writes(web: Web) -> None:
    staff = web.staff()
    assert staff.get("/api/sessions/active").status_code == 200
    body = {"user_id": "ann", "exam_id": "math"}
    refused = staff.post("/api/session/create", json=body)
    assert (refused.status_code, json_of(refused)["error"]["code"]) == (403, "not_allowed")
    token = page_token(staff, "/")
    done = staff.post("/api/session/create", json=body, headers={"X-CSRFToken": token})
    assert done.status_code == 200


def test_csrf_is_asked_before_the_body_is_looked_at(web: Web) -> None:
    assert web.staff().post("/api/session/create", data=b"garbage").status_code == 403


def test_signing_in_needs_the_pages_token(web: Web) -> None:
    client = web.anyone
    answer = client.post("/login", data={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 403


def test_a_wrong_password_says_so_and_the_sixth_has_to_wait(web: Web) -> None:
    client = web.anyone
    token = page_token(client)
    data = {"username": "admin", "password": "wrong", "csrf_token": token}
    statuses = [client.post("/login", data=data).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ("/admin/clips", "/admin/clips"),
        ("/admin/session/s_1?x=1", "/admin/session/s_1?x=1"),
        ("", "/admin"),
        ("https://evil.example", "/admin"),
        ("//evil.example", "/admin"),
        ("/\\evil.example", "/admin"),
        ("/a\r\nX: y", "/admin"),
        ("javascript:alert(1)", "/admin"),
    ],
)
def test_signing_in_leads_to_a_page_of_this_site_only(web: Web, wish: str, place: str) -> None:
    client = web.anyone
    answer = client.post(
        "/login",
        data={
            "username": "admin",
            "password": PASSWORD,
            "next": wish,
            "csrf_token": page_token(client),
        },
    )
    assert answer.headers["Location"] == place


def test_signing_out_ends_the_login(web: Web) -> None:
    staff = web.staff()
    answer = staff.post("/logout", data={"csrf_token": page_token(staff, "/")})
    assert answer.status_code == 303
    assert staff.get("/api/sessions/active").status_code == 401


def test_the_login_cookie_is_out_of_reach_of_scripts_and_other_sites(web: Web) -> None:
    client = web.anyone
    data = {"username": "admin", "password": PASSWORD, "csrf_token": page_token(client)}
    cookie = client.post("/login", data=data).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_a_new_password_ends_old_logins(web: Web) -> None:
    staff = web.staff()
    web.services.accounts.prepare(
        web.services.settings.model_copy(update={"admin_password": "another-password"})
    )
    assert staff.get("/api/sessions/active").status_code == 401
    assert staff.get("/admin").status_code == 302
