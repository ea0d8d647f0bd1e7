"""A student's whole way, from the roster to the result, with the keyboard alone and real media."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize

from app.languages.catalogue import say
from tests.e2e.compose import Heard, Shot, need_ffmpeg, write_camera, write_microphone
from tests.e2e.people import SOON_MS, browser, watch
from tests.e2e.test_pages import NARROW, faults
from tests.media import PROJECT_ROOT, media_dir, requires_media, requires_models
from tools.serving import Server

pytestmark = [pytest.mark.journey, pytest.mark.media]
LONG_MS = 90_000
WIDE: ViewportSize = {"width": 1100, "height": 800}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
OF_COLOUR_AND_WIDTH = ("color-contrast", "target-size", "scrollable-region-focusable")
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


def looks(page: Page, axe: str, language: str) -> list[str]:
    """What is wrong on the page as it stands: in one scheme on a wide page by every standard, in
    the other at 360 px by what depends on colour and width. The languages take turns."""
    wide, narrow = SCHEMES if language == "en" else reversed(SCHEMES)
    page.emulate_media(color_scheme=wide, reduced_motion="reduce")
    found = faults(page, axe)
    page.emulate_media(color_scheme=narrow, reduced_motion="reduce")
    page.set_viewport_size(NARROW)
    found += [f"narrow, {narrow}: {each}" for each in faults(page, axe, OF_COLOUR_AND_WIDTH)]
    page.set_viewport_size(WIDE)
    return found


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

    def reach(self, selector: str) -> None:
        """Tab on to the first of these controls."""
        for _ in range(60):
            if self.page.locator(selector).first.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way to {selector} by keyboard")

    def date(self, selector: str, iso: str) -> None:
        """Type a date part by part, in the order the browser shows the parts in."""
        year, month, day = iso.split("-")
        for parts in (month + day + year, day + month + year, year + month + day):
            # From whatever part has the focus to before the field, and on to its first part.
            while self.page.locator(selector).evaluate("e => e === document.activeElement"):
                self.page.keyboard.press("Shift+Tab")
            self.reach(selector)
            self.page.keyboard.type(parts)
            if self.page.locator(selector).input_value() == iso:
                return
        raise AssertionError(f"{iso} cannot be typed")

    def press(self, name: str, *, exact: bool = True) -> None:
        self.to("button", name, exact=exact)
        self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        self.to("textbox", name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def heading(self, name: str) -> None:
        """The step's heading is there and has the focus."""
        wanted = self.page.get_by_role("heading", name=self.t(name), exact=True)
        wanted.wait_for(timeout=LONG_MS)

    def sees(self, sentence: str, **values: object) -> None:
        said = self.page.get_by_text(self.t(sentence, **values)).filter(visible=True)
        said.first.wait_for(timeout=LONG_MS)

    def when_ready(self, name: str) -> None:
        """Press a button as soon as its step is done."""
        ready = self.page.locator(
            "button:not([aria-disabled=true]):visible", has_text=self.t(name)
        ).first
        ready.wait_for(timeout=LONG_MS)
        self.press(name)


@contextmanager
def a_page(chromium: Browser, language: str) -> Iterator[tuple[Page, list[str]]]:
    context = chromium.new_context(locale=language, viewport=WIDE)
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
        ada.reach("#date_of_birth")
        ada.date("#date_of_birth", "2004-02-28")
        ada.type("Course", "Logic")
        ada.press("Start Exam Session")
        ada.sees(
            "These details do not match the list of this exam. Check student id, date of birth,"
            " course and name, or ask your school."
        )
        found["sign in"] = looks(page, axe, language)
        ada.reach("#date_of_birth")
        ada.date("#date_of_birth", "2004-02-29")
        ada.press("Start Exam Session")
        ada.heading("Rules, and what is recorded")
        found["rules"] = looks(page, axe, language)
        ada.press("I agree")
        ada.heading("System check")
        ada.press("Start the check")
        ada.sees("You are heard")
        found["system check"] = looks(page, axe, language)
        ada.when_ready("Continue")
        ada.heading("Put your face into the oval")
        ada.sees("Done. Your face is known now.")
        found["face"] = looks(page, axe, language)
        ada.when_ready("Continue")
        ada.heading("Look at five points")
        ada.press("Show the points")
        ada.sees("Done. Your eyes can be followed.")
        found["gaze"] = looks(page, axe, language)
        ada.when_ready("Continue")
        ada.heading("Read this aloud")
        ada.sees("Done. Your voice is known now.")
        found["voice"] = looks(page, axe, language)
        ada.when_ready("Continue")
        ada.heading("Show your desk and the room")
        found["room"] = looks(page, axe, language)
        ada.press("Done, the desk is clear")
        ada.heading("You are ready")
        found["admission"] = looks(page, axe, language)
        assert _session(server, f"s-{language}")["total_score"] == 0
        ada.press("Begin the exam")
        page.get_by_role("heading", name="Nature, part one").wait_for(timeout=SOON_MS)
        ada.sees("Well seen")
        found["exam"] = looks(page, axe, language)
        ada.to("radio", "six")
        page.keyboard.press("ArrowDown")
        ada.reach(".question[data-kind=numeric] input")
        page.keyboard.type("42")
        ada.reach(".question[data-kind=short] input")
        page.keyboard.type("red")
        ada.sees("Everything is saved")
        ada.press("Hand in")
        found["hand-in"] = looks(page, axe, language)
        ada.press("Hand in now")
        ada.heading("Your exam session has ended")
        found["end"] = looks(page, axe, language)
        ada.press("See your result")
        ada.sees("Passed")
        found["result"] = looks(page, axe, language)
        assert problems == [] or all("404" in each or "403" in each for each in problems)
    assert {name: what for name, what in found.items() if what} == {}


# The camera's picture as it is, in a dark room, or twice beside itself.
SCENES = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.scene = "dark";
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  if (!wish.video) return stream;
  const video = Object.assign(document.createElement("video"), {srcObject: stream, muted: true});
  await video.play();
  const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 480});
  const pen = canvas.getContext("2d");
  setInterval(() => {
    pen.filter = window.scene === "dark" ? "brightness(0.12)" : "none";
    if (window.scene === "two") {
      pen.drawImage(video, 0, 0, 320, 480);
      pen.drawImage(video, 320, 0, 320, 480);
    } else pen.drawImage(video, 0, 0, 640, 480);
  }, 100);
  return canvas.captureStream(10);
};
"""


@requires_media
@requires_models
def test_a_dark_room_and_a_second_face_are_said_with_what_to_do(
    chromium: Browser, server: Server
) -> None:
    set_up(server, "scenes", check_in="self", check_in_steps=["face"])
    with a_page(chromium, "en") as (page, _):
        page.add_init_script(SCENES)
        page.goto(server.url)
        page.get_by_label("User ID").fill("s-scenes")
        page.get_by_label("Exam ID").fill("scenes")
        page.get_by_role("button", name="Start Exam Session").click()
        page.get_by_role("button", name="I agree").click()
        page.get_by_role("button", name="Start the check").click()
        page.get_by_text("You are heard").wait_for(timeout=LONG_MS)
        page.locator("button:not([aria-disabled=true])", has_text="Continue").click(timeout=LONG_MS)
        page.get_by_text("Switch on a light in front of you").wait_for(timeout=LONG_MS)
        page.evaluate("window.scene = 'two'")
        page.get_by_text("You have to be alone; ask them to leave the room.").wait_for(
            timeout=LONG_MS
        )
        page.evaluate("window.scene = 'one'")
        page.get_by_text("Done. Your face is known now.").wait_for(timeout=LONG_MS)


def _session(server: Server, user_id: str) -> dict[str, Any]:
    sessions = server.get("/api/sessions/active")["sessions"]
    return dict(next(item for item in sessions if item["user_id"] == user_id))
