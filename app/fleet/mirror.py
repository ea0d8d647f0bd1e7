"""Shows here what other servers run, while somebody here looks.

Each server writes down what its own proctors want to see; the owners put exactly that into Redis
under keys that soon go by themselves, newest first: views of all their sessions for a wall, a
picture or sound of a session that is looked at. Pixels go nowhere else. One thread does both sides.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from app.evidence.ring import EvidenceRing
from app.fleet.codec import Unreadable, decode, encode
from app.fleet.line import Line, LineDown
from app.monitoring.looking import ROOM, Wish
from app.monitoring.views import SessionView
from detectors.messages import Frame, Sound

T = TypeVar("T")

log = logging.getLogger(__name__)

TICK_S = 0.3
WISH_S = 4.0
SHOWN_S = 4.0
KEPT_S = 10.0
KEPT_BYTES = 20_000_000
MOST_SOUNDS = 40
JOIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """A session as its owner shows it, and what its student waits for."""

    view: SessionView
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """All sessions of one server."""

    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Small:
    """A thumbnail."""

    at: datetime
    jpeg: bytes


class Rooms(Protocol):
    """The live rooms of this server."""

    def publish(self, view: SessionView) -> None: ...

    def asks(self, session_id: str, wishes: Iterable[str], source: str = ...) -> None: ...

    def thumbnail(self, session_id: str, jpeg: bytes, at: datetime) -> None: ...

    def want(self, sid: str, session_ids: Iterable[str]) -> None: ...

    def listen(self, sid: str, session_id: str, *, is_on: bool) -> None: ...

    def wishes(self) -> Wish: ...

    def asked(self, session_id: str) -> tuple[str, ...]: ...

    def vanished(self, session_id: str) -> None: ...


class Mirror:
    """Both sides of looking at other servers' sessions."""

    def __init__(
        self,
        line: Line,
        me: str,
        others: Callable[[], tuple[str, ...]],
        rooms: Rooms,
        own_views: Callable[[], tuple[SessionView, ...]],
        own_ring: Callable[[str], EvidenceRing | None],
        is_running: Callable[[str], bool],
    ) -> None:
        """`own_views` and `own_ring` are of the sessions that run here; `is_running` answers
        whether a session goes on anywhere."""
        self._line = line
        self._me = me
        self._others = others
        self._rooms = rooms
        self._own_views = own_views
        self._own_ring = own_ring
        self._is_running = is_running
        self._lock = threading.Lock()
        self._rings: dict[str, EvidenceRing] = {}
        self._from: dict[str, str] = {}
        self._expected: set[str] = set()
        self._sound_after: dict[str, str] = {}
        self._sent_frame_s: dict[str, float] = {}
        self._heard: set[str] = set()
        self._small_seen: dict[str, bytes] = {}
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet-mirror", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def ring(self, session_id: str) -> EvidenceRing | None:
        """The last seconds of a session that runs elsewhere and is looked at here."""
        with self._lock:
            return self._rings.get(session_id)

    def expect(self, session_id: str) -> None:
        """It ran here and goes on elsewhere."""
        with self._lock:
            self._expected.add(session_id)

    def small(self, session_id: str, at: datetime, jpeg: bytes) -> None:
        """A thumbnail that others asked for. Loses it when Redis is away."""
        try:
            self._line.keep(self._line.name("small", session_id), encode(Small(at, jpeg)), WISH_S)
        except LineDown:
            return

    def sound(self, session_id: str, at_s: float, pcm: bytes) -> None:
        """Sound that others listen to. Loses it when Redis is away."""
        try:
            name = self._line.name("sound", session_id)
            self._line.push(name, encode(Sound(at_s, pcm)), MOST_SOUNDS, WISH_S)
        except LineDown:
            return

    def step(self) -> None:
        """Give what others want, take what is wanted here. Raises LineDown."""
        own = {view.session_id: view for view in self._own_views()}
        self._give(own)
        self._take(frozenset(own))

    def _run(self) -> None:
        while not self._is_stopping.wait(TICK_S):
            try:
                self.step()
            except LineDown:
                continue
            except Exception:
                log.exception("What other servers run cannot be shown")

    # The owner's side

    def _give(self, own: dict[str, SessionView]) -> None:
        names = [self._line.name("wish", each) for each in self._others()]
        wishes = [wish for data in self._line.read(names) if (wish := self._read(data, Wish))]
        small = {each for wish in wishes for each in wish.thumbnails if each in own}
        self._rooms.want(ROOM, small)
        heard = {each for wish in wishes for each in wish.sounds if each in own}
        for session_id in heard ^ self._heard:
            self._rooms.listen(ROOM, session_id, is_on=session_id in heard)
        self._heard = heard
        if not any(wish.is_some for wish in wishes):
            return
        rows = tuple(Row(view, self._rooms.asked(each)) for each, view in own.items())
        self._line.keep(self._line.name("rows", self._me), encode(Rows(rows)), SHOWN_S)
        for session_id in {each for wish in wishes for each in wish.frames if each in own}:
            self._give_frame(session_id)

    def _give_frame(self, session_id: str) -> None:
        ring = self._own_ring(session_id)
        frame = ring.latest_frame() if ring is not None else None
        if frame is not None and frame.at_s != self._sent_frame_s.get(session_id):
            self._sent_frame_s[session_id] = frame.at_s
            self._line.keep(self._line.name("frame", session_id), encode(frame), WISH_S)

    # The side of those who look

    def _take(self, own: frozenset[str]) -> None:
        wish = self._rooms.wishes()
        if wish.is_some:
            self._line.keep(self._line.name("wish", self._me), encode(wish), WISH_S)
            self._take_rows(own)
        looked_at = {each for each in (*wish.frames, *wish.sounds) if each not in own}
        with self._lock:
            for gone in self._rings.keys() - looked_at:
                del self._rings[gone]
            for new in looked_at - self._rings.keys():
                self._rings[new] = EvidenceRing(KEPT_S, KEPT_BYTES)
            rings = dict(self._rings)
        for session_id in looked_at & set(wish.frames):
            frame = self._read_one("frame", session_id, Frame)
            if frame is not None:
                rings[session_id].add_frame(frame.at_s, frame.jpeg)
        for session_id in looked_at & set(wish.sounds):
            self._take_sound(session_id, rings[session_id])
        for session_id in set(wish.thumbnails) - own:
            self._take_small(session_id)

    def _take_rows(self, own: frozenset[str]) -> None:
        with self._lock:
            self._from |= dict.fromkeys(self._expected, "")
            self._expected.clear()
        others = self._others()
        found = self._line.read([self._line.name("rows", each) for each in others])
        now: dict[str, str] = {}
        for other, data in zip(others, found, strict=True):
            rows = self._read(data, Rows)
            if rows is None:
                # It has not heard yet that somebody looks: what it showed stays as it was.
                now |= {each: owner for each, owner in self._from.items() if owner == other}
                continue
            for row in rows.rows:
                session_id = row.view.session_id
                if session_id not in own:
                    now[session_id] = other
                    self._rooms.publish(row.view)
                    self._rooms.asks(session_id, row.asks, "owner")
        for session_id in self._from.keys() - now.keys():
            if session_id in own:
                self._rooms.asks(session_id, (), "owner")
            elif self._is_running(session_id):
                # Its server died or gives it to another: what was shown stays till then.
                now[session_id] = ""
            else:
                self._rooms.vanished(session_id)
        self._from = now

    def _take_sound(self, session_id: str, ring: EvidenceRing) -> None:
        name = self._line.name("sound", session_id)
        after = self._sound_after.get(session_id, "0")
        for entry_id, data in self._line.newer(name, after):
            self._sound_after[session_id] = entry_id
            sound = self._read(data, Sound)
            if sound is not None:
                ring.add_sound(sound)

    def _take_small(self, session_id: str) -> None:
        (data,) = self._line.read([self._line.name("small", session_id)])
        if data is None or data == self._small_seen.get(session_id):
            return
        self._small_seen[session_id] = data
        small = self._read(data, Small)
        if small is not None:
            self._rooms.thumbnail(session_id, small.jpeg, small.at)

    def _read_one(self, kind: str, session_id: str, what: type[Frame]) -> Frame | None:
        (data,) = self._line.read([self._line.name(kind, session_id)])
        return self._read(data, what)

    def _read(self, data: bytes | None, what: type[T]) -> T | None:
        try:
            return decode(data, what) if data is not None else None
        except Unreadable as error:
            log.warning("What another server shows cannot be read", extra={"reason": error.message})
            return None
