from __future__ import annotations

import threading

from app.evidence.ring import EvidenceRing
from detectors.messages import Sound


def test_a_cut_is_in_time_order_whatever_the_order_of_arrival() -> None:
    ring = EvidenceRing(60, 10_000)
    for at_s in (3.0, 1.0, 2.0):
        ring.add_frame(at_s, b"jpeg")
        ring.add_sound(Sound(at_s, b"ab"))
        ring.add_screen(at_s, b"still")
    evidence = ring.cut(0, 10)
    assert [f.at_s for f in evidence.frames] == [1.0, 2.0, 3.0]
    assert [s.at_s for s in evidence.sounds] == [1.0, 2.0, 3.0]
    assert [f.at_s for f in evidence.screens] == [1.0, 2.0, 3.0]


def test_a_cut_takes_its_ends_and_the_sound_that_reaches_into_it() -> None:
    ring = EvidenceRing(60, 1_000_000)
    for at_s in range(10):
        ring.add_frame(at_s, b"jpeg")
        ring.add_sound(Sound(at_s, bytes(32_000)))
    evidence = ring.cut(3, 5)
    assert [f.at_s for f in evidence.frames] == [3, 4, 5]
    assert [s.at_s for s in evidence.sounds] == [2, 3, 4, 5]


def test_a_cut_shares_the_bytes() -> None:
    ring, jpeg = EvidenceRing(60, 10_000), bytes(100)
    ring.add_frame(1, jpeg)
    assert ring.cut(0, 2).frames[0].jpeg is jpeg


def test_what_is_older_than_its_seconds_goes() -> None:
    ring = EvidenceRing(10, 10_000)
    for at_s in range(31):
        ring.add_frame(at_s, b"x" * 10)
        ring.add_sound(Sound(at_s, b"x" * 10))
    evidence = ring.cut(0, 100)
    assert evidence.frames[0].at_s == 21  # the newest sound ends just after 30
    assert evidence.sounds[0].at_s == 20
    assert ring.size_bytes == 10 * (len(evidence.frames) + len(evidence.sounds))
    assert ring.dropped == 0


def test_when_the_bytes_run_out_the_oldest_goes_first() -> None:
    ring = EvidenceRing(1_000, 1_000)
    ring.add_screen(0, bytes(300))
    ring.add_frame(1, bytes(300))
    ring.add_sound(Sound(2, bytes(300)))
    ring.add_frame(3, bytes(300))
    assert ring.cut(0, 10).screens == ()
    assert ring.size_bytes == 900
    assert ring.dropped == 1
    ring.add_frame(4, bytes(5_000))
    assert ring.size_bytes == 0


def test_the_latest_are_the_newest_by_capture_time() -> None:
    ring = EvidenceRing(60, 10_000)
    assert ring.latest_frame() is None
    assert ring.latest_screen() is None
    ring.add_frame(2, b"new")
    ring.add_frame(1, b"old")
    latest = ring.latest_frame()
    assert latest is not None
    assert latest.jpeg == b"new"


def test_clearing_forgets_everything() -> None:
    ring = EvidenceRing(60, 10_000)
    ring.add_frame(1, b"x")
    ring.clear()
    assert ring.cut(0, 10).frames == ()
    assert ring.size_bytes == 0


def test_adding_and_cutting_at_once_keeps_the_bounds() -> None:
    ring = EvidenceRing(1_000, 5_000)

    def add(offset: float) -> None:
        for index in range(500):
            ring.add_frame(index + offset, bytes(100))

    threads = [threading.Thread(target=add, args=(k / 4,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        times = [f.at_s for f in ring.cut(0, 1_000).frames]
        assert times == sorted(times)
    for thread in threads:
        thread.join()
    assert ring.size_bytes <= 5_000
    assert ring.dropped == 4 * 500 - 50
