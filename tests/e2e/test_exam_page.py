"""A student's pages in a real browser: what is said there, what can be put right, what survives.

The detectors are scripted; tests/e2e/test_journey.py has the whole way with the real ones.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    Playwright,
    expect,
)
from playwright.sync_api import Error as PlaywrightError

from app.exams.paper import read_paper
from app.exams.records import ExamPlan
from detectors.messages import AnalysisResult
from scoring.model import Detector, Observation, Rule
from scoring.policy import policy_to_dict, standard_policy
from tests.browser import ALWAYS, chromium_path
from tests.e2e.people import browser, watch
from tests.e2e.test_pages import AXE, NARROW, faults
from tests.exam_parts import PAPER
from tests.live_server import LiveServer, live_server
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.journey]
expect.set_options(timeout=30_000)

# A screen that the test can stop sharing, and share a window of instead.
SCREEN = """
const pick = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
window.sharesWindow = false;
navigator.mediaDevices.getDisplayMedia = async (wish) => {
  const stream = await pick(wish);
  const [track] = stream.getVideoTracks();
  window.screenTrack = track;
  if (window.sharesWindow) track.getSettings = () => ({displaySurface: "window"});
  return stream;
};
"""
# Headless Chromium never hides a page, so it is told to it.
HIDE = """(state) => {
  Object.defineProperty(document, "visibilityState", {configurable: true, get: () => state});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# What the student's computer takes for the time; the page may be moved to another hour.
CLOCK = """
const now = Date.now.bind(Date);
window.skewMs = 0;
Date.now = () => now() + window.skewMs;
"""
ELSEWHERE = """<!doctype html><title>Elsewhere</title>
<label>Essay <textarea></textarea></label><button>Next</button>"""


@dataclass
class Hall:
    """A server with scripted detectors, a browser, and a page of an exam held elsewhere."""

    server: LiveServer
    chromium: Browser
    elsewhere: str

    def set_up(self, exam_id: str, policy: str | dict[str, Any] = "standard", **plan: Any) -> None:
        services = self.server.services
        services.exams.put(exam_id, policy, {}, None, ExamPlan(title="Nature", **plan))
        if not plan.get("external_url"):
            services.papers.put(exam_id, read_paper(PAPER))

    def enter(self, exam_id: str, user_id: str = "ada") -> tuple[Page, str]:
        """A student at the questions. Returns the page and the session's id."""
        for context in self.chromium.contexts:
            context.close()
        page = self.chromium.new_context(viewport={"width": 1100, "height": 800}).new_page()
        page.add_init_script(SCREEN + CLOCK)
        watch(page)
        start(page, self.server.url, exam_id, user_id)
        return page, self.server.services.sessions.find_active(user_id, exam_id).session_id

    def rules(self, session_id: str) -> list[str]:
        records = self.server.services.repository.violations(session_id)
        return [record.violation.rule.value for record in records]


def lose_focus_for_real(page: Page) -> None:
    """Let the page have the focus only while its window is in front, as with a screen."""
    control = page.context.new_cdp_session(page)
    control.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.bring_to_front()


def start(page: Page, url: str, exam_id: str, user_id: str) -> None:
    page.goto(url)
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill(exam_id)
    page.get_by_role("button", name="Start Exam Session").click()
    expect(page.locator("h1", has_text="Nature")).to_be_visible()
    expect(
        page.get_by_text("Everything is saved").or_(page.locator(".exam__external"))
    ).to_be_visible()


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci && npm run vendor")
    return AXE.read_text(encoding="utf-8")


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(ELSEWHERE.encode())

    def log_message(self, *_args: object) -> None:
        """Say nothing about each request."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def hall(
    tmp_path_factory: pytest.TempPathFactory, playwright: Playwright, elsewhere: str
) -> Iterator[Hall]:
    with (
        live_server(tmp_path_factory.mktemp("hall")) as server,
        browser(playwright) as chromium,
    ):
        server.wait_for_workers()
        yield Hall(server, chromium, elsewhere)


def test_the_status_says_the_rule_how_many_warnings_are_left_and_the_focus(hall: Hall) -> None:
    quick = standard_policy().with_rule(Rule.PHONE, min_duration_s=0.2)
    hall.set_up("warned", policy_to_dict(quick), shows_focus=True)
    page, session_id = hall.enter("warned")
    status = page.locator(".states")
    expect(status.get_by_text("0 of 5")).to_be_visible()
    expect(status.get_by_text(re.compile(r"^\d+ of 100$"))).to_be_visible()
    show_a_phone(hall, session_id)
    expect(
        page.get_by_text("This is warning 1 of 5. At 5, your proctor is called.")
    ).to_be_visible()
    expect(status.get_by_text("1 of 5")).to_be_visible()
    page.get_by_text("What was noticed").click()
    expect(page.locator(".noted li")).to_have_text(re.compile("A phone was seen."))


def test_what_was_left_is_said_and_can_be_put_right_with_a_key(hall: Hall) -> None:
    hall.set_up("full", full_screen=True)
    page, session_id = hall.enter("full")
    expect(page.locator('[data-state="focus"]')).to_be_hidden()
    there = page.get_by_role("button", name="Go to full screen")
    wait_until(lambda: there.is_visible() or is_full(page), "full screen is asked for")
    if there.is_visible():
        there.press("Enter")
    wait_until(lambda: is_full(page), "full screen")
    page.locator(".question textarea").click()
    page.evaluate("document.exitFullscreen()")
    back = page.get_by_role("button", name="Return to full screen")
    expect(back).to_be_visible()
    back.press("Enter")
    expect(back).to_be_hidden()
    assert is_full(page)
    essay = page.locator(".question textarea")
    wait_until(lambda: is_active(essay), "the focus is back at the answer")
    wait_until(lambda: hall.rules(session_id) == ["fullscreen_exit"], "it is noticed once")

    page.evaluate("screenTrack.stop(); screenTrack.dispatchEvent(new Event('ended'))")
    expect(page.get_by_text("Your screen is no longer shared.")).to_be_visible()
    again = page.get_by_role("button", name="Share the screen again")
    page.evaluate("window.sharesWindow = true")
    again.press("Enter")
    expect(page.get_by_text("choose “Entire screen” when the browser asks")).to_be_visible()
    wait_until(lambda: is_active(again), "the focus stays at the button")
    page.evaluate("window.sharesWindow = false")
    page.keyboard.press("Enter")
    expect(again).to_be_hidden()
    expect(page.locator('[data-role="screen"]')).to_have_text("Shared")


def test_leaving_the_page_is_said_and_loading_it_again_is_not_leaving_it(hall: Hall) -> None:
    hall.set_up("left", duration_min=30)
    page, session_id = hall.enter("left")
    page.locator(".question textarea").click()
    page.keyboard.type("Because of", delay=20)
    page.reload()
    expect(page.locator(".question textarea")).to_have_value("Because of")
    expect(page.get_by_text("Everything is saved")).to_be_visible()
    page.evaluate("window.skewMs = 3 * 3600 * 1000")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^(30:00|2\d:\d\d) left$"))
    assert "focus_change" not in hall.rules(session_id)
    title = page.title()
    page.evaluate(HIDE, "hidden")
    expect(page.get_by_text("You are not in the exam.")).to_be_attached()
    assert page.title() == "Return to the exam"
    page.evaluate(HIDE, "visible")
    expect(page.get_by_text("You left this page.")).to_be_visible()
    assert page.title() == title
    page.get_by_role("button", name="I understand").press("Enter")
    expect(page.get_by_text("You left this page.")).to_be_hidden()
    wait_until(lambda: hall.rules(session_id) == ["focus_change"], "it is noticed once")
    # A second device is told where the exam runs, and cannot answer.
    second = hall.chromium.new_context().new_page()
    second.goto(hall.server.url)
    second.get_by_label("User ID").fill("ada")
    second.get_by_label("Exam ID").fill("left")
    second.get_by_role("button", name="Start Exam Session").click()
    told = second.get_by_text("already running in another window or on another computer")
    expect(told).to_be_visible()
    expect(second.locator(".question")).to_have_count(0)


@pytest.mark.parametrize("mode", ["frame", "window"])
def test_working_in_an_exam_held_elsewhere_is_no_event(hall: Hall, mode: str) -> None:
    exam_id = f"elsewhere-{mode}"
    hall.set_up(exam_id, external_url=hall.elsewhere, external_mode=mode)
    page, session_id = hall.enter(exam_id)
    lose_focus_for_real(page)
    work: Page | FrameLocator = page.frame_locator(".exam__frame")
    if mode == "window":
        with page.expect_popup() as opened:
            page.get_by_role("button", name="Open the exam").click()
        opened.value.bring_to_front()
        work = opened.value
    for word in ("Once ", "again "):
        essay = work.get_by_label("Essay")
        essay.click()
        essay.press_sequentially(word)
        work.get_by_role("button", name="Next").click()
        if mode == "window":
            page.bring_to_front()
        page.locator(".exam__bar").click()
    expect(page.get_by_text("You are not in the exam.")).to_have_count(0)
    page.keyboard.press("Control+C")
    wait_until(lambda: hall.rules(session_id) == ["clipboard"], "only what is done here counts")


TYPED = "The light of the sun is taken in by leaves, and " * 3


def test_a_browser_that_is_killed_loses_at_most_the_last_two_seconds(
    hall: Hall, playwright: Playwright, tmp_path: Path
) -> None:
    hall.set_up("crash", duration_min=30)
    server = hall.server
    with browser_of_its_own(playwright, tmp_path) as context:
        page = context.new_page()
        start(page, server.url, "crash", "ada")
        essay = page.locator(".question textarea")
        essay.click()
        session_id = server.services.sessions.find_active("ada", "crash").session_id
        typed: list[tuple[float, int]] = []
        for count, key in enumerate(TYPED, start=1):
            page.keyboard.type(key)
            typed.append((time.monotonic(), count))
            if typed[-1][0] - typed[0][0] > 5:
                break
            page.wait_for_timeout(40)
        killed_s = time.monotonic()
        os.kill(browser_pid(tmp_path), signal.SIGKILL)
    least = max(count for at_s, count in typed if killed_s - at_s >= 2)
    assert len(answer_of(server, session_id)) >= least

    with browser_of_its_own(playwright, tmp_path) as context:
        page = context.new_page()
        page.goto(server.url)
        expect(page.get_by_text("It is exam crash of ada.")).to_be_visible()
        page.get_by_role("button", name="Go on with the exam").click()
        essay = page.locator(".question textarea")
        expect(essay).to_have_value(re.compile(f"^.{{{least},}}"))
        kept = essay.input_value()
        assert TYPED.startswith(kept)
        essay.press("End")
        essay.press_sequentially("so on.")
        wait_until(lambda: answer_of(server, session_id).endswith("so on."), "it goes on")
        assert server.services.sessions.find_active("ada", "crash").session_id == session_id
        assert "focus_change" not in hall.rules(session_id)


@contextmanager
def browser_of_its_own(playwright: Playwright, profile: Path) -> Iterator[BrowserContext]:
    """A browser that keeps what it knows in this folder; it may be gone at the end."""
    context = playwright.chromium.launch_persistent_context(
        str(profile), executable_path=chromium_path(), args=list(ALWAYS)
    )
    try:
        yield context
    finally:
        with suppress(PlaywrightError):
            context.close()


def browser_pid(profile: Path) -> int:
    """The browser's main process: the one with this profile that is no part of another."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            if f"--user-data-dir={profile}".encode() in line and b"--type=" not in line:
                return int(folder.name)
    raise AssertionError("the browser is not there")


def answer_of(server: LiveServer, session_id: str) -> str:
    """The longest text that the server keeps."""
    answers = server.services.repository.papers.answers(session_id).values()
    return max((each.value for each in answers if isinstance(each.value, str)), key=len, default="")


ROSTER = (
    "student_id,name,date_of_birth,course\n"
    "s-1,Ada Byron,2004-02-29,Logic\n"
    "s-2,Rae Voked,2001-05-06,Logic\n"
)
# Devices that refuse, keep silent or share too little, as the test says.
DEVICES = (
    SCREEN
    + """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.isDenied = window.isMuted = window.sharesWindow = true;
navigator.mediaDevices.getUserMedia = async (wish) => {
  if (wish.video && window.isDenied) throw new DOMException("", "NotAllowedError");
  if (wish.audio && window.isMuted) {
    return new AudioContext().createMediaStreamDestination().stream;
  }
  return ask(wish);
};
"""
)


def test_each_thing_that_goes_wrong_at_the_door_says_what_to_do(hall: Hall, axe: str) -> None:
    hall.set_up("door", check_in="self", check_in_steps=("face",))
    rosters = hall.server.services.rosters
    rosters.bring_in("door", ROSTER, dry_run=False)
    rosters.revoke("door", "s-2", is_revoked=True)
    page = hall.chromium.new_context(viewport=NARROW, color_scheme="dark").new_page()
    page.add_init_script(DEVICES)
    page.goto(hall.server.url)
    page.get_by_label("User ID").fill("s-1")
    page.get_by_label("Exam ID").fill("door")
    enter = page.get_by_role("button", name="Start Exam Session")
    enter.click()
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_label("Date of birth").fill("2004-02-28")
    page.get_by_label("Course").fill("Logic")
    enter.click()
    expect(page.get_by_text("Check student id, date of birth, course and name")).to_be_visible()
    found = {"wrong details": faults(page, axe)}
    page.get_by_label("User ID").fill("s-2")
    page.get_by_label("Your name").fill("Rae Voked")
    page.get_by_label("Date of birth").fill("2001-05-06")
    enter.click()
    expect(page.get_by_text("was withdrawn. Ask your school.")).to_be_visible()
    page.get_by_label("User ID").fill("s-1")
    page.get_by_label("Your name").fill("Ada Byron")
    page.get_by_label("Date of birth").fill("2004-02-29")
    enter.click()
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Start the check").click()
    expect(page.get_by_text("You shared a window or a tab.")).to_be_visible()
    expect(page.get_by_text("choose “Entire screen” when the browser asks")).to_be_visible()
    expect(page.get_by_text("The camera is blocked.")).to_be_visible()
    expect(page.get_by_text("set camera to “Allow”, then try again.")).to_be_visible()
    expect(page.get_by_text("Nothing is heard from your microphone.")).to_be_visible()
    expect(page.get_by_text("It may be muted: look for a switch on it")).to_be_visible()
    found["everything is wrong"] = faults(page, axe)
    page.evaluate("isDenied = sharesWindow = false")
    page.get_by_role("button", name="Check again").click()
    expect(page.locator('[data-check="camera"]')).to_have_attribute("data-state", "good")
    expect(page.locator('[data-check="screen"]')).to_have_attribute("data-state", "good")
    assert {name: what for name, what in found.items() if what} == {}


def is_active(element: Locator) -> bool:
    """Whether keys go there, even where no window of a headless browser has the focus."""
    return bool(element.evaluate("element => element === document.activeElement"))


def is_full(page: Page) -> bool:
    return bool(page.evaluate("document.fullscreenElement !== null"))


def show_a_phone(hall: Hall, session_id: str) -> None:
    """A phone in the last second of pictures."""
    services = hall.server.services
    started_at = services.sessions.get(session_id).started_at
    assert started_at is not None
    now_s = (services.clock.now() - started_at).total_seconds()
    seen = tuple(
        Observation(Detector.OBJECTS, max(0.0, now_s - step / 5), ("phone",), 0.9)
        for step in range(5, -1, -1)
    )
    services.monitor.post_result(AnalysisResult(1, session_id, seen))
