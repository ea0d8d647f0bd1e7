"""Real pages in Chromium, full of texts that would like to be markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Playwright

from app.records import ClipStatus, SessionState
from app.web.factory import ROUTES
from tests.e2e.people import SOON_MS, browser
from tests.live_server import LiveServer, live_server
from tests.records import a_clip, a_session
from tests.scripted_media import scripted_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "correct-horse-battery"
KEY = "integrator-key-0123456789"
HIT = "window.hit = (window.hit || 0) + 1"
HOSTILE = f'"><img src=x onerror="{HIT}"><script>{HIT}</script>'
# What came in as an element instead of as text, whether or not the browser then ran it.
INJECTED = "document.querySelectorAll('img[src=\"x\"], script:not([src]):not([type])').length"


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder: Path = tmp_path_factory.mktemp("server")
    with live_server(folder, PROCTOR_ADMIN_PASSWORD=PASSWORD, PROCTOR_API_KEY=KEY) as running:
        fill(running)
        yield running


def fill(server: LiveServer) -> None:
    """Everything that a student, an integrator or a roster may have written, hostile. Ids are
    put past the doors that refuse them."""
    services = server.services
    now = services.clock.now()
    session = a_session("s1", HOSTILE, HOSTILE, SessionState.CREATED, now)
    services.repository.add_session(session)
    clip = a_clip("c1", "s1", ClipStatus.FAILED, flagged_at=now)
    hostile = replace(clip, user_id=HOSTILE, exam_id=HOSTILE, error=HOSTILE, rules=(HOSTILE,))
    services.repository.save_clip(hostile)
    services.keys.add(HOSTILE[:80], ["*"])
    quoted = HOSTILE.replace('"', '""')
    text = f'student_id,name,date_of_birth,course\ns-1,"{quoted}",2004-02-29,"{quoted}"'
    assert services.rosters.bring_in("math", text, dry_run=False).is_stored
    services.audit.write("key:x", HOSTILE, HOSTILE, {"reason": HOSTILE})


def signed_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.fill('input[name="username"]', "admin")
    page.fill('input[name="password"]', PASSWORD)
    page.press('input[name="password"]', "Enter")
    page.wait_for_url(lambda there: "/login" not in there)


def shown(page: Page) -> None:
    """The hostile text stands on the page, as text."""
    found = page.get_by_text("<img src=x").locator("visible=true")
    found.first.wait_for(timeout=SOON_MS)


def check(page: Page) -> None:
    assert page.evaluate(INJECTED) == 0, page.url
    assert page.evaluate("window.hit") is None, page.url


def test_xss_no_page_of_staff_takes_a_students_text_for_markup(
    chromium: Browser, server: LiveServer
) -> None:
    student = server.student(a_session("s1"))
    assert student.start()["ok"] is True
    page = chromium.new_page()
    signed_in(page, server.url)
    page.goto(f"{server.url}/admin")
    shown(page)
    check(page)
    page.goto(f"{server.url}/admin/session/s1")
    student.send((scripted_jpeg(),))
    assert student.ask("chat", {"text": HOSTILE})["ok"] is True
    shown(page)
    page.wait_for_timeout(500)
    check(page)
    names = {"session_id": "s1", "exam_id": "math"}
    for route in ROUTES:
        if not route.is_page or route.method != "GET" or "staff" not in route.callers:
            continue
        path = route.path
        for name in route.names:
            path = path.replace(f"{{{name}}}", names.get(name, "none"))
        page.goto(server.url + path)
        page.wait_for_timeout(150)
        check(page)
    page.close()
    student.close()


def test_xss_an_answer_is_shown_to_who_marks_it_as_text(
    chromium: Browser, server: LiveServer
) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    paper = {"version": 0, "sections": [{"questions": [{"kind": "long", "text": "Why?"}]}]}
    exam = f"{server.url}/api/exam/essay"
    asked: tuple[tuple[str, Any], ...] = (
        ("", {"policy": "standard", "plan": {}}),
        ("/paper", paper),
    )
    for path, body in asked:
        assert requests.put(exam + path, json=body, headers=key, timeout=20).ok
    student = server.student(server.new_session("ann", "essay"))
    assert student.start()["ok"] is True
    mine = {"Authorization": f"Bearer {student.token}"}
    told = requests.get(f"{server.url}/api/my/exam", headers=mine, timeout=20).json()
    question_id = told["sections"][0]["questions"][0]["question_id"]
    answer = f"{server.url}/api/my/answers/{question_id}"
    saved = requests.put(answer, json={"value": HOSTILE, "seq": 1}, headers=mine, timeout=20)
    assert saved.ok, saved.text
    requests.post(f"{server.url}/api/my/hand-in", json={}, headers=mine, timeout=20)
    page = chromium.new_page()
    signed_in(page, server.url)
    page.goto(f"{server.url}/admin/exams/essay/marking/{question_id}")
    shown(page)
    check(page)
    for path in ("/admin/exams/essay/results", "/admin/exams/essay/marking"):
        page.goto(server.url + path)
        check(page)
    page.close()
    student.close()


def test_xss_the_portal_shows_what_an_address_holds_as_text(
    chromium: Browser, server: LiveServer
) -> None:
    page = chromium.new_page()
    for path in (f"/?exam={HOSTILE}", f"/#exam={HOSTILE}", f"/#token={HOSTILE}", f"/{HOSTILE}"):
        page.goto(server.url + path)
        page.wait_for_timeout(150)
        check(page)
    page.goto(f"{server.url}/login?next={HOSTILE}")
    check(page)
    page.close()
