"""Closes live connections whose login has ended or whose key was closed.

One thread; it matters for connections that only listen, and for changes made by a command.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from app.access.doors import Caller, Doors, Login
from app.errors import CandorError, NotAuthenticated

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
JOIN_S = 3.0


class OpenConnections(Protocol):
    """Those who are connected now."""

    def all(self) -> tuple[Caller, ...]: ...


class ConnectionWatch:
    """Looks every few seconds; `look` may be called by anybody."""

    def __init__(
        self, doors: Doors, connections: OpenConnections, disconnect: Callable[[str], None]
    ) -> None:
        self._doors = doors
        self._connections = connections
        self._disconnect = disconnect
        self._also: list[Callable[[], None]] = []
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def also(self, look: Callable[[], None]) -> None:
        """Look after something else every few seconds, too."""
        self._also.append(look)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="connection-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def look(self) -> int:
        """Close what is not let in any more; returns how many."""
        closed = 0
        for caller in self._connections.all():
            if caller.kind == "student" or self._is_let_in(caller):
                continue
            self._disconnect(caller.sid)
            closed += 1
        return closed

    def _is_let_in(self, caller: Caller) -> bool:
        try:
            now = (
                self._doors.by_key_id(caller.name)
                if caller.kind == "integrator"
                else self._doors.by_login(
                    Login(caller.name, caller.stamp, caller.login_id), is_use=False
                )
            )
        except NotAuthenticated:
            return False
        # Rooms were joined with the rights of then.
        return (now.role, now.exams, now.scopes) == (caller.role, caller.exams, caller.scopes)

    def _run(self) -> None:
        while not self._is_stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
                for look in self._also:
                    look()
            except CandorError as error:
                log.warning("Connections were not checked", extra={"reason": error.message})
            except Exception:
                log.exception("Connections were not checked")
