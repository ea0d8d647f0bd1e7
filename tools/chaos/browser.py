"""Chaos with real browsers: two students live the same story side by side, one behind a line that
is cut, and the server must find the same of both.

The browser captures, keeps and sends as it always does. Only the line of the capture worker that
hands a picture on is changed on its way to the browser: it writes into the picture what scripted
detectors are to see at that second of the story.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from app.settings import PROJECT_ROOT
from detectors.scripted import PICTURE_PREFIX
from tools.chaos.clock import FastClock
from tools.chaos.proxy import Proxy
from tools.chaos.run import Fault, Verdict, compare, conclude, outcome
from tools.chaos.server import WORKER
from tools.chaos.story import HONEST, LENGTH_S, Happening, Story, tell
from tools.chaos.system import NoAnswerError, System

SHORT_CUT_S = 30.0
LONG_CUT_S = 300.0
LONG_STORY_S = 420
START_S = 90.0
DRAIN_S = 300.0
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
_HANDS_ON = "line.outbox.addFrame({ t, bytes })"
_STARTED = 'if (news.type === "started") prepare(news.capture);'
_SPOOL = """() => new Promise((resolve) => {
  const opening = indexedDB.open("candor-spool");
  opening.onsuccess = () => {
    const reading = opening.result.transaction("batches").objectStore("batches").getAll();
    reading.onsuccess = () => {
      const sizes = reading.result.map(({sealed}) => sealed?.byteLength ?? 0);
      resolve({batches: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0)});
      opening.result.close();
    };
  };
})"""


class BrowserMissingError(Exception):
    """There is no browser, or it does not show what it should."""


@dataclass(slots=True)
class Room:
    """One student's page. `live` is called often."""

    page: Page
    session_id: str
    started_s: float
    story: Story
    told: int = 0

    @property
    def story_s(self) -> float:
        return time.time() - self.started_s

    def live(self) -> None:
        """What the student does; the page does the rest."""
        while self.told < len(self.story.events) and (
            self.story.events[self.told].at_s <= self.story_s
        ):
            self.page.keyboard.press("Control+V")
            self.told += 1
        self.page.wait_for_timeout(50)

    def spool(self) -> dict[str, int]:
        """How many batches the browser keeps, and their bytes."""
        kept: dict[str, int] = self.page.evaluate(_SPOOL)
        return kept


@dataclass(frozen=True, slots=True)
class Course:
    """What one run does: how long the story is, and when the line is cut."""

    seed: int
    length_s: int
    cut: Fault

    @property
    def story(self) -> Story:
        """The story of that seed, with pastes where another has other events."""
        story = tell(self.seed, self.length_s)
        count = self.length_s // 30
        pastes = [Happening(f"p{n}", "paste", 30.0 * n + 24) for n in range(count)]
        return replace(story, events=tuple(pastes))


def courses(runs: int, seed: int) -> list[Course]:
    """Cuts of 30 s at random seconds and, from the second run on, one of 5 minutes at the end."""
    made = []
    for number in range(runs):
        own = seed + number
        chance = random.Random(own)  # noqa: S311 - the same seed must go wrong in the same way
        if runs > 1 and number == runs - 1:
            made.append(Course(own, LONG_STORY_S, Fault(40.0, "line", LONG_CUT_S)))
        else:
            cut = Fault(chance.uniform(8, LENGTH_S - 45), "line", SHORT_CUT_S)
            made.append(Course(own, LENGTH_S, cut))
    return made


@contextmanager
def open_browser(chromium: str = "") -> Iterator[Browser]:
    """A headless Chromium with a made camera and microphone. Raises BrowserMissingError."""
    path = chromium or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        raise BrowserMissingError("No Chromium was found: install it, or name it with --chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def join(browser: Browser, system: System, port: int, user_id: str, story: Story) -> Room:
    """A page that has started its session. Raises BrowserMissingError, NoAnswerError."""
    page = browser.new_context().new_page()
    page.goto(f"http://localhost:{port}/")
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill("chaos")
    page.get_by_role("button", name="Start Exam Session").click()
    page.get_by_role("heading", name="Your exam session is running").wait_for(
        timeout=START_S * 1000
    )
    sessions = system.ask("/api/sessions/active")["sessions"]
    found = next(each for each in sessions if each["user_id"] == user_id)
    started = page.evaluate(
        "(at) => new Date(at).getTime() / 1000", found["started_at"] or found["created_at"]
    )
    return Room(page, str(found["session_id"]), float(started), story)


def script_pictures(folder: Path, story: Story) -> None:
    """Lay the capture worker beside the data, whose pictures say what the story says of their
    second. Raises BrowserMissingError."""
    source = (PROJECT_ROOT / "static/js/capture" / WORKER).read_text(encoding="utf-8")
    if _HANDS_ON not in source or _STARTED not in source:
        raise BrowserMissingError("The capture worker is not as this program knows it.")
    episodes = [
        {"from": each.from_s, "to": each.to_s, "script": {**HONEST, **each.script}}
        for each in story.episodes
    ]
    scripted = f"""
let storyMs = 0;
const episodes = {json.dumps(episodes)};
function scripted(t, bytes) {{
  const s = (t - storyMs) / 1000;
  const episode = episodes.find((each) => s >= each.from && s < each.to);
  const script = episode?.script ?? {json.dumps(HONEST)};
  const prefix = {json.dumps(PICTURE_PREFIX.decode())};
  const text = new TextEncoder().encode(prefix + JSON.stringify(script));
  const size = text.length + 2;
  return new Uint8Array([...bytes.slice(0, 2), 255, 254, size >> 8, size & 255, ...text,
    ...bytes.slice(2)]);
}}
"""
    changed = source.replace(
        _HANDS_ON, "line.outbox.addFrame({ t, bytes: scripted(t, bytes) })"
    ).replace(_STARTED, _STARTED + ' if (news.type === "started") storyMs = news.startedMs;')
    (folder / WORKER).write_text(changed + scripted, encoding="utf-8")


@dataclass(slots=True)
class Kept:
    """What stayed in the browser after the end, over all runs."""

    batches: int = 0
    most_batches: int = 0
    notes: list[str] = field(default_factory=list)


def run_course(browser: Browser, course: Course, kept: Kept) -> Verdict:
    """Live one story twice, and compare. Differences stand in the verdict."""
    verdict = Verdict(course.seed, (course.cut,))
    began_s = time.monotonic()
    clock = FastClock(time.time(), 1.0)
    with tempfile.TemporaryDirectory(prefix="candor-chaos-") as name:
        system = System(Path(name), clock, with_store=False)
        proxy = Proxy(system.port, random.Random(course.seed))  # noqa: S311 - as above
        proxy.start()
        try:
            script_pictures(Path(name), course.story)
            system.start()
            system.wait()
            clean = join(browser, system, system.port, "clean", course.story)
            cut = join(browser, system, proxy.port, "cut", course.story)
            _live(course, proxy, clean, cut, kept)
            _drain(system, clean, cut)
            outcomes = [
                conclude(system, room, room.session_id, course.length_s) for room in (clean, cut)
            ]
            compare(verdict, *outcomes)
            cut.page.wait_for_timeout(3_000)
            kept.batches += cut.spool()["batches"]
            for room in (clean, cut):
                room.page.context.close()
        except NoAnswerError as error:
            verdict.differences.append(f"no answer: {error}")
        finally:
            proxy.close()
            system.stop()
    verdict.took_s = time.monotonic() - began_s
    return verdict


def _live(course: Course, proxy: Proxy, clean: Room, cut: Room, kept: Kept) -> None:
    is_cut = is_mended = False
    while min(clean.story_s, cut.story_s) < course.length_s + 8:
        if not is_cut and cut.story_s >= course.cut.at_s:
            proxy.cut()
            is_cut = True
        if not is_mended and cut.story_s >= course.cut.at_s + course.cut.lasts_s:
            kept.most_batches = max(kept.most_batches, cut.spool()["batches"])
            proxy.mend()
            is_mended = True
        clean.live()
        cut.live()


def _drain(system: System, clean: Room, cut: Room) -> None:
    """Wait until what the cut held back has been looked at, or the wait for that is over."""
    deadline_s = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline_s:
        found: list[dict[int, float]] = [
            outcome(_details(system, room)).coverage for room in (clean, cut)
        ]
        if all(abs(share - found[1].get(i, 0.0)) <= 0.02 for i, share in found[0].items()):
            return
        for room in (clean, cut):
            room.live()
        time.sleep(0.5)


def _details(system: System, room: Room) -> dict[str, Any]:
    return system.ask(f"/api/session/{room.session_id}/details")
