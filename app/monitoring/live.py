"""Shows running sessions to those who look: coalesced, bounded, pixels only for viewers.

Any thread may publish; what is newest replaces what was not sent yet. A score that rises is sent
at once, a new verdict soon after it came, everything else about once a second. One thread sends.
Viewers are counted by connection, so that nothing is made for a room that nobody is in.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.clock import Clock
from app.evidence.ring import EvidenceRing
from app.monitoring.listeners import Listeners, level_of
from app.monitoring.rooms import WALL, desk_room, session_room, student_room, wall_room
from app.monitoring.shown import RISE_S, Shown, Told
from app.monitoring.thumbnails import Thumbnails
from app.monitoring.viewers import Viewers
from app.monitoring.views import (
    Mark,
    SessionView,
    clip_payload,
    flag_payload,
    iso,
    monitoring_update,
    student_status,
    violation_payload,
    wall_row,
)
from app.records import ClipRecord, EndCause, SessionState
from detectors.messages import Heard
from scoring.model import IntervalScore

log = logging.getLogger(__name__)

Emit = Callable[[str, object, str], object]

UPDATE_S = 1.0
TICK_S = 0.1
# Ten minutes.
TILE_TREND = 60
JOIN_S = 5.0
MOST_EVENTS = 2_000


class LiveRooms:
    """The rooms of the wall and of each session. Thread-safe."""

    def __init__(
        self,
        emit: Emit,
        clock: Clock,
        evidence: Callable[[str], EvidenceRing | None],
        want_thumbnails: Callable[[frozenset[str]], object],
        want_sound: Callable[[frozenset[str]], object] = len,
        group_of: Callable[[str, str], str] = lambda _exam_id, _user_id: "",
    ) -> None:
        """`emit(event, payload, room)` sends; `want_thumbnails` and `want_sound` are told whose are
        asked for; `group_of` answers to which group a student of an exam belongs."""
        self._emit = emit
        self._clock = clock
        self._evidence = evidence
        self._thumbnails = Thumbnails(want_thumbnails)
        self._lock = threading.Lock()
        self._shown: dict[str, Shown] = {}
        self._ended: list[Shown] = []
        self._group_of = group_of
        self._viewers = Viewers()
        self._listeners = Listeners(want_sound)
        self._asks: dict[str, dict[str, frozenset[str]]] = {}
        self._wall: dict[str, frozenset[str] | None] = {}
        self._events: deque[Told] = deque()
        self._wall_due_s = self._wall_rise_due_s = 0.0
        self._dropped = 0
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is left and end."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def counters(self) -> dict[str, int]:
        with self._lock:
            viewers = self._viewers.everybody() | set(self._wall)
            return {"live_viewers": len(viewers), "live_events_dropped": self._dropped}

    # What is shown

    def publish(self, view: SessionView) -> None:
        """The newest view of a session."""
        with self._lock:
            shown = self._shown.get(view.session_id)
            if shown is not None:
                shown.take(view)
                return
        group = self._group_of(view.exam_id, view.user_id)
        with self._lock:
            self._shown.setdefault(view.session_id, Shown(view, group=group)).take(view)

    def violation(self, session_id: str, mark: Mark) -> None:
        """A violation began or ended."""
        payload = violation_payload(mark)
        self._tell(session_id, "violation", mark.started_at, payload)

    def flagged(self, session_id: str, interval: IntervalScore, at: datetime) -> None:
        """An interval was flagged for review."""
        self._tell(session_id, "flag", at, flag_payload(interval))

    def warning_limit(self, session_id: str, at: datetime, payload: dict[str, Any]) -> None:
        """The warning limit was reached, or a pause began or ended."""
        self._tell(session_id, "warning_limit", at, payload)

    def clip_changed(self, record: ClipRecord) -> None:
        """A clip waits, is ready or has failed."""
        self._tell(record.session_id, "clip", self._clock.now(), clip_payload(record))

    def ended(self, session_id: str, cause: EndCause) -> None:
        """The session is over: its rooms are told once more and then forgotten."""
        with self._lock:
            shown = self._shown.pop(session_id, None)
            if shown is not None:
                shown.view = replace(shown.view, state=SessionState.ENDED)
                self._ended.append(shown)
            self._asks.pop(session_id, None)
        self._thumbnails.forget(session_id)
        self._listeners.forget(session_id)
        exam_id = shown.view.exam_id if shown is not None else ""
        self._tell(session_id, "ended", self._clock.now(), {"cause": cause.value}, exam_id)

    def place_asked(self, session_id: str, request: dict[str, Any]) -> None:
        """Another device or network asks for a running session, or was answered."""
        self.asks(session_id, ["place"] if request.get("state") == "waiting" else [], "place")
        self._tell(session_id, "place", self._clock.now(), request)

    def thumbnail(self, session_id: str, jpeg: bytes, at: datetime) -> None:
        """A small picture of a session somebody asked for."""
        self._thumbnails.take(session_id, jpeg, at)

    def heard(self, session_id: str, heard: Sequence[Heard]) -> None:
        """What the workers made of a session's coded sound."""
        self._listeners.hear(session_id, heard)

    # What staff and students tell each other

    def acted(self, session_id: str, exam_id: str, payload: dict[str, Any]) -> None:
        """Something was done to a session, or seen: for the staff who look, and their walls."""
        self._tell(session_id, "action", self._clock.now(), payload, exam_id, is_for_staff=True)

    def check_in(self, session_id: str, stage: str) -> None:
        """A student came further at check-in, or showed something: for the staff who look."""
        payload = {"stage": stage}
        self._tell(session_id, "check_in", self._clock.now(), payload, is_for_staff=True)

    def asks(self, session_id: str, wishes: Iterable[str], source: str = "desk") -> None:
        """What the student waits for (`chat`, `break`, `place`, `admission`), for the wall.
        Each source speaks for its own wishes."""
        with self._lock:
            self._asks.setdefault(session_id, {})[source] = frozenset(wishes)

    def to_student(self, session_id: str, event: str, payload: dict[str, Any]) -> None:
        """Tell the student at once."""
        self._emit(event, payload, student_room(session_id))

    def announce(self, event: str, payload: dict[str, Any]) -> None:
        """Tell the staff and the programs that look at a wall or at a session, at once."""
        with self._lock:
            exams = {exam_id for seen in self._wall.values() for exam_id in seen or ()}
            rooms = [WALL, *map(wall_room, exams), *map(desk_room, self._viewers.watched())]
        for room in rooms:
            self._emit(event, payload, room)

    # Who looks

    def join(self, sid: str, session_id: str, name: str = "") -> None:
        """A connection looks at a session (staff by `name`); it is shown the newest state at
        once, and the others who look see that it came."""
        has_changed = self._viewers.join(session_id, sid, name)
        with self._lock:
            shown = self._shown.get(session_id)
            if shown is not None:
                shown.sent_s = float("-inf")
                shown.updated = None
        if has_changed or name:
            self._tell_presence(session_id)

    def trend(self, session_id: str) -> list[tuple[float, float, float]]:
        """Second, risk and focus every 10 s since the session began here."""
        with self._lock:
            shown = self._shown.get(session_id)
            return list(shown.trend) if shown is not None else []

    def people(self, session_id: str) -> list[str]:
        """The staff who look at a session."""
        return self._viewers.names(session_id)

    def listen(self, sid: str, session_id: str, *, is_on: bool) -> None:
        """A connection of the staff hears the session from now on, or no longer."""
        with self._lock:
            shown = self._shown.get(session_id)
        if is_on and shown is not None:
            self._listeners.listen(sid, session_id, shown.view.at_s - UPDATE_S)
        else:
            self._listeners.leave(sid, session_id)

    def leave(self, sid: str, session_id: str) -> None:
        self._listeners.leave(sid, session_id)
        if self._viewers.leave(session_id, sid):
            self._tell_presence(session_id)

    def join_wall(self, sid: str, exams: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """A connection looks at the wall: every row as it is now, of these exams or of all."""
        with self._lock:
            self._wall[sid] = exams
            all_shown = list(self._shown.values())
        return [
            {**self._row(shown), "trend": [risk for _, risk, _ in shown.trend][-TILE_TREND:]}
            for shown in all_shown
            if exams is None or shown.view.exam_id in exams
        ]

    def leave_wall(self, sid: str) -> None:
        with self._lock:
            self._wall.pop(sid, None)
        self.want(sid, ())

    def want(self, sid: str, session_ids: Iterable[str]) -> None:
        """Replace whose thumbnails a connection wants."""
        self._thumbnails.want(sid, session_ids)

    def forget(self, sid: str) -> None:
        """A connection is gone."""
        with self._lock:
            self._wall.pop(sid, None)
        for session_id in self._viewers.looks_at(sid):
            self.leave(sid, session_id)
        self._listeners.leave(sid)
        self.want(sid, ())

    def viewers(self, session_id: str) -> int:
        """How many connections look at a session."""
        return self._viewers.count(session_id)

    def looks_at(self, sid: str) -> frozenset[str]:
        """The sessions a connection looks at."""
        return self._viewers.looks_at(sid)

    def _tell_presence(self, session_id: str) -> None:
        """Who of the staff looks at the session, for those who do."""
        payload = {"session_id": session_id, "people": self._viewers.names(session_id)}
        self._emit("presence", payload, desk_room(session_id))

    def _tell(
        self,
        session_id: str,
        kind: str,
        at: datetime,
        payload: dict[str, Any],
        exam_id: str = "",
        *,
        is_for_staff: bool = False,
    ) -> None:
        event = {"session_id": session_id, "kind": kind, "at": iso(at), **payload}
        with self._lock:
            if not self._is_looked_at(session_id) and not self._wall:
                return
            if len(self._events) >= MOST_EVENTS:
                self._events.popleft()
                self._dropped += 1
            shown = self._shown.get(session_id)
            exam_id = shown.view.exam_id if shown is not None else exam_id
            room = (desk_room if is_for_staff else session_room)(session_id)
            self._events.append(Told(session_id, exam_id, room, event))

    # The sending thread

    def _run(self) -> None:
        while not self._is_stopping.wait(TICK_S):
            self.send_due()
        self.send_due()

    def send_due(self) -> None:
        """Send everything whose time has come."""
        now_s = self._clock.monotonic_s()
        for event, payload, room in self._due(now_s):
            try:
                self._emit(event, payload, room)
            except Exception:
                log.exception("A live update could not be sent", extra={"event": event})

    def _due(self, now_s: float) -> list[tuple[str, object, str]]:
        due: list[tuple[str, object, str]] = []
        with self._lock:
            while self._events:
                told = self._events.popleft()
                if self._is_looked_at(told.session_id):
                    due.append(("session_event", told.event, told.room))
                rooms = self._wall_rooms(told.exam_id)
                due.extend(("session_event", told.event, room) for room in rooms)
            ended, self._ended = self._ended, []
            running = list(self._shown.values())
        due.extend(self._thumbnails.due(now_s))
        due.extend(self._listeners.due(self._evidence))
        for shown in [*running, *ended]:
            due.extend(self._due_update(shown, now_s))
            due.extend(self._due_status(shown, now_s))
        if now_s >= self._wall_due_s or ended:
            due.extend(self._due_wall([*running, *ended], now_s))
        elif now_s >= self._wall_rise_due_s:
            due.extend(self._due_rows([s for s in running if s.row_has_risen], now_s))
        return due

    def _due_update(self, shown: Shown, now_s: float) -> list[tuple[str, object, str]]:
        view = shown.view
        is_due = shown.is_update_due(now_s) or not view.is_running
        if not is_due or not self.viewers(view.session_id):
            return []
        ring = self._evidence(view.session_id)
        frame = ring.latest_frame() if ring is not None else None
        frame_at_s = frame.at_s if frame else None
        if shown.updated is view and shown.frame_at_s == frame_at_s:
            return []
        shown.updated, shown.frame_at_s = view, frame_at_s
        shown.sent_s = now_s
        update = monitoring_update(view, frame, self._level_db(view, ring))
        return [("monitoring_update", update, session_room(view.session_id))]

    def _level_db(self, view: SessionView, ring: EvidenceRing | None) -> float | None:
        level_db = self._listeners.level_db(view.session_id, view.at_s)
        return level_of(ring, view.at_s) if level_db is None else level_db

    def _due_status(self, shown: Shown, now_s: float) -> list[tuple[str, object, str]]:
        view = shown.view
        status = student_status(view)
        if status == shown.status or (now_s < shown.status_due_s and view.is_running):
            return []
        shown.status, shown.status_due_s = status, now_s + UPDATE_S
        return [("status", status, student_room(view.session_id))]

    def _due_wall(self, all_shown: list[Shown], now_s: float) -> list[tuple[str, object, str]]:
        self._wall_due_s = now_s + UPDATE_S
        return self._due_rows(all_shown, now_s)

    def _due_rows(self, all_shown: list[Shown], now_s: float) -> list[tuple[str, object, str]]:
        with self._lock:
            if not self._wall:
                return []
        changed = []
        for shown in all_shown:
            row = self._row(shown)
            if row != shown.row:
                shown.row = row
                changed.append(row)
        if not changed:
            return []
        self._wall_rise_due_s = now_s + RISE_S
        with self._lock:
            rooms = {WALL: changed} if None in self._wall.values() else {}
            for exam_id in {row["exam_id"] for row in changed}:
                if any(exams and exam_id in exams for exams in self._wall.values()):
                    rows = [row for row in changed if row["exam_id"] == exam_id]
                    rooms[wall_room(exam_id)] = rows
        return [("wall_update", {"sessions": rows}, room) for room, rows in rooms.items()]

    def _is_looked_at(self, session_id: str) -> bool:
        return self._viewers.count(session_id) > 0

    def _wall_rooms(self, exam_id: str) -> list[str]:
        looks = self._wall.values()
        rooms = [WALL] if None in looks else []
        if any(exams and exam_id in exams for exams in looks):
            rooms.append(wall_room(exam_id))
        return rooms

    def _row(self, shown: Shown) -> dict[str, Any]:
        session_id = shown.view.session_id
        asks = sorted(frozenset().union(*self._asks.get(session_id, {}).values()))
        row = wall_row(shown.view, asks, self._viewers.names(session_id))
        return {**row, "group": shown.group}
