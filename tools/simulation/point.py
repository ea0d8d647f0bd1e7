"""Measures one point of the capacity curve: a fresh server, N students, some minutes."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from detectors.analyzer import Analyzer
from detectors.entry import WorkerConfig
from detectors.messages import REST, Frame, Sound
from detectors.models import PROJECT_ROOT
from tools.bench_detectors import FPS, WARM_UP_S, Second, measure
from tools.serving import Server
from tools.simulation.material import Material
from tools.simulation.measured_server import cpu_ms
from tools.simulation.mix import EVERY, FIRST_INTERVAL, INTERVAL_S, KINDS, Part
from tools.simulation.outcome import Outcome
from tools.simulation.run import Plan, Rest, simulate

# What a point must hold (the README's table says the same).
LEAST_COVERAGE = 0.95
LEAST_RATE = 0.95 * FPS
MOST_P95_S = 1.5
MOST_GROWTH = 0.10
FULL_AFTER_S = 120.0


class MeasuredServer(Server):
    """A server of its own that writes down where its time goes."""

    def __init__(self, data_dir: Path, settings: dict[str, str]) -> None:
        super().__init__(data_dir, settings)
        self.figures = data_dir / "stages.json"
        self.program = ("-m", "tools.simulation.measured_server", str(self.figures))

    def stages(self) -> dict[str, dict[str, float]]:
        """CPU milliseconds so far, by stage of the web process and by step of the workers."""
        return dict(json.loads(self.figures.read_text(encoding="utf-8")))


@dataclass(slots=True)
class Point:
    """The figures of one point; CPU in milliseconds per student-second."""

    students: int
    minutes: float
    coverage: float = 0.0
    judged_per_s: float = 0.0
    p95_s: float | None = None
    cpu_ms_per_student_s: float = 0.0
    bare_models_ms_per_student_s: float = 0.0
    mb_per_student: float = 0.0
    mb_idle: float = 0.0
    growth: float = 0.0
    ratio: float | None = None
    web_ms: float = 0.0
    workers_ms: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    load_of_others: float = 0.0
    outcome: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_held": self.is_held}


@dataclass(slots=True)
class _Usage:
    """CPU milliseconds and proportional memory of the web process and of its workers."""

    web_ms: float
    workers_ms: float
    megabytes: float


def measure_point(
    parts: Sequence[Part],
    material: Material,
    minutes: float,
    workers: int,
    bare_ms: Mapping[str, float],
) -> Point:
    """Run one point; `bare_ms` is what the models alone cost for each kind of student. Raises
    ServerFailed and RestError."""
    models_ms = mean(bare_ms[part.kind.name] for part in parts)
    point = Point(len(parts), minutes, bare_models_ms_per_student_s=round(models_ms, 3))
    with tempfile.TemporaryDirectory(prefix="candor-capacity-") as scratch:
        settings = {
            "PROCTOR_CLIENT_RATE": "2000",
            "PROCTOR_WEB_THREADS": str(max(400, 4 * len(parts))),
            "VIDEO_FPS": f"{material.fps:g}",
            "PROCTOR_WORKERS": str(workers),
        }
        server = MeasuredServer(Path(scratch), settings)
        server.start()
        try:
            server.wait_for_detectors()
            pids = family(server.pid)
            idle = _usage(pids)
            seen: list[tuple[float, _Usage, dict[str, dict[str, float]], float]] = []

            def tick(seconds: float) -> None:
                seen.append((seconds, _usage(pids), server.stages(), _busy_ms()))

            outcome = simulate(
                Rest(server.url, server.api_key), Plan(parts, material, minutes, tick)
            )
        finally:
            server.stop()
    _fill(point, idle, seen, outcome)
    return point


def _fill(
    point: Point,
    idle: _Usage,
    seen: list[tuple[float, _Usage, dict[str, dict[str, float]], float]],
    outcome: Outcome,
) -> None:
    # Calibration and registration are over by then; the rest is the common case.
    warm = next((i for i, each in enumerate(seen) if each[0] >= WARM_UP_S), 0)
    (first_s, before, stages_before, busy_before) = seen[warm]
    (last_s, after, stages_after, busy_after) = seen[-1]
    student_s = max(1e-6, (last_s - first_s) * point.students)
    point.web_ms = (after.web_ms - before.web_ms) / student_s
    point.workers_ms = (after.workers_ms - before.workers_ms) / student_s
    point.cpu_ms_per_student_s = round(point.web_ms + point.workers_ms, 3)
    if point.bare_models_ms_per_student_s:
        point.ratio = round(point.cpu_ms_per_student_s / point.bare_models_ms_per_student_s, 3)
    for kind in ("stages_ms", "detectors_ms"):
        for name, ms in stages_after[kind].items():
            spent = (ms - stages_before[kind].get(name, 0.0)) / student_s
            label = name if kind == "stages_ms" else f"worker: {name}"
            if spent >= 0.005:
                point.stages[label] = round(spent, 3)
    steps = sum(ms for name, ms in point.stages.items() if name.startswith("worker: "))
    # Whatever came since a worker's last answer.
    rest = f"worker: {REST}"
    rest_ms = point.stages.get(rest, 0.0) + max(0.0, point.workers_ms - steps)
    point.stages[rest] = round(rest_ms, 3)
    own_ms = point.web_ms + point.workers_ms + outcome.generator_cpu_ms_per_student_s
    others_ms = busy_after - busy_before - own_ms * student_s
    point.load_of_others = round(max(0.0, others_ms) / max(1.0, (last_s - first_s) * 1000), 2)
    # The evidence in memory has filled up by then; before, memory grows as it must.
    full_s = max(FULL_AFTER_S, last_s / 2)
    middle = next((usage for at_s, usage, _, _ in seen if at_s >= full_s), after)
    point.mb_idle = round(idle.megabytes, 1)
    point.mb_per_student = round((after.megabytes - idle.megabytes) / point.students, 2)
    point.growth = round((after.megabytes - middle.megabytes) / middle.megabytes, 4)
    point.coverage, point.p95_s = outcome.coverage, outcome.p95_s
    point.judged_per_s = outcome.judged_per_s
    point.outcome = outcome.as_dict()
    point.failures = failures_of(point, outcome)


def failures_of(point: Point, outcome: Outcome) -> list[str]:
    """Why a point does not hold, one sentence each."""
    found = []
    if outcome.coverage < LEAST_COVERAGE:
        found.append(f"Coverage is {outcome.coverage:.3f}; {LEAST_COVERAGE:g} is wanted.")
    if outcome.judged_per_s < LEAST_RATE:
        found.append(
            f"{outcome.judged_per_s:.2f} pictures a second are judged; {LEAST_RATE:g} are wanted."
        )
    if outcome.p95_s is None or outcome.p95_s > MOST_P95_S:
        shown = "unknown" if outcome.p95_s is None else f"{outcome.p95_s:.2f} s"
        found.append(f"p95 from capture to room is {shown}; {MOST_P95_S:g} s is wanted.")
    if outcome.events_lost:
        found.append(f"{outcome.events_lost} events were lost.")
    if point.growth > MOST_GROWTH:
        found.append(f"Memory grew by {point.growth:.0%} in the second half.")
    for verdict in outcome.wrong:
        if verdict.missing or verdict.unexpected:
            found.append(f"Flags of student {verdict.number} ({verdict.kind}) are not as played.")
    return found


def bare_models_ms(material: Material, kinds: Iterable[str]) -> dict[str, float]:
    """What the models alone cost for each kind of student, in CPU milliseconds per student-second:
    every call that such a student causes, repeated by itself. An honest one is the mean of all
    the present students there are."""
    analyzer = Analyzer(WorkerConfig(models_dir=PROJECT_ROOT / "models"))

    def cost_of(name: str, student: int) -> float:
        part = Part(student, KINDS[name], (FIRST_INTERVAL,))
        return measure(analyzer, f"{name} {student}", _seconds(material, part), 1).models_ms

    loops = range(len(material.scenes["present"]))
    return {
        name: mean(cost_of(name, student) for student in (loops if name == "honest" else (0,)))
        for name in kinds
    }


def _seconds(material: Material, part: Part) -> list[Second]:
    """As many intervals as an episode comes in, after the seconds that do not count."""
    step = material.fps / FPS
    made = []
    for second in range(WARM_UP_S, 2 * WARM_UP_S + round(EVERY * INTERVAL_S)):
        numbers = [int((second * FPS + i) * step) for i in range(int(FPS))]
        frames = tuple(
            Frame(second + i / FPS, material.frame(part.scene_at(second), part.number, number))
            for i, number in enumerate(numbers)
        )
        heard = Sound(float(second), material.sound(*part.sound_at(second)))
        made.append(Second(frames, heard))
    return made


@dataclass(slots=True)
class Others:
    """How many cores were busy with what is no part of a measurement."""

    cores: float = 0.0


@contextlib.contextmanager
def load_of_others(pid: int) -> Iterator[Others]:
    """Measures while the block runs; ours are this process and the server `pid` with its own."""
    found = Others()
    pids = family(pid)
    before, began_s = (_busy_ms(), _usage(pids), time.process_time()), time.monotonic()
    yield found
    after, spent_s = (_busy_ms(), _usage(pids), time.process_time()), time.monotonic() - began_s
    ours_ms = after[1].web_ms + after[1].workers_ms - before[1].web_ms - before[1].workers_ms
    ours_ms += (after[2] - before[2]) * 1000
    found.cores = round(max(0.0, after[0] - before[0] - ours_ms) / 1000 / max(1.0, spent_s), 2)


def family(pid: int) -> list[int]:
    """A process and all that descend from it, the web process (gunicorn's worker) first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(parts[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        each = todo.pop(0)
        found.append(each)
        todo += children.get(each, [])
    # The arbiter sleeps; its child serves, and that one's children are the detectors.
    return found


def _usage(pids: Sequence[int]) -> _Usage:
    """The first two are gunicorn's arbiter and worker, the others detector workers."""
    web = workers = megabytes = 0.0
    for place, pid in enumerate(pids):
        folder = Path("/proc") / str(pid)
        try:
            spent_ms = cpu_ms((folder / "stat").read_text())
            pss = next(
                line
                for line in (folder / "smaps_rollup").read_text().splitlines()
                if line.startswith("Pss:")
            )
        except (OSError, StopIteration):
            continue
        megabytes += int(pss.split()[1]) / 1024
        if place < 2:
            web += spent_ms
        else:
            workers += spent_ms
    return _Usage(web, workers, megabytes)


def _busy_ms() -> float:
    """CPU time of the whole machine that was not idle."""
    parts = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(parts) - parts[3] - parts[4]) * 1000 / os.sysconf("SC_CLK_TCK")
