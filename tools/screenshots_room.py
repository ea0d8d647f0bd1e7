"""Makes the pictures of the proctor's room and of the review: many, one and no students.

Drawn students on a server of its own. Each page becomes a sheet (rows: many, one, none; columns:
light, dark, 360 px); the pages that are shown large have pictures of their own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

from app.records import ReviewState, SessionRecord, SessionState
from app.review.model import Outcome, Person
from app.settings import PROJECT_ROOT
from tests.reviewed_exam import film, sit_exam
from tools.drawn import LOOKS
from tools.stage import EXAMS, STORY_S, Part, Stage, sign_in, stage

Image = NDArray[np.uint8]

_GAP_PX = 12
_SCALE = 0.5
# What of a long page a sheet shows.
_TOP_PX = 900
_REVIEWED = "logic"
# The pages that are shown large, and how.
_LARGE = {
    "wall": ("light", "dark", "360-light"),
    "session": ("light", "dark", "360-light"),
    "list": ("light",),
    "act": ("light",),
    "overview": ("light",),
    "desk": ("light", "dark"),
    "exams": ("light",),
}
_ACTED = {"phone": "phone", "no_face": "none", "looking_away": "left"}


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a page."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int = 800


LOOKS_AT = (
    Look("light", "light", 1280),
    Look("dark", "dark", 1280),
    Look("360-light", "light", 360),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """How many students there are, live and in the reviewed exam."""

    name: str
    students: int
    sat: tuple[str, ...]


SCENES = (
    Scene("many", 24, ("ann", "ben", "cara", "dilan")),
    Scene("one", 1, ("ben",)),
    Scene("none", 0, ()),
)


@dataclass(frozen=True, slots=True)
class View:
    """A page: its address, and what is done on it before the picture."""

    name: str
    path: str
    act: Callable[[Page], object] = lambda _page: None


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when all pictures were made; needs Chromium and the packages of the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "docs", help="folder")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--shots", type=Path, help="keep every single picture in this folder too")
    parser.add_argument("--only", nargs="+", metavar="PAGE", help="names of some pages")
    options = parser.parse_args(arguments)
    if not options.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 1
    shots: dict[tuple[str, str, str], bytes] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for scene in SCENES:
            for (view, look), png in _of_scene(browser, scene, options.only):
                shots[view, scene.name, look] = png
                if options.shots:
                    options.shots.mkdir(parents=True, exist_ok=True)
                    (options.shots / f"{view}-{scene.name}-{look}.png").write_bytes(png)
        browser.close()
    for view in dict.fromkeys(name for name, _, _ in shots):
        folder = options.out / ("review" if view in ("exams", "desk") else "room")
        folder.mkdir(parents=True, exist_ok=True)
        if (view, "none", "light") in shots:
            _save(folder / f"{view}-sheet.png", _sheet(shots, view))
        for look in _LARGE.get(view, ()):
            _save(folder / f"{view}-{look}.png", _read(shots[view, "many", look]))
    return 0


def _of_scene(
    browser: Browser, scene: Scene, only: Sequence[str] | None
) -> Iterator[tuple[tuple[str, str], bytes]]:
    with tempfile.TemporaryDirectory() as folder, _built(Path(folder), scene) as built:
        views = [view for view in _views(built, scene) if only is None or view.name in only]
        for look in LOOKS_AT:
            context = browser.new_context(
                viewport={"width": look.width, "height": look.height}, color_scheme=look.scheme
            )
            page = context.new_page()
            page.set_default_timeout(60_000)
            sign_in(page, built.url)
            for view in views:
                page.goto(built.url + view.path)
                page.locator("h1").first.wait_for()
                for _ in range(3):
                    built.step()
                    page.wait_for_timeout(700)
                view.act(page)
                built.step()
                page.wait_for_timeout(600)
                is_whole = view.name not in ("wall", "list", "act", "keys")
                yield (view.name, look.name), page.screenshot(full_page=is_whole)
                print(f"{view.name}, {scene.name}, {look.name}", flush=True)
            context.close()


@contextmanager
def _built(folder: Path, scene: Scene) -> Iterator[Stage]:
    with stage(folder, scene.students, is_kept=True) as built:
        built.run(STORY_S, pictures=False)
        _review(built, scene)
        for part in built.parts[3:5]:
            built.services.actions.talk.ask_break(part.record.session_id)
        if not scene.students:
            _expect_somebody(built)
        yield built


def _review(built: Stage, scene: Scene) -> None:
    """The reviewed exam: one flag confirmed, one dismissed, an outcome and an appeal."""
    rita, rolf = Person("rita", "reviewer"), Person("rolf", "reviewer")
    sat = (
        {each.session.user_id: each for each in sit_exam(built.services, _REVIEWED, *scene.sat)}
        if scene.sat
        else {}
    )
    reviews = built.services.reviews
    if "dilan" in sat:
        session_id = sat["dilan"].session.session_id
        clips = [clip.clip_id for clip in sat["dilan"].clips]
        reviews.decide(session_id, rita, clips, ReviewState.CONFIRMED, "A phone is in the hand")
        reviews.set_outcome(session_id, rolf, Outcome.CONCERN, "A phone at the desk.")
        reviews.appeal(session_id, "It was the calculator that the rules allow.")
        ben = sat["ben"]
        reviews.decide(
            ben.session.session_id, rita, [ben.clips[0].clip_id], ReviewState.DISMISSED,
            "Somebody passes by",
        )  # fmt: skip


def _expect_somebody(built: Stage) -> None:
    """An exam whose student has not begun yet."""
    record = SessionRecord(
        "s-not-begun", "amara", EXAMS[0], SessionState.CREATED, built.services.clock.now()
    )
    built.services.repository.add_session(record)


def _views(built: Stage, scene: Scene) -> list[View]:
    part = max(built.parts, key=lambda each: each.flags, default=None) if built.parts[1:] else None
    part = part or (built.parts[0] if built.parts else None)
    session_id = part.record.session_id if part else "s-not-begun"
    user_id = part.record.user_id if part else "amara"
    exam_id = part.record.exam_id if part else EXAMS[0]
    if part and part.flags and scene.name == "many":
        _tell(built, part)
    views = [
        View("wall", "/admin"),
        View("session", f"/admin/session/{session_id}"),
        View("overview", f"/admin/overview/{exam_id}"),
        View("student", f"/admin/student/{user_id}"),
        View("machine", "/admin/machine"),
        View("exams", "/admin/review"),
        View("desk", f"/admin/review/{_REVIEWED}", _choose),
    ]
    if scene.name == "many":
        views += [
            View("list", "/admin", lambda page: page.get_by_role("button", name="List").click()),
            View("act", "/admin", _warn),
        ]
    return views


def _tell(built: Stage, part: Part) -> None:
    """Words, a break that is asked for, earlier sessions and a clip of the last flag."""
    record, services = part.record, built.services
    talk = services.actions.talk
    talk.chat(record.session_id, {"text": "Is question 4 complete? I see no picture."})
    talk.ask_break(record.session_id)
    for number, exam_id in enumerate(EXAMS[1:], 1):
        began = services.clock.now() - timedelta(days=7 * number)
        services.repository.add_session(
            SessionRecord(
                f"s-before-{number}",
                record.user_id,
                exam_id,
                SessionState.ENDED,
                began,
                started_at=began,
                ended_at=began + timedelta(minutes=90),
                total_score=4.0 * number,
                trust=100 - 4.0 * number,
                coverage={"face": 0.97, "gaze": 0.95},
            )
        )
    zero = record.started_at or services.clock.now()
    story = [
        (each.violation.start_s, (each.violation.end_s or each.violation.start_s) + 1,
         _ACTED.get(each.violation.rule.value, ""))
        for each in services.repository.violations(record.session_id)
    ]  # fmt: skip
    flagged = [
        each.interval.index
        for each in services.repository.intervals(record.session_id)
        if each.interval.is_flagged
    ]
    for index in flagged[-2:]:
        film(services, record, zero, index, story, LOOKS[part.number % 4], STORY_S)


def _choose(page: Page) -> None:
    queue = page.locator("[data-role=queue]")
    if page.locator("[data-role=empty]").is_visible():
        return
    page.get_by_role("button", name="All").click()
    double = queue.get_by_role("button").filter(has_text="2 flags")
    (double if double.count() else queue.get_by_role("button")).first.click()
    page.wait_for_timeout(2_500)


def _warn(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("w")
    page.get_by_role("dialog").wait_for()


def _sheet(shots: dict[tuple[str, str, str], bytes], view: str) -> Image:
    rows = []
    for scene in SCENES:
        images = [
            _shrunk(_read(shots[view, scene.name, look.name]))
            for look in LOOKS_AT
            if (view, scene.name, look.name) in shots
        ]
        if images:
            rows.append(_beside(images))
    width = max(row.shape[1] for row in rows)
    return np.vstack([_wide(row, width) for row in rows])


def _shrunk(image: Image) -> Image:
    top = image[:_TOP_PX]
    size = (round(top.shape[1] * _SCALE), round(top.shape[0] * _SCALE))
    return np.asarray(cv2.resize(top, size, interpolation=cv2.INTER_AREA), np.uint8)


def _beside(images: list[Image]) -> Image:
    height = max(image.shape[0] for image in images)
    width = sum(image.shape[1] + _GAP_PX for image in images) + _GAP_PX
    row = np.full((height + 2 * _GAP_PX, width, 3), 128, np.uint8)
    left = _GAP_PX
    for image in images:
        row[_GAP_PX : _GAP_PX + image.shape[0], left : left + image.shape[1]] = image
        left += image.shape[1] + _GAP_PX
    return row


def _wide(row: Image, width: int) -> Image:
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=128)


def _read(png: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _save(path: Path, image: Any) -> None:
    cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"made {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
