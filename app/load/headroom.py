"""What a student costs, as measured, and how many the machine holds for that. Pure.

Work is counted in seconds of a detector worker and of the web process per student and second.
A worker's seconds are those in which it had work in hand; fewer of them are CPU time, because it
gives way to the web process. Old seconds fade, so that what is known follows the exams that are
held here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.load.ladder import REDUCED, RUNGS, Rung

# This much of a worker and of the web process may be used: the rest absorbs what is uneven.
USABLE = 0.85
# Fewer student-seconds than this say nothing yet.
ENOUGH_STUDENT_S = 300.0
FEWEST_STUDENTS = 3
_HALF_LIFE_STUDENT_S = 6_000.0


@dataclass(frozen=True, slots=True)
class Headroom:
    """`holds` students at the whole rate and `reduced` more at half of it; None: not known."""

    students: int
    holds: int | None = None
    reduced: int | None = None
    worker_ms: float | None = None
    web_ms: float | None = None

    def says(self) -> str:
        """A sentence for people."""
        if self.holds is None or self.reduced is None:
            return (
                "How many students this machine holds is not measured yet: a few that sit an exam"
                " for some minutes show it, or a rehearsal with ./run.sh simulate."
            )
        return (
            f"This machine holds about {self.holds} students;"
            f" {self.reduced} more at a reduced rate."
        )

    @property
    def is_full(self) -> bool:
        """Whether one more student goes beyond the whole rate."""
        return self.holds is not None and self.students >= self.holds


class CostMeter:
    """Learns the cost per student-second from seconds in which the ladder was not under strain."""

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        """`known` is what `as_dict` gave before a restart; what cannot be right is left out."""
        sums = dict.fromkeys(("student_s", "worker_s", "cpu_s", "web_s", "sound_share"), 0.0)
        for name in sums:
            value = (known or {}).get(name, 0.0)
            if isinstance(value, (int, float)) and math.isfinite(value) and value >= 0:
                sums[name] = float(value)
        self._student_s = sums["student_s"]
        self._worker_s = sums["worker_s"]
        self._cpu_s = sums["cpu_s"] or sums["worker_s"]
        self._web_s = sums["web_s"]
        self._sound_share = min(1.0, sums["sound_share"])

    def note(
        self,
        students: int,
        elapsed_s: float,
        worker_s: float,
        cpu_s: float,
        web_s: float,
        sound_share: float,
        rung: Rung = RUNGS[0],
    ) -> None:
        """So much was spent in `elapsed_s` on a rung that kept up: `worker_s` the workers were
        busy, of which `cpu_s` on a core; `sound_share` of their part went into sound, which every
        rung hears whole. On a lower rung the price of the whole one is worked out from that; what
        the web process saves there is not counted on."""
        if students < FEWEST_STUDENTS or elapsed_s <= 0:
            return
        sound_share = sound_of_whole(min(1.0, max(0.0, sound_share)), rung.rate)
        share_of_whole = sound_share + (1 - sound_share) * rung.rate
        student_s = students * elapsed_s
        fade = 0.5 ** (student_s / _HALF_LIFE_STUDENT_S)
        self._student_s = self._student_s * fade + student_s
        self._worker_s = self._worker_s * fade + worker_s / share_of_whole
        self._cpu_s = self._cpu_s * fade + cpu_s / share_of_whole
        self._web_s = self._web_s * fade + web_s
        self._sound_share = sound_share

    @property
    def worker_s(self) -> float:
        """Seconds of a worker that a student takes in a second at the whole rate; 0: not known."""
        if self._student_s < ENOUGH_STUDENT_S:
            return 0.0
        return self._worker_s / self._student_s

    @property
    def sound_share(self) -> float:
        """The part of it that goes into sound."""
        return self._sound_share

    def as_dict(self) -> dict[str, float]:
        """What is worth remembering."""
        return {
            "student_s": round(self._student_s, 3),
            "worker_s": round(self._worker_s, 6),
            "cpu_s": round(self._cpu_s, 6),
            "web_s": round(self._web_s, 6),
            "sound_share": round(self._sound_share, 4),
        }

    def headroom(self, students: int, workers: int, cores: float = math.inf) -> Headroom:
        """For `students` that run now and so many workers, which share `cores` with the web
        process; infinite where they have a machine of their own."""
        if self._student_s < ENOUGH_STUDENT_S or workers < 1 or self._worker_s <= 0:
            return Headroom(students)
        worker = self._worker_s / self._student_s
        cpu = min(worker, self._cpu_s / self._student_s)
        web = self._web_s / self._student_s
        rung = RUNGS[REDUCED]
        share = self._sound_share + (1 - self._sound_share) * rung.rate
        # What the web process saves with fewer pictures is not counted on.
        holds, most = (
            math.floor(
                USABLE
                * min(workers / (worker * part), 1 / max(web, 1e-9), cores / (cpu * part + web))
            )
            for part in (1.0, share)
        )
        return Headroom(
            students, holds, max(0, most - holds), round(worker * 1000, 3), round(web * 1000, 3)
        )


def sound_of_whole(share: float, rate: float) -> float:
    """The share of sound at the whole rate, when it is `share` at this one."""
    pictures = (1 - share) / rate
    return share / (share + pictures) if share else 0.0
