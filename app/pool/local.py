"""Detector workers on this machine: processes over pipes, each tended by one thread.

A session stays with one worker and a worker has one request in hand, so a session's results
come in order. A worker that dies or does not answer in time is replaced. What it had in hand waits
again when it was killed from outside; otherwise it may be what ended it, and stays unobserved.
`_lock` guards the roster and the counters.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from app.clock import Clock
from app.intake.lanes import is_late, is_phone
from app.intake.mailbox import Mailbox
from app.pool.process import SpawnedWorker, Worker
from app.pool.roster import Roster, patience_for
from app.pool.tender import Desk, PoolLimits, Tender, Work
from app.settings import Settings
from detectors.entry import WorkerConfig
from detectors.messages import AnalysisRequest, AnalysisResult, DetectorFault, DetectorStatus
from scoring.model import Detector

log = logging.getLogger(__name__)

_WATCH_S = 0.25
_STRUCK = "The detector worker was lost while it looked at this; it was replaced."


def local_pool(settings: Settings, clock: Clock, *, scripted: bool = False) -> LocalPool:
    """A pool of as many workers as set, or of one for each core: they give way to the web
    process.

    `scripted` replaces the detectors by ones that follow a script.
    """
    config = WorkerConfig(
        settings.models_path,
        object_model=settings.object_model,
        scripted=scripted,
        log_file=settings.logs_path / "worker.log",
    )
    workers = settings.workers or cores()
    return LocalPool(workers, partial(SpawnedWorker, config), clock)


class LocalPool:
    """An InferencePool of `workers` processes; `spawn` starts one and gives it a name.

    `remedy` is said while there is no worker.
    """

    remedy = "The detector workers are starting."

    def __init__(
        self,
        workers: int,
        spawn: Callable[[str], Worker],
        clock: Clock,
        limits: PoolLimits | None = None,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._counters: Counter[str] = Counter()
        self._costs: dict[str, float] = {}
        self._request_id = 0
        self._on_result: Callable[[AnalysisResult], None] = lambda _result: None
        self._spawn = spawn
        self._limits = limits or PoolLimits()
        self._roster = Roster(workers)
        self._tenders = [self._new_tender(index) for index in range(workers)]
        self._watch = threading.Thread(target=self._watch_workers, name="pool-watch", daemon=True)

    def start(self, on_result: Callable[[AnalysisResult], None]) -> None:
        """Start all workers and return at once; they are ready some seconds later."""
        self._on_result = on_result
        for tender in self._tenders:
            tender.start()
        self._watch.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """End all workers; one that is busy has some seconds to finish. Idempotent."""
        if self._stopping.is_set() or not self._watch.is_alive():
            return
        self._stopping.set()
        for tender in self._tenders:
            tender.ask_to_stop()
        for tender in self._tenders:
            tender.join()
        self._watch.join()
        atexit.unregister(self.stop)

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None:
        """Serve this session from now on. Opening it again takes the new mailbox."""
        with self._lock:
            self._roster.open(session_id, mailbox, detectors)
        if mailbox.has_work:
            self.notify(session_id)

    def close(self, session_id: str) -> None:
        """Forget the session; a result that is still on its way is dropped."""
        with self._lock:
            served = self._roster.close(session_id)
            if served is not None:
                self._counters["dropped_frames"] += served.mailbox.dropped_frames
                self._counters["dropped_sound_s"] += round(served.mailbox.dropped_sound_s)
                self._tenders[served.seat.index].wake.notify()

    def notify(self, session_id: str) -> None:
        """There is work in the mailbox of this session."""
        with self._lock:
            seat = self._roster.queue(session_id, self._clock.monotonic_s())
            if seat is not None:
                self._tenders[seat.index].wake.notify()

    def want_thumbnails(self, session_ids: frozenset[str]) -> None:
        """Make small pictures for these sessions, and for no others."""
        with self._lock:
            self._roster.want_thumbnails(session_ids)

    def want_sound(self, session_ids: frozenset[str]) -> None:
        """Bring coded sound of these sessions as PCM, and of no others."""
        with self._lock:
            self._roster.listened = session_ids

    def statuses(self) -> tuple[DetectorStatus, ...]:
        """A detector is on when it works in at least one worker that is there."""
        with self._lock:
            reported = [status for tender in self._tenders for status in tender.statuses]
            troubles = [tender.trouble for tender in self._tenders if tender.trouble]
        merged: dict[str, DetectorStatus] = {}
        for status in reported:
            if status.detector not in merged or status.is_on:
                merged[status.detector] = status
        if merged:
            return tuple(merged.values())
        remedy = troubles[0] if troubles else self.remedy
        return tuple(DetectorStatus(str(d), is_on=False, remedy=remedy) for d in Detector)

    def counters(self) -> dict[str, int]:
        """What was done, dropped and restarted since the start."""
        with self._lock:
            mailboxes = self._roster.mailboxes()
            return {
                "workers": len(self._tenders),
                "workers_ready": sum(tender.is_ready for tender in self._tenders),
                "worker_restarts": sum(tender.restarts for tender in self._tenders),
                "worker_hangs": sum(tender.hangs for tender in self._tenders),
                "sessions": len(mailboxes),
                "requests": self._counters["requests"],
                "results": self._counters["results"],
                "live_requests": self._counters["live_requests"],
                "live_frames": self._counters["live_frames"],
                "waited_ms": self._counters["waited_ms"],
                "busy_ms": round(sum(tender.busy_s for tender in self._tenders) * 1000),
                "late_busy_ms": round(sum(tender.late_busy_s for tender in self._tenders) * 1000),
                "lost_requests": self._counters["lost_requests"],
                "sessions_set_aside": self._counters["sessions_set_aside"],
                "dropped_frames": self._counters["dropped_frames"]
                + sum(mailbox.dropped_frames for mailbox in mailboxes),
                "dropped_sound_s": self._counters["dropped_sound_s"]
                + round(sum(mailbox.dropped_sound_s for mailbox in mailboxes)),
            }

    def costs(self) -> dict[str, float]:
        """CPU milliseconds the workers have spent on each step since the start."""
        with self._lock:
            return dict(self._costs)

    def _new_tender(self, index: int) -> Tender:
        return Tender(
            f"pool-{index}",
            self._spawn,
            self._desk(index),
            self._lock,
            self._clock,
            self._limits,
        )

    def _desk(self, index: int) -> Desk:
        return Desk(
            take_work=partial(self._take_work, index),
            ready=partial(self._ready, index),
            lost=partial(self._lost, index),
            deliver=self._deliver,
            report_lost=self._report_lost,
        )

    def _take_work(self, index: int) -> Work:
        seat = self._roster.seats[index]
        closed, seat.outbox = tuple(seat.outbox), []
        now_s = self._clock.monotonic_s()
        while (served := self._roster.next(seat)) is not None:
            queued_s = served.queued_s
            waiting = served.mailbox.take()
            if served.mailbox.has_work:
                self._roster.queue(served.session_id, now_s)
            if waiting.is_empty:
                continue
            self._request_id += 1
            waited_s = now_s - queued_s
            self._counters["requests"] += 1
            if not is_late(served.session_id):
                self._counters["live_requests"] += 1
                self._counters["live_frames"] += len(waiting.frames)
                self._counters["waited_ms"] += round(1000 * waited_s)
            request = AnalysisRequest(
                request_id=self._request_id,
                session_id=served.session_id,
                frames=waiting.frames,
                sounds=waiting.sounds,
                detectors=served.detectors,
                marks=waiting.marks,
                patience=waiting.patience * patience_for(waited_s),
                is_still=is_phone(served.session_id),
                wants_thumbnail=bool(waiting.frames)
                and self._roster.wants_thumbnail(served, now_s),
                wants_sound=served.session_id in self._roster.listened,
            )
            return Work(closed, request)
        return Work(closed)

    def _ready(self, index: int) -> None:
        self._roster.arrive(self._roster.seats[index])

    def _lost(
        self, index: int, in_hand: AnalysisRequest | None, delay_s: float, is_blameless: bool
    ) -> None:
        seat = self._roster.seats[index]
        if in_hand is not None:
            self._counters["lost_requests"] += 1
            aside_s = self._strike(in_hand.session_id, is_blameless)
            if aside_s:
                self._counters["sessions_set_aside"] += 1
                log.error(
                    "A session's input ends workers again and again; it is set aside",
                    extra={"session_id": in_hand.session_id, "aside_s": aside_s},
                )
            served = self._roster.get(in_hand.session_id)
            if served is not None and is_blameless and not aside_s:
                served.mailbox.put_back()
            elif served is not None:
                served.mailbox.done()
        for woken in self._roster.leave(seat, is_long=delay_s > 0):
            self._tenders[woken.index].wake.notify()
        if in_hand is not None:
            self._roster.queue(in_hand.session_id, self._clock.monotonic_s())

    def _strike(self, session_id: str, _is_blameless: bool) -> float:
        """Seconds the session is set aside. What the kernel kills for its memory looks as if it
        had been killed by somebody, so every loss here counts."""
        return self._roster.strike(session_id, self._clock.monotonic_s())

    def _deliver(self, result: AnalysisResult) -> None:
        with self._lock:
            self._counters["results"] += 1
            for step, ms in result.cost_ms:
                self._costs[step] = self._costs.get(step, 0.0) + ms
            served = self._roster.get(result.session_id)
        if served is not None:
            self._hand_on(result)
            # Only now, so that nothing looks judged whose result has not been handed on.
            served.mailbox.done()

    def _report_lost(self, request: AnalysisRequest) -> None:
        fault = DetectorFault("worker", _STRUCK)
        with self._lock:
            is_open = self._roster.get(request.session_id) is not None
        if is_open:
            self._hand_on(AnalysisResult(request.request_id, request.session_id, faults=(fault,)))

    def _hand_on(self, result: AnalysisResult) -> None:
        try:
            self._on_result(result)
        except Exception:
            # A fault of the receiver must not cost the worker, nor the other sessions.
            log.exception("A result was not taken", extra={"session_id": result.session_id})

    def _watch_workers(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            for tender in self._tenders:
                tender.check()


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
