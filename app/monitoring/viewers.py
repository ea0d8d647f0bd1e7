"""Who looks at which session, by connection. Thread-safe."""

from __future__ import annotations

import threading


class Viewers:
    """Connections and, where staff are behind them, their names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, dict[str, str]] = {}

    def join(self, session_id: str, sid: str, name: str = "") -> bool:
        """Whether the names of those who look have changed."""
        with self._lock:
            before = self._named(session_id)
            self._names.setdefault(session_id, {})[sid] = name
            return self._named(session_id) != before

    def leave(self, session_id: str, sid: str) -> bool:
        """Whether the names of those who look have changed."""
        with self._lock:
            before = self._named(session_id)
            there = self._names.get(session_id, {})
            there.pop(sid, None)
            if not there:
                self._names.pop(session_id, None)
            return self._named(session_id) != before

    def names(self, session_id: str) -> list[str]:
        """The staff who look at a session, each once, in the order in which they came."""
        with self._lock:
            return self._named(session_id)

    def count(self, session_id: str) -> int:
        """How many connections look at a session."""
        with self._lock:
            return len(self._names.get(session_id, ()))

    def looks_at(self, sid: str) -> frozenset[str]:
        """The sessions a connection looks at."""
        with self._lock:
            return frozenset(s for s, names in self._names.items() if sid in names)

    def watched(self) -> list[str]:
        """The sessions somebody looks at."""
        with self._lock:
            return list(self._names)

    def everybody(self) -> set[str]:
        """Every connection that looks at a session."""
        with self._lock:
            return {sid for names in self._names.values() for sid in names}

    def _named(self, session_id: str) -> list[str]:
        names = self._names.get(session_id, {}).values()
        return list(dict.fromkeys(name for name in names if name))
