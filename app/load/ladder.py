"""The ladder: what is looked at less when there is more to do than the machine can.

Pure: the figures of each second are handed in with their instant. One rung holds for all students,
so that nobody is left out for the sake of another. Sound and screen events stay whole on every
rung; what is not looked at is unobserved, and coverage says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RungName = Literal["whole", "thinned", "halved", "sparing", "small", "stills"]


@dataclass(frozen=True, slots=True)
class Rung:
    """`rate` is the share of the analysed pictures a second, `pictures` the share of those that
    browsers are asked to send. What is optional (objects, identity) is looked for as much more
    seldom as pictures are, and with `is_sparing` half as often as that. `is_small`: browsers are
    asked for pictures of half the width and height."""

    name: RungName
    rate: float = 1.0
    pictures: float = 1.0
    is_sparing: bool = False
    is_small: bool = False

    @property
    def patience(self) -> float:
        """How many times longer what is optional waits than on the whole rung."""
        return (2 if self.is_sparing else 1) / self.rate


RUNGS = (
    Rung("whole"),
    Rung("thinned", 0.75),
    Rung("halved", 0.5, 0.6),
    Rung("sparing", 0.5, 0.4, is_sparing=True),
    Rung("small", 0.25, 0.4, is_sparing=True, is_small=True),
    Rung("stills", 0.1, 0.2, is_sparing=True, is_small=True),
)
# The rung that "at a reduced rate" speaks of: one picture a second still covers all time.
REDUCED = 2


@dataclass(frozen=True, slots=True)
class Load:
    """One second. `wait_s` is how long live work stood in line for a worker on average;
    `worker_busy` the share of the workers' time that live work took, `web_busy` the share of a
    core that the web process took, and `web_late_s` how late its threads come to their turn.
    `asked` is the share of the workers' time that these students take at the whole rate, by what
    one was seen to cost; 0: not known. `sound_share` of it every rung costs."""

    at_s: float
    students: int
    worker_busy: float
    web_busy: float
    wait_s: float
    web_late_s: float = 0.0
    asked: float = 0.0
    sound_share: float = 0.0

    def expected(self, index: int) -> float:
        """The share of the workers' time that these students take on a rung."""
        return self.asked * (self.sound_share + (1 - self.sound_share) / growth(index, 0))


@dataclass(frozen=True, slots=True)
class LadderLimits:
    """When to go down and up. Down needs a wait that a proctor would notice and that does not
    shrink by `shrinks_s` a second already; up needs room for what the next rung is expected to
    cost, so that what goes up does not come down again."""

    wait_s: float = 0.7
    long_wait_s: float = 2.0
    web_busy: float = 0.9
    web_late_s: float = 0.1
    down_after_s: float = 2.0
    between_s: float = 3.0
    shrinks_s: float = 0.05
    calm_wait_s: float = 0.35
    carries: float = 0.9
    room: float = 0.85
    much_room: float = 0.6
    calm_web_busy: float = 0.8
    up_after_s: float = 3.0
    regret_s: float = 15.0
    barred_s: float = 60.0
    most_barred_s: float = 480.0


@dataclass(slots=True)
class _Bar:
    """A rung that could not be held: not again until then, or with clearly fewer students."""

    until_s: float
    for_s: float
    students: int


class Ladder:
    """Says which rung holds. `step` is called about once a second by one thread."""

    def __init__(self, limits: LadderLimits | None = None) -> None:
        self._limits = limits or LadderLimits()
        self.index = 0
        self._tight_since_s: float | None = None
        self._calm_since_s: float | None = None
        self._moved_s = float("-inf")
        self._moved_wait_s = 0.0
        self._climbed_s = float("-inf")
        self._waited_s = 0.0
        self._bars: dict[int, _Bar] = {}

    @property
    def rung(self) -> Rung:
        return RUNGS[self.index]

    def step(self, load: Load) -> bool:
        """Take one second's figures in; whether the rung is another now."""
        before = self.index
        if not load.students:
            self._tight_since_s = self._calm_since_s = None
            self._bars.clear()
            self.index = 0
        elif self._is_tight(load):
            self._calm_since_s = None
            self._consider_down(load)
        else:
            self._tight_since_s = None
            self._consider_up(load)
        self._waited_s = load.wait_s
        if self.index != before:
            self._moved_s, self._moved_wait_s = load.at_s, load.wait_s
            self._tight_since_s = self._calm_since_s = None
        return self.index != before

    def _is_tight(self, load: Load) -> bool:
        limits = self._limits
        is_web_tight = load.web_busy > limits.web_busy and load.web_late_s > limits.web_late_s
        return load.wait_s > limits.wait_s or is_web_tight

    def _consider_down(self, load: Load) -> None:
        limits = self._limits
        if self._tight_since_s is None:
            self._tight_since_s = load.at_s
        is_long = load.wait_s > limits.long_wait_s
        is_lasting = is_long or load.at_s - self._tight_since_s >= limits.down_after_s
        # What got in line before the last step says nothing of it, and is done after this long.
        settles_s = max(limits.between_s, self._moved_wait_s + limits.down_after_s)
        if not is_lasting or load.at_s - self._moved_s < settles_s:
            return
        if load.wait_s < self._waited_s - limits.shrinks_s:
            return
        if self.index + 1 < len(RUNGS):
            if load.at_s - self._climbed_s < limits.regret_s:
                self._bar(self.index, load)
            self.index = self._next_down(load)

    def _next_down(self, load: Load) -> int:
        """The next rung, or the first that is expected to carry so many students: a rush of them
        must not wait on every rung. The last one is for what was not expected."""
        index = self.index + 1
        while index < len(RUNGS) - 2 and load.expected(index) > self._limits.carries:
            index += 1
        return index

    def _consider_up(self, load: Load) -> None:
        limits = self._limits
        expected = 0.0
        if self.index > 0:
            expected = load.worker_busy * growth(self.index, self.index - 1)
        has_room = (
            self.index > 0
            and load.wait_s <= limits.calm_wait_s
            and expected <= limits.room
            and self._is_web_calm(load)
        )
        if not has_room or self._is_barred(self.index - 1, load, expected):
            self._calm_since_s = None
            return
        if self._calm_since_s is None:
            self._calm_since_s = load.at_s
        if load.at_s - self._calm_since_s >= limits.up_after_s:
            self.index -= 2 if self._has_much_room(load) else 1
            self._climbed_s = load.at_s

    def _is_web_calm(self, load: Load) -> bool:
        """One that is busy while its threads are in time has work that can wait, such as clips."""
        limits = self._limits
        return load.web_busy <= limits.calm_web_busy or load.web_late_s <= limits.web_late_s / 4

    def _has_much_room(self, load: Load) -> bool:
        """Whether even the rung after the next leaves a good part of the workers free."""
        if self.index < 2:
            return False
        expected = load.worker_busy * growth(self.index, self.index - 2)
        room = self._limits.much_room
        return expected <= room and not self._is_barred(self.index - 2, load, expected)

    def _bar(self, index: int, load: Load) -> None:
        before = self._bars.get(index)
        for_s = self._limits.barred_s
        if before is not None:
            for_s = min(self._limits.most_barred_s, 2 * before.for_s)
        self._bars[index] = _Bar(load.at_s + for_s, for_s, load.students)

    def _is_barred(self, index: int, load: Load, expected: float) -> bool:
        bar = self._bars.get(index)
        if bar is None or load.at_s >= bar.until_s:
            return False
        return load.students > 0.9 * bar.students and expected > self._limits.much_room


def growth(index: int, other: int) -> float:
    """By how much detectors' work grows at most from one rung to another."""
    here, there = RUNGS[index], RUNGS[other]
    grown = there.rate / here.rate
    if here.is_sparing and not there.is_sparing:
        grown *= 1.25
    if here.is_small and not there.is_small:
        grown *= 1.1
    return grown
