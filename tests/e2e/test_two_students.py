"""An honest student, and one whose chair is empty, who gets company and a second voice.

Both sit in front of real browsers for real intervals of 30 s, at the same time, while a proctor
watches the wall. The story is told once; each test looks at one side of it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from tests.e2e import compose
from tests.e2e.people import Proctor, Student, browser, wait_for
from tests.media import media_dir
from tools.drawn import draw_room
from tools.serving import Server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.media, pytest.mark.slow]

EXAM = "two-students"
# Seconds of the composed file; the session begins up to some seconds after the file.
EMPTY = (37, 53)
COMPANY = (64, 80)
FILE_S = 115
STORY_S = 99.0
CLIP_WITHIN_S = 30.0


@dataclass
class Story:
    """What was seen and stored when the story was over."""

    honest: dict[str, Any]
    troubled: dict[str, Any]
    scored: list[tuple[float, float]]
    shown: list[tuple[float, float]]
    played: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    folder: Path = Path()

    def flagged(self) -> list[dict[str, Any]]:
        return list(filter(lambda item: item["is_flagged"], self.troubled["intervals"]))

    def clip_of(self, index: int) -> dict[str, Any]:
        found = [item for item in self.troubled["clips"] if item["interval_index"] == index]
        assert len(found) == 1, f"clips of interval {index}: {found}"
        return dict(found[0])


@pytest.fixture(scope="module")
def story(playwright: Playwright, server: Server, studio: Path) -> Iterator[Story]:
    media = media_dir()
    if media is None:
        pytest.skip("labelled media absent: set CANDOR_MEDIA_DIR to a folder with manifest.csv")
    person = media / "videos" / "gaze_center.mp4"
    calm = compose.write_camera(studio / "calm.y4m", [compose.Shot(21, person)])
    troubled = compose.write_camera(
        studio / "troubled.y4m",
        [
            compose.Shot(EMPTY[0], person),
            compose.Shot(EMPTY[1] - EMPTY[0], draw_room()),
            compose.Shot(COMPANY[0] - EMPTY[1], person),
            compose.Shot(
                COMPANY[1] - COMPANY[0], media / "videos" / "intel_hp_female_and_male.mp4"
            ),
            compose.Shot(FILE_S - COMPANY[1], person),
        ],
    )
    quiet = compose.write_microphone(studio / "quiet.wav", 20)
    talk = compose.write_microphone(
        studio / "talk.wav",
        FILE_S,
        [compose.Heard(COMPANY[0] - 1, media / "audio" / "built_dialog0.wav", 24)],
    )
    with (
        browser(playwright, calm, quiet) as first,
        browser(playwright, troubled, talk) as second,
        browser(playwright) as third,
    ):
        proctor = Proctor(third.new_context(), server)
        proctor.sign_in()
        honest = Student(first.new_context(), server)
        other = Student(second.new_context(), server)
        honest_id = honest.start("honest", EXAM)
        troubled_id = other.start("troubled", EXAM)
        proctor.note_scores(troubled_id)
        scored = _follow_scores(server, troubled_id, other.page, STORY_S)
        honest.end()
        other.end()

        def settled() -> bool:
            clips = server.get(f"/api/session/{troubled_id}/details")["clips"]
            return all(item["status"] in ("ready", "failed") for item in clips)

        wait_for(proctor.page, "the clips are written", settled, CLIP_WITHIN_S)
        told = Story(
            honest=server.get(f"/api/session/{honest_id}/details"),
            troubled=server.get(f"/api/session/{troubled_id}/details"),
            scored=scored,
            shown=proctor.shown_scores(),
            problems=[*honest.problems, *other.problems, *proctor.problems],
            folder=server.data_dir / "flagged_videos",
        )
        for clip in told.troubled["clips"]:
            if clip["url"]:
                told.played[clip["clip_id"]] = proctor.play(clip["url"])
        yield told


def test_an_honest_student_gets_no_flag_and_leaves_no_file(story: Story) -> None:
    intervals = story.honest["intervals"]
    assert len(intervals) >= 3
    assert [(item["index"], item["score"]) for item in intervals if item["is_flagged"]] == []
    assert story.honest["clips"] == []
    assert not (story.folder / "honest").exists()


def test_an_honest_student_was_really_looked_at(story: Story) -> None:
    # One worker watches both students beside three browsers: a busy machine looks less often.
    coverage = story.honest["intervals"][1]["coverage"]
    assert coverage["face"] > 0.7
    assert coverage["gaze"] > 0.7
    assert coverage["speech"] > 0.9


def test_flags_are_in_the_intervals_of_the_empty_chair_and_of_the_company(story: Story) -> None:
    assert [item["index"] for item in story.flagged()] == [1, 2]


def test_the_empty_chair_and_the_company_are_what_flagged(story: Story) -> None:
    first, second = story.flagged()
    assert {point["rule"] for point in first["points"]} == {"no_face"}
    assert "several_faces" in {point["rule"] for point in second["points"]}


def test_the_second_voice_is_heard(story: Story) -> None:
    rules = {point["rule"] for item in story.flagged() for point in item["points"]}
    assert {"speech", "several_voices"} <= rules


def test_each_flagged_interval_has_exactly_one_clip_and_one_video(story: Story) -> None:
    names = [Path(story.clip_of(index)["file_path"]).name for index in (1, 2)]
    assert sorted(path.name for path in (story.folder / "troubled").glob("*.mp4")) == sorted(names)
    assert len(story.troubled["clips"]) == 2


@pytest.mark.parametrize("index", [1, 2])
def test_a_clip_is_as_long_as_the_time_it_covers(story: Story, index: int) -> None:
    clip = story.clip_of(index)
    probed = _probe(story.folder / clip["file_path"])
    covered_s = (_instant(clip["to_at"]) - _instant(clip["from_at"])).total_seconds()
    assert covered_s == pytest.approx(40, abs=1.5)
    assert float(probed["format"]["duration"]) == pytest.approx(covered_s, rel=0.05)
    assert {item["codec_name"] for item in probed["streams"]} == {"h264", "aac"}


@pytest.mark.parametrize("index", [1, 2])
def test_a_clip_plays_in_the_browser_with_sound(story: Story, index: int) -> None:
    played = story.played[story.clip_of(index)["clip_id"]]
    assert played["error"] == ""
    assert played["time"] >= 2
    assert played["audioBytes"] > 0
    assert (played["width"], played["readyState"]) == (640, 4)
    assert played["duration"] == pytest.approx(40, rel=0.05)
    assert played["soughtTo"] == pytest.approx(played["duration"] / 2, abs=0.5)


@pytest.mark.parametrize(("index", "scene"), [(1, EMPTY), (2, COMPANY)])
def test_the_picture_that_flagged_is_in_the_clip(
    story: Story, index: int, scene: tuple[int, int]
) -> None:
    clip = story.clip_of(index)
    trigger_s = (_instant(clip["trigger_at"]) - _instant(clip["from_at"])).total_seconds()
    dated = _dated_pictures(story.folder / clip["file_path"])
    file_s = min(dated, key=lambda pair: abs(pair[0] - trigger_s))[1]
    assert scene[0] <= file_s < scene[1]


@pytest.mark.parametrize("index", [1, 2])
def test_a_clip_shows_each_picture_when_it_was_taken(story: Story, index: int) -> None:
    dated = _dated_pictures(story.folder / story.clip_of(index)["file_path"])
    assert len(dated) > 150
    lag_s = np.array([clip_s - file_s for clip_s, file_s in dated])
    assert np.percentile(np.abs(lag_s - np.median(lag_s)), 95) < 0.35


def _shown_at(story: Story, score: float, after: float) -> float:
    """When the wall first showed this score or more after an instant, Unix seconds."""
    return min(at for shown, at in story.shown if shown >= score and at >= after)


def test_the_proctor_sees_a_score_rise_within_two_seconds(story: Story) -> None:
    rises = [
        (score, at)
        for (before, _), (score, at) in zip(story.scored, story.scored[1:], strict=False)
        if score > before
    ]
    assert len(rises) >= 2
    # The server is asked four times a second, so the wall may be a moment ahead of the answer.
    assert max(_shown_at(story, score, at - 1) - at for score, at in rises) <= 2


def test_a_flag_is_on_the_wall_soon_after_the_camera_saw_why(story: Story) -> None:
    started_at = _instant(story.troubled["session"]["started_at"]).timestamp()
    waits_s = []
    for interval in story.flagged():
        reached_at = started_at + interval["flagged_at_s"]
        waits_s.append(_shown_at(story, interval["flag_score"], reached_at) - reached_at)
    print(f"from the camera to the wall: {', '.join(f'{wait_s:.1f} s' for wait_s in waits_s)}")
    # A second of batching, then the analysis, on a machine that also runs three browsers.
    assert max(waits_s) <= 10


def test_no_page_complained(story: Story) -> None:
    assert story.problems == []


def _follow_scores(
    server: Server, session_id: str, page: Page, seconds: float
) -> list[tuple[float, float]]:
    """Let the browsers run, and note when the server's interval score became what."""
    scored: list[tuple[float, float]] = []
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        page.wait_for_timeout(250)
        for item in server.get("/api/sessions/active")["sessions"]:
            score = float(item["interval_score"])
            if item["session_id"] == session_id and (not scored or scored[-1][0] != score):
                scored.append((score, time.time()))
    return scored


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    return dict(json.loads(done.stdout))


def _dated_pictures(path: Path) -> list[tuple[float, float]]:
    """(second of the clip, second of the camera file) for every picture of a clip."""
    dated = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            number = compose.read_number(frame.to_ndarray(format="bgr24"))
            if number is not None and frame.time is not None:
                dated.append((frame.time, number / compose.FPS))
    return dated
