"""One chaos run: a story told through a wild line, and what the server made of it."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tools.chaos.clock import FastClock
from tools.chaos.disk import Disk
from tools.chaos.proxy import Proxy
from tools.chaos.story import INTERVAL_S, LENGTH_S, Story
from tools.chaos.student import Student
from tools.chaos.system import NoAnswerError, System

SPEED = 12.0
# Seconds of the machine after the story: for the backlog, and for the clips.
DRAIN_S = 25.0
CLIPS_S = 15.0
# Violations may differ by this much; nothing of a story is nearer to an edge.
SAME_S = 1.0
COVERAGE = 0.07
# The wall clock jumps by at most this much.
JUMP_S = 5400.0
_EVENT_RULES = frozenset({"clipboard", "focus_change", "fullscreen_exit"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at a second of the story, and for how long (a cut line) or, of the wall
    clock, by how much."""

    at_s: float
    kind: str
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found of a story."""

    violations: tuple[tuple[str, float, float], ...]
    points: dict[int, dict[str, float]]
    flags: dict[int, float]
    clips: dict[int, int]
    coverage: dict[int, float]


@dataclass(slots=True)
class Verdict:
    """How a run compares with the same story on a good line."""

    seed: int
    faults: tuple[Fault, ...]
    took_s: float = 0.0
    differences: list[str] = field(default_factory=list)
    clips_missing: int = 0
    events_lost: int = 0
    events_doubled: int = 0


def plan(
    seed: int, *, with_store: bool, with_disk: bool = False, with_machine: bool = False
) -> tuple[Fault, ...]:
    """What goes wrong in the run of that seed."""
    chance = random.Random(seed)  # noqa: S311 - the same seed must go wrong in the same way
    faults = [
        Fault(chance.uniform(5, LENGTH_S - 15), "line", chance.uniform(3, 30))
        for _ in range(chance.randint(1, 2))
    ]
    kinds = ["server", "worker", "browser", *(["store"] if with_store else [])]
    for kind in kinds:
        if chance.random() < (0.6 if kind == "server" else 0.5):
            faults.append(Fault(chance.uniform(5, LENGTH_S - 10), kind, chance.uniform(2, 15)))
    if with_disk:
        faults.append(Fault(chance.uniform(5, LENGTH_S - 60), "disk", chance.uniform(10, 40)))
    if with_machine:
        faults.append(Fault(chance.uniform(5, LENGTH_S - 50), "slow", chance.uniform(20, 60)))
        # A server that starts has only the wall clock to tell where a session is.
        if not any(fault.kind == "server" for fault in faults):
            faults.append(
                Fault(chance.uniform(5, LENGTH_S - 10), "wall", chance.uniform(-JUMP_S, JUMP_S))
            )
    return tuple(sorted(faults, key=lambda fault: fault.at_s))


def run(
    story: Story, seed: int, faults: tuple[Fault, ...], *, is_wild: bool, with_store: bool = False
) -> Outcome:
    """Tell the story while the faults happen. Raises NoAnswerError."""
    clock = FastClock(time.time(), SPEED)
    with tempfile.TemporaryDirectory(prefix="candor-chaos-") as name:
        disk = Disk(Path(name) / "data")
        if any(fault.kind == "disk" for fault in faults):
            disk.mount()
        system = System(disk.folder, clock, with_store=with_store)
        chance = random.Random(seed)  # noqa: S311 - as above
        proxy = Proxy(system.port, chance)
        proxy.start()
        try:
            system.start()
            system.wait()
            made = system.ask("/api/session/create", {"user_id": "ann", "exam_id": "chaos"})
            url = f"http://127.0.0.1:{proxy.port}"
            student = Student(url, made["token"], story, clock, time.monotonic)
            proxy.is_wild = is_wild
            _tell(student, system, proxy, disk, list(faults))
            return conclude(system, student, made["session_id"])
        finally:
            proxy.close()
            system.stop()
            disk.unmount()


def _tell(student: Student, system: System, proxy: Proxy, disk: Disk, faults: list[Fault]) -> None:
    mends: list[tuple[float, Callable[[], None]]] = []
    deadline_s = time.monotonic() + LENGTH_S / SPEED + DRAIN_S
    while time.monotonic() < deadline_s:
        student.live()
        while faults and student.story_s >= faults[0].at_s:
            fault = faults.pop(0)
            if fault.kind == "line":
                proxy.cut()
                mends.append((student.story_s + fault.lasts_s, proxy.mend))
            elif fault.kind == "server":
                system.kill_server()
                system.start()
            elif fault.kind == "store":
                system.kill_store()
                mends.append((student.story_s + fault.lasts_s, system.start))
            elif fault.kind == "disk":
                disk.fill()
                mends.append((student.story_s + fault.lasts_s, disk.empty))
            elif fault.kind == "slow":
                disk.slow()
                mends.append((student.story_s + fault.lasts_s, disk.quicken))
            elif fault.kind == "wall":
                disk.set_wall(round(fault.lasts_s))
            elif fault.kind == "worker":
                system.kill_worker()
            elif fault.kind == "browser":
                student.crash()
        for mend in [each for each in mends if student.story_s >= each[0]]:
            mends.remove(mend)
            mend[1]()
        if not mends and not any(fault.kind == "store" for fault in faults):
            system.keep()
        if not faults and not mends and student.is_done and student.story_s > LENGTH_S + 8:
            return
        time.sleep(0.005)


class Lives(Protocol):
    """A student who goes on while something is waited for."""

    def live(self) -> None: ...


def conclude(
    system: System, student: Lives, session_id: str, length_s: float = LENGTH_S
) -> Outcome:
    """End the session, wait for its clips, and read what was found."""
    deadline_s = time.monotonic() + CLIPS_S
    has_ended = False
    while True:
        try:
            if not has_ended:
                _settle(system, session_id)
                system.ask("/api/session/end", {"session_id": session_id})
                has_ended = True
            details = system.ask(f"/api/session/{session_id}/details")
            states = {clip["status"] for clip in details["clips"]}
            if not states & {"waiting", "writing"} or time.monotonic() > deadline_s:
                return outcome(details, length_s)
        except NoAnswerError:
            if time.monotonic() > deadline_s:
                raise
            system.keep()
        student.live()
        time.sleep(0.1)


def _settle(system: System, session_id: str) -> None:
    """Wait until what came late has been looked at: nothing changes any more."""
    before: Any = None
    for _ in range(40):
        details = system.ask(f"/api/session/{session_id}/details")
        now = (outcome(details).points, outcome(details).coverage)
        if now == before:
            return
        before = now
        time.sleep(0.6)


def outcome(details: dict[str, Any], length_s: float = LENGTH_S) -> Outcome:
    """What the server says of a session, reduced to what must not differ."""
    points: dict[int, dict[str, float]] = {}
    flags: dict[int, float] = {}
    coverage: dict[int, float] = {}
    for interval in details["intervals"]:
        index = interval["index"]
        if index * INTERVAL_S >= length_s - 10:
            continue
        sums: Counter[str] = Counter()
        for point in interval["points"]:
            sums[point["rule"]] += point["points"]
        points[index] = dict(sums)
        coverage[index] = dict(interval["coverage"]).get("face", 0.0)
        if interval["flag_score"] is not None:
            flags[index] = interval["flag_score"]
    return Outcome(
        violations=tuple(
            sorted(
                (v["rule"], v["start_s"], v["end_s"] if v["end_s"] is not None else length_s)
                for v in details["violations"]
            )
        ),
        points=points,
        flags=flags,
        clips={
            clip["interval_index"]: clip["frames"]
            for clip in details["clips"]
            if clip["status"] == "ready"
        },
        coverage=coverage,
    )


def compare(verdict: Verdict, clean: Outcome, found: Outcome) -> None:
    """Note every difference between what was found and the clean run."""
    differences = verdict.differences
    wanted = [violation for violation in clean.violations if violation[0] not in _EVENT_RULES]
    had = [violation for violation in found.violations if violation[0] not in _EVENT_RULES]
    if [v[0] for v in wanted] != [v[0] for v in had]:
        differences.append(f"violations {[v[0] for v in had]} instead of {[v[0] for v in wanted]}")
    else:
        for one, other in zip(wanted, had, strict=True):
            if max(abs(one[1] - other[1]), abs(one[2] - other[2])) > SAME_S:
                differences.append(f"{other} instead of {one}")
    if clean.points != found.points:
        differences.append(f"points {found.points} instead of {clean.points}")
    if clean.flags != found.flags:
        differences.append(f"flags {found.flags} instead of {clean.flags}")
    for index, share in clean.coverage.items():
        if abs(share - found.coverage.get(index, 0.0)) > COVERAGE:
            differences.append(f"coverage {found.coverage} instead of {clean.coverage}")
            break
    for index in clean.flags:
        if found.clips.get(index, 0) < 0.9 * clean.clips.get(index, 1):
            verdict.clips_missing += 1
            had_frames, of = found.clips.get(index, 0), clean.clips.get(index, 0)
            differences.append(f"the clip of interval {index} has {had_frames} of {of} pictures")
    events, heard = (
        Counter(v[0] for v in each.violations if v[0] in _EVENT_RULES) for each in (clean, found)
    )
    verdict.events_lost = sum((events - heard).values())
    verdict.events_doubled = sum((heard - events).values())
    if verdict.events_lost or verdict.events_doubled:
        differences.append(f"events {dict(heard)} instead of {dict(events)}")
