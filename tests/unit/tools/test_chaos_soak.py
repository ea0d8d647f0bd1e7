"""A soak calls flat what is flat; a browser's course has the cuts it says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tools.chaos.browser import LONG_CUT_S, SHORT_CUT_S, courses, script_pictures
from tools.chaos.disk import SLOW_S, Disk
from tools.chaos.run import plan
from tools.chaos.server import slow_down
from tools.chaos.soak import COUNT, MEMORY, PICTURE_BYTES, Series, story_of
from tools.chaos.story import LENGTH_S


def test_what_fills_up_and_stays_is_flat_and_what_goes_on_growing_is_not() -> None:
    filling = Series("memory", MEMORY, [min(400.0, 100 + 10.0 * n) for n in range(90)])
    leaking = Series("memory", MEMORY, [100 + 3.0 * n for n in range(90)])
    handles = Series("handles", COUNT, [20.0 + (n % 3) for n in range(90)])
    leaking_handles = Series("handles", COUNT, [20.0 + n / 8 for n in range(90)])
    assert (filling.is_flat, leaking.is_flat) == (True, False)
    assert (handles.is_flat, leaking_handles.is_flat) == (True, False)
    assert "flat" in filling.line()
    assert "GROWS" in leaking.line()
    assert Series("nothing", COUNT).is_flat


def test_a_long_story_has_pictures_of_a_cameras_size_and_clips_to_write() -> None:
    story = story_of(3, 1200)
    assert len(story.picture(1.0)) == pytest.approx(PICTURE_BYTES, abs=10)
    assert len(story.episodes) > 8
    assert len(story.events) > 15


def test_the_last_of_several_browser_runs_has_the_long_cut() -> None:
    made = courses(10, 1)
    assert [course.cut.lasts_s for course in made] == [SHORT_CUT_S] * 9 + [LONG_CUT_S]
    for course in made:
        assert course.cut.at_s + course.cut.lasts_s < course.length_s
        assert {event.kind for event in course.story.events} == {"paste"}
    assert courses(1, 4)[0].length_s == LENGTH_S


def test_the_capture_worker_is_still_as_the_program_knows_it(tmp_path: Path) -> None:
    script_pictures(tmp_path, courses(1, 1)[0].story)
    assert "scripted(t, bytes)" in (tmp_path / "capture-worker.js").read_text(encoding="utf-8")


def test_a_full_disk_is_planned_only_when_asked_for(tmp_path: Path) -> None:
    assert "disk" not in {fault.kind for fault in plan(3, with_store=True)}
    assert "disk" in {fault.kind for fault in plan(3, with_store=False, with_disk=True)}
    disk = Disk(tmp_path / "data")
    disk.unmount()
    assert disk.folder.is_dir()


def test_the_clock_of_a_machine_jumps_only_where_its_server_lives() -> None:
    for seed in range(20):
        plain = {fault.kind for fault in plan(seed, with_store=False)}
        kinds = {fault.kind for fault in plan(seed, with_store=False, with_machine=True)}
        assert kinds - plain == ({"slow"} if "server" in plain else {"slow", "wall"})


def test_a_slow_disk_holds_up_what_is_to_last_and_only_while_it_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    slept: list[float] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(time, "sleep", slept.append)
    disk = Disk(tmp_path / "data")
    slow_down(disk.folder)
    os.fsync(3)
    disk.slow()
    os.fsync(4)
    disk.quicken()
    os.fsync(5)
    assert (synced, slept) == ([3, 4, 5], [SLOW_S])
