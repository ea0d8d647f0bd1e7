"""A progress bar on standard error, one line that is written over."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 28
_EVERY_S = 0.2
_EVERY_S_IN_A_LOG = 30.0


class Progress:
    """Counts steps of a run whose total is known (or guessed too low: then it grows)."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._every_s = _EVERY_S if self._out.isatty() else _EVERY_S_IN_A_LOG
        self._started_s = time.monotonic()
        self._shown_s = self._started_s
        self._done = 0
        self._total = 0
        self._stage = ""

    def begin(self, stage: str, steps: int) -> None:
        """A new stage of so many steps."""
        self._stage = stage
        self._total += steps

    def step(self, name: str) -> None:
        """One more step is being done."""
        self._done += 1
        self._total = max(self._total, self._done)
        now_s = time.monotonic()
        if now_s - self._shown_s < self._every_s:
            return
        self._shown_s = now_s
        full = _WIDTH * self._done // max(1, self._total)
        bar = "#" * full + "." * (_WIDTH - full)
        spent_s = now_s - self._started_s
        text = f"[{bar}] {self._done}/{self._total} {spent_s:4.0f} s  {self._stage}: {name}"
        if self._out.isatty():
            self._out.write("\r" + text[:118].ljust(118))
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._out.isatty():
            self._out.write("\r" + " " * 118 + "\r")
            self._out.flush()
