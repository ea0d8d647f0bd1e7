"""The live rooms where several servers share them: who looks is then not all known here."""

from __future__ import annotations

from dataclasses import replace

from app.monitoring.live import LiveRooms
from app.monitoring.looking import ROOM, Wish
from app.monitoring.rooms import WALL, wall_room
from app.records import SessionState


class SharedRooms(LiveRooms):
    """Events go to every room, through the queue; what is drawn often goes to whoever is here."""

    def wishes(self) -> Wish:
        """What the people at this server look at."""
        with self._lock:
            is_some = bool(self._wall)
        frames = tuple(self._viewers.watched())
        sounds = self._listeners.sessions(but=ROOM)
        thumbnails = self._thumbnails.wished(but=ROOM)
        return Wish(is_some or bool(frames or sounds), frames, thumbnails, sounds)

    def asked(self, session_id: str) -> tuple[str, ...]:
        """What the student waits for."""
        with self._lock:
            return tuple(frozenset[str]().union(*self._asks.get(session_id, {}).values()))

    def vanished(self, session_id: str) -> None:
        """No server shows the session any more."""
        with self._lock:
            shown = self._shown.pop(session_id, None)
            self._asks.pop(session_id, None)
            if shown is not None:
                shown.view = replace(shown.view, state=SessionState.ENDED)
                self._ended.append(shown)

    def _is_looked_at(self, _session_id: str) -> bool:
        return True

    def _wall_rooms(self, exam_id: str) -> list[str]:
        return [WALL, wall_room(exam_id)]
