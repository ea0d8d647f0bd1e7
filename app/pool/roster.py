"""Which worker serves which session, and whose turn it is.

Bookkeeping only: no thread, no process, no clock. `LocalPool` guards it with its lock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from app.intake.lanes import is_late
from app.intake.mailbox import Mailbox
from detectors.messages import CloseSession

_THUMBNAIL_EVERY_S = 2.0
_STRIKES_ALLOWED = 2
_ASIDE_S = 60.0
_MAX_ASIDE_S = 900.0
# In line for the first seconds means nothing; from the last on nothing more is left for later.
_IN_TIME_S, _TOO_LONG_S, _MOST_PATIENCE = 0.25, 1.25, 3.0


def patience_for(waited_s: float) -> float:
    """How many times longer what is optional waits for a session that stood in line so long: many
    who want it at once get it one after the other, and nobody's verdict is late for it."""
    share = (waited_s - _IN_TIME_S) / (_TOO_LONG_S - _IN_TIME_S)
    return 1.0 + (_MOST_PATIENCE - 1.0) * min(1.0, max(0.0, share))


@dataclass(slots=True)
class Served:
    """One open session. `queued_s` is when it last got in line; `strikes` are the workers that died
    with its request in hand."""

    session_id: str
    mailbox: Mailbox
    detectors: frozenset[str]
    seat: Seat
    is_queued: bool = False
    queued_s: float = 0.0
    strikes: int = 0
    aside_until_s: float = float("-inf")
    thumbnail_due_s: float = float("-inf")


@dataclass(slots=True, eq=False)
class Seat:
    """The place of one worker: its sessions' turns and what it still has to be told. `load` counts
    lanes of live work, `late_load` those of what comes late, which mostly have nothing to do."""

    index: int
    turns: deque[str] = field(default_factory=deque)
    late_turns: deque[str] = field(default_factory=deque)
    outbox: list[CloseSession] = field(default_factory=list)
    load: int = 0
    late_load: int = 0
    is_ready: bool = False
    is_resting: bool = False


class Roster:
    """All seats and open sessions."""

    def __init__(self, seats: int) -> None:
        self.seats = tuple(Seat(index) for index in range(seats))
        self._sessions: dict[str, Served] = {}
        self._wanted: frozenset[str] = frozenset()
        self.listened: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Served | None:
        return self._sessions.get(session_id)

    def mailboxes(self) -> list[Mailbox]:
        return [served.mailbox for served in self._sessions.values()]

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> Served:
        """Give the session to the least loaded worker; opened again it keeps its worker."""
        served = self._sessions.get(session_id)
        if served is not None:
            served.mailbox, served.detectors = mailbox, detectors
        else:
            seat = self._least_loaded(is_late=is_late(session_id))
            served = Served(session_id, mailbox, detectors, seat)
            self._count(served, 1)
            self._sessions[session_id] = served
        return served

    def close(self, session_id: str) -> Served | None:
        """Forget the session; its worker is to be told."""
        served = self._sessions.pop(session_id, None)
        if served is None:
            return None
        self._leave(served)
        served.seat.outbox.append(CloseSession(session_id))
        return served

    def queue(self, session_id: str, now_s: float) -> Seat | None:
        """The session has work: line it up once. Returns the seat to wake."""
        served = self._sessions.get(session_id)
        if served is None or served.is_queued or now_s < served.aside_until_s:
            return None
        served.queued_s = now_s
        self._line_up(served)
        return served.seat

    def next(self, seat: Seat) -> Served | None:
        """Whose turn it is at this seat, live before late; the session leaves the line."""
        while seat.turns or seat.late_turns:
            served = self._sessions.get((seat.turns or seat.late_turns).popleft())
            if served is not None and served.is_queued and served.seat is seat:
                served.is_queued = False
                return served
        return None

    def want_thumbnails(self, session_ids: frozenset[str]) -> None:
        self._wanted = session_ids

    def wants_thumbnail(self, served: Served, now_s: float) -> bool:
        """Whether this request should bring a small picture: at most one in two seconds."""
        if served.session_id not in self._wanted or now_s < served.thumbnail_due_s:
            return False
        served.thumbnail_due_s = now_s + _THUMBNAIL_EVERY_S
        return True

    def strike(self, session_id: str, now_s: float) -> float:
        """A worker died with this session's request in hand. Returns seconds it is set aside.

        One student's input that kills workers again and again must not take them from the
        others.
        """
        served = self._sessions.get(session_id)
        if served is None:
            return 0.0
        served.strikes += 1
        over = served.strikes - _STRIKES_ALLOWED
        if over <= 0:
            return 0.0
        aside_s: float = min(_MAX_ASIDE_S, _ASIDE_S * 2.0 ** (over - 1))
        served.aside_until_s = now_s + aside_s
        served.is_queued = False
        return aside_s

    def leave(self, seat: Seat, *, is_long: bool) -> list[Seat]:
        """This worker is lost. Returns whom to wake.

        When it stays away for long, others take its sessions; when it is back in a moment
        they wait, because moving them would leave the machine lopsided.
        """
        seat.is_ready, seat.is_resting = False, is_long
        seat.outbox.clear()
        if not is_long or not any(other.is_ready for other in self.seats):
            return []
        return [self._move(served) for served in self._of(seat)]

    def arrive(self, seat: Seat) -> None:
        """This worker is ready: it takes the sessions of those that are resting."""
        seat.is_ready, seat.is_resting = True, False
        seat.outbox.clear()
        for other in self.seats:
            if other.is_resting:
                for served in self._of(other):
                    self._move(served)

    def add_seat(self) -> Seat:
        """A place for one more worker."""
        seat = Seat(len(self.seats))
        self.seats = (*self.seats, seat)
        return seat

    def even_out(self, seat: Seat) -> list[Seat]:
        """Give a worker that has come its share of those that have most. Returns whom to wake."""
        woken: list[Seat] = []
        while True:
            ready = [other for other in self.seats if other.is_ready]
            most = max(ready, key=lambda other: other.load, default=seat)
            if most.load - seat.load < 2:
                return woken
            moved = [each for each in self._of(most) if not is_late(each.session_id)][-1]
            most.outbox.append(CloseSession(moved.session_id))
            woken += [most, self._move(moved)]

    def _of(self, seat: Seat) -> list[Served]:
        return [served for served in self._sessions.values() if served.seat is seat]

    def _least_loaded(self, *, is_late: bool) -> Seat:
        def burden(seat: Seat) -> tuple[bool, bool, int, int]:
            load = seat.late_load if is_late else seat.load
            return not seat.is_ready, seat.is_resting, load, seat.index

        return min(self.seats, key=burden)

    def _count(self, served: Served, more: int) -> None:
        if is_late(served.session_id):
            served.seat.late_load += more
        else:
            served.seat.load += more

    def _leave(self, served: Served) -> None:
        self._count(served, -1)
        served.is_queued = False

    def _move(self, served: Served) -> Seat:
        was_queued = served.is_queued
        self._leave(served)
        served.seat = self._least_loaded(is_late=is_late(served.session_id))
        self._count(served, 1)
        if was_queued or served.mailbox.has_work:
            self._line_up(served)
        return served.seat

    def _line_up(self, served: Served) -> None:
        served.is_queued = True
        seat = served.seat
        turns = seat.late_turns if is_late(served.session_id) else seat.turns
        turns.append(served.session_id)
