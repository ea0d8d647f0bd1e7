"""A teacher writes an exam in a real browser, marks it and releases the results."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect
from werkzeug.serving import make_server

from app.clock import SystemClock
from app.exams.paper import read_paper
from app.settings import PROJECT_ROOT, Settings
from app.web.factory import build_app
from app.wiring import Services
from tests.e2e.people import browser
from tests.e2e.test_pages import NARROW, WIDE, faults
from tests.exam_parts import PAPER
from tests.parts import build_around_fakes
from tests.pictures import draw_jpeg
from tests.unit.web.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.journey]

AXE = PROJECT_ROOT / "static" / "vendor" / "axe.min.js"


@dataclass
class School:
    """A server without detectors, and a teacher who has signed in."""

    url: str
    services: Services
    page: Page
    context: BrowserContext

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")


@pytest.fixture
def school(tmp_path: Path, playwright: Playwright) -> Iterator[School]:
    settings = Settings.model_validate(
        {"PROCTOR_DATA_DIR": tmp_path, "PROCTOR_ADMIN_PASSWORD": PASSWORD}
    )
    app = build_app(settings, SystemClock(), build_around_fakes)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    services: Services = app.extensions["candor"]
    with browser(playwright) as chromium:
        context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
        page = context.new_page()
        url = f"http://127.0.0.1:{server.port}"
        page.goto(f"{url}/login?next=/admin/exams")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        yield School(url, services, page, context)
        context.close()
    server.shutdown()
    thread.join(5)
    services.repository.close()


def state(page: Page) -> str:
    return page.locator("[data-role=state]").inner_text()


def test_a_teacher_writes_an_exam_with_the_keyboard_and_sees_it_as_students_do(
    school: School, tmp_path: Path
) -> None:
    page = school.page
    school.go("/admin/exams")
    page.get_by_label("Exam id").fill("logic-1")
    page.get_by_label("Title").fill("Logic")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Logic")).to_be_visible()
    page.get_by_label("Opens").first.fill("2026-03-02T10:00")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Duration in minutes").fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    plan = school.services.exams.get("logic-1").plan
    assert plan.opens_at is not None
    assert (plan.opens_at.hour, plan.duration_min, plan.time_zone) == (9, 90, "Europe/Berlin")

    page.get_by_role("link", name="Questions").click()
    page.get_by_role("button", name="Add a question").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("What is $2^3$?")
    page.get_by_label("Option 1", exact=True).fill("eight")
    page.get_by_label("Option 2", exact=True).fill("six")
    page.get_by_label("Kind of the next question").select_option("long")
    page.get_by_role("button", name="Add a question").click()
    page.keyboard.type("Say why.")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-role=state]")).to_have_text("Saved.")
    assert [each.kind for each in school.services.papers.get("logic-1").questions] == [
        "single",
        "long",
    ]

    page.get_by_role("button", name="Move up question 2").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete question 2").click()
    page.get_by_role("button", name="Undo").click()
    first = page.locator(".q").first
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(draw_jpeg(3))
    first.get_by_label("Picture (optional)").set_input_files(picture)
    first.get_by_label("What the picture shows, in words").fill("bars")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-role=state]")).to_have_text("Saved.")
    saved = school.services.papers.get("logic-1").questions
    assert [each.kind for each in saved] == ["long", "single"]
    assert saved[0].picture_alt == "bars"

    page.get_by_role("link", name="Preview").first.click()
    expect(page.locator(".katex").first).to_be_visible()
    expect(page.get_by_alt_text("bars")).to_be_visible()


def test_a_teacher_brings_questions_in_marks_answers_and_releases_the_results(
    school: School,
) -> None:
    page, services = school.page, school.services
    services.exams.put("logic", "standard", {}, None)
    school.go("/admin/exams/logic/import")
    page.get_by_label("Format", exact=True).select_option("gift")
    page.get_by_label("or its text").fill("Broken\n\nSay why. {}")
    page.get_by_role("button", name="Bring in").click()
    expect(page.get_by_text("Line 1:")).to_be_visible()
    page.get_by_label("or its text").fill("Two is prime. {T}\n\nSay why. {}")
    page.get_by_role("button", name="Check only").click()
    expect(page.get_by_text("2 questions are in order.")).to_be_visible()
    page.get_by_role("button", name="Bring in").click()
    expect(page.get_by_role("button", name="Add a section")).to_be_visible()

    session, _ = services.sessions.create("ann", "logic")
    running = services.sessions.start(session.session_id)
    question = services.papers.get("logic").questions[1]
    services.sittings.answer(running, question.question_id, "Because.", 1, is_flagged=False)
    services.sittings.hand_in(running)
    page.get_by_role("link", name="Marking").click()
    page.get_by_role("link", name=re.compile("Say why")).click()
    expect(page.get_by_text("Because.")).to_be_visible()
    assert "ann" not in page.locator("main").inner_text()
    page.get_by_label(re.compile("^Points")).fill("1")
    page.get_by_label(re.compile("^A word")).fill("Well said.")
    page.get_by_role("button", name="Save mark").click()
    expect(page.get_by_text("0 of 1 answers wait.")).to_be_visible()
    page.get_by_role("link", name="Results").click()
    expect(page.get_by_role("cell", name="1 / 2")).to_be_visible()
    page.get_by_role("button", name="Release to all").click()
    expect(page.get_by_text("Released to the students")).to_be_visible()
    assert services.results.of(services.sessions.get(session.session_id)).state == "released"


def test_no_page_of_a_teacher_has_an_accessibility_fault(school: School) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci && npm run vendor")
    axe = AXE.read_text(encoding="utf-8")
    services, page = school.services, school.page
    services.exams.put("logic", "standard", {"ann": {"extra_time_min": 15}}, None)
    services.papers.put("logic", read_paper(PAPER))
    running = services.sessions.start(services.sessions.create("ann", "logic")[0].session_id)
    long = next(each for each in services.papers.get("logic").questions if each.kind == "long")
    services.sittings.answer(running, long.question_id, "Because.", 1, is_flagged=False)
    services.sittings.hand_in(running)
    parts = ("", "/questions", "/import", "/preview", "/grants", "/marking", "/results")
    pages = ["s", *(f"s/logic{part}" for part in (*parts, f"/marking/{long.question_id}"))]
    wrong: dict[str, list[str]] = {}
    for path in pages:
        school.go(f"/admin/exam{path}")
        for toggle in page.locator(".q__toggle").all():
            toggle.click()
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="dark" if size is NARROW else "light")
            if found := faults(page, axe):
                wrong[f"{path} {size['width']}"] = found
    assert wrong == {}
