"""The proctor's room in two browsers: what is done reaches the student and the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from app.audit.log import Search
from app.settings import PROJECT_ROOT
from tests.e2e.people import browser, wait_for, watch
from tools.stage import Stage, sign_in, stage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.room]

AXE = PROJECT_ROOT / "static" / "vendor" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright) as opened:
        yield opened


@pytest.fixture
def empty_stage(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, 0) as built:
        built.services.exams.put("math", "standard", {"ann": {"breaks": 1, "break_min": 5}}, None)
        yield built


def new_page(chromium: Browser, **given: Any) -> Page:
    """A page in a browser of its own, patient with a busy machine."""
    page = chromium.new_context(**given).new_page()
    page.set_default_timeout(60_000)
    return page


def start(page: Page, url: str, user_id: str, exam_id: str) -> None:
    page.goto(url)
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill(exam_id)
    page.get_by_role("button", name="Start Exam Session").click()
    page.get_by_role("heading", name="Your exam session is running").wait_for()


def order(page: Page, button: str, reason: str = "", text: str = "") -> None:
    """Press a button of the desk, fill the dialog in, and send it."""
    page.locator(".orders").get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    if text:
        dialog.get_by_label("What the student reads").fill(text)
    if reason:
        dialog.get_by_role("textbox", name="Reason").fill(reason)
    dialog.locator("[data-role=act-send]").click()
    dialog.wait_for(state="hidden")


def test_what_a_proctor_does_is_seen_by_the_student_and_stands_in_the_record(
    chromium: Browser, empty_stage: Stage
) -> None:
    services = empty_stage.services
    student = new_page(chromium)
    proctor = new_page(chromium)
    problems = watch(proctor)
    start(student, empty_stage.url, "ann", "math")
    (session,) = services.sessions.active()
    sign_in(proctor, empty_stage.url)
    proctor.get_by_role("link", name="ann", exact=True).click()
    proctor.get_by_role("heading", name="ann").wait_for()

    proctor.locator(".orders").get_by_role("button", name="Warn", exact=True).click()
    proctor.get_by_role("button", name="Put the phone away").click()
    proctor.get_by_role("button", name="Send warning").click()
    student.get_by_text("Warning from your proctor").wait_for()
    student.get_by_text("A phone can be seen.").first.wait_for()
    proctor.get_by_text("Shown after").first.wait_for()
    student.get_by_role("button", name="I understand").click()

    student.get_by_text("Conversation with your proctor").first.click()
    student.get_by_label("Write to your proctor").fill("Is question 4 complete?")
    student.get_by_role("button", name="Send", exact=True).click()
    proctor.get_by_text("Is question 4 complete?").first.wait_for()
    proctor.get_by_label("Message to the student").fill("It is.")
    proctor.locator("[data-role=talk-form]").get_by_role("button", name="Send").click()
    student.get_by_text("It is.").first.wait_for()

    order(proctor, "Pause", reason="The fire alarm rings.")
    student.get_by_text("The fire alarm rings.").first.wait_for()
    proctor.locator("[data-role=paused]", has_text="Paused").wait_for()
    order(proctor, "Resume")
    student.get_by_text("The exam goes on").wait_for()

    student.get_by_role("button", name="Ask for a break").click()
    proctor.get_by_text("The student asks for a break.").wait_for()
    proctor.locator("[data-role=wishes]").get_by_role("button", name="Grant").click()
    proctor.get_by_role("button", name="Begin the break").click()
    student.get_by_text("Nothing is scored meanwhile.").first.wait_for()
    student.get_by_role("button", name="I am back").click()
    student.get_by_role("button", name="Ask for a break").wait_for()

    order(proctor, "Note", reason="Asked about question 4.")
    order(proctor, "End session", reason="You asked to stop.")
    student.get_by_role("heading", name="Your exam session has ended").wait_for()

    kept = services.actions.board.of_session(session.session_id)
    assert [each.kind.value for each in kept] == [
        "warning", "chat", "message", "pause", "resume", "break_asked", "break_granted",
        "break_over", "note", "end",
    ]  # fmt: skip
    shown = [each for each in kept if each.is_for_student]
    assert [each.kind.value for each in shown if each.seen_at is None] == []
    delays_s = [(each.seen_at - each.at).total_seconds() for each in shown if each.seen_at]
    print(f"receipts after {max(delays_s):.2f} s at most")
    audited = {entry.action for entry in services.audit.search(Search(), 100)}
    assert {"act_warning", "act_pause", "act_resume", "act_break_granted", "act_end"} <= audited
    assert services.sessions.get(session.session_id).end_cause
    assert problems == []


def test_more_time_reaches_the_students_clock(chromium: Browser, empty_stage: Stage) -> None:
    services = empty_stage.services
    student = new_page(chromium)
    proctor = new_page(chromium)
    start(student, empty_stage.url, "ann", "math")
    (session,) = services.sessions.active()
    sign_in(proctor, empty_stage.url)
    proctor.goto(f"{empty_stage.url}/admin/session/{session.session_id}")
    proctor.locator(".orders").get_by_role("button", name="Extra time").click()
    proctor.get_by_role("textbox", name="Reason").fill("The line was down.")
    proctor.get_by_role("button", name="Give time").click()
    # An exam without a clock has no time to give, and the proctor reads so.
    proctor.get_by_role("alert").filter(has_text="exam").wait_for()


def faults(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: list[str] = page.evaluate(
        "standards => axe.run(document, {runOnly: standards})"
        ".then(({violations}) => violations.map(one =>"
        " `${one.id}: ${one.nodes.map(node => node.target).join(' ')}`))",
        STANDARDS,
    )
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{overflow} px too wide"] if overflow > 0 else [])]


def test_the_room_has_no_accessibility_fault_with_many_students(
    chromium: Browser, tmp_path: Path
) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci && npm run vendor")
    axe = AXE.read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    with stage(tmp_path, 24) as built:
        built.run(40, pictures=False)
        session_id = built.parts[0].record.session_id
        built.services.actions.talk.chat(session_id, {"text": "Hello?"})
        built.services.actions.talk.ask_break(session_id)
        for scheme, width in (("light", 1280), ("dark", 360)):
            context = chromium.new_context(
                viewport={"width": width, "height": 800},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page = context.new_page()
            sign_in(page, built.url)
            built.step()
            page.locator(".tile__link").first.wait_for()
            found[f"wall {scheme}"] = faults(page, axe)
            page.get_by_role("button", name="List", exact=True).click()
            found[f"list {scheme}"] = faults(page, axe)
            page.keyboard.press("j")
            page.keyboard.press("m")
            page.get_by_role("dialog").wait_for()
            found[f"message {scheme}"] = faults(page, axe)
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            page.get_by_role("dialog").wait_for()
            found[f"keys {scheme}"] = faults(page, axe)
            for path in (
                f"/admin/session/{session_id}",
                "/admin/overview/algebra-1",
                "/admin/student/amara",
                "/admin/machine",
            ):
                page.goto(built.url + path)
                page.locator("h1").first.wait_for()
                built.step()
                found[f"{path} {scheme}"] = faults(page, axe)
            context.close()
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("students", [60, pytest.param(200, marks=pytest.mark.long)])
def test_the_wall_drops_no_update_while_it_is_scrolled(
    chromium: Browser, tmp_path: Path, students: int
) -> None:
    with stage(tmp_path, students) as built:
        built.run(10, pictures=False)
        page = new_page(chromium, viewport={"width": 1280, "height": 800})
        problems = watch(page)
        sign_in(page, built.url)
        page.locator(".tile__link").first.wait_for()
        for number in range(6):
            built.step()
            page.mouse.wheel(0, 1500 if number % 2 == 0 else -900)
            page.wait_for_timeout(400)

        def known() -> Any:
            return page.evaluate(
                "async () => { const {wall} = await import('/static/js/admin/wall.js');"
                " return [...wall.rows].map(([id, row]) => [id, row.total_score, row.risk]); }"
            )

        def is_current() -> bool:
            return {session_id: (total, risk) for session_id, total, risk in known()} == {
                session_id: (view.scores.total_score, view.scores.risk_temporary)
                for session_id, view in built.views.items()
            }

        wait_for(page, "the wall knows every row as it is", is_current, 10)
        assert len(known()) == students
        assert problems == []
