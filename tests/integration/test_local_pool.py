"""The pool with real spawned workers that follow scripts."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.intake.mailbox import Mailbox
from app.pool.local import LocalPool
from app.pool.process import SpawnedWorker, Worker
from app.pool.tender import PoolLimits
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, AnalysisResult, Frame
from scoring.model import Detector
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until

ALL = frozenset(str(detector) for detector in Detector)
LIMITS = PoolLimits(start_s=60, request_s=1.5, stop_s=3)


class Bench:
    """A running pool, the workers it started and the results it gave."""

    def __init__(self, workers: int, config: WorkerConfig, limits: PoolLimits = LIMITS) -> None:
        self.results: list[AnalysisResult] = []
        self.workers: list[SpawnedWorker] = []
        self._lock = threading.Lock()
        self._config = config
        self.pool = LocalPool(workers, self.spawn, SystemClock(), limits)
        self.pool.start(self._take)

    def spawn(self, name: str) -> Worker:
        worker = SpawnedWorker(self._config, name)
        self.workers.append(worker)
        return worker

    def _take(self, result: AnalysisResult) -> None:
        with self._lock:
            self.results.append(result)

    def of(self, session_id: str) -> list[AnalysisResult]:
        with self._lock:
            return [result for result in self.results if result.session_id == session_id]

    def faults(self) -> list[str]:
        with self._lock:
            return [fault.message for result in self.results for fault in result.faults]

    def wait_ready(self, workers: int) -> None:
        wait_until(
            lambda: self.pool.counters()["workers_ready"] == workers, f"{workers} workers ready"
        )

    def wait_faults(self, count: int) -> None:
        wait_until(lambda: len(self.faults()) >= count, f"{count} faults reported")

    def open(self, session_id: str) -> Callable[..., None]:
        """Open a session; the answer sends it a frame of a given second and script."""
        mailbox = Mailbox(2)
        self.pool.open(session_id, mailbox, ALL)

        def send(at_s: float, **script: object) -> None:
            mailbox.put([Frame(at_s, scripted_jpeg(script or {"face": "one"}))])
            self.pool.notify(session_id)

        return send


@pytest.fixture
def start() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(workers: int = 1, scripted: bool = True, limits: PoolLimits = LIMITS) -> Bench:
        config = WorkerConfig(Path("no-models"), scripted=scripted)
        benches.append(Bench(workers, config, limits))
        return benches[-1]

    yield make
    for bench in benches:
        bench.pool.stop()


def test_each_sessions_results_come_in_order(start: Callable[..., Bench]) -> None:
    bench = start(workers=2)
    sends = {f"s{index}": bench.open(f"s{index}") for index in range(6)}
    bench.wait_ready(2)

    def has_answers_up_to(step: int) -> bool:
        return all(_seen_s(bench.of(session_id))[-1:] == [step] for session_id in sends)

    for step in range(50):
        for send in sends.values():
            send(step)
        if step % 10 == 9:
            wait_until(partial(has_answers_up_to, step), f"frame {step} answered everywhere")
    for session_id in sends:
        seen_s = _seen_s(bench.of(session_id))
        assert seen_s == sorted(set(seen_s))
        assert len({r.request_id for r in bench.of(session_id)}) == len(bench.of(session_id))


def test_a_worker_that_dies_is_replaced_and_its_sessions_go_on(
    start: Callable[..., Bench],
) -> None:
    bench = start()
    send, other = bench.open("s"), bench.open("other")
    bench.wait_ready(1)
    send(1, do="die")
    wait_until(lambda: bench.faults(), "the loss is reported as a fault")
    assert bench.of("s")[0].observations == ()
    bench.wait_ready(1)
    send(2)
    other(2)
    wait_until(lambda: len(bench.of("s")) == 2 and bench.of("other"), "both go on")
    counters = bench.pool.counters()
    assert (counters["worker_restarts"], counters["lost_requests"]) == (1, 1)


def test_an_idle_worker_that_is_killed_is_replaced(start: Callable[..., Bench]) -> None:
    bench = start()
    send = bench.open("s")
    bench.wait_ready(1)
    os.kill(bench.workers[0].pid, signal.SIGKILL)
    wait_until(lambda: len(bench.workers) == 2, "a second worker is started")
    bench.wait_ready(1)
    send(1)
    wait_until(lambda: bench.of("s"), "the session is served again")
    assert bench.faults() == []


def test_a_worker_that_hangs_is_killed_and_replaced(start: Callable[..., Bench]) -> None:
    bench = start()
    send = bench.open("s")
    bench.wait_ready(1)
    send(1, do="hang")
    wait_until(lambda: bench.faults(), "the hang is reported as a fault")
    bench.wait_ready(1)
    send(2)
    wait_until(lambda: len(bench.of("s")) == 2, "the session goes on")
    assert bench.pool.counters()["worker_hangs"] == 1


def test_a_stopped_worker_is_noticed_even_before_it_reads(start: Callable[..., Bench]) -> None:
    bench = start()
    mailbox = Mailbox(15)
    bench.pool.open("s", mailbox, ALL)
    bench.wait_ready(1)
    os.kill(bench.workers[0].pid, signal.SIGSTOP)
    big = Frame(1.0, scripted_jpeg({"face": "one"}) + bytes(2_000_000))
    mailbox.put([big])
    bench.pool.notify("s")
    wait_until(lambda: bench.faults(), "the stopped worker is given up")


def test_a_failing_analysis_is_a_fault_and_the_worker_lives(start: Callable[..., Bench]) -> None:
    bench = start()
    send = bench.open("s")
    bench.wait_ready(1)
    send(1, do="fail")
    wait_until(lambda: bench.faults(), "the failure is a fault")
    assert "RuntimeError" in bench.faults()[0]
    assert len(bench.workers) == 1


def test_a_worker_lost_for_long_gives_its_sessions_to_the_others(
    start: Callable[..., Bench],
) -> None:
    bench = start(workers=2)
    sends = [bench.open(f"s{index}") for index in range(2)]
    bench.wait_ready(2)
    for attempt in range(2):
        sends[0](attempt, do="die")
        bench.wait_faults(attempt + 1)
        if attempt == 0:
            bench.wait_ready(2)
    sends[0](10)
    wait_until(
        lambda: 10 in _seen_s(bench.of("s0")),
        "the session is served again",
    )
    sends[1](10)
    wait_until(lambda: bench.of("s1"), "the other session was never touched")


def test_one_students_deadly_input_does_not_take_the_workers_from_the_others(
    start: Callable[..., Bench],
) -> None:
    bench = start()
    deadly, other = bench.open("deadly"), bench.open("other")
    for attempt in range(3):
        bench.wait_ready(1)
        deadly(attempt, do="die")
        bench.wait_faults(attempt + 1)
    assert bench.pool.counters()["sessions_set_aside"] == 1
    bench.wait_ready(1)
    deadly(9, do="die")
    other(9)
    wait_until(lambda: bench.of("other"), "the other session is served")
    assert len(bench.faults()) == 3


def test_a_closed_session_gives_no_more_results(start: Callable[..., Bench]) -> None:
    bench = start()
    send, other = bench.open("s"), bench.open("other")
    bench.wait_ready(1)
    send(1, wait_s=0.5, face="one")
    wait_until(lambda: bench.pool.counters()["requests"] == 1, "the request is on its way")
    bench.pool.close("s")
    other(1)
    wait_until(lambda: bench.of("other"), "the next session is served")
    assert bench.of("s") == []


def test_statuses_say_what_works_and_what_to_do_while_nothing_does(
    start: Callable[..., Bench],
) -> None:
    bench = start()
    not_started = LocalPool(1, bench.spawn, SystemClock())
    assert all(not s.is_on and "starting" in s.remedy for s in not_started.statuses())
    bench.wait_ready(1)
    statuses = bench.pool.statuses()
    assert {status.detector for status in statuses} == ALL
    assert all(status.is_on for status in statuses)


def test_stopping_ends_every_worker_even_one_that_hangs(start: Callable[..., Bench]) -> None:
    bench = start(workers=2, limits=PoolLimits(start_s=60, request_s=60, stop_s=0.5))
    send = bench.open("s")
    bench.wait_ready(2)
    send(1, do="hang")
    wait_until(lambda: bench.pool.counters()["requests"] == 1, "the request is on its way")
    bench.pool.stop()
    assert all(not worker.is_alive() for worker in bench.workers)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("pool-")]


def test_workers_ignore_the_terminals_signals_and_end_with_the_pipe() -> None:
    worker = SpawnedWorker(WorkerConfig(Path("no-models"), scripted=True), "lonely")
    worker.connection.recv()
    os.kill(worker.pid, signal.SIGINT)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.is_alive()
    worker.dismiss(10)
    assert not worker.is_alive()


def test_a_worker_ends_when_its_server_is_killed_even_while_it_hangs(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve_badly, args=(str(note),))
    server.start()
    wait_until(lambda: note.exists() and note.read_text().endswith("\n"), "the worker is there")
    pid = int(note.read_text())
    server.kill()
    server.join()
    wait_until(lambda: not _runs(pid), "the worker ends too", seconds=10)


def _seen_s(results: list[AnalysisResult]) -> list[float]:
    return [seen.at_s for result in results for seen in result.observations]


def _runs(pid: int) -> bool:
    """Whether the process exists and is more than an entry nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _serve_badly(note: str) -> None:
    """Stand for a server that is killed while its worker hangs."""
    worker = SpawnedWorker(WorkerConfig(Path("no-models"), scripted=True), "orphan")
    worker.connection.recv()
    frame = Frame(1.0, scripted_jpeg({"do": "hang"}))
    worker.connection.send(AnalysisRequest(1, "s", (frame,), (), ALL))
    Path(note).write_text(f"{worker.pid}\n")
    threading.Event().wait()
