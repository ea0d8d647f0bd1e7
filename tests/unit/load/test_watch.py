"""The watch: what it makes of the counters, whom it tells, and what it remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.access.doors import Caller
from app.errors import Unavailable
from app.load.ladder import RUNGS, Rung
from app.load.parts import open_load
from app.load.state import LoadState
from app.load.watch import LoadWatch
from app.monitoring.live import LiveRooms
from app.settings import Settings
from app.sockets.connect import Callers
from tests.fakes import FakeClock


@dataclass
class Works:
    """A pool whose counters a test moves."""

    counts: dict[str, int] = field(
        default_factory=lambda: {"workers": 1, "workers_ready": 1, "live_requests": 0}
    )

    def counters(self) -> dict[str, int]:
        return dict(self.counts)

    def costs(self) -> dict[str, float]:
        busy_ms = self.counts.get("busy_ms", 0)
        return {"mesh": 0.8 * busy_ms, "speech gate": 0.15 * busy_ms, "voice": 0.05 * busy_ms}

    def work(self, students: int, busy_ms: int, wait_ms: int) -> None:
        for name, more in (
            ("live_requests", students),
            ("busy_ms", busy_ms),
            ("waited_ms", students * wait_ms),
        ):
            self.counts[name] = self.counts.get(name, 0) + more


@dataclass
class TakesIn:
    """Students who are there, and how they were paced."""

    students: int = 0
    paced: list[Rung] = field(default_factory=list)

    def connected(self) -> int:
        return self.students

    def pace(self, rung: Rung) -> None:
        self.paced.append(rung)


class Bench:
    """A watch with everything around it."""

    def __init__(self, memory: Path | None = None, *, refuses: bool = False) -> None:
        self.clock = FakeClock()
        self.pool = Works()
        self.ingest = TakesIn()
        self.told: list[LoadState] = []
        self.cpu_s = 0.0
        cpu: Callable[[], float] = lambda: self.cpu_s  # noqa: E731
        self.watch = LoadWatch(
            self.clock,
            self.pool,
            self.ingest,
            LoadState(2.0, 5.0),
            refuses=refuses,
            memory=memory,
            when_moved=self.told.append,
            cpu_s=cpu,
        )
        self.watch.step()

    def run(self, seconds: int, students: int, busy_ms: int, wait_ms: int = 50) -> None:
        self.ingest.students = students
        for _ in range(seconds):
            self.clock.advance(1.0)
            self.cpu_s += 0.1
            self.pool.work(students, busy_ms, wait_ms)
            self.watch.step()


def test_it_says_how_many_students_the_machine_holds() -> None:
    bench = Bench()
    bench.run(60, students=20, busy_ms=199)
    state = bench.watch.state()
    assert (state.headroom.holds, state.headroom.students) == (85, 20)
    assert state.says() == ""
    assert state.worker_busy == pytest.approx(0.199)
    assert bench.watch.notice() is None
    bench.ingest.students = 85
    notice = bench.watch.notice()
    assert notice is not None
    assert notice.startswith("This machine holds about 85 students;")


def test_a_change_of_the_rung_reaches_everybody_and_goes_again() -> None:
    bench = Bench()
    bench.run(12, students=200, busy_ms=1000, wait_ms=2500)
    assert bench.ingest.paced[0] == RUNGS[1]
    assert [state.index for state in bench.told] == [1, 2, 3]
    assert bench.told[1].payload() == {
        "rung": "halved",
        "is_reduced": True,
        "analysis_fps": 1.0,
        "says": bench.told[1].says(),
    }
    assert bench.told[1].pace() == {"video_fps": 3.0, "width": 640, "height": 480}
    assert "one picture a second is judged instead of 2." in bench.told[1].says()
    bench.run(30, students=50, busy_ms=150, wait_ms=20)
    assert bench.watch.state().index == 0
    assert bench.ingest.paced[-1] == RUNGS[0]
    assert bench.watch.counters() == {"load_rung": 0, "load_moves": 5}


def test_what_students_cost_under_strain_is_not_taken_for_the_whole_price() -> None:
    bench = Bench()
    bench.run(60, students=20, busy_ms=199)
    before = bench.watch.headroom().holds
    bench.run(60, students=300, busy_ms=1000, wait_ms=2500)
    assert bench.watch.headroom().holds == before


def test_a_full_machine_refuses_only_where_that_is_set() -> None:
    bench = Bench()
    bench.run(60, students=20, busy_ms=199)
    bench.ingest.students = 90
    bench.watch.check_new()
    strict = Bench(refuses=True)
    strict.run(60, students=20, busy_ms=199)
    strict.watch.check_new()
    strict.ingest.students = 90
    with pytest.raises(Unavailable, match=r"holds about 85 students.*PROCTOR_WHEN_FULL"):
        strict.watch.check_new()


def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    memory = tmp_path / "costs.json"
    bench = Bench(memory)
    bench.run(130, students=20, busy_ms=199)
    again = Bench(memory)
    assert again.watch.headroom().holds == bench.watch.headroom().holds == 85
    memory.write_text(json.dumps(["not", "this"]), encoding="utf-8")
    assert Bench(memory).watch.headroom().holds is None


def test_a_browser_is_never_asked_for_less_than_a_picture_a_second() -> None:
    for index in range(len(RUNGS)):
        assert LoadState(2.0, 5.0, index).pace()["video_fps"] >= 1.0
    assert LoadState(2.0, 5.0, 5).pace() == {"video_fps": 1.0, "width": 320, "height": 240}
    assert "one picture in 5 s is judged" in LoadState(2.0, 5.0, 5).says()


def test_browsers_of_students_are_asked_for_less_and_staff_is_told(tmp_path: Path) -> None:
    clock, pool, ingest = FakeClock(), Works(), TakesIn(200)
    emitted: list[tuple[str, str]] = []
    live = LiveRooms(
        lambda event, _payload, room: emitted.append((event, room)),
        clock,
        evidence=lambda _session_id: None,
        want_thumbnails=lambda _session_ids: None,
    )
    live.join_wall("w")
    live.join("k", "s1", "carol")
    callers = Callers()
    callers.add(Caller("student", session_id="s1", sid="a"))
    callers.add(Caller("staff", name="carol", sid="k"))
    emitted.clear()
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    emit = lambda event, _payload, room: emitted.append((event, room))  # noqa: E731
    watch = open_load(settings, clock, pool, ingest, live, callers, emit)
    watch.step()
    for _ in range(2):
        clock.advance(1.0)
        pool.work(200, 1000, 2500)
        watch.step()
    assert emitted == [("load", "wall"), ("load", "desk:s1"), ("pace", "student:s1")]
