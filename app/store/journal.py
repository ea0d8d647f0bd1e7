"""Writes that wait on disk while the database is away.

A line of JSON per write, appended and flushed, applied in order when the database is back. Every
write sets, replaces or deletes whole documents or fields, so that one that was applied just before
a crash and is applied again changes nothing. Holds what the database would hold: no picture and no
sound. Thread-safe.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

MOST_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class Operation:
    """One write to one collection; `kind` is `replace`, `update` or `delete`."""

    collection: str
    kind: str
    where: dict[str, Any]
    body: dict[str, Any]


class Journal:
    """The file of writes that wait. At most `most_bytes` long."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._count = self._count_lines()
        self.refused = 0

    @property
    def waiting(self) -> int:
        """How many writes wait."""
        with self._lock:
            return self._count

    def append(self, operations: Iterable[Operation]) -> bool:
        """Keep writes durably; False when there is no room, on the disk or in the bounds."""
        text = "".join(json.dumps(asdict(each)) + "\n" for each in operations).encode()
        with self._lock:
            try:
                if self._size() + len(text) > self._most_bytes:
                    self.refused += 1
                    return False
                self._path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with open(descriptor, "ab") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                self.refused += 1
                log.exception("The journal cannot be written")
                return False
            self._count += text.count(b"\n")
            return True

    def drain(self, apply: Callable[[Operation], object]) -> int:
        """Apply what waits, in order; how many. What `apply` raises leaves the rest waiting."""
        with self._lock:
            if not self._count:
                return 0
            lines = self._path.read_bytes().splitlines(keepends=True)
            done = 0
            try:
                for line in lines:
                    operation = _read(line)
                    if operation is not None:
                        apply(operation)
                    done += 1
            finally:
                self._keep(lines[done:])
            log.info("Writes that waited are stored", extra={"count": done})
            return done

    def _keep(self, lines: list[bytes]) -> None:
        if lines:
            part = self._path.with_suffix(".part")
            part.write_bytes(b"".join(lines))
            part.replace(self._path)
        else:
            self._path.unlink(missing_ok=True)
        self._count = len(lines)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _count_lines(self) -> int:
        return self._path.read_bytes().count(b"\n") if self._path.exists() else 0


class Applies(Protocol):
    """The repository's notes, as far as the journal uses them."""

    def noted(self, write: Callable[[], object]) -> list[Operation] | None: ...

    def apply(self, operation: Operation) -> None: ...


class StoreJournal:
    """The journal of one repository."""

    def __init__(self, notes: Applies, journal: Journal) -> None:
        self._notes = notes
        self._journal = journal

    @property
    def waiting(self) -> int:
        """How many writes wait on disk."""
        return self._journal.waiting

    def keep(self, write: Callable[[], object]) -> bool:
        """Keep a write until the database is back; False when it cannot be kept."""
        operations = self._notes.noted(write)
        return bool(operations) and self._journal.append(operations or ())

    def drain(self) -> None:
        """Store what waits, in order. Raises Unavailable."""
        self._journal.drain(self._notes.apply)

    def counters(self) -> dict[str, int]:
        return {"journal_waiting": self._journal.waiting, "journal_refused": self._journal.refused}


def _read(line: bytes) -> Operation | None:
    """The write of a line; None for a line that a crash cut off."""
    try:
        found: Mapping[str, Any] = json.loads(line)
        return Operation(**found)
    except (ValueError, TypeError):
        log.warning("A line of the journal cannot be read")
        return None
