"""Draws the student's way, step by step, as sheets of pictures: light, dark, narrow, Arabic."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from app.languages.catalogue import say
from app.settings import PROJECT_ROOT
from tools.drawn import LOOKS, Camera, Pose, draw_students
from tools.serving import Server, ServerFailed
from tools.y4m import write_y4m

EXAM = "demo"
_FPS = 10
_SOON_MS = 60_000
_GAP_PX = 16
_PAPER: dict[str, Any] = {
    "version": 0,
    "sections": [
        {
            "title": "Motion",
            "questions": [
                {
                    "kind": "single",
                    "text": "A stone falls from rest. Which is its way after $t$ seconds?",
                    "points": 2,
                    "penalty": 0.5,
                    "options": [
                        {"text": "$s = g t$"},
                        {"text": "$s = \\frac{1}{2} g t^2$", "is_right": True},
                        {"text": "$s = g t^2$"},
                    ],
                },
                {"kind": "numeric", "text": "How much is 6 times 7?", "points": 1, "number": 42},
                {"kind": "long", "text": "Say why a feather falls more slowly.", "points": 4},
            ],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One look at the whole way."""

    name: str
    scheme: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 860
    columns: int = 3
    language: str = "en"
    scale: float = 0.5


SHEETS = (
    Sheet("light"),
    Sheet("dark", scheme="dark"),
    Sheet("narrow", width=360, height=780, columns=6, scale=1.0),
    Sheet("arabic", language="ar"),
)


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when all sheets were made; needs Chromium and the packages of the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "docs", help="folder")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--only", help="the name of one sheet")
    options = parser.parse_args(arguments)
    if not options.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="candor-journey-") as scratch:
        try:
            with Server(Path(scratch) / "data") as server:
                server.wait_for_detectors()
                _make(server, options.chromium, Path(scratch), options.out, options.only)
        except ServerFailed as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _make(server: Server, chromium: str, scratch: Path, out: Path, only: str | None) -> None:
    drawing, camera = draw_students([(Pose(), LOOKS[2])]), Camera()
    file = write_y4m(
        scratch / "camera.y4m", (camera.take(drawing, i / _FPS) for i in range(50)), _FPS
    )
    plan = {
        "title": "Motion, part one",
        "duration_min": 45,
        "check_in": "proctor",
        "check_in_steps": ["gaze", "voice", "document", "room", "face"],
        "release": "at_once",
        "pass_percent": 40,
    }
    server.put(f"/api/exam/{EXAM}", {"plan": plan})
    server.put(f"/api/exam/{EXAM}/paper", _PAPER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={file}",
            ],
        )
        try:
            for sheet in SHEETS:
                if only in (None, sheet.name):
                    pictures = _Way(browser, server, sheet).walk()
                    path = out / f"journey-{sheet.name}.png"
                    _write(path, _tile(pictures, sheet))
                    print(f"made {path}", flush=True)
        finally:
            browser.close()


class _Way:
    """One student who stops at every step for a picture."""

    def __init__(self, browser: Browser, server: Server, sheet: Sheet) -> None:
        self._browser = browser
        self._server = server
        self._sheet = sheet
        self._pictures: list[bytes] = []
        self._page: Page = self._open()

    def _open(self) -> Page:
        """A page of somebody who sees this sheet's look."""
        context = self._browser.new_context(
            viewport={"width": self._sheet.width, "height": self._sheet.height},
            color_scheme=self._sheet.scheme,
            locale=self._sheet.language,
        )
        return context.new_page()

    def walk(self) -> list[bytes]:
        """A PNG of each step."""
        page, user = self._page, f"emil-{self._sheet.name}"
        page.goto(self._server.url)
        page.locator("#user-id").fill(user)
        page.locator("#exam-id").fill(EXAM)
        self._take()
        self._press("Start Exam Session")
        self._at("Rules, and what is recorded")
        self._press("I agree")
        self._at("System check", takes=False)
        self._press("Start the check")
        page.locator("button:not([aria-disabled=true])", has_text=self._t("Continue")).wait_for(
            timeout=_SOON_MS
        )
        self._take()
        self._press("Continue")
        self._at("Look at five points")
        self._press("Leave this step out")
        self._at("Read this aloud")
        self._press("I cannot read aloud")
        self._at("Show your identity document", takes=False)
        self._press("I agree")
        page.wait_for_timeout(2500)
        self._take()
        self._press("Take the picture")
        self._press("Keep this picture")
        self._at("Show your desk and the room", takes=False)
        self._show_the_room()
        self._press("Done, the desk is clear")
        self._at("Put your face into the oval", takes=False)
        page.wait_for_timeout(9000)
        self._take()
        sessions = self._server.get("/api/sessions/active")["sessions"]
        session_id = next(s["session_id"] for s in sessions if s["user_id"] == user)
        self._server.post(
            f"/api/session/{session_id}/actions", {"kind": "admit", "reason": "shown"}
        )
        page.locator(".question input[type=radio]").nth(1).check(timeout=_SOON_MS)
        page.locator(".question input[type=text]").first.fill("42")
        page.locator(".exam__saved[data-state=saved]").wait_for(timeout=_SOON_MS)
        page.wait_for_timeout(2500)
        page.evaluate("scrollTo(0, 0)")
        self._take()
        self._press("Hand in")
        self._press("Hand in now")
        self._at("Your exam session has ended", takes=False)
        self._press("See your result")
        page.wait_for_timeout(2500)
        self._take()
        page.context.close()
        return self._pictures

    def _show_the_room(self) -> None:
        """The code for a phone, and the page of the phone that was joined by it."""
        with self._page.expect_response("**/api/my/check-in/phone") as asked:
            self._page.get_by_role("radio", name=self._t("A phone"), exact=True).check()
        self._page.locator("svg.qr").wait_for(timeout=_SOON_MS)
        self._page.wait_for_timeout(800)
        self._take()
        phone = self._open()
        phone.goto(asked.value.json()["link"])
        phone.get_by_role("button", name=self._t("Use this phone's camera"), exact=True).click()
        phone.locator(".phone__view video").wait_for(timeout=_SOON_MS)
        phone.wait_for_timeout(2500)
        self._pictures.append(phone.screenshot())
        self._page.locator(".boxed img").wait_for(timeout=_SOON_MS)
        phone.context.close()

    def _t(self, sentence: str) -> str:
        return say(self._sheet.language, sentence)

    def _press(self, name: str) -> None:
        button = self._page.get_by_role("button", name=self._t(name), exact=True)
        button.click(timeout=_SOON_MS)

    def _at(self, heading: str, *, takes: bool = True) -> None:
        wanted = self._page.get_by_role("heading", name=self._t(heading), exact=True)
        wanted.wait_for(timeout=_SOON_MS)
        if takes:
            self._page.wait_for_timeout(800)
            self._take()

    def _take(self) -> None:
        self._pictures.append(self._page.screenshot())


def _write(path: Path, sheet: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """With 256 colours a sheet is a quarter as large, and looks the same."""
    image = Image.fromarray(cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB))
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _tile(pictures: list[bytes], sheet: Sheet) -> np.ndarray[Any, np.dtype[np.uint8]]:
    shrunk = []
    for picture in pictures:
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        size = (round(sheet.width * sheet.scale), round(sheet.height * sheet.scale))
        shrunk.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    height, width = shrunk[0].shape[:2]
    rows = -(-len(shrunk) // sheet.columns)
    canvas = np.full(
        (rows * (height + _GAP_PX) + _GAP_PX, sheet.columns * (width + _GAP_PX) + _GAP_PX, 3),
        128,
        np.uint8,
    )
    for number, image in enumerate(shrunk):
        top = _GAP_PX + number // sheet.columns * (height + _GAP_PX)
        left = _GAP_PX + number % sheet.columns * (width + _GAP_PX)
        canvas[top : top + height, left : left + width] = image
    return canvas


if __name__ == "__main__":
    sys.exit(main())
