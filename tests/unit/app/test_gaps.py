from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.clock import SessionTime
from app.intake.batch import BrowserState
from app.intake.seen import Seen
from app.intake.state import AbsenceSpan, Line, StreamState
from app.monitoring.amending import Amendments
from app.monitoring.gaps import Gaps
from app.monitoring.outbox import Outbox
from app.monitoring.surroundings import Surroundings
from app.records import Amendment, Gap, GapCause, IntervalRecord, SessionRecord, SessionState
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.model import IntervalScore
from tests.fakes import FakeClock


class Room:
    """One session whose pictures come when the test says so."""

    def __init__(self, repository: Repository) -> None:
        self.clock = FakeClock()
        self.repository = repository
        self.outbox = Outbox("test", self.clock)
        started_at = self.clock.now()
        self.session = SessionRecord(
            "s1", "ann", "math", SessionState.RUNNING, started_at, started_at
        )
        repository.add_session(self.session)
        self.seen = Seen()
        self.gaps = self.opened()

    def opened(self) -> Gaps:
        session = self.repository.session("s1")
        assert session is not None
        self.time = SessionTime(session.started_at or self.clock.now(), self.clock)
        around = cast(Surroundings, SimpleNamespace(outbox=self.outbox, store=self.repository))
        return Gaps(session, self.time, around)

    def pass_s(
        self, seconds: int, line: Line = Line.GOOD, *, camera: bool = True, **more: Any
    ) -> None:
        """Each second with a picture while the line is there and the camera on."""
        for _ in range(seconds):
            self.clock.advance(1)
            now_s = self.time.now_s()
            if line is not Line.DOWN and camera:
                self.seen.add(now_s, now_s)
            stream = StreamState(line, 0.0, now_s, now_s, now_s, 0.1, BrowserState(camera=camera))
            stream = replace(stream, seen=self.seen.spans, complete_s=now_s, **more)
            self.gaps.hear(stream)
        self.outbox.write_due()

    @property
    def found(self) -> list[tuple[int, int, str]]:
        return [(round(g.from_s), round(g.to_s), g.cause.value) for g in self.gaps.found]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    repository = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield Room(repository)
    repository.close()


def test_a_session_without_trouble_has_no_gap(room: Room) -> None:
    room.pass_s(40)
    assert room.found == []
    assert room.gaps.open is None


def test_a_cut_line_is_a_gap_that_lasts_until_pictures_come_again(room: Room) -> None:
    room.pass_s(20)
    room.pass_s(30, Line.DOWN)
    assert room.gaps.open is not None
    assert room.found == [(20, 46, "line")]
    room.pass_s(20)
    assert room.found == [(20, 51, "line")]
    assert room.gaps.open is None


def test_what_comes_late_fills_its_gap(room: Room) -> None:
    room.pass_s(20)
    room.pass_s(30, Line.DOWN)
    for at_s in range(20, 50):
        room.seen.add(at_s, at_s)
    room.pass_s(10)
    assert room.found == []


@pytest.mark.parametrize("cause", ["asleep", "frozen", "thinned"])
def test_the_page_says_why_it_could_not_capture(room: Room, cause: str) -> None:
    room.pass_s(20)
    room.pass_s(30, Line.DOWN)
    room.pass_s(10, absences=(AbsenceSpan(20.0, 50.0, cause),))
    assert room.found == [(20, 51, cause)]


def test_a_camera_that_is_off_is_a_gap_of_its_own(room: Room) -> None:
    room.pass_s(20)
    room.pass_s(30, camera=False)
    room.pass_s(10)
    assert room.found == [(20, 51, "camera_off")]


def test_the_time_our_server_was_down_is_named_as_ours(room: Room) -> None:
    room.pass_s(60)
    room.clock.advance(90)
    room.seen = Seen()
    room.gaps = room.opened()
    room.pass_s(20)
    (gap,) = room.gaps.found
    assert gap.cause is GapCause.SERVER
    assert gap.to_s == pytest.approx(151, abs=1)


def test_gaps_are_stored_and_taken_up_again(room: Room) -> None:
    room.pass_s(20)
    room.pass_s(30, Line.DOWN)
    room.pass_s(40)
    stored = room.repository.session("s1")
    assert stored is not None
    assert stored.gaps == (Gap(20.0, 51.0, GapCause.LINE),)
    assert stored.gaps_until_s >= 70
    room.gaps = room.opened()
    room.pass_s(10)
    assert room.found[0] == (20, 51, "line")


def test_a_closed_interval_that_scores_otherwise_is_amended_once() -> None:
    clock = FakeClock()
    closed = IntervalScore(0, 0.0, 30.0, 4.0, is_closed=True)
    amendments = Amendments([])
    assert amendments.note(replace(closed, is_closed=False), clock.now()) == ()
    assert amendments.note(closed, clock.now()) == ()
    later = clock.now() + timedelta(seconds=60)
    expected = (Amendment(later, 4.0, 14.0),)
    assert amendments.note(replace(closed, score=14.0), later) == expected
    assert amendments.note(replace(closed, score=14.0), later) == expected
    record = IntervalRecord("s1", replace(closed, score=14.0), clock.now(), expected)
    assert Amendments([record]).note(record.interval, later) == expected
