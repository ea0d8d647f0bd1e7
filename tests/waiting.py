"""Waits for a real process or thread: polls with a deadline instead of sleeping for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return as soon as `condition()` is true; fail with `what` after `seconds`."""
    deadline_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"Waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.01)
