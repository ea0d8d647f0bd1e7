"""How much one client may ask: requests a second from an address, connections of one caller."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.access.doors import Caller
from app.clock import Clock
from app.errors import TooMany

REMEMBERED = 10_000
# A whole school may stand behind one address, and all its students arrive together.
BURST_S = 30.0
KEPT_FOR_STAFF = 20
MOST_CONNECTIONS = {"student": 5, "staff": 20, "integrator": 200}


class Limits:
    """Token buckets per client, in memory, bounded; thread-safe."""

    def __init__(self, clock: Clock, per_s: float, threads: int = 400) -> None:
        """`per_s` requests of one address on average; `threads` are those of the server."""
        self._clock = clock
        self._per_s = per_s
        self._most = threads - min(KEPT_FOR_STAFF, threads // 4)
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._refused = 0

    def check(self, client: str) -> None:
        """Count one request. Raises TooMany when the client has asked too often."""
        now_s = self._clock.monotonic_s()
        most = self._per_s * BURST_S
        with self._lock:
            level, at_s = self._levels.pop(client, (most, now_s))
            level = min(most, level + (now_s - at_s) * self._per_s)
            is_full = level < 1.0
            self._levels[client] = (level if is_full else level - 1.0, now_s)
            while len(self._levels) > REMEMBERED:
                self._levels.popitem(last=False)
            self._refused += is_full
        if is_full:
            raise TooMany("Too many requests from this address. Try again in a moment.")

    def counters(self) -> dict[str, int]:
        with self._lock:
            return {"web_requests_refused": self._refused}

    def check_connections(self, new: Caller, open_now: tuple[Caller, ...]) -> None:
        """Raise TooMany when this caller holds as many connections as one may, or when the
        server has only the threads left that staff need."""
        if new.kind != "staff" and len(open_now) >= self._most:
            raise TooMany("This server is full. Try again in a moment; tell your proctor.")
        if new.kind == "student":
            mine = sum(each.session_id == new.session_id for each in open_now)
        elif new.kind == "staff":
            mine = sum(each.login_id == new.login_id for each in open_now if each.kind == "staff")
        else:
            mine = sum(each.name == new.name for each in open_now if each.kind == "integrator")
        if mine >= MOST_CONNECTIONS[new.kind]:
            raise TooMany("Too many connections are open. Close some first.")
