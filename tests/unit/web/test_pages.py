"""Pages, the portal's questions, and the headers of everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.exams.records import ExamPlan
from app.web.factory import ROUTES
from tests.records import a_clip
from tests.unit.web.conftest import Web, build_web, json_of, page_token

PAGES = ["/", "/login", "/admin", "/admin/clips", "/admin/machine", "/api/docs"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_drawn(web: Web, path: str) -> None:
    web.services.repository.save_clip(a_clip())
    answer = web.staff().get(path, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert "csrf-token" in answer.get_data(as_text=True)


def test_a_sessions_page_is_drawn_and_an_unknown_one_is_not(web: Web) -> None:
    staff = web.staff()
    session_id = web.create()["session_id"]
    assert staff.get(f"/admin/session/{session_id}").status_code == 200
    missing = staff.get("/admin/session/no")
    assert (missing.status_code, missing.mimetype) == (404, "text/html")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_inline_script_style_or_other_host(web: Web, path: str) -> None:
    page = web.staff().get(path, follow_redirects=True).get_data(as_text=True)
    scripts = re.findall(r"<script\b([^>]*)>", page)
    assert all("src=" in script or "application/json" in script for script in scripts)
    assert "<style" not in page
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert not re.search(r"<[^>]+\son[a-z]+=", page)
    assert not re.search(r"<(?:script|link|img|video)[^>]+(?:src|href)=.(?:https?:)?//", page)


@pytest.mark.parametrize("path", ["/", "/api/openapi.json", "/api/nothing", "/healthz", "/admin"])
def test_every_answer_carries_the_guarding_headers(web: Web, path: str) -> None:
    headers = web.anyone.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert "display-capture=(self)" in headers["Permissions-Policy"]


def test_scripts_are_sent_as_scripts_and_asked_for_again(web: Web) -> None:
    answer = web.anyone.get("/static/js/portal.js")
    if answer.status_code == 404:
        answer = next(
            web.anyone.get(f"/static/{path.relative_to(web.app.static_folder or '')}")
            for path in Path(web.app.static_folder or "").rglob("*.js")
        )
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "ETag" in answer.headers


def test_the_portal_is_told_how_to_capture(web: Web) -> None:
    body = json_of(web.anyone.get("/portal/config"))
    assert (body["video_fps"], body["walk_in"], body["screen_width"]) == (5, True, 1280)


def walk_in(web: Web, body: object, **more: str) -> tuple[int, dict[str, str]]:
    client = web.anyone
    headers = {"X-CSRFToken": page_token(client, "/"), **more}
    answer = client.post("/portal/session", json=body, headers=headers)
    return answer.status_code, answer.json or {}


def test_a_typed_id_opens_a_session(web: Web) -> None:
    status, body = walk_in(web, {"user_id": "ann", "exam_id": "math"})
    assert status == 200
    assert web.services.tokens.session_id(body["token"]) == body["session_id"]


def test_a_typed_id_opens_what_an_integrator_prepared(web: Web) -> None:
    prepared = web.create()
    status, body = walk_in(web, {"user_id": "ann", "exam_id": "math"})
    assert (status, body["session_id"]) == (200, prepared["session_id"])


def test_a_typed_id_never_opens_somebody_elses_running_session(web: Web) -> None:
    running, other = web.create("ann"), web.create("bob")
    web.services.sessions.start(running["session_id"])
    typed = {"user_id": "ann", "exam_id": "math"}
    assert walk_in(web, typed)[0] == 409
    assert walk_in(web, {**typed, "token": other["token"]})[0] == 409
    assert walk_in(web, {**typed, "token": "forged"})[0] == 409
    status, body = walk_in(web, {**typed, "token": running["token"]})
    assert (status, body["session_id"]) == (200, running["session_id"])


def test_walking_in_needs_the_page(web: Web) -> None:
    answer = web.anyone.post("/portal/session", json={"user_id": "ann", "exam_id": "math"})
    assert answer.status_code == 403
    assert web.services.repository.sessions() == ()


def test_walk_in_can_be_switched_off(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_WALK_IN="false")
    status, _ = walk_in(web, {"user_id": "ann", "exam_id": "math"})
    assert status == 403
    assert json_of(web.anyone.get("/portal/config"))["walk_in"] is False
    web.services.repository.close()


@pytest.mark.parametrize("body", [{}, {"user_id": "a/b", "exam_id": "x"}, {"user_id": "ann"}])
def test_a_bad_walk_in_is_refused_with_a_sentence(web: Web, body: object) -> None:
    status, answer = walk_in(web, body)
    assert status == 400
    assert answer["error"]


def test_a_student_who_arrives_by_link_is_named(web: Web) -> None:
    created = web.create()
    body = web.student(created["token"]).get("/portal/session").json
    assert (body["user_id"], body["session_id"]) == ("ann", created["session_id"])
    assert web.student("forged").get("/portal/session").status_code == 401
    assert web.integrator.get("/portal/session").status_code == 403


def test_behind_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_PUBLIC_URL="https://exam.example")
    headers = web.anyone.get("/").headers
    assert "Secure" in headers["Set-Cookie"]
    assert "Strict-Transport-Security" in headers
    web.services.repository.close()


def test_a_trusted_proxy_names_scheme_and_host(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "exam.example"}
    body = {"user_id": "ann"}
    trusting = build_web(tmp_path / "a", PROCTOR_TRUSTED_PROXIES="1")
    answer = trusting.integrator.post("/api/session/create", body, headers=forwarded)
    assert answer.json["join_url"].startswith("https://exam.example/#token=")
    wary = build_web(tmp_path / "b")
    answer = wary.integrator.post("/api/session/create", body, headers=forwarded)
    assert answer.json["join_url"].startswith("http://localhost/#token=")
    for web in (trusting, wary):
        web.services.repository.close()


def test_names_of_routes_are_unique() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_only_pages_of_exams_held_elsewhere_may_stand_in_a_frame(web: Web) -> None:
    assert "frame-src" not in web.anyone.get("/").headers["Content-Security-Policy"]
    plan = ExamPlan(external_url="https://quiz.example.org:8443/start?x=1")
    web.services.exams.put("quiz", "standard", {}, None, plan)
    answer = web.anyone.get("/")
    assert "frame-src https://quiz.example.org:8443;" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert "frame-src" not in web.anyone.get("/login").headers["Content-Security-Policy"]
