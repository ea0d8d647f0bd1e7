"""Shows running sessions to those who look: coalesced, bounded, pixels only for viewers.

Any thread may publish; what is newest replaces what was not sent yet. A score that rises is sent
at once, everything else once a second. One thread sends. Viewers
are counted by connection, so that nothing is made for a room that nobody is in.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.clock import Clock
from app.evidence.ring import EvidenceRing
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
from scoring.model import IntervalScore

log = logging.getLogger(__name__)

Emit = Callable[[str, object, str], object]

WALL = "wall"
UPDATE_S = 1.0
# A score that rises does not wait for its turn.
RISE_S = 0.2
THUMBNAIL_S = 2.0
TICK_S = 0.1
JOIN_S = 5.0
MOST_EVENTS = 2_000
MOST_THUMBNAILS = 60


def session_room(session_id: str) -> str:
    """The room of those who look at one session."""
    return f"session:{session_id}"


def wall_room(exam_id: str) -> str:
    """The room of those who see the wall of one exam only."""
    return f"{WALL}:{exam_id}"


def student_room(session_id: str) -> str:
    """The room of the student's own connection."""
    return f"student:{session_id}"


@dataclass(slots=True)
class _Shown:
    """What was sent of one session, and when it may be sent again."""

    view: SessionView
    update_due_s: float = 0.0
    updated: SessionView | None = None
    frame_at_s: float | None = None
    status_due_s: float = 0.0
    status: dict[str, Any] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def has_risen(self) -> bool:
        """Whether the score is higher than what those who look at the session were sent."""
        return self.updated is not None and _height(self.view) > _height(self.updated)

    @property
    def row_has_risen(self) -> bool:
        """Whether the score is higher than what the wall was sent."""
        scores = self.view.scores
        sent = (self.row.get("total_score", 0.0), self.row.get("flagged_intervals", 0))
        return (scores.total_score, scores.flagged_intervals) > sent


def _height(view: SessionView) -> tuple[float, int]:
    return view.scores.total_score, view.scores.flagged_intervals


class LiveRooms:
    """The rooms of the wall and of each session. Thread-safe."""

    def __init__(
        self,
        emit: Emit,
        clock: Clock,
        evidence: Callable[[str], EvidenceRing | None],
        want_thumbnails: Callable[[frozenset[str]], object],
    ) -> None:
        """`emit(event, payload, room)` sends; `want_thumbnails` is told whose are asked for."""
        self._emit = emit
        self._clock = clock
        self._evidence = evidence
        self._want_thumbnails = want_thumbnails
        self._lock = threading.Lock()
        self._shown: dict[str, _Shown] = {}
        self._ended: list[_Shown] = []
        self._viewers: dict[str, set[str]] = {}
        self._wall: dict[str, frozenset[str] | None] = {}
        self._wishing = threading.Lock()
        self._wishes: dict[str, frozenset[str]] = {}
        self._wished: frozenset[str] = frozenset()
        self._events: deque[tuple[str, str, dict[str, Any]]] = deque()
        self._thumbnails: dict[str, tuple[bytes, datetime]] = {}
        self._thumbnail_due_s: dict[str, float] = {}
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
            viewers = set().union(*self._viewers.values(), self._wall)
            return {"live_viewers": len(viewers), "live_events_dropped": self._dropped}

    # What is shown

    def publish(self, view: SessionView) -> None:
        """The newest view of a session."""
        with self._lock:
            shown = self._shown.get(view.session_id)
            if shown is None:
                self._shown[view.session_id] = _Shown(view)
            else:
                shown.view = view

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
            self._thumbnails.pop(session_id, None)
            self._thumbnail_due_s.pop(session_id, None)
        exam_id = shown.view.exam_id if shown is not None else ""
        self._tell(session_id, "ended", self._clock.now(), {"cause": cause.value}, exam_id)

    def place_asked(self, session_id: str, request: dict[str, Any]) -> None:
        """Another device or network asks for a running session, or was answered."""
        self._tell(session_id, "place", self._clock.now(), request)

    def thumbnail(self, session_id: str, jpeg: bytes, at: datetime) -> None:
        """A small picture of a session somebody asked for."""
        with self._lock:
            if session_id in self._wished:
                self._thumbnails[session_id] = (jpeg, at)

    # Who looks

    def join(self, sid: str, session_id: str) -> None:
        """A connection looks at a session; it is shown the newest state at once."""
        with self._lock:
            self._viewers.setdefault(session_id, set()).add(sid)
            shown = self._shown.get(session_id)
            if shown is not None:
                shown.update_due_s = 0.0
                shown.updated = None

    def leave(self, sid: str, session_id: str) -> None:
        with self._lock:
            self._leave(sid, session_id)

    def join_wall(self, sid: str, exams: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """A connection looks at the wall: every row as it is now, of these exams or of all."""
        with self._lock:
            self._wall[sid] = exams
            views = [shown.view for shown in self._shown.values()]
        return [wall_row(view) for view in views if exams is None or view.exam_id in exams]

    def leave_wall(self, sid: str) -> None:
        with self._lock:
            self._wall.pop(sid, None)
        self.want(sid, ())

    def want(self, sid: str, session_ids: Iterable[str]) -> None:
        """Replace whose thumbnails a connection wants."""
        wish = frozenset(session_ids)
        # The worker pool must hear of the wishes in the order in which they were made.
        with self._wishing:
            wished = self._wish(sid, wish)
            if wished is not None:
                self._want_thumbnails(wished)

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
            for session_id in self._thumbnails.keys() - wished:
                del self._thumbnails[session_id]
        return wished

    def forget(self, sid: str) -> None:
        """A connection is gone."""
        with self._lock:
            self._wall.pop(sid, None)
            for session_id in [s for s, sids in self._viewers.items() if sid in sids]:
                self._leave(sid, session_id)
        self.want(sid, ())

    def viewers(self, session_id: str) -> int:
        """How many connections look at a session."""
        with self._lock:
            return len(self._viewers.get(session_id, ()))

    def looks_at(self, sid: str) -> frozenset[str]:
        """The sessions a connection looks at."""
        with self._lock:
            return frozenset(s for s, sids in self._viewers.items() if sid in sids)

    def _leave(self, sid: str, session_id: str) -> None:
        sids = self._viewers.get(session_id)
        if sids is not None:
            sids.discard(sid)
            if not sids:
                del self._viewers[session_id]

    def _tell(
        self,
        session_id: str,
        kind: str,
        at: datetime,
        payload: dict[str, Any],
        exam_id: str = "",
    ) -> None:
        event = {"session_id": session_id, "kind": kind, "at": iso(at), **payload}
        with self._lock:
            if session_id not in self._viewers and not self._wall:
                return
            if len(self._events) >= MOST_EVENTS:
                self._events.popleft()
                self._dropped += 1
            shown = self._shown.get(session_id)
            exam_id = shown.view.exam_id if shown is not None else exam_id
            self._events.append((session_id, exam_id, event))

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
                session_id, exam_id, event = self._events.popleft()
                if session_id in self._viewers:
                    due.append(("session_event", event, session_room(session_id)))
                rooms = self._wall_rooms(exam_id)
                due.extend(("session_event", event, room) for room in rooms)
            ended, self._ended = self._ended, []
            running = list(self._shown.values())
            due.extend(self._due_thumbnails(now_s))
        for shown in [*running, *ended]:
            due.extend(self._due_update(shown, now_s))
            due.extend(self._due_status(shown, now_s))
        if now_s >= self._wall_due_s or ended:
            due.extend(self._due_wall([*running, *ended], now_s))
        elif now_s >= self._wall_rise_due_s:
            due.extend(self._due_rows([s for s in running if s.row_has_risen], now_s))
        return due

    def _due_update(self, shown: _Shown, now_s: float) -> list[tuple[str, object, str]]:
        view = shown.view
        due_s = shown.update_due_s - (UPDATE_S - RISE_S if shown.has_risen else 0.0)
        is_last = not view.is_running
        if not self.viewers(view.session_id) or (now_s < due_s and not is_last):
            return []
        ring = self._evidence(view.session_id)
        frame = ring.latest_frame() if ring is not None else None
        frame_at_s = frame.at_s if frame else None
        if shown.updated is view and shown.frame_at_s == frame_at_s:
            return []
        shown.updated, shown.frame_at_s = view, frame_at_s
        shown.update_due_s = now_s + UPDATE_S
        update = monitoring_update(view, frame)
        return [("monitoring_update", update, session_room(view.session_id))]

    def _due_status(self, shown: _Shown, now_s: float) -> list[tuple[str, object, str]]:
        view = shown.view
        status = student_status(view)
        if status == shown.status or (now_s < shown.status_due_s and view.is_running):
            return []
        shown.status, shown.status_due_s = status, now_s + UPDATE_S
        return [("status", status, student_room(view.session_id))]

    def _due_wall(self, all_shown: list[_Shown], now_s: float) -> list[tuple[str, object, str]]:
        self._wall_due_s = now_s + UPDATE_S
        return self._due_rows(all_shown, now_s)

    def _due_rows(self, all_shown: list[_Shown], now_s: float) -> list[tuple[str, object, str]]:
        with self._lock:
            if not self._wall:
                return []
        changed = []
        for shown in all_shown:
            row = wall_row(shown.view)
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

    def _wall_rooms(self, exam_id: str) -> list[str]:
        looks = self._wall.values()
        rooms = [WALL] if None in looks else []
        if any(exams and exam_id in exams for exams in looks):
            rooms.append(wall_room(exam_id))
        return rooms

    def _due_thumbnails(self, now_s: float) -> list[tuple[str, object, str]]:
        due: list[tuple[str, object, str]] = []
        for session_id in list(self._thumbnails):
            if now_s < self._thumbnail_due_s.get(session_id, 0.0):
                continue
            jpeg, at = self._thumbnails.pop(session_id)
            self._thumbnail_due_s[session_id] = now_s + THUMBNAIL_S
            payload = {"session_id": session_id, "jpeg": jpeg, "at": iso(at)}
            sids = [sid for sid, wish in self._wishes.items() if session_id in wish]
            due.extend(("thumbnail", payload, sid) for sid in sids)
        return due
