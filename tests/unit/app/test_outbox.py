"""Writes that wait for a database: the newest version wins, and none is lost to an outage."""

from __future__ import annotations

from itertools import pairwise

from app.errors import Unavailable
from app.monitoring.outbox import Outbox
from tests.fakes import FakeClock


def test_a_newer_version_replaces_the_one_that_waits() -> None:
    outbox = Outbox("store", FakeClock())
    stored: list[int] = []
    outbox.put(("s1", "interval", "0"), lambda: stored.append(1))
    outbox.put(("s1", "interval", "0"), lambda: stored.append(2))
    assert outbox.write_due() is None
    assert stored == [2]


def test_a_write_may_wait_so_that_many_changes_become_one() -> None:
    clock = FakeClock()
    outbox = Outbox("store", clock)
    stored: list[int] = []
    outbox.put(("s1", "scores"), lambda: stored.append(1), within_s=2.0)
    assert outbox.write_due() == 2.0
    clock.advance(1.5)
    outbox.put(("s1", "scores"), lambda: stored.append(2), within_s=2.0)
    assert outbox.write_due() == 0.5
    clock.advance(0.5)
    assert outbox.write_due() is None
    assert stored == [2]


def test_an_urgent_version_is_written_at_once() -> None:
    outbox = Outbox("store", FakeClock())
    stored: list[int] = []
    outbox.put(("s1", "scores"), lambda: stored.append(1), within_s=2.0)
    outbox.put(("s1", "scores"), lambda: stored.append(2))
    outbox.write_due()
    assert stored == [2]


def test_a_database_that_does_not_answer_is_tried_again_with_growing_pauses() -> None:
    clock = FakeClock()
    outbox = Outbox("store", clock)
    tries: list[float] = []
    answers_from = clock.monotonic_s() + 5

    def write() -> None:
        tries.append(clock.monotonic_s())
        if clock.monotonic_s() < answers_from:
            raise Unavailable("no answer")

    outbox.put(("s1", "violation", "v"), write)
    while (wait_s := outbox.write_due()) is not None:
        clock.advance(wait_s)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    assert outbox.waiting() == 0
    assert outbox.given_up == 0


def test_a_failed_version_never_overwrites_a_newer_one() -> None:
    clock = FakeClock()
    outbox = Outbox("store", clock)
    stored: list[str] = []

    def fail() -> None:
        outbox.put(("s1", "clip", "c"), lambda: stored.append("newer"))
        raise Unavailable("no answer")

    outbox.put(("s1", "clip", "c"), fail)
    outbox.write_due()
    clock.advance(1)
    outbox.write_due()
    assert stored == ["newer"]
    assert outbox.waiting() == 0


def test_a_write_that_can_never_succeed_is_given_up_and_counted() -> None:
    clock = FakeClock()
    outbox = Outbox("store", clock)
    stored: list[str] = []

    def broken() -> None:
        raise TypeError("no such field")

    outbox.put(("s1", "a"), broken)
    outbox.put(("s1", "b"), lambda: stored.append("b"))
    while (wait_s := outbox.write_due()) is not None:
        clock.advance(wait_s)
    assert stored == ["b"]
    assert outbox.given_up == 1


def test_a_full_outbox_gives_up_what_waits_longest() -> None:
    outbox = Outbox("store", FakeClock(), limit=2)
    stored: list[int] = []
    for number in range(3):
        outbox.put(("s1", str(number)), lambda number=number: stored.append(number))  # type: ignore[misc]
    outbox.write_due()
    assert stored == [1, 2]
    assert outbox.given_up == 1


def test_flush_waits_until_one_session_is_stored() -> None:
    outbox = Outbox("store", FakeClock())
    stored: list[str] = []
    outbox.put(("s1", "scores"), lambda: stored.append("s1"), within_s=60)
    outbox.put(("s2", "scores"), lambda: stored.append("s2"), within_s=60)
    outbox.start()
    try:
        assert outbox.flush("s1", timeout_s=10)
        assert stored == ["s1"]
        assert outbox.waiting("s2") == 1
    finally:
        outbox.stop()
    assert stored == ["s1", "s2"]


def test_flush_gives_up_when_the_database_stays_silent() -> None:
    outbox = Outbox("store", FakeClock())

    def write() -> None:
        raise Unavailable("no answer")

    outbox.put(("s1", "scores"), write)
    assert not outbox.flush("s1", timeout_s=0.01)
