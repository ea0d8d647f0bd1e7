"""Plays a mix of students against a server and judges what the server stored of them."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.simulation.material import Material
from tools.simulation.mix import Part
from tools.simulation.outcome import (
    DROPS,
    Outcome,
    Verdict,
    coverage_of,
    judge,
    percentile,
    quarters_of,
)
from tools.simulation.student import SimulatedStudent
from tools.simulation.watcher import Watcher

EXAM = "simulation"
CONSENT = "simulation"
JOINS_PER_S = 15.0
SETTLE_S = 4.0
# Latency is counted from here on: detectors calibrate and caches fill before.
WARM_UP_S = 15.0
_ANSWER_WITHIN_S = 30.0


class RestError(Exception):
    """A REST call failed; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Rest:
    """REST calls with an API key."""

    server: str
    key: str

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The answer's JSON. Raises RestError."""
        request = urllib.request.Request(  # noqa: S310 - the address is the user's own
            self.server.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_WITHIN_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read(500).decode(errors="replace")
            raise RestError(f"{method} {path} was refused with {error.code}: {text}") from None
        except (OSError, ValueError) as error:
            raise RestError(f"{method} {path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play. `tick` is called once a second with the seconds since all had joined, `came`
    for each student who has joined, with the session's id and start in Unix milliseconds."""

    parts: Sequence[Part]
    material: Material
    minutes: float
    tick: Callable[[float], None] = lambda _seconds: None
    came: Callable[[Part, str, float], None] = lambda _part, _session_id, _started_ms: None


def simulate(rest: Rest, plan: Plan) -> Outcome:
    """Blocks for the plan's time and some seconds. Raises RestError."""
    return asyncio.run(_Simulation(rest, plan).play())


class _Simulation:
    def __init__(self, rest: Rest, plan: Plan) -> None:
        self._rest = rest
        self._plan = plan
        self._outcome = Outcome(len(plan.parts), plan.minutes)

    async def play(self) -> Outcome:
        run_id = f"{time.time_ns():x}"
        tokens = [await self._create(run_id, part) for part in self._plan.parts]
        before = await self._counters()
        watcher = Watcher(self._rest.server, self._rest.key)
        students = [
            SimulatedStudent(
                self._rest.server, token, part, self._plan.material, phase_of(part.number)
            )
            for token, part in zip(tokens, self._plan.parts, strict=True)
        ]
        tasks = []
        for student in students:
            tasks.append(asyncio.create_task(student.run()))
            await asyncio.sleep(1 / JOINS_PER_S)
        while any(not student.told.session_id for student in students):
            await asyncio.sleep(0.1)
        for student in students:
            self._plan.came(student.part, student.told.session_id, student.told.started_ms)
        watching = asyncio.create_task(
            watcher.run([student.told.session_id for student in students])
        )
        began = await self._counters()
        cpu_s, began_s = time.process_time(), time.time()
        while time.time() - began_s < self._plan.minutes * 60:
            self._plan.tick(time.time() - began_s)
            await self._note_rung(time.time() - began_s)
            await asyncio.sleep(1.0)
        cpu_s, spent_s = time.process_time() - cpu_s, time.time() - began_s
        after = await self._counters()
        frames = after.get("live_frames", 0) - began.get("live_frames", 0)
        self._outcome.judged_per_s = round(frames / spent_s / len(students), 3)
        for student in students:
            student.stop()
        await asyncio.wait(tasks, timeout=60)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await asyncio.sleep(SETTLE_S)
        self._outcome.generator_cpu_ms_per_student_s = cpu_s * 1000 / spent_s / len(students)
        self._count(students, watcher, began_s, began_s + spent_s)
        self._outcome.drops = {name: after.get(name, 0) - before.get(name, 0) for name in DROPS}
        await self._judge(students)
        return self._outcome

    async def _create(self, run_id: str, part: Part) -> str:
        body = {
            "user_id": f"sim-{run_id}-{part.number:04d}",
            "exam_id": EXAM,
            "consent": CONSENT,
        }
        created = await asyncio.to_thread(self._rest.call, "POST", "/api/session/create", body)
        return str(created["token"])

    async def _note_rung(self, at_s: float) -> None:
        rung = (await self._machine())["load"]["rung"]
        rungs = self._outcome.rungs
        if not rungs or rungs[-1][1] != rung:
            rungs.append((round(at_s, 1), rung))

    async def _counters(self) -> dict[str, int]:
        return dict((await self._machine())["counters"])

    async def _machine(self) -> dict[str, Any]:
        return dict(await asyncio.to_thread(self._rest.call, "GET", "/api/machine"))

    def _count(
        self,
        students: Sequence[SimulatedStudent],
        watcher: Watcher,
        began_s: float,
        ended_s: float,
    ) -> None:
        outcome = self._outcome
        fresh = [age_s for at_s, age_s in watcher.samples if at_s - began_s > WARM_UP_S]
        acks = [ms for student in students for ms in student.told.ack_ms]
        outcome.p50_s, outcome.p95_s = percentile(fresh, 0.5), percentile(fresh, 0.95)
        outcome.p95_by_quarter_s = quarters_of(watcher.samples, began_s + WARM_UP_S, ended_s)
        outcome.ack_p50_ms, outcome.ack_p95_ms = percentile(acks, 0.5), percentile(acks, 0.95)
        outcome.updates = watcher.updates
        outcome.sent_mb = sum(student.sent_bytes for student in students) / 1e6
        for student in students:
            told = student.told
            outcome.batches += told.batches
            outcome.frames += told.frames
            outcome.events_sent += len(told.events_sent)
            outcome.events_lost += told.events_unanswered
            outcome.refused_parts += told.refused
            outcome.skipped_batches += told.skipped_batches
            outcome.reconnections += told.reconnections
        problems = Counter(text for student in students for text in student.told.problems)
        problems.update(watcher.problems)
        outcome.problems = dict(problems.most_common())

    async def _judge(self, students: Sequence[SimulatedStudent]) -> None:
        outcome = self._outcome
        shares: list[float] = []
        for student in students:
            path = f"/api/session/{student.told.session_id}/details"
            details = await asyncio.to_thread(self._rest.call, "GET", path)
            sent = [kind for _, kind in student.told.events_sent]
            verdict: Verdict = judge(student.part, details, sent)
            closed = [item["index"] for item in details["intervals"] if item["is_closed"]]
            wanted = [i for i in student.part.intervals if i < max(closed, default=-1)]
            outcome.flags_expected += len(wanted)
            outcome.flags_found += len(wanted) - len(verdict.missing)
            outcome.events_lost += verdict.missing_events
            if verdict.missing or verdict.unexpected or verdict.missing_events:
                outcome.wrong.append(verdict)
            share = coverage_of(details)
            if share is not None:
                shares.append(share)
        if shares:
            outcome.coverage = round(sum(shares) / len(shares), 4)
            outcome.coverage_worst = round(min(shares), 4)


def phase_of(number: int) -> float:
    """Where in the second a student's batches fall: evenly spread however many there are."""
    return (number * 0.618034) % 1.0
