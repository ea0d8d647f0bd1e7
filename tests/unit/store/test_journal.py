"""The database goes away: writes wait on disk, and come back once and in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import Unavailable
from app.monitoring.outbox import Outbox
from app.records import SessionRecord, SessionState, TraceRecord, ViolationRecord
from app.store import Repository
from app.store.engines import open_neosqlite
from app.store.journal import Journal, Operation, StoreJournal
from scoring.model import Rule, Violation
from tests.fakes import FakeClock


class AwayDatabase:
    """A database that can be away, and counts the writes it made."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.is_away = False
        self.writes: list[str] = []

    def __getitem__(self, name: str) -> Any:
        return AwayCollection(self, name, self._inner[name])


class AwayCollection:
    def __init__(self, database: AwayDatabase, name: str, inner: Any) -> None:
        self._database, self._name, self._inner = database, name, inner

    def __getattr__(self, name: str) -> Any:
        if self._database.is_away:
            raise sqlite3.OperationalError("disk I/O error")
        if name in {"replace_one", "update_one", "delete_one"}:
            self._database.writes.append(self._name)
        return getattr(self._inner, name)


class Room:
    """An outbox over a store that can be away, whose thread is the test itself."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.path = folder / "journal.jsonl"
        engine = open_neosqlite(folder / "test.db")
        self.database = AwayDatabase(engine.database)
        self.repository = Repository(replace(engine, database=self.database))
        self.journal = StoreJournal(self.repository.notes, Journal(self.path))
        self.outbox = Outbox("test", self.clock, waits=self.journal)
        started_at = self.clock.now()
        self.session = SessionRecord("s1", "a", "e", SessionState.RUNNING, started_at, started_at)
        self.repository.add_session(self.session)

    def find(self, number: int, end_s: float | None = None) -> None:
        violation = Violation(f"v{number}", Rule.PHONE, float(number), end_s, 0.9, 3)
        record = ViolationRecord("s1", violation, self.clock.now(), None)
        key = ("s1", "violation", violation.violation_id)
        self.outbox.put(key, lambda: self.repository.save_violation(record))

    def work(self) -> None:
        self.outbox.write_due()

    @property
    def stored(self) -> list[tuple[str, float | None]]:
        found = self.repository.violations("s1")
        return [(r.violation.violation_id, r.violation.end_s) for r in found]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.repository.close()


def test_writes_wait_on_disk_while_the_database_is_away_and_count_as_stored(room: Room) -> None:
    room.database.is_away = True
    for number in range(5):
        room.find(number)
        room.work()
    assert room.outbox.is_stored("s1")
    assert room.outbox.waiting() == 0
    assert room.journal.waiting == 5
    assert room.path.stat().st_mode & 0o777 == 0o600


def test_when_it_returns_all_is_written_once_and_in_order(room: Room) -> None:
    room.database.is_away = True
    for number in range(3):
        room.find(number)
        room.work()
    room.find(0, end_s=9.0)
    room.work()
    room.outbox.put(
        ("s1", "session"), lambda: room.repository.update_session("s1", total_score=12.0)
    )
    room.work()
    room.database.is_away = False
    room.database.writes.clear()
    room.clock.advance(20)
    room.work()
    assert room.database.writes == ["violations"] * 4 + ["sessions"]
    assert room.stored == [("v0", 9.0), ("v1", None), ("v2", None)]
    session = room.repository.session("s1")
    assert session is not None
    assert session.total_score == 12.0
    assert room.journal.waiting == 0
    assert not room.path.exists()
    room.clock.advance(20)
    room.work()
    assert len(room.database.writes) == 5


def test_what_is_news_afterwards_comes_after_what_waited(room: Room) -> None:
    room.database.is_away = True
    room.find(0)
    room.work()
    room.database.is_away = False
    room.clock.advance(20)
    room.find(0, end_s=5.0)
    room.work()
    assert room.stored == [("v0", 5.0)]


def test_a_server_that_dies_meanwhile_finds_what_waited(room: Room, tmp_path: Path) -> None:
    room.database.is_away = True
    trace = TraceRecord("s1", 0, b"observed")
    room.outbox.put(("s1", "trace", "0"), lambda: room.repository.save_trace(trace))
    room.work()
    room.database.is_away = False
    StoreJournal(room.repository.notes, Journal(room.path)).drain()
    assert room.repository.trace("s1") == (trace,)


def test_a_database_that_goes_away_again_keeps_the_rest_waiting(room: Room) -> None:
    room.database.is_away = True
    for number in range(4):
        room.find(number)
        room.work()
    room.database.is_away = False
    applied: list[Operation] = []

    def apply(operation: Operation) -> None:
        if len(applied) == 2:
            raise Unavailable("It is away again.")
        applied.append(operation)

    journal = Journal(room.path)
    with pytest.raises(Unavailable):
        journal.drain(apply)
    assert journal.waiting == 2
    journal.drain(room.repository.notes.apply)
    assert [violation for violation, _ in room.stored] == ["v2", "v3"]


def test_a_full_journal_leaves_the_newest_in_memory(room: Room, tmp_path: Path) -> None:
    small = StoreJournal(room.repository.notes, Journal(tmp_path / "small", most_bytes=10))
    room.outbox = Outbox("test", room.clock, waits=small)
    room.database.is_away = True
    room.find(0)
    room.work()
    assert room.outbox.waiting() == 1
    assert small.counters() == {"journal_waiting": 0, "journal_refused": 1}
    room.database.is_away = False
    room.clock.advance(1)
    room.work()
    assert room.stored == [("v0", None)]


def test_a_line_that_a_crash_cut_off_is_left_out(room: Room) -> None:
    room.database.is_away = True
    room.find(0)
    room.work()
    with room.path.open("ab") as file:
        file.write(b'{"collection": "viol\n')
    room.database.is_away = False
    StoreJournal(room.repository.notes, Journal(room.path)).drain()
    assert room.stored == [("v0", None)]
