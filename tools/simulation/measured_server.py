"""The server as it is, plus one thread that writes down each second where its CPU time went.

`python -m tools.simulation.measured_server FILE` serves with the settings of the environment. Time
of threads is read from /proc, so nothing of the server is changed or slowed.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.wiring import Services

SAMPLE_S = 1.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Threads by the stage they work for; every other one of ours carries connections.
_STAGES = (
    ("monitor-store", "store"),
    ("monitor", "scoring"),
    ("recorder", "encoding"),
    ("live", "rooms"),
    ("pool", "pipes to workers"),
    ("stage-sampler", "this measurement"),
)
TRANSPORT = "transport and intake"
NATIVE = "encoding"


def stage_of(thread_name: str) -> str:
    """The stage a thread of that name works for."""
    for begin, stage in _STAGES:
        if thread_name.startswith(begin):
            return stage
    return TRANSPORT


def cpu_ms(stat: str) -> float:
    """User and system time in a line of /proc/*/stat, in milliseconds."""
    parts = stat.rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) * 1000 / _TICKS_PER_S


class StageSampler:
    """Adds up CPU time by stage, threads that have ended included."""

    def __init__(self) -> None:
        self._threads: dict[int, tuple[str, float]] = {}

    def sample(self) -> dict[str, float]:
        """CPU milliseconds per stage since the start of the process."""
        known = {thread.native_id: thread.name for thread in threading.enumerate()}
        for task in Path("/proc/self/task").iterdir():
            tid = int(task.name)
            try:
                spent_ms = cpu_ms((task / "stat").read_text())
            except (OSError, IndexError):
                continue
            before = self._threads.get(tid)
            # A library's own thread has no name here: the video encoder's are the only busy ones.
            stage = stage_of(known[tid]) if tid in known else before[0] if before else NATIVE
            self._threads[tid] = (stage, spent_ms)
        sums: dict[str, float] = {}
        for stage, spent_ms in self._threads.values():
            sums[stage] = sums.get(stage, 0.0) + spent_ms
        return sums


def _write_samples(services: Services, path: Path) -> None:
    sampler = StageSampler()
    draft = path.with_suffix(".part")
    while True:
        figures = {"stages_ms": sampler.sample(), "detectors_ms": services.pool.costs()}
        draft.write_text(json.dumps(figures), encoding="utf-8")
        draft.replace(path)
        threading.Event().wait(SAMPLE_S)


def main() -> int:
    """Serve until stopped."""
    import sys

    from flask import Flask

    from app.settings import load_settings
    from app.web.server import Server

    path = Path(sys.argv[1])

    class MeasuredServer(Server):
        def load(self) -> Flask:
            app = super().load()
            assert self.services is not None
            threading.Thread(
                target=_write_samples,
                args=(self.services, path),
                name="stage-sampler",
                daemon=True,
            ).start()
            return app

    # gunicorn reads arguments of its own.
    del sys.argv[1:]
    MeasuredServer(load_settings()).run()
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main())
