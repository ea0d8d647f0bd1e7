"""The pools with real spawned workers that follow scripts: here, and over Redis."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.fleet.line import Line
from app.intake.mailbox import Mailbox
from app.pool.host import WorkerHost
from app.pool.local import LocalPool
from app.pool.process import SpawnedWorker, Worker
from app.pool.remote import RemotePool
from app.pool.tender import PoolLimits
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, AnalysisResult, Frame
from scoring.model import Detector
from tests.engines import free_port
from tests.redis_server import redis_server, start_redis
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until

ALL = frozenset(str(detector) for detector in Detector)
LIMITS = PoolLimits(start_s=60, request_s=1.5, stop_s=3)


class Bench:
    """A running pool, the workers it started and the results it gave."""

    def __init__(
        self, workers: int, config: WorkerConfig, limits: PoolLimits = LIMITS, redis_url: str = ""
    ) -> None:
        self.results: list[AnalysisResult] = []
        self.workers: list[SpawnedWorker] = []
        self._lock = threading.Lock()
        self._config = config
        self.pool = LocalPool(workers, self.spawn, SystemClock(), limits)
        self.host: WorkerHost | None = None
        if redis_url:
            self.line = Line(redis_url, f"test-{secrets.token_hex(4)}")
            self.host = WorkerHost(self.line, workers, self.spawn, SystemClock(), limits)
            self.host.start()
            self.pool = RemotePool(self.line, SystemClock(), look_s=0.1)
        self.pool.start(self._take)

    def stop(self) -> None:
        self.pool.stop()
        if self.host is not None:
            self.host.stop()

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


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["local", "remote"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Bench]]:
    """Makes a pool of either kind; what follows holds for both."""
    url = request.getfixturevalue("redis_url") if request.param == "remote" else ""
    yield from _benches(url)


@pytest.fixture
def start_local() -> Iterator[Callable[..., Bench]]:
    yield from _benches("")


@pytest.fixture
def start_remote(redis_url: str) -> Iterator[Callable[..., Bench]]:
    yield from _benches(redis_url)


def _benches(redis_url: str) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(workers: int = 1, scripted: bool = True, limits: PoolLimits = LIMITS) -> Bench:
        config = WorkerConfig(Path("no-models"), scripted=scripted)
        benches.append(Bench(workers, config, limits, redis_url))
        return benches[-1]

    yield make
    for bench in benches:
        bench.stop()


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
    wait_until(lambda: _seen_s(bench.of("s")) == [1.0], "the session is served again")
    if bench.host is None:
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
    assert bench.pool.counters()["worker_restarts"] == 1


def test_a_stopped_worker_is_noticed_even_before_it_reads(
    start_local: Callable[..., Bench],
) -> None:
    bench = start_local()
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
    start_local: Callable[..., Bench],
) -> None:
    bench = start_local()
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
    start: Callable[..., Bench], redis_url: str
) -> None:
    bench = start()
    not_started = LocalPool(1, bench.spawn, SystemClock())
    assert all(not s.is_on and "starting" in s.remedy for s in not_started.statuses())
    no_hosts = RemotePool(Line(redis_url, "nobody"), SystemClock())
    assert all(not s.is_on and "./run.sh worker" in s.remedy for s in no_hosts.statuses())
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
    bench.stop()
    assert all(not worker.is_alive() for worker in bench.workers)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("pool-")]


def test_a_host_that_comes_gets_its_share_and_one_that_goes_loses_nothing(
    start_remote: Callable[..., Bench],
) -> None:
    bench = start_remote()
    assert bench.host is not None
    sends = [bench.open(f"s{index}") for index in range(4)]
    bench.wait_ready(1)
    host = WorkerHost(bench.line, 1, bench.spawn, SystemClock(), LIMITS)
    host.start()
    try:
        bench.wait_ready(2)
        for send in sends:
            send(1, wait_s=0.3, face="one")
        wait_until(lambda: bench.pool.counters()["requests"] >= 2, "both are at work")
        host.stop()
        for index in range(4):
            wait_until(
                lambda index=index: _seen_s(bench.of(f"s{index}")) == [1.0],  # type: ignore[misc]
                f"session {index} is analysed, once",
            )
    finally:
        host.stop()


def test_two_servers_share_the_workers(start_remote: Callable[..., Bench]) -> None:
    bench = start_remote()
    other = RemotePool(bench.line, SystemClock(), look_s=0.1)
    results: list[AnalysisResult] = []
    other.start(results.append)
    try:
        mailbox = Mailbox(2)
        other.open("theirs", mailbox, ALL)
        ours = bench.open("ours")
        bench.wait_ready(1)
        for step in range(5):
            ours(step)
            mailbox.put([Frame(float(step), scripted_jpeg({"face": "one"}))])
            other.notify("theirs")
            wait_until(
                lambda step=step: _seen_s(results)[-1:] == [step],  # type: ignore[misc]
                "the other server is answered",
            )
        wait_until(lambda: _seen_s(bench.of("ours"))[-1:] == [4], "and so is this one")
    finally:
        other.stop()


def test_a_session_is_not_blamed_for_hosts_that_go(start_remote: Callable[..., Bench]) -> None:
    bench = start_remote()
    send = bench.open("s")
    hosts = [bench.host]
    for step in range(4):
        bench.wait_ready(1)
        send(step * 2, wait_s=0.3, face="one")
        wait_until(lambda: bench.pool.counters()["requests"] > step, "it is at work")  # noqa: B023
        assert hosts[-1] is not None
        hosts[-1].stop()
        hosts.append(WorkerHost(bench.line, 1, bench.spawn, SystemClock(), LIMITS))
        hosts[-1].start()
    bench.host = hosts[-1]
    wait_until(lambda: _seen_s(bench.of("s"))[-1:] == [6.0], "the last picture is analysed")
    assert bench.pool.counters()["sessions_set_aside"] == 0


def test_a_redis_that_is_started_again_is_found_again(tmp_path: Path) -> None:
    port = free_port()
    server = start_redis(tmp_path, port)
    config = WorkerConfig(Path("no-models"), scripted=True)
    bench = Bench(1, config, redis_url=f"redis://127.0.0.1:{port}/0")
    try:
        send = bench.open("s")
        bench.wait_ready(1)
        send(1)
        wait_until(lambda: bench.of("s"), "the first picture is analysed")
        server.kill()
        server.wait(10)
        send(2)
        server = start_redis(tmp_path, port)
        wait_until(lambda: _seen_s(bench.of("s")) == [1.0, 2.0], "nothing was lost")
    finally:
        bench.stop()
        server.kill()
        server.wait(10)


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
