"""Makes the pictures of the README from the running program, with drawn students."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.settings import PROJECT_ROOT
from tools.demo import Demo
from tools.drawn import LOOKS, Camera, Pose, draw_students
from tools.serving import Server, ServerFailed
from tools.y4m import write_y4m

SIZE = {"width": 1280, "height": 800}
# The second round of the demonstration's stories: flags stand, and clips are ready to play.
STORY_S = 80
_FPS = 10
_SOON_MS = 30_000


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when all pictures were made; needs Chromium and the packages of the tests."""
    parser = argparse.ArgumentParser(prog="./run.sh screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "docs", help="folder")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--seconds", type=float, default=STORY_S, help="how long the story runs")
    options = parser.parse_args(arguments)
    if not options.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="candor-screenshots-") as scratch:
        server = Server(Path(scratch) / "data")
        try:
            with server:
                server.wait_for_detectors()
                _make(server, options.chromium, Path(scratch), options.out, options.seconds)
        except ServerFailed as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _make(server: Server, chromium: str, scratch: Path, out: Path, seconds: float) -> None:
    drawing, camera = draw_students([(Pose(), LOOKS[2])]), Camera()
    file = write_y4m(
        scratch / "camera.y4m", (camera.take(drawing, i / _FPS) for i in range(50)), _FPS
    )
    demo = Demo(server)
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
        student = _page(browser)
        demo.begin()
        try:
            _portal(student, server, out)
            proctor = _page(browser)
            _sign_in(proctor, server)
            proctor.wait_for_timeout(seconds * 1000)
            _shoot(student, out / "portal-running.png")
            _shoot(proctor, out / "wall.png")
            # Tiles change places while they are clicked at; their addresses do not.
            link = proctor.get_by_role("link", name="ben", exact=True)
            proctor.goto(f"{server.url}{link.get_attribute('href')}")
            proctor.get_by_role("heading", name="ben").wait_for(timeout=_SOON_MS)
            proctor.wait_for_timeout(8000)
            _shoot(proctor, out / "session.png")
            proctor.goto(server.url + "/admin/clips")
            proctor.wait_for_timeout(3000)
            _shoot(proctor, out / "clips.png")
            proctor.goto(server.url + "/admin/machine")
            proctor.wait_for_timeout(1500)
            _shoot(proctor, out / "machine.png")
        finally:
            demo.end()
            browser.close()


def _page(browser: Browser) -> Page:
    return browser.new_context(viewport=SIZE, color_scheme="light").new_page()  # type: ignore[arg-type]


def _portal(page: Page, server: Server, out: Path) -> None:
    page.goto(server.url)
    page.get_by_label("User ID").fill("emil")
    page.get_by_label("Exam ID").fill("demo-exam")
    for device in ("Allow camera", "Allow microphone"):
        page.get_by_role("button", name=device).click()
    page.wait_for_timeout(3000)
    _shoot(page, out / "portal.png")
    page.get_by_role("button", name="Start Exam Session").click()
    page.get_by_role("heading", name="Your exam session is running").wait_for(timeout=_SOON_MS)


def _sign_in(page: Page, server: Server) -> None:
    page.goto(server.url + "/admin")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(server.admin_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Live", exact=True).wait_for(timeout=_SOON_MS)


def _shoot(page: Page, path: Path) -> None:
    page.screenshot(path=str(path))
    print(f"made {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
