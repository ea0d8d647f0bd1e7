"""Small pictures for those who asked, at most one in two seconds and session. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from app.monitoring.views import iso

MOST_THUMBNAILS = 60
THUMBNAIL_S = 2.0


class Thumbnails:
    """Whose pictures are wanted by whom, and the newest of each that was not sent yet."""

    def __init__(self, want: Callable[[frozenset[str]], object]) -> None:
        """`want` is told whose pictures all want together, whenever that is news."""
        self._want = want
        self._lock = threading.Lock()
        self._wishing = threading.Lock()
        self._wishes: dict[str, frozenset[str]] = {}
        self._wished: frozenset[str] = frozenset()
        self._newest: dict[str, tuple[bytes, datetime]] = {}
        self._due_s: dict[str, float] = {}

    def want(self, sid: str, session_ids: Iterable[str]) -> None:
        """Replace whose pictures a connection wants."""
        wish = frozenset(session_ids)
        # The worker pool must hear of the wishes in the order in which they were made.
        with self._wishing:
            wished = self._wish(sid, wish)
            if wished is not None:
                self._want(wished)

    def take(self, session_id: str, jpeg: bytes, at: datetime) -> None:
        """A picture of a session somebody asked for."""
        with self._lock:
            if session_id in self._wished:
                self._newest[session_id] = (jpeg, at)

    def wished(self, but: str) -> tuple[str, ...]:
        """Whose pictures all want together, but one."""
        with self._lock:
            wishes = [wish for sid, wish in self._wishes.items() if sid != but]
        return tuple(frozenset[str]().union(*wishes))

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._newest.pop(session_id, None)
            self._due_s.pop(session_id, None)

    def due(self, now_s: float) -> list[tuple[str, object, str]]:
        """What is to be sent now: event, payload, connection."""
        due: list[tuple[str, object, str]] = []
        with self._lock:
            for session_id in list(self._newest):
                if now_s < self._due_s.get(session_id, 0.0):
                    continue
                jpeg, at = self._newest.pop(session_id)
                self._due_s[session_id] = now_s + THUMBNAIL_S
                payload = {"session_id": session_id, "jpeg": jpeg, "at": iso(at)}
                sids = [sid for sid, wish in self._wishes.items() if session_id in wish]
                due.extend(("thumbnail", payload, sid) for sid in sids)
        return due

    def _wish(self, sid: str, wish: frozenset[str]) -> frozenset[str] | None:
        """What all want together, when that is news."""
        with self._lock:
            self._wishes[sid] = wish
            if not wish:
                del self._wishes[sid]
            wished = frozenset[str]().union(*self._wishes.values())
            if wished == self._wished:
                return None
            self._wished = wished
            for session_id in self._newest.keys() - wished:
                del self._newest[session_id]
        return wished
