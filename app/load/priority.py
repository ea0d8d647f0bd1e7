"""Lets a thread's work wait for work that is more urgent, where the system can do that."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable

# Detector workers are at 5.
NICENESS = 15


def giving_way(work: Callable[[], object]) -> Callable[[], None]:
    """The work of a thread, which runs when others leave time. Linux counts niceness by thread;
    elsewhere the whole process would give way, so it does not."""

    def run() -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        work()

    return run
