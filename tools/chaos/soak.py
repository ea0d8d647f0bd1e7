"""A soak: many real sessions for many minutes, and whether what the server holds stays flat.

Memory, threads and file handles of the server and of its workers come from /proc; what the
browser keeps in IndexedDB comes from a real one, where there is one.
"""

from __future__ import annotations

import os
import statistics
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.chaos.browser import Room, join, open_browser
from tools.chaos.clock import FastClock
from tools.chaos.story import Episode, Happening, Story
from tools.chaos.student import Student
from tools.chaos.system import System

SAMPLE_S = 5.0
PICTURE_BYTES = 15_000
EPISODE_EVERY_S = 120
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
# Before this share of the run, what is bounded fills up.
WARM = 1 / 3
_MB = 1_000_000
_SEGMENT = 60_000


@dataclass(frozen=True, slots=True)
class Bound:
    """By how much a series may have grown from its first to its last quarter: the larger one."""

    unit: str
    share: float
    least: float


MEMORY = Bound("MB", 0.05, 10.0)
COUNT = Bound("", 0.02, 3.0)
BATCHES = Bound("batches", 0.2, 15.0)
SPOOL_MB = Bound("MB", 0.2, 3.0)


@dataclass(slots=True)
class Series:
    """One curve, a value each `SAMPLE_S`."""

    name: str
    bound: Bound
    values: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Median of the last quarter less that of the first, after the warm-up."""
        after = self.values[round(len(self.values) * WARM) :]
        quarter = max(1, len(after) // 4)
        if len(after) < 2:
            return 0.0
        return statistics.median(after[-quarter:]) - statistics.median(after[:quarter])

    @property
    def is_flat(self) -> bool:
        after = self.values[round(len(self.values) * WARM) :] or [0.0]
        return self.growth <= max(self.bound.least, self.bound.share * statistics.median(after))

    def line(self) -> str:
        """The curve in one line of text."""
        values = self.values or [0.0]
        step = max(1, -(-len(values) // WIDTH))
        shown = [max(values[at : at + step]) for at in range(0, len(values), step)]
        low, high = min(values), max(values)
        scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
        bars = "".join(BARS[round((value - low) * scale)] for value in shown)
        verdict = "flat" if self.is_flat else "GROWS"
        unit = f" {self.bound.unit}" if self.bound.unit else ""
        return (
            f"{self.name:<22} {bars:<{WIDTH}} {low:8.1f} to {high:8.1f}{unit}, "
            f"{self.growth:+.1f}: {verdict}"
        )


@dataclass(frozen=True, slots=True)
class LongStory(Story):
    """A story with pictures as large as a camera's."""

    def picture(self, at_s: float) -> bytes:
        jpeg = Story.picture(self, at_s)
        filling = PICTURE_BYTES - len(jpeg)
        segment = b"\xff\xfe" + struct.pack(">H", min(filling, _SEGMENT) + 2) + bytes(filling)
        return jpeg[:-2] + segment + jpeg[-2:] if filling > 0 else jpeg


def story_of(number: int, length_s: int) -> LongStory:
    """A phone for five seconds every two minutes, and a paste every minute, each at its time."""
    phases = range(20 + number * 7 % EPISODE_EVERY_S, length_s, EPISODE_EVERY_S)
    episodes = tuple(Episode(s, s + 5.0, {"objects": "phone"}) for s in phases)
    events = tuple(Happening(f"{number}-{s}", "paste", float(s)) for s in range(30, length_s, 60))
    return LongStory(number, episodes, events, length_s)


@dataclass(slots=True)
class Soak:
    """What was measured."""

    students: int
    minutes: float
    series: list[Series]
    unanswered: int = 0
    unstarted: int = 0

    @property
    def is_flat(self) -> bool:
        return all(each.is_flat for each in self.series) and not self.unstarted

    def as_dict(self) -> dict[str, object]:
        return {
            "students": self.students,
            "minutes": self.minutes,
            "is_flat": self.is_flat,
            "unstarted": self.unstarted,
            "series": {
                each.name: {
                    "unit": each.bound.unit,
                    "values": [round(value, 1) for value in each.values],
                    "growth": round(each.growth, 1),
                    "is_flat": each.is_flat,
                }
                for each in self.series
            },
        }


def soak(students: int, minutes: float, tell: Callable[[str], object], chromium: str = "") -> Soak:
    """Run so many students for so long. Raises NoAnswerError, BrowserMissingError."""
    clock = FastClock(time.time(), 1.0)
    length_s = round(minutes * 60) + 600
    with tempfile.TemporaryDirectory(prefix="candor-soak-") as name:
        system = System(Path(name), clock, with_store=False)
        try:
            system.start()
            system.wait()
            url = f"http://127.0.0.1:{system.port}"
            players = []
            for number in range(students - 1):
                made = system.ask(
                    "/api/session/create", {"user_id": f"soak-{number}", "exam_id": "soak"}
                )
                story = story_of(number, length_s)
                players.append(Student(url, made["token"], story, clock, time.monotonic))
            with open_browser(chromium) as browser, _living(players):
                room = join(browser, system, system.port, "real", replace(story_of(students, 1)))
                return _measure(system, room, players, minutes, tell)
        finally:
            system.stop()


def _measure(
    system: System,
    room: Room,
    players: Sequence[Student],
    minutes: float,
    tell: Callable[[str], object],
) -> Soak:
    made = {
        "server memory": Series("server memory", MEMORY),
        "server threads": Series("server threads", COUNT),
        "server handles": Series("server handles", COUNT),
        "worker memory": Series("worker memory", MEMORY),
        "worker handles": Series("worker handles", COUNT),
        "spool of a browser": Series("spool of a browser", BATCHES),
        "IndexedDB": Series("IndexedDB", SPOOL_MB),
        "kept by the others": Series("kept by the others", BATCHES),
    }
    until_s = time.monotonic() + minutes * 60
    while time.monotonic() < until_s:
        room.page.wait_for_timeout(SAMPLE_S * 1000)
        kept = room.spool()
        waiting = [len(player.spool.batches) for player in players]
        values = (
            *_process(system.server_pid),
            *_workers(system.worker_pids),
            kept["batches"],
            kept["bytes"] / _MB,
            max(waiting, default=0),
        )
        for series, value in zip(made.values(), values, strict=True):
            series.values.append(float(value))
        if len(made["IndexedDB"].values) % 12 == 0:
            tell(", ".join(f"{n} {s.values[-1]:.1f}" for n, s in made.items()))
    unstarted = sum(player.started_ms is None for player in players)
    return Soak(len(players) + 1, minutes, list(made.values()), unstarted=unstarted)


class _living:  # noqa: N801 - reads as a verb in a with statement
    """Lets the students live in a thread of their own."""

    def __init__(self, players: Sequence[Student]) -> None:
        self._players = players
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="students", daemon=True)

    def _run(self) -> None:
        while not self._is_over.wait(0.05):
            for player in self._players:
                player.live()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(10)
        for player in self._players:
            player.hang_up()


def _process(pid: int) -> tuple[float, int, int]:
    """Memory in MB, threads and open handles of a process."""
    folder = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    memory_kb = int(status["VmRSS"].split()[0])
    return memory_kb * 1024 / _MB, int(status["Threads"]), len(os.listdir(folder / "fd"))


def _workers(pids: Sequence[int]) -> tuple[float, int]:
    """Memory in MB and open handles of all workers together."""
    measured = [_process(pid) for pid in pids]
    return sum(each[0] for each in measured), sum(each[2] for each in measured)
