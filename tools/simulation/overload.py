"""Plays twice as many students as the machine holds, lets them go, and measures what it does.

Three stretches on one server: a few students teach it what a student costs; then come as many as
make twice what it says it holds; then all but the first ones leave. Events, flags from events,
coverage of every student, the rooms and the way back are measured from outside.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean
from typing import Any

from tools.simulation.material import Material
from tools.simulation.mix import FIRST_INTERVAL, INTERVAL_S, Part
from tools.simulation.outcome import judge, percentile
from tools.simulation.run import JOINS_PER_S, SETTLE_S, Rest, phase_of
from tools.simulation.student import SimulatedStudent
from tools.simulation.watcher import Watcher

EVENT_RULES = frozenset({"focus_change", "clipboard", "fullscreen_exit"})
BASE_SHARE = 0.6
OFFERED = 2.0
# What must hold.
MOST_SPREAD = 0.15
MOST_SILENCE_S = 3.0
BACK_WITHIN_S = 30.0
LEAST_COVERAGE_AFTER = 0.95
MOST_P95_AFTER_S = 1.5
# After the way back, a whole interval of every student is looked at.
AFTER_S = BACK_WITHIN_S + 2 * INTERVAL_S + 5.0
_EXAM = "overload"


@dataclass(frozen=True, slots=True)
class Stretches:
    """How long it lasts. `capacity` is what the machine holds where that is known already."""

    learn_s: float = 45.0
    learn_students: int = 10
    over_s: float = 100.0
    capacity: int | None = None


@dataclass(slots=True)
class Overload:
    """What was measured; coverage of the face, as shares."""

    students_held: int = 0
    students_base: int = 0
    students_offered: int = 0
    says: str = ""
    events_sent: int = 0
    events_lost: int = 0
    event_flags_expected: int = 0
    event_flags_lost: int = 0
    coverage: float | None = None
    coverage_least: float | None = None
    coverage_most: float | None = None
    coverage_of: list[tuple[str, list[float]]] = field(default_factory=list)
    rungs: list[tuple[float, str]] = field(default_factory=list)
    deepest: str = "whole"
    room_silence_s: float | None = None
    verdict_p50_s: float | None = None
    verdict_p95_s: float | None = None
    left_s: float = 0.0
    recovered_s: float | None = None
    coverage_after: float | None = None
    p95_after_s: float | None = None
    web_busy_most: float = 0.0
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def spread(self) -> float | None:
        """Between the student who was observed most and the one who was observed least."""
        if self.coverage_most is None or self.coverage_least is None:
            return None
        return round(self.coverage_most - self.coverage_least, 4)

    @property
    def failures(self) -> list[str]:
        """What did not hold, one sentence each."""
        found = []
        if self.events_lost:
            found.append(f"{self.events_lost} events were lost.")
        if self.event_flags_lost or not self.event_flags_expected:
            lost, expected = self.event_flags_lost, self.event_flags_expected
            found.append(f"{lost} of {expected} flags from events are missing.")
        if self.spread is None or self.spread > MOST_SPREAD:
            found.append(f"Coverage differs by {self.spread} between students.")
        if self.room_silence_s is None or self.room_silence_s > MOST_SILENCE_S:
            found.append(f"A room was silent for {self.room_silence_s} s.")
        if self.recovered_s is None or self.recovered_s > BACK_WITHIN_S:
            found.append(f"It was whole again after {self.recovered_s} s.")
        if self.coverage_after is None or self.coverage_after < LEAST_COVERAGE_AFTER:
            found.append(f"Coverage afterwards is {self.coverage_after}.")
        if self.p95_after_s is None or self.p95_after_s > MOST_P95_AFTER_S:
            found.append(f"p95 from capture to room afterwards is {self.p95_after_s} s.")
        return found

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "spread": self.spread,
            "failures": self.failures,
            "is_held": not self.failures,
        }


def play_overload(
    rest: Rest,
    cast: Callable[[int, int], Sequence[Part]],
    material: Material,
    stretches: Stretches,
    say: Callable[[str], object] = lambda _text: None,
) -> Overload:
    """`cast(first, count)` makes the parts with these numbers. Blocks for some minutes. Raises
    RestError."""
    return asyncio.run(_Play(rest, cast, material, stretches, say).play())


class _Play:
    def __init__(
        self,
        rest: Rest,
        cast: Callable[[int, int], Sequence[Part]],
        material: Material,
        stretches: Stretches,
        say: Callable[[str], object],
    ) -> None:
        self._rest = rest
        self._cast = cast
        self._material = material
        self._stretches = stretches
        self._say = say
        self._run_id = f"{time.time_ns():x}"
        self._made = 0
        self._found = Overload()
        self._tasks: dict[SimulatedStudent, asyncio.Task[None]] = {}
        self._zero_s = time.time()
        self._is_over = False

    async def play(self) -> Overload:
        found, stretches = self._found, self._stretches
        base = await self._join(stretches.learn_students)
        self._zero_s = time.time()
        polling = asyncio.create_task(self._poll())
        watcher = Watcher(self._rest.server, self._rest.key)
        await asyncio.sleep(stretches.learn_s)
        load = (await self._machine())["load"]
        found.says = load["says"]
        found.students_held = stretches.capacity or load["holds"] or 0
        self._say(found.says)
        found.students_base = max(len(base), round(BASE_SHARE * found.students_held))
        base += await self._join(found.students_base - len(base))
        watching = asyncio.create_task(watcher.run([each.told.session_id for each in base]))
        await asyncio.sleep(10.0)
        found.students_offered = max(round(OFFERED * found.students_held), len(base) + 1)
        surge = await self._join(found.students_offered - len(base))
        over_from_s = time.time()
        self._say(f"{found.students_offered} students are here.")
        await asyncio.sleep(stretches.over_s)
        over_to_s = time.time()
        await self._leave(surge)
        left_s = time.time()
        found.left_s = round(left_s - over_to_s, 1)
        self._say(f"{len(surge)} students have left; {len(base)} stay.")
        await asyncio.sleep(AFTER_S)
        end_s = time.time()
        await self._leave(base)
        self._is_over = True
        for task in (watching, polling):
            task.cancel()
        await asyncio.gather(watching, polling, return_exceptions=True)
        await asyncio.sleep(SETTLE_S)
        self._fill_rooms(watcher, over_from_s, over_to_s, left_s + BACK_WITHIN_S)
        self._fill_way_back(left_s)
        await self._judge([*base, *surge], over_from_s, over_to_s)
        after = await self._coverages(base, left_s + BACK_WITHIN_S, end_s)
        found.coverage_after = round(mean(after), 4) if after else None
        return found

    async def _join(self, count: int) -> list[SimulatedStudent]:
        parts = self._cast(self._made, count)
        self._made += len(parts)
        students = []
        for part in parts:
            body = {
                "user_id": f"over-{self._run_id}-{part.number:04d}",
                "exam_id": _EXAM,
                "consent": _EXAM,
            }
            created = await asyncio.to_thread(self._rest.call, "POST", "/api/session/create", body)
            student = SimulatedStudent(
                self._rest.server,
                str(created["token"]),
                part,
                self._material,
                phase_of(part.number),
            )
            self._tasks[student] = asyncio.create_task(student.run())
            students.append(student)
            await asyncio.sleep(1 / JOINS_PER_S)
        while any(not student.told.session_id for student in students):
            await asyncio.sleep(0.1)
        return students

    async def _leave(self, students: Sequence[SimulatedStudent]) -> None:
        for student in students:
            student.stop()
        await asyncio.wait([self._tasks[student] for student in students], timeout=120)

    async def _machine(self) -> dict[str, Any]:
        return dict(await asyncio.to_thread(self._rest.call, "GET", "/api/machine"))

    async def _poll(self) -> None:
        """Note each second how much is looked at."""
        while True:
            load = (await self._machine())["load"]
            self._found.web_busy_most = max(self._found.web_busy_most, load["web_busy"])
            rungs = self._found.rungs
            if not rungs or rungs[-1][1] != load["rung"]:
                rungs.append((round(time.time() - self._zero_s, 1), load["rung"]))
                self._say(
                    f"  {rungs[-1][0]:6.1f} s  {load['rung']:<8} {load['students']} students,"
                    f" workers {load['worker_busy']:.0%}, web {load['web_busy']:.0%},"
                    f" wait {load['wait_s']:.2f} s"
                )
            await asyncio.sleep(1.0)

    def _fill_rooms(self, watcher: Watcher, from_s: float, to_s: float, after_s: float) -> None:
        found = self._found
        within = [age_s for at_s, age_s in watcher.samples if from_s <= at_s < to_s]
        found.verdict_p50_s, found.verdict_p95_s = percentile(within, 0.5), percentile(within, 0.95)
        silences = [gap_s for at_s, gap_s in watcher.gaps if from_s <= at_s < to_s]
        found.room_silence_s = round(max(silences), 2) if silences else None
        after = [age_s for at_s, age_s in watcher.samples if at_s >= after_s]
        found.p95_after_s = percentile(after, 0.95)

    def _fill_way_back(self, left_s: float) -> None:
        order = ("whole", "thinned", "halved", "sparing", "small", "stills")
        found = self._found
        found.deepest = max((name for _, name in found.rungs), key=order.index, default="whole")
        at_s, last = found.rungs[-1]
        if last == "whole":
            found.recovered_s = round(max(0.0, at_s - (left_s - self._zero_s)), 1)

    async def _judge(
        self, students: Sequence[SimulatedStudent], from_s: float, to_s: float
    ) -> None:
        found = self._found
        for student in students:
            details = await self._details(student)
            sent = [kind for _, kind in student.told.events_sent]
            verdict = judge(student.part, details, sent)
            found.events_sent += len(sent)
            found.events_lost += student.told.events_unanswered + verdict.missing_events
            if student.part.kind.rules and student.part.kind.rules <= EVENT_RULES:
                closed = [item["index"] for item in details["intervals"] if item["is_closed"]]
                wanted = [i for i in student.part.intervals if i < max(closed, default=-1)]
                found.event_flags_expected += len(wanted)
                found.event_flags_lost += len(verdict.missing)
            for text in student.told.problems:
                found.problems[text] = found.problems.get(text, 0) + 1
        for student in students:
            shares = await self._shares(student, from_s, to_s)
            found.coverage_of.append((student.part.kind.name, shares))
        shares = [mean(each) for _, each in found.coverage_of if each]
        if shares:
            found.coverage = round(mean(shares), 4)
            found.coverage_least, found.coverage_most = round(min(shares), 4), round(max(shares), 4)

    async def _coverages(
        self, students: Sequence[SimulatedStudent], from_s: float, to_s: float
    ) -> list[float]:
        """Each student's mean coverage of the whole intervals between two instants."""
        shares = [await self._shares(student, from_s, to_s) for student in students]
        return [mean(each) for each in shares if each]

    async def _shares(self, student: SimulatedStudent, from_s: float, to_s: float) -> list[float]:
        zero_s = student.told.started_ms / 1000
        return intervals_between(await self._details(student), from_s - zero_s, to_s - zero_s)

    async def _details(self, student: SimulatedStudent) -> dict[str, Any]:
        path = f"/api/session/{student.told.session_id}/details"
        return dict(await asyncio.to_thread(self._rest.call, "GET", path))


def intervals_between(
    details: Mapping[str, Any], from_s: float, to_s: float, detector: str = "face"
) -> list[float]:
    """The coverage of the closed intervals that lie whole between two seconds of the session."""
    return [
        float(item["coverage"].get(detector, 0.0))
        for item in details["intervals"]
        if item["is_closed"]
        and item["index"] >= FIRST_INTERVAL
        and item["index"] * INTERVAL_S >= from_s
        and (item["index"] + 1) * INTERVAL_S <= to_s
    ]


def as_text(found: Overload) -> str:
    """The outcome for a console."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    kept = found.event_flags_expected - found.event_flags_lost
    return "\n".join(
        [
            f"{found.students_offered} students where {found.students_held} are held;"
            f" {found.students_base} of them stay",
            f"  events                  {found.events_sent} sent, {found.events_lost} lost",
            f"  flags from events       {kept} of {found.event_flags_expected}",
            f"  coverage while over     {shown(found.coverage)}, students between"
            f" {shown(found.coverage_least)} and {shown(found.coverage_most)}",
            f"  deepest rung            {found.deepest}; web process at most"
            f" {found.web_busy_most:.0%} of a core",
            f"  longest silent room     {shown(found.room_silence_s)} s; verdicts"
            f" p50 {shown(found.verdict_p50_s)} s, p95 {shown(found.verdict_p95_s)} s old",
            f"  whole again after       {shown(found.recovered_s)} s"
            f" (the others took {found.left_s:.1f} s to leave)",
            f"  from 30 s after         coverage {shown(found.coverage_after)},"
            f" p95 {shown(found.p95_after_s)} s",
            *(f"  problem ({count}): {text}" for text, count in list(found.problems.items())[:5]),
            *(f"  does not hold: {failure}" for failure in found.failures),
        ]
    )
