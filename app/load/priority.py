"""Lets a thread's work wait for work that is more urgent, where the system can do that."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

# Detector workers are at 5.
NICENESS = 15


def giving_way(work: Callable[[], object]) -> Callable[[], None]:
    """The work of a thread that others go before."""

    def run() -> None:
        give_way()
        work()

    return run


def give_way() -> bool:
    """The calling thread, and those that it starts, run when others leave time from now on.
    Whether the system does that: Linux counts niceness by thread, others by process."""
    if sys.platform != "linux":
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    except OSError:
        return False
    return True
