"""A server with students who are drawn and scripted: many sessions on the wall, no detectors.

What the wall is sent is the same in every run: a recorded stream of updates, made from numbers.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.ids import new_session_id
from app.monitoring.views import Mark, SessionView
from app.records import IntervalRecord, SessionRecord, SessionState, ViolationRecord
from app.settings import load_settings
from app.wiring import Services
from detectors.messages import Box, Overlay, Sound
from scoring.model import IntervalScore, Point, Rule, Scores, Violation
from tools.drawn import LOOKS, Pose, draw_students

PASSWORD = "a-stage-and-its-proctor"  # noqa: S105  # of a server that lives as long as a test
# The story that is behind the students when a visitor comes.
STORY_S = 600
NAMES = (
    "amara", "ben", "chiara", "dana", "emil", "farah", "goran", "hana", "ines", "jonas",
    "keiko", "luca", "mira", "noor", "olga", "pedro", "quinn", "rosa", "sami", "tara",
)  # fmt: skip
EXAMS = ("algebra-1", "biology-2", "history")
RULES = (Rule.LOOKING_AWAY, Rule.PHONE, Rule.SPEECH, Rule.FOCUS_CHANGE, Rule.NO_FACE)
_DETECTORS = ("face", "gaze", "identity", "objects", "speech", "voice", "camera")
_SAMPLE_RATE = 16_000
# How often a trend takes a point.
_TREND_S = 10


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_args: object, **_kwargs: object) -> None:
        """Say nothing about each request."""


@dataclass
class Part:
    """One scripted student: how they are now."""

    record: SessionRecord
    number: int
    dice: random.Random
    looks: bytes
    thumbnail: bytes
    risk: float = 0.0
    total: float = 0.0
    interval: float = 0.0
    flags: int = 0
    last: Mark | None = None
    index: int = 0
    flagged_at_s: float | None = None
    marks: list[Mark] = field(default_factory=list)


class Stage:
    """The students. `step` makes the next second of the stream and publishes it. With `is_kept`
    what happened stands in the store too, as a page's history wants it."""

    def __init__(
        self, url: str, services: Services, students: int, *, is_kept: bool = False
    ) -> None:
        self.url = url
        self.services = services
        self.is_kept = is_kept
        self.second = 0
        self.views: dict[str, SessionView] = {}
        self.parts = [self._enter(number) for number in range(students)]

    def step(self, *, pictures: bool = True) -> int:
        """One second passes; how many rows changed."""
        self._pass()
        self._publish(pictures=pictures)
        return len(self.parts)

    def run(self, seconds: int, *, pictures: bool = True) -> None:
        """Let seconds pass at once, as before a visitor comes."""
        for left in reversed(range(seconds)):
            self._pass()
            if left % _TREND_S == 0:
                self._publish(pictures=pictures)
        for part in self.parts if self.is_kept else ():
            scores = self.views[part.record.session_id].scores
            self.services.repository.update_session(
                part.record.session_id,
                total_score=part.total,
                risk=part.risk,
                focus=scores.focus,
                trust=scores.trust,
                flagged_intervals=part.flags,
                coverage=dict(scores.coverage),
            )

    def _publish(self, *, pictures: bool) -> None:
        for part in self.parts:
            view = self._view(part)
            self.views[part.record.session_id] = view
            self.services.live.publish(view)
            if pictures:
                self._show(part, view)

    def _pass(self) -> None:
        self.second += 1
        for part in self.parts:
            at_s = float(self.second + part.number)
            if int(at_s // 30) != part.index:
                if self.is_kept and part.marks:
                    self._keep(part)
                part.index, part.interval, part.marks = int(at_s // 30), 0.0, []
                part.flagged_at_s = None
            part.risk = max(0.0, part.risk - 1)
            eager = 0.004 if part.number % 6 else 0.05
            if part.dice.random() < eager:
                self._violate(part, at_s)

    def _enter(self, number: int) -> Part:
        clock, name = self.services.clock, NAMES[number % len(NAMES)]
        user = name if number < len(NAMES) else f"{name}-{number // len(NAMES) + 1}"
        record = SessionRecord(
            new_session_id(),
            user,
            EXAMS[number % len(EXAMS)],
            SessionState.RUNNING,
            clock.now() - timedelta(seconds=STORY_S + 60 + number),
            started_at=clock.now() - timedelta(seconds=STORY_S + number),
            policy=self.services.exams.terms("none", user).policy,
        )
        self.services.repository.add_session(record)
        self.services.ingest.open(record)
        looks, thumbnail = _pictures(0.6 if number % 7 == 3 else 0.0, number % 4)
        dice = random.Random(number)  # noqa: S311  # the same story in every run
        return Part(record, number, dice, looks, thumbnail, index=(number + 1) // 30)

    def _view(self, part: Part) -> SessionView:
        clock = self.services.clock
        started_at = part.record.started_at or clock.now()
        at_s = float(self.second + part.number)
        is_dark = _is_dark(part)
        line = "down" if part.number % 23 == 7 else "slow" if part.number % 17 == 4 else "good"
        is_away = bool(part.marks) and part.marks[-1].violation.rule is Rule.LOOKING_AWAY
        gaze = "" if is_dark else "left" if is_away else "center"
        share = 0.35 if is_dark else 0.97
        scores = Scores(
            at_s=at_s,
            interval_score=part.interval,
            total_score=part.total,
            risk_temporary=part.risk,
            focus=round(92 - 30 * is_away + 4 * math.sin(self.second / 9 + part.number), 1),
            trust=max(0.0, 100 - part.total),
            flagged_intervals=part.flags,
            coverage=tuple((name, share) for name in _DETECTORS),
        )
        face = Box(0.335, 0.22, 0.33, 0.46, "face", 0.94)
        boxes = [] if is_dark else [face]
        if part.marks and part.marks[-1].violation.rule is Rule.PHONE:
            boxes.append(Box(0.62, 0.6, 0.14, 0.24, "phone", 0.71))
        overlay = Overlay(at_s, tuple(boxes), None if is_dark else 1, gaze)
        if is_dark:
            overlay = replace(overlay, advice="It is too dark. Turn on a light in front of you.")
        return SessionView(
            session_id=part.record.session_id,
            user_id=part.record.user_id,
            exam_id=part.record.exam_id,
            state=SessionState.RUNNING,
            started_at=started_at,
            at=started_at + timedelta(seconds=at_s),
            at_s=at_s,
            scores=scores,
            interval=IntervalScore(int(at_s // 30), at_s // 30 * 30, at_s // 30 * 30 + 30),
            marks=tuple(part.marks),
            last=part.last,
            overlay=overlay,
            line=line,
            is_paused=part.number % 19 == 9,
            pauses=("proctor",) if part.number % 19 == 9 else (),
        )

    def _violate(self, part: Part, at_s: float) -> None:
        rule = part.dice.choice(RULES)
        cost = {Rule.PHONE: 10.0, Rule.NO_FACE: 9.0, Rule.SPEECH: 3.0}.get(rule, 2.0)
        violation = Violation(f"{rule.value}-{self.second}", rule, at_s, at_s + 4, 0.8, 9)
        started_at = part.record.started_at or self.services.clock.now()
        mark = Mark(violation, started_at + timedelta(seconds=at_s), cost)
        part.marks.append(mark)
        part.last = mark
        part.risk += {Rule.PHONE: 15.0, Rule.LOOKING_AWAY: 6.0}.get(rule, 5.0)
        was_flagged = part.interval >= 10
        part.interval += cost
        part.total += cost
        if part.interval >= 10 and not was_flagged:
            part.flags += 1
            part.flagged_at_s = at_s

    def _keep(self, part: Part) -> None:
        """An interval with violations is over: they are stored."""
        session_id, repository = part.record.session_id, self.services.repository
        started_at = part.record.started_at or self.services.clock.now()
        from_s = part.index * 30.0
        points = []
        for mark in part.marks:
            seen = mark.violation
            ended_at = started_at + timedelta(seconds=seen.end_s or seen.start_s)
            repository.save_violation(ViolationRecord(session_id, seen, mark.started_at, ended_at))
            check = int((seen.start_s - from_s) // 10)
            until_s = seen.end_s or seen.start_s
            scored = (seen.rule, mark.points, check, seen.start_s, seen.start_s, until_s)
            points.append(Point(*scored, 0.8, seen.violation_id, seen.observations))
        coverage = tuple((name, 0.35 if _is_dark(part) else 0.97) for name in _DETECTORS)
        interval = IntervalScore(
            part.index, from_s, from_s + 30, part.interval, tuple(points),
            part.interval if part.flagged_at_s is not None else None, part.flagged_at_s,
            part.flagged_at_s, coverage, is_closed=True,
        )  # fmt: skip
        repository.save_interval(
            IntervalRecord(session_id, interval, started_at + timedelta(seconds=from_s))
        )

    def _show(self, part: Part, view: SessionView) -> None:
        session_id = part.record.session_id
        self.services.live.thumbnail(session_id, part.thumbnail, view.at)
        ring = self.services.ingest.ring(session_id)
        if ring is not None and self.services.live.viewers(session_id):
            ring.add_frame(view.at_s, part.looks)
            tone = [
                int(1500 * math.sin(n / 5) * math.sin(self.second)) for n in range(_SAMPLE_RATE)
            ]
            pcm = b"".join(value.to_bytes(2, "little", signed=True) for value in tone)
            ring.add_sound(Sound(view.at_s, pcm))


@lru_cache
def _pictures(look_x: float, look: int) -> tuple[bytes, bytes]:
    """A drawn student as JPEG, large and small."""
    drawing = draw_students([(Pose(look_x=look_x), LOOKS[look])])
    small = cv2.resize(drawing, (160, 120), interpolation=cv2.INTER_AREA)
    whole, thumbnail = (cv2.imencode(".jpg", each)[1].tobytes() for each in (drawing, small))
    return whole, thumbnail


def _is_dark(part: Part) -> bool:
    return part.number % 11 == 5


@contextmanager
def stage(folder: Path, students: int, *, is_kept: bool = False, **environ: str) -> Iterator[Stage]:
    """A server on a free port whose students are scripted; the admin signs in with PASSWORD."""
    names = {
        "PROCTOR_DATA_DIR": str(folder),
        "PROCTOR_WORKERS": "1",
        "PROCTOR_ADMIN_PASSWORD": PASSWORD,
        **environ,
    }
    app = create_app(load_settings(names, folder / "no.env"), scripted=True)
    services: Services = app.extensions["candor"]
    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=http.serve_forever, name="stage-http", daemon=True)
    services.start()
    thread.start()
    try:
        yield Stage(f"http://127.0.0.1:{http.server_port}", services, students, is_kept=is_kept)
    finally:
        services.stop()
        http.shutdown()
        thread.join(10)


def sign_in(page: Any, url: str) -> None:
    """The admin, in a browser's page, before the wall."""
    page.goto(f"{url}/admin")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Live", exact=True).wait_for()
