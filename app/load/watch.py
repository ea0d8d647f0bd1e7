"""Measures each second how busy the machine is, moves the ladder, and tells whom it concerns.
Once a minute it keeps house: what students cost is remembered, free memory is given back.

One thread owns ladder and meter; any thread may ask for the state.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from app.clock import Clock
from app.errors import Unavailable
from app.load.headroom import CostMeter, Headroom
from app.load.ladder import Ladder, Load, Rung
from app.load.memory import give_back
from app.load.state import LoadState

log = logging.getLogger(__name__)

TICK_S = 1.0
# How late the web process's threads come to their turn is measured with short waits.
_PROBES, _PROBE_S = 4, 0.25
_SAVE_EVERY_S = 60.0
_JOIN_S = 5.0
_SETTLED_WAIT_S, _SETTLED_AFTER_S = 0.5, 5.0
_SOUND_STEPS = ("speech", "voice", "decode sound")


class Works(Protocol):
    """Who analyses, as far as it is watched (see `InferencePool`)."""

    def counters(self) -> dict[str, int]: ...

    def costs(self) -> dict[str, float]: ...


class TakesIn(Protocol):
    """Who takes in what students send."""

    def connected(self) -> int: ...

    def pace(self, rung: Rung) -> None: ...


class LoadWatch:
    """Runs between `start` and `stop`. `when_moved` is called with each new state of the ladder,
    on the watch's thread; `cpu_s` answers the CPU seconds of this process so far; `cores` are those
    that the workers share with it."""

    def __init__(
        self,
        clock: Clock,
        pool: Works,
        ingest: TakesIn,
        whole: LoadState,
        *,
        refuses: bool = False,
        memory: Path | None = None,
        cores: float = math.inf,
        when_moved: Callable[[LoadState], None] = lambda _state: None,
        cpu_s: Callable[[], float] = time.process_time,
        ladder: Ladder | None = None,
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._ingest = ingest
        self._whole = whole
        self._refuses = refuses
        self._memory = memory
        self._cores = cores
        self._when_moved = when_moved
        self._cpu_s = cpu_s
        self._ladder = ladder or Ladder()
        self._meter = CostMeter(_recall(memory))
        self._lock = threading.Lock()
        self._state = whole
        self._moves = 0
        self._late_s = 0.0
        self._before: _Sample | None = None
        self._moved_s = float("-inf")
        self._save_due_s = 0.0
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
            self._save()

    def state(self) -> LoadState:
        """As of the last second."""
        with self._lock:
            return self._state

    def headroom(self) -> Headroom:
        """How many students the machine holds, with those that are connected at this moment."""
        return self._meter_headroom(self._ingest.connected())

    def counters(self) -> dict[str, int]:
        with self._lock:
            return {"load_rung": self._state.index, "load_moves": self._moves}

    def notice(self) -> str | None:
        """What one more student means, when that is more than the machine holds."""
        headroom = self.headroom()
        if not headroom.is_full:
            return None
        return (
            f"{headroom.says()} {headroom.students} are here: with one more, fewer pictures of"
            " every student are judged."
        )

    def check_new(self) -> None:
        """Raises Unavailable for a new session that is refused because the machine is full."""
        headroom = self.headroom()
        if self._refuses and headroom.is_full:
            raise Unavailable(
                f"{headroom.says()} {headroom.students} are here, and this server is set to take no"
                " more (PROCTOR_WHEN_FULL=refuse). Try again when one has ended, use another"
                " machine, or set it to reduce."
            )

    # The watch's thread

    def step(self) -> None:
        """Take one second's figures."""
        now = _Sample(
            self._clock.monotonic_s(), self._cpu_s(), self._pool.counters(), self._pool.costs()
        )
        before, self._before = self._before, now
        if before is None or now.at_s <= before.at_s:
            return
        students = self._ingest.connected()
        load = _load_between(before, now, students, self._late_s, self._meter)
        rung = self._ladder.rung
        has_moved = self._ladder.step(load)
        # What waits says that more was wanted than done: then the price would look too low.
        if load.wait_s < _SETTLED_WAIT_S and now.at_s - self._moved_s >= _SETTLED_AFTER_S:
            elapsed_s = now.at_s - before.at_s
            self._meter.note(
                students,
                elapsed_s,
                (now.count("busy_ms") - before.count("busy_ms")) / 1000,
                (sum(now.costs.values()) - sum(before.costs.values())) / 1000,
                now.cpu_s - before.cpu_s,
                _sound_share(before.costs, now.costs),
                rung,
            )
        state = LoadState(
            self._whole.analysis_fps,
            self._whole.video_fps,
            self._ladder.index,
            self._meter_headroom(students),
            round(load.worker_busy, 3),
            round(load.web_busy, 3),
            round(load.wait_s, 3),
        )
        with self._lock:
            self._state = state
            self._moves += has_moved
        if has_moved:
            self._moved_s = now.at_s
            self._move(state)
        if now.at_s >= self._save_due_s:
            self._save_due_s = now.at_s + _SAVE_EVERY_S
            self._save()
            give_back()

    def _move(self, state: LoadState) -> None:
        log.warning(
            "The rate of analysis changes for all students",
            extra={
                "rung": state.rung.name,
                "students": state.headroom.students,
                "worker_busy": state.worker_busy,
                "web_busy": state.web_busy,
                "wait_s": state.wait_s,
            },
        )
        self._ingest.pace(state.rung)
        self._when_moved(state)

    def _meter_headroom(self, students: int) -> Headroom:
        workers = self._before.count("workers") if self._before is not None else 0
        return self._meter.headroom(students, workers, self._cores)

    def _save(self) -> None:
        """Remember what students cost, for the next start."""
        figures = self._meter.as_dict()
        if self._memory is None or not figures["student_s"]:
            return
        draft = self._memory.with_suffix(".part")
        try:
            draft.write_text(json.dumps(figures), encoding="utf-8")
            draft.replace(self._memory)
        except OSError as error:
            log.warning("What students cost is not remembered", extra={"reason": str(error)})

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            late_s = 0.0
            for _ in range(_PROBES):
                began_s = self._clock.monotonic_s()
                if self._is_stopping.wait(_PROBE_S):
                    return
                late_s += max(0.0, self._clock.monotonic_s() - began_s - _PROBE_S)
            self._late_s = late_s / _PROBES
            try:
                self.step()
            except Exception:
                log.exception("The load was not measured")


class _Sample:
    """Counts at one instant."""

    def __init__(
        self, at_s: float, cpu_s: float, counters: Mapping[str, int], costs: Mapping[str, float]
    ) -> None:
        self.at_s = at_s
        self.cpu_s = cpu_s
        self.counters = counters
        self.costs = costs

    def count(self, name: str) -> int:
        return self.counters.get(name, 0)


def _load_between(
    before: _Sample, now: _Sample, students: int, late_s: float, meter: CostMeter
) -> Load:
    elapsed_s = now.at_s - before.at_s
    workers = max(1, now.count("workers_ready"))
    taken = now.count("live_requests") - before.count("live_requests")
    waited_ms = now.count("waited_ms") - before.count("waited_ms")
    busy_ms = now.count("busy_ms") - before.count("busy_ms")
    return Load(
        now.at_s,
        students,
        min(1.0, busy_ms / 1000 / elapsed_s / workers),
        (now.cpu_s - before.cpu_s) / elapsed_s,
        waited_ms / 1000 / taken if taken > 0 else 0.0,
        late_s,
        students * meter.worker_s / workers,
        meter.sound_share,
    )


def _sound_share(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    spent = {step: ms - before.get(step, 0.0) for step, ms in now.items()}
    whole = sum(spent.values())
    sound = sum(ms for step, ms in spent.items() if step.startswith(_SOUND_STEPS))
    return sound / whole if whole > 0 else 0.0


def _recall(memory: Path | None) -> dict[str, float]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8")) if memory is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
