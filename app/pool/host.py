"""Offers this machine's detector workers to every server, over Redis.

Each worker is a spawned process with a tender, as in the server's own pool. One thread per worker
reads its work; the tender's thread answers; one thread keeps the cards alive. A worker that was
replaced comes back under a new id, so that servers know that its streams are new. The lock of a
place guards what waits at it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from app.clock import Clock
from app.fleet.codec import Unreadable, decode, encode
from app.fleet.line import Line, LineDown
from app.pool.far import (
    BEAT_S,
    CARD_S,
    MOST_ANSWERS,
    STREAM_S,
    WAIT_S,
    Answer,
    Card,
    Lost,
    Todo,
    answers_name,
    card_name,
    todo_name,
    workers_name,
)
from app.pool.process import Worker
from app.pool.tender import Desk, PoolLimits, Tender, Work
from detectors.messages import AnalysisRequest, AnalysisResult, CloseSession

log = logging.getLogger(__name__)

# A server that died cannot say that its sessions are over.
IDLE_S = 180.0
AGAIN_S = 0.5
JOIN_S = 5.0
WATCH_S = 0.25


class Place:
    """One worker of this machine, and what servers have asked of it."""

    def __init__(
        self,
        name: str,
        line: Line,
        spawn: Callable[[str], Worker],
        clock: Clock,
        limits: PoolLimits,
    ) -> None:
        self._line = line
        self._clock = clock
        self._lock = threading.Lock()
        self._todo: deque[Todo] = deque()
        self._in_hand: Todo | None = None
        self._heard_s: dict[str, float] = {}
        self._died_with: deque[str] = deque(maxlen=100)
        self._worker_id = ""
        self._is_stopping = threading.Event()
        desk = Desk(self._take_work, self._ready, self._lost, self._deliver, lambda _request: None)
        self._tender = Tender(name, spawn, desk, self._lock, clock, limits)
        self._reader = threading.Thread(target=self._read, name=f"{name}-work", daemon=True)

    def start(self) -> None:
        self._tender.start()
        self._reader.start()

    def ask_to_stop(self) -> None:
        """Take no work any more; servers are told at once."""
        self._is_stopping.set()
        with self._lock:
            worker_id, self._worker_id = self._worker_id, ""
        self._withdraw(worker_id)
        self._tender.ask_to_stop()

    def join(self) -> None:
        self._tender.join()
        self._reader.join(JOIN_S)

    def check(self) -> None:
        """Kill the worker when it hangs."""
        self._tender.check()

    @property
    def is_ready(self) -> bool:
        with self._lock:
            return bool(self._worker_id)

    def show(self) -> None:
        """Keep the card alive. Raises LineDown."""
        with self._lock:
            worker_id, statuses = self._worker_id, self._tender.statuses
        if worker_id:
            card = Card(worker_id, socket.gethostname(), os.getpid(), statuses)
            self._line.keep(card_name(self._line, worker_id), encode(card), CARD_S)
            self._line.add_member(workers_name(self._line), worker_id)

    # The reading thread

    def _read(self) -> None:
        read_of, after = "", "0"
        while not self._is_stopping.is_set():
            with self._lock:
                worker_id = self._worker_id
            if worker_id != read_of:
                read_of, after = worker_id, "0"
            if not worker_id:
                self._is_stopping.wait(WAIT_S)
                continue
            try:
                after = self._read_some(worker_id, after)
            except LineDown:
                self._is_stopping.wait(AGAIN_S)
                after = "0"

    def _read_some(self, worker_id: str, after: str) -> str:
        name = todo_name(self._line, worker_id)
        found = self._line.pull(name, after, WAIT_S)
        for entry_id, data in found:
            after = entry_id
            try:
                todo = decode(data, Todo)
            except Unreadable as error:
                log.warning("Work that cannot be read is left", extra={"reason": error.message})
                continue
            with self._lock:
                is_mine = self._worker_id == worker_id
                if is_mine:
                    self._todo.append(todo)
                    self._tender.wake.notify()
            if not is_mine and todo.request is not None:
                self._answer(todo.link, Lost(todo.request.request_id, True))
        self._line.trim(name, [entry_id for entry_id, _ in found])
        return after

    # The tender's thread, under the lock of the place

    def _take_work(self) -> Work:
        now_s = self._clock.monotonic_s()
        closed = [CloseSession(each) for each in self._idle(now_s)]
        while self._todo:
            todo = self._todo.popleft()
            if todo.closed is not None:
                self._heard_s.pop(todo.closed.session_id, None)
                closed.append(todo.closed)
            if todo.request is not None:
                self._heard_s[todo.request.session_id] = now_s
                self._in_hand = todo
                return Work(tuple(closed), todo.request)
        return Work(tuple(closed))

    def _idle(self, now_s: float) -> list[str]:
        idle = [each for each, heard_s in self._heard_s.items() if now_s - heard_s > IDLE_S]
        for session_id in idle:
            del self._heard_s[session_id]
        return idle

    def _ready(self) -> None:
        self._heard_s.clear()
        self._worker_id = "" if self._is_stopping.is_set() else secrets.token_hex(8)

    def _lost(self, in_hand: AnalysisRequest | None, _delay_s: float, is_blameless: bool) -> None:
        worker_id, self._worker_id = self._worker_id, ""
        self._withdraw(worker_id)
        asked, self._in_hand = self._in_hand, None
        waiting = [(each, True) for each in self._todo]
        self._todo.clear()
        if asked is not None and in_hand is not None:
            # What the kernel kills for its memory looks as if somebody had killed it, once.
            is_first = in_hand.session_id not in self._died_with
            self._died_with.append(in_hand.session_id)
            waiting.append((asked, is_blameless and is_first))
        for todo, is_free in waiting:
            if todo.request is not None:
                self._answer(todo.link, Lost(todo.request.request_id, is_free))

    # The tender's thread

    def _deliver(self, result: AnalysisResult) -> None:
        with self._lock:
            asked, self._in_hand = self._in_hand, None
        if asked is not None:
            self._answer(asked.link, result)

    def _answer(self, link: str, answer: Answer) -> None:
        try:
            self._line.push(answers_name(self._line, link), encode(answer), MOST_ANSWERS, STREAM_S)
        except LineDown:
            # The server has noticed too, and asks again.
            log.warning("An answer was not delivered")

    def _withdraw(self, worker_id: str) -> None:
        if not worker_id:
            return
        try:
            self._line.forget(card_name(self._line, worker_id))
            self._line.remove_members(workers_name(self._line), worker_id)
        except LineDown:
            # The card goes by itself.
            log.warning("A worker could not be withdrawn")


class WorkerHost:
    """All workers of this machine. `spawn` starts a process and gives it a name."""

    def __init__(
        self,
        line: Line,
        workers: int,
        spawn: Callable[[str], Worker],
        clock: Clock,
        limits: PoolLimits | None = None,
    ) -> None:
        new = partial(Place, line=line, spawn=spawn, clock=clock, limits=limits or PoolLimits())
        self._places = [new(f"worker-{index}") for index in range(workers)]
        self._is_stopping = threading.Event()
        self._is_down = False
        self._threads = [
            threading.Thread(target=self._beat, name="worker-cards", daemon=True),
            threading.Thread(target=self._watch, name="worker-watch", daemon=True),
        ]

    def start(self) -> None:
        for place in self._places:
            place.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all workers; the requests in hand go to others."""
        self._is_stopping.set()
        for place in self._places:
            place.ask_to_stop()
        for place in self._places:
            place.join()
        for thread in self._threads:
            thread.join(JOIN_S)

    @property
    def ready(self) -> int:
        """How many workers are there."""
        return sum(place.is_ready for place in self._places)

    def _beat(self) -> None:
        while not self._is_stopping.is_set():
            try:
                for place in self._places:
                    place.show()
                self._say_once(False, "")
            except LineDown as error:
                self._say_once(True, str(error))
            self._is_stopping.wait(BEAT_S)

    def _watch(self) -> None:
        while not self._is_stopping.wait(WATCH_S):
            for place in self._places:
                place.check()

    def _say_once(self, is_down: bool, reason: str) -> None:
        if is_down and not self._is_down:
            log.error("No server can be reached", extra={"reason": reason})
        elif self._is_down and not is_down:
            log.warning("Redis answers again")
        self._is_down = is_down
