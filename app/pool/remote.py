"""Detector workers on any machine, reached over Redis.

Everything a pool does with its workers is as in `LocalPool`; here a worker is one that a host
(`./run.sh worker`) offers. Workers come and go: each new one gets a seat, a seat whose worker is
gone takes the next that comes, and its sessions go on elsewhere at once. A request that was with a
worker that vanished is put back. Mailboxes stay in the server, so that Redis never holds more of a
session than the one request that is being worked on.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from app.clock import Clock
from app.fleet.codec import Unreadable, decode, encode
from app.fleet.line import Line, LineDown
from app.pool.far import (
    MOST_TODO,
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
from app.pool.local import LocalPool
from app.pool.process import Worker
from app.pool.tender import PoolLimits, Tender, WorkerLostError
from detectors.messages import AnalysisRequest, AnalysisResult, CloseSession, WorkerReady

log = logging.getLogger(__name__)

LOOK_S = 0.5
JOIN_S = 10.0
MOST_SEATS = 256
# The host gives a request up much earlier; this is for a host that hangs.
LIMITS = PoolLimits(start_s=float("inf"), request_s=60.0, stop_s=3.0)


class Directory:
    """The workers that are there, read every half second by one thread. Thread-safe."""

    def __init__(self, line: Line, look_s: float = LOOK_S) -> None:
        self._line = line
        self._look_s = look_s
        self._changed = threading.Condition()
        self._cards: dict[str, Card] = {}
        self._claimed: set[str] = set()
        self._buried: set[str] = set()
        self._claiming = 0
        self._is_reachable = True
        self._is_stopping = threading.Event()

    def stop(self) -> None:
        self._is_stopping.set()
        with self._changed:
            self._changed.notify_all()

    def run(self, when_read: Callable[[], None]) -> None:
        """Until `stop`: look, and call back after each look."""
        while not self._is_stopping.is_set():
            self.look()
            when_read()
            self._is_stopping.wait(self._look_s)

    def look(self) -> None:
        try:
            cards = self._read()
        except LineDown as error:
            cards = {}
            self._say_once(False, str(error))
        else:
            self._say_once(True, "")
        with self._changed:
            self._buried &= cards.keys()
            self._cards = {each: card for each, card in cards.items() if each not in self._buried}
            self._changed.notify_all()

    @property
    def free(self) -> int:
        """Workers that no seat of this server has."""
        with self._changed:
            return len(self._cards.keys() - self._claimed)

    @property
    def unserved(self) -> int:
        """Those of them for which no seat waits either."""
        with self._changed:
            return len(self._cards.keys() - self._claimed) - self._claiming

    def is_there(self, worker_id: str) -> bool:
        with self._changed:
            return worker_id in self._cards

    def claim(self) -> Card:
        """The next worker that no seat has, waiting for it. Raises WorkerLostError at the stop."""
        with self._changed:
            self._claiming += 1
            try:
                while not self._is_stopping.is_set():
                    free = sorted(self._cards.keys() - self._claimed)
                    if free:
                        self._claimed.add(free[0])
                        return self._cards[free[0]]
                    self._changed.wait(self._look_s)
            finally:
                self._claiming -= 1
        raise WorkerLostError("The server is stopping.")

    def release(self, worker_id: str) -> None:
        with self._changed:
            self._claimed.discard(worker_id)

    def bury(self, worker_id: str) -> None:
        """It has said that it ended, whatever its card still says."""
        with self._changed:
            self._buried.add(worker_id)
            self._cards.pop(worker_id, None)

    def _read(self) -> dict[str, Card]:
        ids = sorted(self._line.members(workers_name(self._line)))
        found = self._line.read([card_name(self._line, each) for each in ids])
        gone = [each for each, card in zip(ids, found, strict=True) if card is None]
        if gone:
            self._line.remove_members(workers_name(self._line), *gone)
        cards: dict[str, Card] = {}
        for worker_id, data in zip(ids, found, strict=True):
            try:
                if data is not None:
                    cards[worker_id] = decode(data, Card)
            except Unreadable as error:
                log.warning("A worker's card is left out", extra={"reason": error.message})
        return cards

    def _say_once(self, is_reachable: bool, reason: str) -> None:
        if is_reachable != self._is_reachable:
            self._is_reachable = is_reachable
            if is_reachable:
                log.warning("Redis answers again")
            else:
                log.error("The detector workers cannot be reached", extra={"reason": reason})


class FarPipe:
    """A link to one worker as its tender sees it."""

    def __init__(self, line: Line, card: Card, directory: Directory) -> None:
        self._line = line
        self._card = card
        self._directory = directory
        self._link = secrets.token_hex(8)
        self._after = "0"
        self._has_greeted = False
        self._asked = 0
        self._is_closed = threading.Event()
        self.is_blameless = True

    def send(self, message: Any, /) -> None:
        request = message if isinstance(message, AnalysisRequest) else None
        closed = message if isinstance(message, CloseSession) else None
        if request is not None:
            self._asked = request.request_id
        todo = Todo(self._link, request, closed)
        name = todo_name(self._line, self._card.worker_id)
        self._line.push(name, encode(todo), MOST_TODO, STREAM_S)

    def recv(self) -> Any:
        if not self._has_greeted:
            self._has_greeted = True
            return WorkerReady(self._card.pid, self._card.statuses)
        while not self._is_closed.is_set():
            name = answers_name(self._line, self._link)
            for entry_id, data in self._line.pull(name, self._after, WAIT_S):
                self._after = entry_id
                answer = self._read(data)
                if answer is not None:
                    self._line.trim(name, [entry_id])
                    return answer
            if not self._directory.is_there(self._card.worker_id):
                raise WorkerLostError("A detector worker on another machine went away.")
        raise EOFError

    def close(self) -> None:
        self._is_closed.set()

    def _read(self, data: bytes) -> AnalysisResult | None:
        """The answer to what was asked last; None for any other."""
        try:
            answer: Answer = decode(data, AnalysisResult, Lost)  # type: ignore[assignment]  # one of the two
        except Unreadable as error:
            raise WorkerLostError(error.message) from None
        if answer.request_id != self._asked:
            return None
        if isinstance(answer, Lost):
            self.is_blameless = answer.is_blameless
            self._directory.bury(self._card.worker_id)
            raise WorkerLostError("A detector worker on another machine ended.")
        return answer


class FarWorker:
    """A worker that a host offers, as long as this server uses it."""

    def __init__(self, line: Line, directory: Directory) -> None:
        self._directory = directory
        self._card = directory.claim()
        self._pipe = FarPipe(line, self._card, directory)

    @property
    def connection(self) -> FarPipe:
        return self._pipe

    @property
    def pid(self) -> int:
        return self._card.pid

    def is_alive(self) -> bool:
        return self._directory.is_there(self._card.worker_id)

    def was_killed(self) -> bool:
        return self._pipe.is_blameless

    def kill(self) -> None:
        self._pipe.close()

    def dismiss(self, timeout_s: float) -> None:  # noqa: ARG002  # there is nothing to wait for
        self._pipe.close()
        self._directory.release(self._card.worker_id)


class RemotePool(LocalPool):
    """An InferencePool of the workers that are in the directory."""

    remedy = "No detector worker is there. Start one: ./run.sh worker, with the same REDIS_URL."

    def __init__(
        self, line: Line, clock: Clock, limits: PoolLimits = LIMITS, look_s: float = LOOK_S
    ) -> None:
        self._directory = Directory(line, look_s)
        self._line = line
        self._look = threading.Thread(target=self._look_around, name="pool-directory", daemon=True)
        super().__init__(1, self._take_on, clock, limits)

    def start(self, on_result: Callable[[AnalysisResult], None]) -> None:
        """Begin to use the workers that are there, and those that come."""
        super().start(on_result)
        self._look.start()

    def stop(self) -> None:
        """Leave the workers to others. Idempotent."""
        for tender in self._tenders:
            tender.ask_to_stop()
        self._directory.stop()
        if self._look.is_alive():
            self._look.join(JOIN_S)
        super().stop()

    def counters(self) -> dict[str, int]:
        """What was done, dropped and restarted since the start; `workers` are those there."""
        counters = super().counters()
        return {**counters, "workers": counters["workers_ready"] + self._directory.free}

    def _take_on(self, _name: str) -> Worker:
        return FarWorker(self._line, self._directory)

    def _look_around(self) -> None:
        self._directory.run(self._make_seats)

    def _make_seats(self) -> None:
        """A seat for each worker; one whose worker is gone waits for the next."""
        new: list[Tender] = []
        with self._lock:
            wanted = min(self._directory.unserved, MOST_SEATS - len(self._tenders))
            for _ in range(wanted):
                seat = self._roster.add_seat()
                new.append(self._new_tender(seat.index))
                self._tenders.append(new[-1])
        for tender in new:
            tender.start()

    def _ready(self, index: int) -> None:
        super()._ready(index)
        for woken in self._roster.even_out(self._roster.seats[index]):
            self._tenders[woken.index].wake.notify()

    def _strike(self, session_id: str, is_blameless: bool) -> float:
        # A machine or a line that is gone says nothing about the session.
        return 0.0 if is_blameless else super()._strike(session_id, is_blameless)

    def _lost(
        self, index: int, in_hand: AnalysisRequest | None, delay_s: float, is_blameless: bool
    ) -> None:
        # Nobody knows whether this worker comes back: its sessions do not wait for it.
        super()._lost(index, in_hand, max(delay_s, 1e-3), is_blameless)
