"""The proctor's room in two browsers: what is done reaches the student and the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from app.audit.log import Search
from app.records import SessionRecord
from app.settings import PROJECT_ROOT
from app.wiring import Services
from tests.e2e.people import browser, wait_for, watch
from tests.exam_parts import PAPER
from tests.reviewed_exam import film
from tests.waiting import wait_until
from tools.drawn import LOOKS
from tools.simulation.run import Rest
from tools.stage import PASSWORD, STORY_S, Part, Stage, sign_in, stage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.room]

KEY = "a-key-of-the-room"
AXE = PROJECT_ROOT / "static" / "vendor" / "axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browser(playwright) as opened:
        yield opened


@pytest.fixture(scope="module")
def empty_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server with three exams: `math` has no clock, `timed` has one, `door` admits by hand."""
    with stage(tmp_path_factory.mktemp("room"), 0, PROCTOR_API_KEY=KEY) as built:
        built.services.exams.put("math", "standard", {"ann": {"breaks": 1, "break_min": 5}}, None)
        rest = Rest(built.url, KEY)
        rest.call("PUT", "/api/exam/timed", {"plan": {"title": "Timed", "duration_min": 30}})
        rest.call("PUT", "/api/exam/timed/paper", PAPER)
        door = {"title": "Door", "check_in": "proctor", "check_in_steps": []}
        rest.call("PUT", "/api/exam/door", {"plan": door})
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
    session = session_of(empty_stage, "ann")
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


def test_two_proctors_see_each_other_call_each_other_and_have_the_room_shown(
    chromium: Browser, empty_stage: Stage
) -> None:
    services, student = empty_stage.services, new_page(chromium)
    start(student, empty_stage.url, "dora", "math")
    session = session_of(empty_stage, "dora")
    services.desk.add("bo", PASSWORD, "proctor", ["math"])
    here, there = new_page(chromium), new_page(chromium)
    problems = [*watch(here), *watch(there)]
    sign_in(here, empty_stage.url)
    there.goto(f"{empty_stage.url}/admin")
    there.get_by_label("User name").fill("bo")
    there.get_by_label("Password").fill(PASSWORD)
    there.get_by_role("button", name="Sign in").click()
    there.get_by_role("heading", name="Live", exact=True).wait_for()

    # The call reaches who watches the wall, and leads there.
    here.goto(f"{empty_stage.url}/admin/session/{session.session_id}")
    order(here, "Call a colleague", reason="Is this a phone?")
    call = there.get_by_text("admin calls you to dora: Is this a phone?")
    call.wait_for()
    there.get_by_role("link", name="dora").first.click()
    there.get_by_role("heading", name="dora").wait_for()
    there.get_by_text("Also here: admin").wait_for()
    here.get_by_text("Also here: bo").wait_for()

    # What one of them does stands on the other's page, with who did it and that it was shown.
    order(there, "Room scan")
    student.get_by_text("Please show").first.wait_for()
    for page in (here, there):
        entry = page.locator("[data-role=talk] li", has_text="Room scan asked for")
        entry.filter(has_text="bo").filter(has_text="Shown after").wait_for()
    there.close()
    here.get_by_text("Also here: bo").wait_for(state="hidden")

    kept = services.actions.board.of_session(session.session_id)
    assert [(each.kind.value, each.actor) for each in kept] == [("call", "admin"), ("scan", "bo")]
    audited = {entry.action for entry in services.audit.search(Search(), 100)}
    assert {"act_call", "act_scan"} <= audited
    assert problems == []


def session_of(built: Stage, user_id: str) -> SessionRecord:
    return next(each for each in built.services.sessions.active() if each.user_id == user_id)


def seconds_left(student: Page) -> int:
    """What the timer of the student's exam says."""
    minutes, seconds = re.findall(r"\d+", student.get_by_role("timer").inner_text())[-2:]
    return int(minutes) * 60 + int(seconds)


def test_more_time_reaches_the_students_clock_where_there_is_one(
    chromium: Browser, empty_stage: Stage
) -> None:
    services, student, proctor = empty_stage.services, new_page(chromium), new_page(chromium)
    student.goto(empty_stage.url)
    student.get_by_label("User ID").fill("bea")
    student.get_by_label("Exam ID").fill("timed")
    student.get_by_role("button", name="Start Exam Session").click()
    student.get_by_role("timer").wait_for()
    wait_until(lambda: 0 < seconds_left(student) <= 30 * 60, "the clock runs")
    session = session_of(empty_stage, "bea")
    sign_in(proctor, empty_stage.url)
    proctor.goto(f"{empty_stage.url}/admin/session/{session.session_id}")
    proctor.locator(".orders").get_by_role("button", name="Extra time").click()
    proctor.get_by_label("Minutes").fill("12")
    proctor.get_by_role("textbox", name="Reason").fill("The line was down.")
    proctor.get_by_role("button", name="Give time").click()
    student.get_by_text("You have 12 more min. The line was down.").first.wait_for()
    wait_until(lambda: seconds_left(student) > 38 * 60, "the timer has the time")
    proctor.get_by_text("Shown after").first.wait_for()
    (kept,) = services.actions.board.of_session(session.session_id)
    assert (kept.kind.value, kept.minutes, kept.actor) == ("extra_time", 12, "admin")
    audited = services.audit.search(Search(action="act_extra_time"), 100)
    assert [entry.detail["minutes"] for entry in audited] == ["12"]

    # An exam without a clock has no time to give, and the proctor reads so.
    other = new_page(chromium)
    start(other, empty_stage.url, "cem", "math")
    proctor.goto(f"{empty_stage.url}/admin/session/{session_of(empty_stage, 'cem').session_id}")
    proctor.locator(".orders").get_by_role("button", name="Extra time").click()
    proctor.get_by_role("textbox", name="Reason").fill("The line was down.")
    proctor.get_by_role("button", name="Give time").click()
    proctor.get_by_role("alert").filter(has_text="exam").wait_for()


def to_the_door(student: Page, url: str, user_id: str) -> None:
    """Check in until only the proctor is left."""
    student.goto(url)
    student.get_by_label("User ID").fill(user_id)
    student.get_by_label("Exam ID").fill("door")
    student.get_by_role("button", name="Start Exam Session").click()
    student.get_by_role("button", name="I agree").click()
    student.get_by_role("button", name="Start the check").click()
    student.locator("button:not([aria-disabled=true])", has_text="Continue").click()
    student.get_by_role("button", name="Ask to be let in").click()
    student.get_by_text("Your proctor has been asked.").wait_for()


def test_a_proctor_lets_one_student_in_and_sends_another_away(
    chromium: Browser, empty_stage: Stage
) -> None:
    services, proctor = empty_stage.services, new_page(chromium)
    problems = watch(proctor)
    sign_in(proctor, empty_stage.url)
    ida, jon = new_page(chromium), new_page(chromium)
    to_the_door(ida, empty_stage.url, "ida")
    to_the_door(jon, empty_stage.url, "jon")
    sessions = {name: session_of(empty_stage, name) for name in ("ida", "jon")}

    # One move, on the wall itself.
    waiting = proctor.locator("[data-role=waiting]")
    waiting.get_by_role("listitem").filter(has_text="ida").get_by_role(
        "button", name="Admit"
    ).click()
    ida.get_by_role("heading", name="Your exam session is running").wait_for()
    waiting.get_by_role("listitem").filter(has_text="jon").get_by_role(
        "button", name="Refuse"
    ).click()
    dialog = proctor.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill("Your desk is not clear.")
    dialog.get_by_role("button", name="Refuse").click()
    jon.get_by_text("Your desk is not clear.").first.wait_for()
    expect(waiting).to_be_hidden()

    kept = {
        name: services.actions.board.of_session(session.session_id)
        for name, session in sessions.items()
    }
    assert [(each.kind.value, each.actor) for each in kept["ida"]] == [("admit", "admin")]
    assert [(each.kind.value, each.reason) for each in kept["jon"]] == [
        ("refuse", "Your desk is not clear.")
    ]
    wait_until(lambda: kept["ida"][0].seen_at or _seen(services, sessions["ida"]), "a receipt")
    assert problems == []


def _seen(services: Services, session: SessionRecord) -> bool:
    return all(each.seen_at for each in services.actions.board.of_session(session.session_id))


class Newcomer:
    """Somebody who knows no address and no key: clicks on what can be read, and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, role: str, name: str | re.Pattern[str], within: str = "main") -> None:
        self.clicks += 1
        place = self.page.locator(within)
        place.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]


def test_a_newcomer_warns_the_riskiest_student_confirms_a_flag_and_takes_the_report(
    chromium: Browser, tmp_path: Path
) -> None:
    with stage(tmp_path, 4, is_kept=True) as built:
        built.run(STORY_S, pictures=False)
        film_last_flag(built, built.parts[0])
        wait_until(lambda: built.step() and built.parts[0].interval >= 10, "a flagged interval")
        page = new_page(chromium, viewport={"width": 1280, "height": 900})
        problems = watch(page)
        sign_in(page, built.url)
        built.step()
        newcomer = Newcomer(page)
        # The first tile is the one to look at first.
        first = page.locator("[data-role=wall]").get_by_role("link").first
        riskiest = first.inner_text()
        newcomer.click("link", riskiest, "[data-role=wall]")
        page.get_by_role("heading", name=riskiest).wait_for()
        newcomer.click("button", "Warn")
        newcomer.click("button", "Stay in view", "dialog[open]")
        newcomer.click("button", "Send warning", "dialog[open]")
        expect(page.locator("dialog[open]")).to_have_count(0)
        newcomer.click("link", "Review the flags")
        newcomer.click("button", re.compile("^Confirm"))
        newcomer.click("button", "Save and go on")
        expect(page.get_by_text("Confirmed").first).to_be_visible(timeout=30_000)
        with page.expect_download() as begun:
            newcomer.click("link", re.compile("PDF"))
        report = Path(begun.value.path()).read_bytes()
        session = session_of(built, riskiest)
        services = built.services
        warned = services.actions.board.of_session(session.session_id)
        confirmed = services.reviews.case(session.session_id).flags
    assert report.startswith(b"%PDF")
    assert [each.kind.value for each in warned] == ["warning"]
    assert [each.decision.value for each in confirmed.values()] == ["confirmed"]
    assert newcomer.clicks == 8
    assert problems == []


def film_last_flag(built: Stage, part: Part) -> None:
    """A clip of the student's last flag, as the recorder would have made it."""
    record = part.record
    stored = built.services.repository.intervals(record.session_id)
    interval = [each.interval for each in stored if each.interval.is_flagged][-1]
    story = ((interval.start_s + 5, interval.start_s + 12, "none"),)
    assert record.started_at is not None
    film(built.services, record, record.started_at, interval.index, story, LOOKS[0], STORY_S)


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


@pytest.mark.alone
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
