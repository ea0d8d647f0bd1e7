"""What a student and a proctor do in their browsers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.browser import ALWAYS, chromium_path
from tools.serving import Server

SOON_MS = 20_000


@contextmanager
def browser(
    playwright: Playwright, camera: Path | None = None, microphone: Path | None = None
) -> Iterator[Browser]:
    """A headless Chromium whose camera and microphone play these files."""
    arguments = list(ALWAYS)
    if camera:
        arguments.append(f"--use-file-for-fake-video-capture={camera}")
    if microphone:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
    opened = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
    try:
        yield opened
    finally:
        opened.close()


class Student:
    """A student at the portal."""

    def __init__(self, context: BrowserContext, server: Server, address: str = "localhost") -> None:
        self._server = server
        self._portal = server.url_at(address)
        self.page = context.new_page()
        self.problems = watch(self.page)

    def start(self, user_id: str, exam_id: str) -> str:
        """Fill in the form and start. Returns the session's id."""
        self.page.goto(self._portal)
        self.page.get_by_label("User ID").fill(user_id)
        self.page.get_by_label("Exam ID").fill(exam_id)
        self.page.get_by_role("button", name="Start Exam Session").click()
        self.page.get_by_role("heading", name="Your exam session is running").wait_for(
            timeout=SOON_MS
        )
        sessions = self._server.get("/api/sessions/active")["sessions"]
        return str(next(item for item in sessions if item["user_id"] == user_id)["session_id"])

    def end(self) -> None:
        """End the session in the page."""
        self.page.get_by_role("button", name="End Exam Session").click()
        self.page.get_by_role("button", name="End now").click()
        self.page.get_by_role("heading", name="Your exam session has ended").wait_for(
            timeout=SOON_MS
        )


class Proctor:
    """A proctor at the admin pages."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self._server = server
        self.page = context.new_page()
        self.problems = watch(self.page)

    def sign_in(self) -> None:
        self.page.goto(self._server.url + "/admin")
        self.page.get_by_label("User name").fill("admin")
        self.page.get_by_label("Password").fill(self._server.admin_password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Live", exact=True).wait_for(timeout=SOON_MS)

    def note_scores(self, session_id: str) -> None:
        """Let the wall write down when it shows which interval score of a session."""
        self.page.evaluate(
            """(id) => {
              window.shownScores = [];
              const look = () => {
                const shown = document.querySelector(`[data-id="${id}"] .ring__number`);
                const score = shown ? Number(shown.textContent) : NaN;
                const last = window.shownScores.at(-1);
                if (!Number.isNaN(score) && last?.score !== score) {
                  window.shownScores.push({score, at_ms: Date.now()});
                }
              };
              new MutationObserver(look).observe(document.body,
                {subtree: true, childList: true, characterData: true});
              look();
            }""",
            session_id,
        )

    def shown_scores(self) -> list[tuple[float, float]]:
        """(score, Unix seconds) for each change the wall showed."""
        shown = self.page.evaluate("window.shownScores")
        return [(float(item["score"]), item["at_ms"] / 1000) for item in shown]

    def play(self, url: str) -> dict[str, Any]:
        """Play a clip in a video element and say how that went."""
        played: dict[str, Any] = self.page.evaluate(
            """async (url) => {
              const video = document.createElement("video");
              video.src = url;
              video.volume = 0.01;
              document.body.append(video);
              const state = () => ({
                error: video.error ? video.error.message : "",
                readyState: video.readyState, duration: video.duration,
                width: video.videoWidth, time: video.currentTime,
                audioBytes: video.webkitAudioDecodedByteCount,
                videoBytes: video.webkitVideoDecodedByteCount,
              });
              try {
                await video.play();
                const until = performance.now() + 15000;
                while (video.currentTime < 2 && !video.error && performance.now() < until) {
                  await new Promise(requestAnimationFrame);
                }
                const played = state();
                video.pause();
                video.currentTime = video.duration / 2;
                await new Promise((done) => { video.onseeked = done; setTimeout(done, 5000); });
                return {...played, soughtTo: video.currentTime};
              } catch (error) {
                return {...state(), error: String(error)};
              } finally {
                video.remove();
              }
            }""",
            url,
        )
        return played


# A browser on a stalled machine says this of pictures that it queued and the page never received.
BROWSERS_OWN = "A VideoFrame was garbage collected without being closed"


def watch(page: Page) -> list[str]:
    """Collects what goes wrong in a page: uncaught errors and console errors."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if message.type == "error" and not message.text.startswith(BROWSERS_OWN)
            else None
        ),
    )
    return problems


def wait_for(page: Page, what: str, is_so: Callable[[], bool], within_s: float) -> None:
    """Let the browsers run until `is_so()`; fails with `what` when it takes too long."""
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        page.wait_for_timeout(200)
