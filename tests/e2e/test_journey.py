"""A student's whole way, from the roster to the result, with the keyboard alone and real media."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from app.languages.catalogue import say
from tests.e2e.compose import Heard, Shot, need_ffmpeg, write_camera, write_microphone
from tests.e2e.people import SOON_MS, browser, watch
from tests.e2e.test_pages import faults
from tests.media import PROJECT_ROOT, media_dir, requires_media, requires_models
from tools.serving import Server

pytestmark = [pytest.mark.journey, pytest.mark.media]
LONG_MS = 90_000
ROSTER = (
    "student_id,name,date_of_birth,course\n"
    "s-en,Ada Byron,2004-02-29,Logic\n"
    "s-ar,Ada Byron,2004-02-29,Logic\n"
    "s-no,Rae Voked,2001-05-06,Logic\n"
)
PAPER: dict[str, Any] = {
    "version": 0,
    "sections": [
        {
            "title": "Nature",
            "questions": [
                {
                    "kind": "single",
                    "text": "What is $2^3$?",
                    "points": 2,
                    "options": [{"text": "six"}, {"text": "eight", "is_right": True}],
                },
                {"kind": "numeric", "text": "How much is 6 times 7?", "points": 2, "number": 42},
                {"kind": "short", "text": "Name a colour.", "accepted": ["red"], "points": 1},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def axe() -> str:
    return (PROJECT_ROOT / "static" / "vendor" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def studio_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One woman or man who looks at the camera, and one voice that reads."""
    folder = media_dir()
    assert folder is not None
    need_ffmpeg()
    made = tmp_path_factory.mktemp("journey")
    camera = write_camera(made / "camera.y4m", [Shot(20, folder / "videos" / "gaze_center.mp4")])
    voice = folder / "audio" / "libri_1688.wav"
    microphone = write_microphone(made / "voice.wav", 24, [Heard(0.5, voice, 22)])
    return camera, microphone


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, studio_files: tuple[Path, Path]) -> Iterator[Browser]:
    with browser(playwright, *studio_files) as opened:
        yield opened


def set_up(server: Server, exam_id: str, **plan: object) -> None:
    server.put(f"/api/exam/{exam_id}", {"plan": {"title": "Nature, part one", **plan}})
    server.put(f"/api/exam/{exam_id}/paper", PAPER)


class Keyboard:
    """A student who has no mouse and reads in one language."""

    def __init__(self, page: Page, language: str) -> None:
        self.page = page
        self.language = language

    def t(self, sentence: str, **values: object) -> str:
        return say(self.language, sentence, **values)

    def to(self, role: str, name: str, *, exact: bool = True) -> None:
        """Tab to a control, as many times as it takes."""
        wanted = self.page.get_by_role(role, name=self.t(name), exact=exact).first  # type: ignore[arg-type]
        wanted.wait_for(timeout=LONG_MS)
        for _ in range(60):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way to {name} by keyboard")

    def press(self, name: str, *, exact: bool = True) -> None:
        self.to("button", name, exact=exact)
        self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        self.to("textbox", name)
        self.page.keyboard.type(text)

    def heading(self, name: str) -> None:
        """The step's heading is there and has the focus."""
        wanted = self.page.get_by_role("heading", name=self.t(name), exact=True)
        wanted.wait_for(timeout=LONG_MS)

    def sees(self, sentence: str, **values: object) -> None:
        self.page.get_by_text(self.t(sentence, **values)).first.wait_for(timeout=LONG_MS)

    def when_ready(self, name: str) -> None:
        """Press a button as soon as its step is done."""
        ready = self.page.locator(
            "button:not([aria-disabled=true]):visible", has_text=self.t(name)
        ).first
        ready.wait_for(timeout=LONG_MS)
        self.press(name)


@contextmanager
def a_page(chromium: Browser, language: str) -> Iterator[tuple[Page, list[str]]]:
    context = chromium.new_context(locale=language, viewport={"width": 1100, "height": 800})
    page = context.new_page()
    problems = watch(page)
    try:
        yield page, problems
    finally:
        context.close()


@requires_media
@requires_models
@pytest.mark.parametrize("language", ["en", "ar"])
def test_from_roster_to_result_with_the_keyboard_alone(
    chromium: Browser, server: Server, axe: str, language: str
) -> None:
    exam_id = f"nature-{language}"
    set_up(
        server,
        exam_id,
        check_in="self",
        release="at_once",
        duration_min=30,
        pass_percent=50,
        check_in_steps=["face", "gaze", "voice", "room"],
    )
    server.put(f"/api/exam/{exam_id}/roster", {"csv": ROSTER})
    found: dict[str, list[str]] = {}
    with a_page(chromium, language) as (page, problems):
        ada = Keyboard(page, language)
        page.goto(server.url)
        assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "")
        ada.type("User ID", f"s-{language}")
        ada.type("Exam ID", exam_id)
        ada.press("Start Exam Session")
        ada.type("Your name", "Ada Byron")
        page.locator("#date_of_birth").fill("2004-02-28")
        ada.type("Course", "Logic")
        ada.press("Start Exam Session")
        ada.sees(
            "These details do not match the list of this exam. Check student id, date of birth,"
            " course and name, or ask your school."
        )
        found["sign in"] = faults(page, axe)
        page.locator("#date_of_birth").fill("2004-02-29")
        ada.press("Start Exam Session")
        ada.heading("Rules, and what is recorded")
        found["rules"] = faults(page, axe)
        ada.press("I agree")
        ada.heading("System check")
        ada.press("Start the check")
        ada.sees("You are heard")
        ada.when_ready("Continue")
        ada.heading("Put your face into the oval")
        ada.sees("Done. Your face is known now.")
        found["face"] = faults(page, axe)
        ada.when_ready("Continue")
        ada.heading("Look at five points")
        ada.press("Show the points")
        ada.sees("Done. Your eyes can be followed.")
        found["gaze"] = faults(page, axe)
        ada.when_ready("Continue")
        ada.heading("Read this aloud")
        ada.sees("Done. Your voice is known now.")
        found["voice"] = faults(page, axe)
        ada.when_ready("Continue")
        ada.heading("Show your desk and the room")
        found["room"] = faults(page, axe)
        ada.press("Done, the desk is clear")
        ada.heading("You are ready")
        assert _session(server, f"s-{language}")["total_score"] == 0
        ada.press("Begin the exam")
        page.get_by_role("heading", name="Nature, part one").wait_for(timeout=SOON_MS)
        found["exam"] = faults(page, axe)
        ada.to("radio", "six")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        field = page.locator(".question[data-kind=numeric] input")
        field.focus()
        page.keyboard.type("42")
        page.locator(".question[data-kind=short] input").focus()
        page.keyboard.type("red")
        ada.sees("Everything is saved")
        ada.press("Hand in")
        ada.press("Hand in now")
        ada.heading("Your exam session has ended")
        ada.press("See your result")
        ada.sees("Passed")
        found["result"] = faults(page, axe)
        assert problems == [] or all("404" in each or "403" in each for each in problems)
    assert {name: what for name, what in found.items() if what} == {}


def _session(server: Server, user_id: str) -> dict[str, Any]:
    sessions = server.get("/api/sessions/active")["sessions"]
    return dict(next(item for item in sessions if item["user_id"] == user_id))
