"""Twelve hours of one session leave nothing behind but what is needed."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc

from app.intake.lanes import late_lane
from tests.scripted_media import scripted_jpeg
from tests.unit.ingest.test_ingest import SENT_MS, Bench

HOURS = 12
EVERY_S = 5
CLIP_S = 45


def test_twelve_hours_leave_memory_threads_and_handles_flat() -> None:
    bench = Bench()
    bench.ingest.begin("s1", "count")
    picture = scripted_jpeg(size=(64, 48))
    held: list[int] = []
    threads, handles = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    tracemalloc.start()
    try:
        for second in range(0, HOURS * 3600, EVERY_S):
            bench.clock.advance(EVERY_S)
            sent_ms = SENT_MS + bench.clock.monotonic_s() * 1000
            header = {
                "seq": second // EVERY_S,
                "sent_ms": sent_ms,
                "oldest_ms": sent_ms,
                "frames": [{"t": sent_ms - 100, "size": len(picture)}],
                "events": [{"id": f"e{second // 60}", "kind": "paste", "t": sent_ms - 200}],
            }
            # Every ten minutes the line is gone for one, and what it missed comes late.
            is_cut = second % 600 < 60
            if not is_cut:
                bench.ingest.accept_batch("s1", header, picture)
            bench.ingest.settle("s1", 100 + second - CLIP_S)
            for lane in ("s1", late_lane("s1")):
                mailbox = bench.pool.opened[lane][0]
                mailbox.take()
                mailbox.done()
            bench.monitor.events.clear()
            bench.pool.notified.clear()
            if second % 3600 == 0 and second > 0:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    ring = bench.ingest.ring("s1")
    assert ring is not None
    assert ring.size_bytes < 100 * len(picture)
    # What is bounded by count has filled by then.
    assert max(held[8:]) - min(held[8:]) < 100_000, held
    # Threads of tests that ran before may end meanwhile; new ones would be of this one.
    assert set(threading.enumerate()) <= threads
    assert len(os.listdir("/proc/self/fd")) <= handles
