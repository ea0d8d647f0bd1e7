from __future__ import annotations

import os
import sys
import threading

import pytest

from app.load.priority import NICENESS, giving_way


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux counts niceness by thread")
def test_a_thread_gives_way_and_the_others_do_not() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    found: list[int] = []

    def work() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=giving_way(work), name="test-priority")
    thread.start()
    thread.join()
    assert found == [NICENESS]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
