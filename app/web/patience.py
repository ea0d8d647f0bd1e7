"""How long a client may hold a thread of the server before it has sent its request.

A thread reads a request as long as its client takes to send it. Without limits, a few hundred
clients that send a byte now and then would leave no thread for anybody else.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

HEAD_S = 20.0
BODY_S = 60.0
# For a client that does not take what it asked for, Linux ends the connection after so long.
UNREAD_MS = 30_000


class Connection(Protocol):
    """What gunicorn calls a connection."""

    sock: socket.socket


class Patience:
    """The connections that are sending a request now, oldest first; thread-safe.

    Not more than `most` may do so at once: those who take longest give way.
    """

    def __init__(self, most: int, now_s: Callable[[], float]) -> None:
        self._most = most
        self._now_s = now_s
        self._lock = threading.Lock()
        self._until: OrderedDict[Connection, float] = OrderedDict()

    def begin(self, connection: Connection) -> None:
        """It has begun to send a request."""
        with self._lock:
            self._until[connection] = self._now_s() + HEAD_S
            slowest = list(self._until)[: max(0, len(self._until) - self._most)]
        self._cut(slowest)

    def head_is_read(self, connection: Connection, *, has_body: bool) -> None:
        """It has sent everything, or everything but a body."""
        with self._lock:
            if has_body and connection in self._until:
                self._until[connection] = self._now_s() + BODY_S
            else:
                self._until.pop(connection, None)

    def end(self, connection: Connection) -> None:
        with self._lock:
            self._until.pop(connection, None)

    def enforce(self) -> None:
        """Cut off those whose time is over; for a thread that comes by every second or so."""
        now_s = self._now_s()
        with self._lock:
            late = [each for each, until_s in self._until.items() if until_s <= now_s]
        self._cut(late)

    def _cut(self, slow: list[Connection]) -> None:
        """They can send no more; an answer that is being made still reaches them."""
        for connection in slow:
            self.end(connection)
            try:
                # Past a TLS socket's own method, which forgets what a reading thread needs.
                socket.socket.shutdown(connection.sock, socket.SHUT_RD)
            except (OSError, ValueError):
                continue
        if slow:
            log.warning("Slow requests were cut off", extra={"count": len(slow)})


def bound_unread(sock: socket.socket) -> None:
    """Let the system end a connection whose client does not read, where it can."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, option, UNREAD_MS)
        except OSError:
            return
