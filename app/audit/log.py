"""Writes and reads the audit. Appending is the only way to change it.

Several threads and processes may append: the store lets one of them have a number, the others
take the next.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.audit.entries import FIRST, LONGEST_DETAIL, Entry, Head, hash_of, mac_of, problems
from app.audit.pseudonyms import STAFF, Pseudonyms
from app.clock import Clock
from app.errors import Unavailable
from app.evidence.keys import MasterKey
from app.store.trail import Trail

TRIES = 200
SYSTEM = "system"
COMMAND = "command"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields match everything. `before_seq` pages backwards."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None
    before_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the whole chain found."""

    entries: int
    problems: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.problems


class AuditLog:
    """The audit of one installation. Thread-safe."""

    def __init__(self, trail: Trail, master: MasterKey, clock: Clock) -> None:
        self._trail = trail
        self._key = master.derive("audit")
        self._key_id = master.key_id
        self._clock = clock
        self._appending = threading.Lock()
        self.people = Pseudonyms(trail)

    def write(
        self, actor: str, action: str, subject: str = "", detail: Mapping[str, object] | None = None
    ) -> Entry:
        """Append an entry. Raises Unavailable when it cannot be kept.

        No name or id of a person belongs in here: see `Pseudonyms`.
        """
        plain = {name: _short(value) for name, value in (detail or {}).items()}
        with self._appending:
            for _ in range(TRIES):
                seq, previous = self._end()
                blank = Entry(
                    seq + 1,
                    self._clock.now(),
                    actor,
                    action,
                    subject[:LONGEST_DETAIL],
                    plain,
                    previous,
                    self._key_id,
                )
                entry = replace(blank, hash=hash_of(blank, self._key))
                if self._trail.append(entry):
                    self._trail.set_head(
                        Head(entry.seq, entry.hash, mac_of(entry.seq, entry.hash, self._key))
                    )
                    return entry
        raise Unavailable("The audit takes no entry: others write to it without a pause.")

    def by_staff(
        self,
        username: str,
        action: str,
        subject: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> Entry:
        """Append what a member of staff did."""
        return self.write(self.people.of(STAFF, username), action, subject, detail)

    def search(self, wanted: Search, limit: int) -> tuple[Entry, ...]:
        """Newest first."""
        return self._trail.entries(
            actor=wanted.actor,
            action=wanted.action,
            subject=wanted.subject,
            from_at=wanted.from_at,
            to_at=wanted.to_at,
            before_seq=wanted.before_seq,
            limit=limit,
        )

    def actions(self) -> tuple[str, ...]:
        """Every kind of entry there is."""
        return self._trail.actions()

    def verify(self) -> Verdict:
        """Check the whole chain."""
        head = self._trail.head()
        count = 0

        def counted() -> Iterator[Entry]:
            nonlocal count
            for entry in self._trail.all_entries():
                count += 1
                yield entry

        found = problems(counted(), head, self._key, self._key_id)
        return Verdict(count, tuple(found))

    def _end(self) -> tuple[int, str]:
        """The last number and hash. After entries were cut off the gap stays to be seen."""
        last, head = self._trail.last(), self._trail.head()
        if last is not None and (head is None or last.seq >= head.seq):
            return last.seq, last.hash
        return (head.seq, head.hash) if head is not None else (0, FIRST)


def _short(value: object) -> str | int | float | bool:
    if isinstance(value, (bool, int, float)):
        return value
    return str(value)[:LONGEST_DETAIL]
