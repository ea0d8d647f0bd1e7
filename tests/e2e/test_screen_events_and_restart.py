"""Leaving the page, pasting, and a server that is stopped and started in the middle of it.

The student is drawn, so that this needs no media. The story is told once.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from tests.e2e import compose
from tests.e2e.people import Proctor, Student, browser, wait_for
from tools.drawn import LOOKS, Pose, draw_students
from tools.serving import Server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.slow]


@dataclass
class Story:
    """What was shown and stored, before and after the restart."""

    shown: list[tuple[float, float]] = field(default_factory=list)
    changed_at: dict[str, float] = field(default_factory=dict)
    before_stop: dict[str, Any] = field(default_factory=dict)
    after_start: dict[str, Any] = field(default_factory=dict)
    at_the_end: dict[str, Any] = field(default_factory=dict)
    exit_status: int = -1
    folder: Path = Path()

    def rules(self, details: dict[str, Any]) -> list[tuple[str, float]]:
        points = [point for item in details["intervals"] for point in item["points"]]
        return sorted((point["rule"], point["points"]) for point in points)


@pytest.fixture(scope="module")
def story(playwright: Playwright, server: Server, studio: Path) -> Iterator[Story]:
    drawing = draw_students([(Pose(), LOOKS[0])])
    camera = compose.write_camera(studio / "drawn.y4m", [compose.Shot(10, drawing)])
    microphone = compose.write_microphone(studio / "still.wav", 10)
    told = Story(folder=server.data_dir / "flagged_videos")
    with browser(playwright, camera, microphone) as at_home, browser(playwright) as in_office:
        proctor = Proctor(in_office.new_context(), server)
        proctor.sign_in()
        context = at_home.new_context()
        student = Student(context, server)
        session_id = student.start("drawn", "screen-events")
        proctor.note_scores(session_id)

        def details() -> dict[str, Any]:
            return server.get(f"/api/session/{session_id}/details")

        def scored(points: float) -> bool:
            return bool(sum(points for _, points in told.rules(details())) >= points)

        def shown(points: float) -> bool:
            return any(score >= points for score, _ in proctor.shown_scores())

        wait_for(student.page, "the wall shows the session", lambda: shown(0), 20)
        told.changed_at["left"] = _leave_and_come_back(student.page)
        wait_for(student.page, "leaving shows on the wall", lambda: shown(4), 10)
        told.changed_at["pasted"] = _press_paste(student.page)
        wait_for(student.page, "pasting shows on the wall", lambda: shown(9), 10)
        # Nothing more comes of either: the page has had time for second thoughts.
        student.page.wait_for_timeout(3000)
        told.before_stop = details()
        told.shown = proctor.shown_scores()

        _press_paste(student.page)
        wait_for(student.page, "the second paste flags", lambda: shown(14), 10)
        told.exit_status = server.stop()
        server.start()
        told.after_start = details()
        student.page.get_by_text("Your line is down").wait_for(state="hidden", timeout=30_000)
        began = len(told.rules(told.after_start))
        wait_for(student.page, "the page is heard again", lambda: _is_running(server), 30)
        _press_paste(student.page)
        wait_for(student.page, "events count again", lambda: len(told.rules(details())) > began, 20)
        student.end()
        wait_for(
            proctor.page,
            "all clips are written",
            lambda: all(item["status"] == "ready" for item in details()["clips"]),
            30,
        )
        told.at_the_end = details()
        yield told


def test_leaving_the_page_and_pasting_count_four_and_five_once(story: Story) -> None:
    assert story.rules(story.before_stop) == [("clipboard", 5), ("focus_change", 4)]
    assert [score for score, _ in story.shown] == [0, 4, 9]


def test_the_wall_shows_each_rise_within_two_seconds(story: Story) -> None:
    at = dict(story.shown)
    assert at[4] - story.changed_at["left"] <= 2
    assert at[9] - story.changed_at["pasted"] <= 2


def test_sigterm_ends_the_server_cleanly(story: Story) -> None:
    assert story.exit_status == 0


def test_sessions_violations_and_clips_are_there_after_a_restart(story: Story) -> None:
    after = story.after_start
    assert after["session"]["state"] == "running"
    assert story.rules(after) == [("clipboard", 5), ("clipboard", 5), ("focus_change", 4)]
    assert len(after["violations"]) == 3
    assert [clip["status"] for clip in after["clips"]] == ["ready"]


def test_the_clip_of_an_interrupted_interval_can_be_read(story: Story) -> None:
    clip = story.after_start["clips"][0]
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    path = story.folder / clip["file_path"]
    done = subprocess.run([*command, str(path)], capture_output=True, check=True, timeout=30)
    assert float(done.stdout) == pytest.approx(clip["duration_s"], rel=0.05)


def test_the_session_goes_on_after_the_restart(story: Story) -> None:
    assert len(story.at_the_end["violations"]) == 4
    assert story.at_the_end["session"]["end_cause"] == "student"


def _is_running(server: Server) -> bool:
    sessions = server.get("/api/sessions/active")["sessions"]
    return any(item["is_running"] for item in sessions)


def _leave_and_come_back(page: Page) -> float:
    """Another window comes to the front for two seconds. Returns when, in Unix seconds.

    Headless Chromium takes the focus away for real but never hides a page, so that half is told
    to it: a real change of tabs does both, and both together count once.
    """
    control = page.context.new_cdp_session(page)
    control.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.bring_to_front()
    left_at = float(page.evaluate(_HIDE, "hidden")) / 1000
    other = page.context.new_page()
    other.bring_to_front()
    other.wait_for_timeout(2000)
    page.bring_to_front()
    page.evaluate(_HIDE, "visible")
    other.close()
    page.bring_to_front()
    return left_at


_HIDE = """(state) => {
  Object.defineProperty(document, "visibilityState", {configurable: true, get: () => state});
  Object.defineProperty(document, "hidden", {configurable: true, get: () => state === "hidden"});
  document.dispatchEvent(new Event("visibilitychange"));
  return Date.now();
}"""


def _press_paste(page: Page) -> float:
    """Returns when, in Unix seconds."""
    pressed_at = float(page.evaluate("Date.now()")) / 1000
    page.keyboard.press("Control+V")
    return pressed_at
