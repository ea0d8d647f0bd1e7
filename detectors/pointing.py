"""Calibration by looking at points: what a student's own way of looking at the screen is.

The page shows one point after the other and says when. Poses seen while a point is shown, after
the eyes have had time to get there, say how this student looks at that place. The middle point
gives the centre; the outer ones widen the limits where the screen takes wider looks than usual.
They never narrow them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from detectors.messages import Mark
from detectors.pose import Pose

# The eyes need this long to get to a new point; a look is learnt from for at most SPAN_S.
SETTLE_S, SPAN_S = 0.5, 3.0
FEWEST_POSES = 2
_MIDDLE = 0.2
# Looking beyond the outermost point is still looking at the screen.
_MARGIN_DEG = 3.0
_WIDEST_SIGHT, _WIDEST_UP, _WIDEST_DOWN = 17.0, 20.0, 22.0
_STEADY_DEG = 6.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """The poses of the middle, and how far (degrees) the outer points lay from it."""

    middle: tuple[Pose, ...]
    sight: float
    up: float
    down: float
    points: int

    @property
    def spread(self) -> float:
        """How unsteady the look at the middle was, in degrees."""
        sight = median(p.sight for p in self.middle)
        return sorted(abs(p.sight - sight) for p in self.middle)[(len(self.middle) * 4 - 1) // 5]

    @property
    def is_steady(self) -> bool:
        return self.spread <= _STEADY_DEG


class Pointing:
    """Collects what is seen while the points are shown. Times are of the session."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._seen: list[tuple[Mark, Pose]] = []
        self.over_s: float | None = None

    def show(self, mark: Mark) -> None:
        """A point is shown from `mark.at_s` on."""
        self._marks.append(mark)

    def end(self, at_s: float) -> None:
        """The last point is gone."""
        self.over_s = at_s

    def add(self, at_s: float, pose: Pose) -> None:
        """A picture with open eyes."""
        shown = [mark for mark in self._marks if mark.at_s <= at_s]
        if shown and SETTLE_S <= at_s - shown[-1].at_s <= SPAN_S:
            self._seen.append((shown[-1], pose))

    def learn(self) -> Learnt | None:
        """What was learnt; None when the middle was hardly seen, or not steadily."""
        groups: dict[Mark, list[Pose]] = {}
        for mark, pose in self._seen:
            groups.setdefault(mark, []).append(pose)
        middle = [p for mark, poses in groups.items() if _is_middle(mark) for p in poses]
        if len(middle) < FEWEST_POSES:
            return None
        sight, pitch = median(p.sight for p in middle), median(p.pitch for p in middle)
        widest, up, down = 0.0, 0.0, 0.0
        for mark, poses in groups.items():
            if _is_middle(mark) or len(poses) < FEWEST_POSES:
                continue
            widest = max(widest, abs(median(p.sight for p in poses) - sight))
            rise = median(p.pitch for p in poses) - pitch
            up, down = max(up, rise), max(down, -rise)
        learnt = Learnt(tuple(middle), widest, up, down, len(groups))
        return learnt if learnt.is_steady else None


def widened(limit: float, seen: float, widest: float) -> float:
    """A limit that takes in how far this student looked while looking at the screen."""
    return min(max(limit, seen + _MARGIN_DEG), max(limit, widest))


def own_limits(learnt: Learnt, sight: float, up: float, down: float) -> tuple[float, float, float]:
    """The usual limits of sight, up and down, widened to this student's screen."""
    return (
        widened(sight, learnt.sight, _WIDEST_SIGHT),
        widened(up, learnt.up, _WIDEST_UP),
        widened(down, learnt.down, _WIDEST_DOWN),
    )


def _is_middle(mark: Mark) -> bool:
    return abs(mark.x - 0.5) < _MIDDLE and abs(mark.y - 0.5) < _MIDDLE
