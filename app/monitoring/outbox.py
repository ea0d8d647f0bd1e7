"""Stores documents in the background until they are stored.

Threads that must not wait for a database put their writes here. A newer version of the same
document replaces the one that still waits; a database that does not answer is tried again with
growing pauses, and what is due meanwhile waits in the journal on disk, where it counts as stored.
The thread `start` makes is the only one that writes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.clock import Clock
from app.errors import Unavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
# A write that fails for another reason than a silent database will not get better.
MOST_ATTEMPTS = 3
JOIN_S = 5.0

Key = tuple[str, ...]
Write = Callable[[], object]


@dataclass(slots=True)
class _Entry:
    write: Write
    due_s: float
    attempts: int = 0


class WaitsOnDisk(Protocol):
    """The journal, as far as an outbox uses it."""

    def keep(self, write: Write) -> bool:
        """Keep a write on disk until the database is back; False when that cannot be."""
        ...

    def drain(self) -> None:
        """Store what waits on disk, in order. Raises Unavailable."""
        ...

    @property
    def waiting(self) -> int: ...


class Outbox:
    """Newest version of each document, keyed by (session id, kind, ...).

    At most `limit` documents wait; beyond that the one that waits longest is given up and
    counted. Thread-safe.
    """

    def __init__(
        self, name: str, clock: Clock, limit: int = 20_000, waits: WaitsOnDisk | None = None
    ) -> None:
        self._name = name
        self._waits = waits
        self._clock = clock
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: dict[Key, _Entry] = {}
        self._writing: Key | None = None
        self._pause_s = 0.0
        self._paused_until_s = 0.0
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self.given_up = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = JOIN_S) -> None:
        """Write what waits, at most for `timeout_s`, then end."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self.waiting():
            log.error("Documents were not stored before the stop", extra={"count": self.waiting()})

    def put(self, key: Key, write: Write, within_s: float = 0.0) -> None:
        """Store by `write` at most `within_s` from now; a waiting version is replaced."""
        due_s = self._clock.monotonic_s() + within_s
        with self._changed:
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.write, waiting.attempts = write, 0
                waiting.due_s = min(waiting.due_s, due_s)
            else:
                if len(self._waiting) >= self._limit:
                    del self._waiting[next(iter(self._waiting))]
                    self.given_up += 1
                self._waiting[key] = _Entry(write, due_s)
            self._changed.notify_all()

    def waiting(self, owner: str | None = None) -> int:
        """How many documents are not stored yet, of one session or in all."""
        with self._changed:
            return self._count(owner)

    def is_stored(self, *start: str) -> bool:
        """Whether no document whose key begins so waits or is being written."""
        size = len(start)
        with self._changed:
            keys = [*self._waiting, *([self._writing] if self._writing is not None else [])]
            return all(key[:size] != start for key in keys)

    def flush(self, owner: str, timeout_s: float) -> bool:
        """Store everything of `owner` now; whether that succeeded in time."""
        now_s = self._clock.monotonic_s()
        with self._changed:
            for key, entry in self._waiting.items():
                if key[0] == owner:
                    entry.due_s = min(entry.due_s, now_s)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._count(owner) == 0, timeout_s)

    def write_due(self) -> float | None:
        """Write what is due; seconds until more is, or None when nothing waits."""
        while True:
            due, wait_s = self._due()
            if not due:
                return self._store_kept(wait_s)
            for key in due:
                if not self._write(key):
                    break

    def _due(self) -> tuple[list[Key], float | None]:
        """The keys that are due, longest first; without any, the seconds until one is."""
        now_s = self._clock.monotonic_s()
        with self._changed:
            if not self._waiting:
                return [], None
            if self._paused_until_s > now_s and self._waits is None:
                return [], self._paused_until_s - now_s
            by_due = sorted(self._waiting, key=lambda key: self._waiting[key].due_s)
            due = [k for k in by_due if self._is_stopping or self._waiting[k].due_s <= now_s]
            return due, self._waiting[by_due[0]].due_s - now_s

    def _write(self, key: Key) -> bool:
        """Write one document; whether the next one may be tried at once."""
        with self._changed:
            entry = self._waiting.pop(key, None)
            self._writing = key
        is_done = entry is None or self._try(entry)
        with self._changed:
            self._writing = None
            if entry is not None and not is_done:
                self._waiting.setdefault(key, entry)
            self._changed.notify_all()
        return is_done

    def _try(self, entry: _Entry) -> bool:
        """Whether the entry is dealt with: stored, or given up."""
        if self._paused_until_s > self._clock.monotonic_s():
            entry.due_s = max(entry.due_s, self._paused_until_s)
            return self._keep(entry)
        try:
            if self._waits is not None and self._waits.waiting:
                self._waits.drain()
            entry.write()
        except Unavailable:
            if self._keep(entry):
                self._pause()
                return True
            self._pause()
            entry.due_s = max(entry.due_s, self._paused_until_s)
            log.warning("The database does not answer; trying again", exc_info=True)
            return False
        except Exception:
            entry.attempts += 1
            log.exception("A document could not be stored")
            if entry.attempts >= MOST_ATTEMPTS:
                self.given_up += 1
                return True
            entry.due_s = self._clock.monotonic_s() + FIRST_PAUSE_S
            return False
        self._pause_s = self._paused_until_s = 0.0
        return True

    def _store_kept(self, wait_s: float | None) -> float | None:
        """Store what waits on disk when nothing else is due; seconds until more is."""
        if self._waits is None or not self._waits.waiting:
            return wait_s
        left_s = self._paused_until_s - self._clock.monotonic_s()
        if left_s <= 0:
            try:
                self._waits.drain()
            except Unavailable:
                self._pause()
                left_s = self._pause_s
            else:
                self._pause_s = self._paused_until_s = 0.0
                return wait_s
        return left_s if wait_s is None else min(wait_s, left_s)

    def _pause(self) -> None:
        """The database is away: ask it again later, and later still."""
        self._pause_s = min(max(FIRST_PAUSE_S, self._pause_s * 2), LONGEST_PAUSE_S)
        self._paused_until_s = self._clock.monotonic_s() + self._pause_s

    def _keep(self, entry: _Entry) -> bool:
        return self._waits is not None and self._waits.keep(entry.write)

    def _count(self, owner: str | None) -> int:
        if owner is None:
            return len(self._waiting) + (self._writing is not None)
        mine = sum(1 for key in self._waiting if key[0] == owner)
        return mine + (self._writing is not None and self._writing[0] == owner)

    def _run(self) -> None:
        while True:
            wait_s = self.write_due()
            with self._changed:
                if self._is_stopping and not self._waiting:
                    return
                if wait_s is None and self._waiting:
                    continue
                self._changed.wait(wait_s)
