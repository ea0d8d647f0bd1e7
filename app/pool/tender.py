"""One thread that tends one worker: starts it, gives it work, replaces it when it is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.clock import Clock
from app.intake.lanes import is_late
from app.pool.process import Worker
from app.pool.restarts import RestartBudget
from detectors.messages import (
    AnalysisRequest,
    AnalysisResult,
    CloseSession,
    DetectorStatus,
    WorkerFailed,
    WorkerReady,
)

log = logging.getLogger(__name__)

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How long a worker may take to start, to answer, and to end (seconds)."""

    start_s: float = 120.0
    request_s: float = 20.0
    stop_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Work:
    """What to say to a worker next."""

    closed: tuple[CloseSession, ...] = ()
    request: AnalysisRequest | None = None

    @property
    def is_empty(self) -> bool:
        return not self.closed and self.request is None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a tender asks of the pool. The first three are called under the pool's lock.

    `lost` is told what was in hand, how long the worker stays away, and whether the request is
    free of blame because the worker was killed from outside.
    """

    take_work: Callable[[], Work]
    ready: Callable[[], None]
    lost: Callable[[AnalysisRequest | None, float, bool], None]
    deliver: Callable[[AnalysisResult], None]
    report_lost: Callable[[AnalysisRequest], None]


class WorkerLostError(Exception):
    """The worker is dead, was killed, or answered nonsense."""


class Tender:
    """Owns one worker. `lock` is the pool's; it is never held while the worker is waited for.

    `statuses`, `trouble`, `is_ready` and the seconds spent on live and on late work are read under
    the lock.
    """

    def __init__(
        self,
        name: str,
        spawn: Callable[[str], Worker],
        desk: Desk,
        lock: threading.Lock,
        clock: Clock,
        limits: PoolLimits,
    ) -> None:
        self.statuses: tuple[DetectorStatus, ...] = ()
        self.trouble = ""
        self.is_ready = False
        self.restarts = 0
        self.hangs = 0
        self.busy_s = 0.0
        self.late_busy_s = 0.0
        self.wake = threading.Condition(lock)
        self._name = name
        self._spawn = spawn
        self._desk = desk
        self._clock = clock
        self._limits = limits
        self._budget = RestartBudget()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._worker: Worker | None = None
        self._deadline_s: float | None = None
        self._in_hand: AnalysisRequest | None = None
        self._has_hung = False

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        with self.wake:
            self.wake.notify_all()

    def join(self) -> None:
        """Wait for the thread; a worker that is busy too long is killed."""
        self._thread.join(self._limits.stop_s)
        if self._thread.is_alive():
            self._kill()
            self._thread.join(2 * self._limits.stop_s)

    def check(self) -> None:
        """Kill the worker when it is past its deadline. Called by the pool's watch thread."""
        with self.wake:
            late = (
                self._worker is not None
                and self._deadline_s is not None
                and self._clock.monotonic_s() > self._deadline_s
            )
            if late:
                self._deadline_s = None
                self._has_hung = True
                self.hangs += 1
        if late:
            log.warning("A detector worker hangs and is killed", extra={"worker": self._name})
            self._kill()

    def _kill(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _run(self) -> None:
        while not self._stopping.is_set():
            delay_s = 0.0
            try:
                self._begin()
                while not self._stopping.is_set():
                    self._serve_once()
            except (WorkerLostError, OSError, EOFError) as error:
                delay_s = self._lose(error)
            except Exception as error:
                log.exception("A pool thread failed; its worker is replaced")
                delay_s = self._lose(error)
            finally:
                self._dismiss()
            self._rest(delay_s)

    def _begin(self) -> None:
        with self.wake:
            self._deadline_s = self._clock.monotonic_s() + self._limits.start_s
            self._has_hung = False
        worker = self._spawn(self._name)
        self._worker = worker
        answer = worker.connection.recv()
        if isinstance(answer, WorkerFailed):
            raise WorkerLostError(f"A detector worker cannot start: {answer.message}")
        if not isinstance(answer, WorkerReady):
            raise WorkerLostError("A detector worker did not introduce itself.")
        with self.wake:
            self._deadline_s = None
            self.statuses = answer.statuses
            self.trouble = ""
            self.is_ready = True
            self._budget.ready(self._clock.monotonic_s())
            self._desk.ready()
        log.info("Detector worker is ready", extra={"worker": self._name, "pid": answer.pid})

    def _serve_once(self) -> None:
        """Wait a moment for work, have it done, hand the result on."""
        worker = self._worker
        if worker is None or not worker.is_alive():
            raise WorkerLostError("A detector worker ended.")
        with self.wake:
            work = self._desk.take_work()
            if work.is_empty:
                self.wake.wait(_TICK_S)
                return
            self._in_hand = work.request
            began_s = self._clock.monotonic_s()
            self._deadline_s = began_s + self._limits.request_s
        result = self._ask(worker, work)
        with self.wake:
            if work.request is not None and is_late(work.request.session_id):
                self.late_busy_s += self._clock.monotonic_s() - began_s
            else:
                self.busy_s += self._clock.monotonic_s() - began_s
            self._deadline_s = None
            self._in_hand = None
        if result is not None:
            self._desk.deliver(result)

    def _ask(self, worker: Worker, work: Work) -> AnalysisResult | None:
        for message in work.closed:
            worker.connection.send(message)
        if work.request is None:
            return None
        worker.connection.send(work.request)
        result = worker.connection.recv()
        if (
            not isinstance(result, AnalysisResult)
            or result.request_id != work.request.request_id
            or result.session_id != work.request.session_id
        ):
            raise WorkerLostError("A detector worker answered something it was not asked.")
        return result

    def _lose(self, error: Exception) -> float:
        """Take note of the loss; returns how long to wait before the next start."""
        if self._stopping.is_set():
            return 0.0
        was_killed = self._worker is not None and self._worker.was_killed()
        with self.wake:
            delay_s = self._budget.failed(self._clock.monotonic_s())
            in_hand, self._in_hand = self._in_hand, None
            self._deadline_s = None
            self.is_ready = False
            self.statuses = ()
            self.restarts += 1
            reason = str(error) or "A detector worker ended."
            self.trouble = f"{reason} It is started again; logs/worker.log says more."
            self._desk.lost(in_hand, delay_s, was_killed and not self._has_hung)
        log.error(
            "A detector worker was lost and is replaced",
            extra={"worker": self._name, "reason": reason, "delay_s": delay_s},
        )
        if in_hand is not None:
            self._desk.report_lost(in_hand)
        return delay_s

    def _dismiss(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.dismiss(self._limits.stop_s)

    def _rest(self, delay_s: float) -> None:
        until_s = self._clock.monotonic_s() + delay_s
        while not self._stopping.is_set() and self._clock.monotonic_s() < until_s:
            with self.wake:
                self.wake.wait(_TICK_S)
