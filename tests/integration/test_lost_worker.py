"""A worker that is lost while a student is watched."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from pathlib import Path

from app.clock import SystemClock
from app.intake.ingest import Ingest
from app.pool.local import LocalPool
from app.pool.process import SpawnedWorker, Worker
from app.records import SessionRecord, SessionState
from app.settings import Settings
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisResult
from scoring.model import Observation, ScreenEvent
from scoring.policy import standard_policy
from scoring.session import SessionScorer
from tests.fakes import FakeClock
from tests.live_server import live_server
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until


class Observations:
    """Stands for the monitor: keeps what was observed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[Observation] = []

    def post_result(self, result: AnalysisResult) -> None:
        with self._lock:
            self._seen += result.observations

    def post_event(self, session_id: str, event: ScreenEvent) -> None:
        """There are no screen events here."""

    def all(self) -> list[Observation]:
        with self._lock:
            return list(self._seen)

    def spans_s(self, from_s: float, to_s: float) -> float:
        """Seconds that were looked at, by two pictures in each."""
        return len({seen.at_s for seen in self.all() if from_s <= seen.at_s <= to_s}) / 2

    def reach(self, at_s: float) -> bool:
        return any(seen.at_s > at_s - 0.01 for seen in self.all())


def test_what_came_while_there_was_no_worker_is_judged_by_the_next_one() -> None:
    clock, observed = FakeClock(), Observations()
    gate = threading.Event()
    gate.set()

    def spawn(name: str) -> Worker:
        gate.wait()
        workers.append(SpawnedWorker(WorkerConfig(Path("no-models"), scripted=True), name))
        return workers[-1]

    workers: list[SpawnedWorker] = []
    pool = LocalPool(1, spawn, SystemClock())
    ingest = Ingest(Settings.model_validate({}), clock, pool, observed)
    now = clock.now()
    ingest.open(SessionRecord("s", "u", "e", SessionState.RUNNING, now, now))
    picture = scripted_jpeg({"face": "one"})

    def capture(seconds: int, *, is_watched: bool) -> None:
        for _ in range(seconds):
            clock.advance(1)
            sent_ms = clock.monotonic_s() * 1000
            frames = [{"t": sent_ms - ago, "size": len(picture)} for ago in (900, 400)]
            header = {"seq": int(sent_ms), "sent_ms": sent_ms, "frames": frames}
            ingest.accept_batch("s", header, picture * 2)
            newest_s = sent_ms / 1000 - 1000.4
            if is_watched:
                wait_until(partial(observed.reach, newest_s), "the newest frame is seen")

    pool.start(observed.post_result)
    try:
        capture(10, is_watched=True)
        gate.clear()
        os.kill(workers[0].pid, signal.SIGKILL)
        wait_until(lambda: not pool.counters()["workers_ready"], "the worker is missed")
        capture(15, is_watched=False)
        gate.set()
        wait_until(lambda: pool.counters()["workers_ready"], "the worker is replaced")
        capture(35, is_watched=True)
        wait_until(lambda: observed.spans_s(0, 60) > 58, "what waited is judged")
    finally:
        gate.set()
        pool.stop()
    scorer = SessionScorer(standard_policy())
    scorer.update(observed.all(), 60)
    scorer.end(60)
    broken, whole = scorer.ledger().intervals
    coverage = [dict(interval.coverage)["face"] for interval in (broken, whole)]
    assert min(coverage) > 0.98
    assert [interval.score for interval in (broken, whole)] == [0, 0]


def test_a_session_goes_on_when_its_worker_is_killed(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        server.wait_for_workers()
        session = server.new_session()
        student = server.student(session)
        student.start()

        def seen_at_s() -> float:
            view = server.services.monitor.view(session.session_id)
            return view.overlay.at_s if view and view.overlay else -1.0

        def is_seen_after(at_s: float) -> bool:
            student.send((scripted_jpeg({"face": "one"}),))
            return seen_at_s() > at_s

        wait_until(partial(is_seen_after, 0), "the student is watched")
        before_s = seen_at_s()
        _kill_workers()
        wait_until(partial(is_seen_after, before_s + 1), "the student is watched again")
        assert server.services.pool.counters()["worker_restarts"] == 1
        assert student.ask("end_session", {})["ok"] is True


def _kill_workers() -> None:
    """End this process's detector workers as the machine does when memory runs out."""
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            command = (entry / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and "spawn_main" in command:
            os.kill(int(entry.name), signal.SIGKILL)
