"""Which server runs which session. Each session has one owner; a server that dies loses its own.

The truth lies in the database. A server says twice a second that it lives; one whose sign has not
changed for `LEASE_S` while the database answered is given up by whoever notices, on their own
clock, so that clocks of machines need not agree. A server that finds itself given up has to end.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Collection
from typing import Protocol

from app.clock import Clock
from app.errors import CandorError, Unavailable
from app.store.members import Member

log = logging.getLogger(__name__)

BEAT_S = 0.5
LEASE_S = 5.0
# A look that waited for the database says nothing about the others.
MOST_STEP_S = 1.0
# A student whose server died is back on another one by then, and with it the session.
ORPHAN_S = 4.0
CLAIM_S = 9.0
AGAIN_S = 0.2
JOIN_S = 5.0


class KnowsMembers(Protocol):
    """The store's documents about servers."""

    def join(self, member_id: str) -> None: ...

    def beat(self, member_id: str, beat: int) -> bool: ...

    def members(self) -> Collection[Member]: ...

    def give_up(self, member: Member) -> bool: ...

    def leave(self, member_id: str) -> None: ...

    def owner(self, session_id: str) -> str | None: ...

    def owners(self) -> dict[str, str]: ...

    def pass_on(self, session_id: str, before: str | None, after: str) -> bool: ...

    def forget(self, session_id: str) -> None: ...


class Ownership:
    """This server's place among the others. Thread-safe."""

    def __init__(
        self,
        store: KnowsMembers,
        clock: Clock,
        ask_release: Callable[[str, str], bool],
        when_claimed: Callable[[str], object],
        when_given_up: Callable[[], object],
        running: Callable[[], Collection[str]],
        is_over: Callable[[str], bool],
        take_up: Callable[[str], object],
    ) -> None:
        """`ask_release(owner, session_id)` has another server give a session back;
        `when_claimed` is told of a session taken from one that died, before it runs here;
        `running` names the sessions that have to run somewhere, `is_over` answers whether there
        is nothing left to do for another; `take_up` runs one here, or settles what ended."""
        self.member_id = secrets.token_hex(8)
        self._store = store
        self._clock = clock
        self._ask_release = ask_release
        self._when_claimed = when_claimed
        self._when_given_up = when_given_up
        self._running = running
        self._is_over = is_over
        self._take_up = take_up
        self._lock = threading.Lock()
        self._beat = 0
        self._seen: dict[str, tuple[int, float]] = {}
        self._looked_s = clock.monotonic_s()
        self._orphans: dict[str, float] = {}
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet-beat", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="fleet-orphans", daemon=True)

    def join(self) -> None:
        """Say that this server is there. Raises Unavailable."""
        self._store.join(self.member_id)
        self.look()

    def start(self) -> None:
        self._thread.start()
        self._keeper.start()

    def stop(self) -> None:
        """Look after nothing any more; `leave` follows when everything is stored."""
        self._is_stopping.set()
        if self._keeper.is_alive():
            self._keeper.join(JOIN_S)

    def leave(self) -> None:
        """This server is through: its sessions are anybody's at once."""
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._store.leave(self.member_id)

    def others(self) -> tuple[str, ...]:
        """The other servers that live, as of the last look."""
        with self._lock:
            return tuple(each for each in self._seen if each != self.member_id)

    def owner(self, session_id: str) -> str | None:
        """Which living server runs a session, this one included; None when none does."""
        owner = self._store.owner(session_id)
        return owner if owner and (owner == self.member_id or self._is_alive(owner)) else None

    def claim(self, session_id: str) -> None:
        """Run this session here from now on, whoever ran it before. Raises Unavailable."""
        deadline_s = self._clock.monotonic_s() + CLAIM_S
        while not self._is_stopping.is_set():
            owner = self._store.owner(session_id)
            if owner == self.member_id:
                return
            if owner and self._is_alive(owner):
                is_free = self._ask_release(owner, session_id)
            else:
                is_free = True
                if self._store.pass_on(session_id, owner, self.member_id):
                    self._tell_claimed(session_id, owner)
                    return
            if self._clock.monotonic_s() > deadline_s:
                break
            if not is_free:
                self._is_stopping.wait(AGAIN_S)
        raise Unavailable("This session is moving to another server. Try again in a moment.")

    def claim_free(self, session_id: str) -> bool:
        """Run this session here if no living server does; whether it runs here."""
        owner = self._store.owner(session_id)
        if owner == self.member_id:
            return True
        if owner and self._is_alive(owner):
            return False
        if not self._store.pass_on(session_id, owner, self.member_id):
            return False
        self._tell_claimed(session_id, owner)
        return True

    def give_back(self, session_id: str) -> None:
        """It is stored as it is; another server may run it."""
        self._store.pass_on(session_id, self.member_id, "")

    # The two threads

    def look(self) -> None:
        """Who lives. Raises Unavailable."""
        members = self._store.members()
        now_s = self._clock.monotonic_s()
        step_s, self._looked_s = min(now_s - self._looked_s, MOST_STEP_S), now_s
        stale: list[Member] = []
        with self._lock:
            known, self._seen = self._seen, {}
            for member in members:
                beat, silent_s = known.get(member.member_id, (-1, 0.0))
                is_new = beat != member.beat or member.member_id == self.member_id
                silent_s = 0.0 if is_new else silent_s + step_s
                self._seen[member.member_id] = (member.beat, silent_s)
                if silent_s > LEASE_S:
                    stale.append(member)
        for member in stale:
            if self._store.give_up(member):
                log.error("A server is gone; others run its sessions")
                with self._lock:
                    self._seen.pop(member.member_id, None)

    def beat_once(self) -> None:
        """Raises Unavailable."""
        self._beat += 1
        if not self._store.beat(self.member_id, self._beat):
            log.critical("This server was given up by the others and ends")
            self._when_given_up()

    def adopt(self) -> None:
        """Run what has had no living owner for a while, and settle what ended without one.

        Raises Unavailable.
        """
        now_s = self._clock.monotonic_s()
        owners = self._store.owners()
        running = set(self._running())
        orphans = {
            each for each in running | owners.keys() if not self._is_alive(owners.get(each, ""))
        }
        for session_id, owner in owners.items():
            if owner == self.member_id and session_id not in running and self._is_over(session_id):
                self._store.forget(session_id)
        self._orphans = {each: self._orphans.get(each, now_s) for each in orphans}
        for session_id, since_s in list(self._orphans.items()):
            if self._is_stopping.is_set():
                return
            if now_s - since_s > ORPHAN_S and self.claim_free(session_id):
                self._take_up(session_id)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                self.beat_once()
                self.look()
            except CandorError as error:
                log.warning("The other servers were not looked at", extra={"reason": error.message})
            except Exception:
                log.exception("The other servers were not looked at")
            self._is_stopping.wait(BEAT_S)

    def _keep(self) -> None:
        while not self._is_stopping.wait(1.0):
            try:
                self.adopt()
            except CandorError as error:
                log.warning("Sessions were not taken up", extra={"reason": error.message})
            except Exception:
                log.exception("Sessions were not taken up")

    def _is_alive(self, member_id: str) -> bool:
        with self._lock:
            return member_id in self._seen

    def _tell_claimed(self, session_id: str, owner: str | None) -> None:
        log.info("Session runs here now", extra={"session_id": session_id})
        if owner:
            self._when_claimed(session_id)
