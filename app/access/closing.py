"""Closes all Socket.IO connections at the stop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable

from app.access.doors import Caller
from app.clock import Clock

CLOSERS = 8
CLOSE_S = 3.0


def close_all(callers: Iterable[Caller], disconnect: Callable[[str], None], clock: Clock) -> None:
    """Close every Socket.IO connection; one that does not read is left after 3 s."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for caller in callers:
        waiting.put(caller.sid)

    def close() -> None:
        while True:
            try:
                disconnect(waiting.get_nowait())
            except queue.Empty:
                return

    closers = [
        threading.Thread(target=close, name=f"closer-{number}", daemon=True)
        for number in range(CLOSERS)
    ]
    for closer in closers:
        closer.start()
    deadline_s = clock.monotonic_s() + CLOSE_S
    for closer in closers:
        closer.join(max(0.0, deadline_s - clock.monotonic_s()))
