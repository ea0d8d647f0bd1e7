"""Watches the camera itself: covered, frozen, switched to another scene, or showing a loop."""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Pixels
from detectors.base import View
from detectors.entry import WorkerConfig
from detectors.quality import ADVICE
from detectors.scenes import Scene, describe, likeness
from scoring.model import Detector, Observation

# Edges weaker than this are no picture at all; weaker than the second only in the dark, where
# the room must still be recognised.
_BLANK_EDGE, _FAINT_EDGE = 0.8, 3.0
_SAME_ROOM, _OTHER_ROOM = 0.5, 0.35
FROZEN_S = 5.0
_FROZEN_FRAMES = 4
SWITCHED_S = 1.5
SHOWN_S = 3.0
_REFERENCE_S = 20.0


class CameraDetector:
    """Needs no model."""

    detector = Detector.CAMERA
    model = "no model needed"

    def open_stream(self) -> CameraStream:
        return CameraStream()


class CameraStream:
    """The camera of one session. `covered` and `frozen` make a frame unfit for the others."""

    def __init__(self) -> None:
        self._frozen = _FrozenWatch()
        self._loop = LoopWatch()
        self._switch = _SwitchWatch()

    def look(self, view: View) -> tuple[Observation, ...]:
        """One label per frame."""
        if view.quality is None:
            return ()
        with view.costs.step("camera"):
            label = self._label(view.at_s, view.quality.small)
        if label in ("covered", "frozen"):
            view.unfit = label
            view.advice = ADVICE[label]
        return (Observation(Detector.CAMERA, view.at_s, (label,)),)

    def _label(self, at_s: float, small: Pixels) -> str:
        scene = describe(small)
        is_frozen = self._frozen.is_frozen(at_s, small)
        reference = self._switch.reference
        if scene.edge < _BLANK_EDGE or (
            scene.edge < _FAINT_EDGE
            and reference is not None
            and likeness(scene, reference) < _SAME_ROOM
        ):
            return "covered"
        if is_frozen:
            return "frozen"
        is_switched = self._switch.is_switched(at_s, scene)
        is_looped = self._loop.is_looped(at_s, scene)
        if is_looped:
            return "looped"
        return "switched" if is_switched else "ok"


class _FrozenWatch:
    """A live camera never gives the very same picture for seconds: its noise changes."""

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._since_s = 0.0
        self._repeats = 0

    def is_frozen(self, at_s: float, small: Pixels) -> bool:
        is_same = self._last is not None and np.array_equal(self._last, small)
        self._last = small
        if not is_same:
            self._since_s, self._repeats = at_s, 0
            return False
        self._repeats += 1
        return at_s - self._since_s >= FROZEN_S and self._repeats >= _FROZEN_FRAMES


class _SwitchWatch:
    """Says for SHOWN_S that the whole scene became another one and stayed it."""

    def __init__(self) -> None:
        self.reference: Scene | None = None
        self._renewed_s = 0.0
        self._other: Scene | None = None
        self._other_s = 0.0
        self._shown_until_s = float("-inf")

    def is_switched(self, at_s: float, scene: Scene) -> bool:
        if self.reference is None:
            self.reference, self._renewed_s = scene, at_s
        elif likeness(scene, self.reference) < _OTHER_ROOM:
            if self._other is None or likeness(scene, self._other) < _SAME_ROOM:
                self._other, self._other_s = scene, at_s
            elif at_s - self._other_s >= SWITCHED_S:
                self._shown_until_s = at_s + SHOWN_S
                self.reference, self._renewed_s, self._other = scene, at_s, None
        else:
            self._other = None
            if at_s - self._renewed_s >= _REFERENCE_S:
                self.reference, self._renewed_s = scene, at_s
        return at_s < self._shown_until_s


class LoopWatch:
    """Finds a video that repeats: frame after frame equals one seen the same time before.

    A scene without motion equals itself at every distance and proves nothing.
    """

    HISTORY_S = 150.0
    SHORTEST_S = 3.0
    PROOF_S = 8.0
    EQUAL = 0.15
    _LAG_S = 0.3
    _SHARE = 0.6
    _DISTINCT = 0.1
    _SAMPLE = 24
    _ROWS = 400
    _SPACING_S = 0.35
    _STRIDE = 16

    def __init__(self) -> None:
        self._times = np.full(self._ROWS, -np.inf)
        self._greys = np.zeros((self._ROWS, 768), np.float32)
        self._hints = np.zeros((self._ROWS, 768 // self._STRIDE), np.float32)
        self._next = 0
        self._kept_s = float("-inf")
        self._matches: deque[tuple[float, float]] = deque()

    def is_looped(self, at_s: float, scene: Scene) -> bool:
        lag_s = self._find_lag(at_s, scene)
        if at_s - self._kept_s >= self._SPACING_S:
            self._times[self._next], self._greys[self._next] = at_s, scene.grey
            self._hints[self._next] = scene.grey[:: self._STRIDE]
            self._next = (self._next + 1) % self._ROWS
            self._kept_s = at_s
        self._matches.append((at_s, lag_s))
        while self._matches and at_s - self._matches[0][0] > self.PROOF_S:
            self._matches.popleft()
        if at_s - self._matches[0][0] < self.PROOF_S * 0.8:
            return False
        known = [lag for _, lag in self._matches if lag > 0]
        if len(known) < self._SHARE * len(self._matches):
            return False
        middle = median(known)
        steady = sum(abs(lag - middle) <= self._LAG_S for lag in known)
        return steady >= self._SHARE * len(self._matches)

    def _find_lag(self, at_s: float, scene: Scene) -> float:
        """How long ago this very picture was seen, in seconds; 0 when never or always."""
        is_old = at_s - self._times >= self.SHORTEST_S
        is_old &= at_s - self._times <= self.HISTORY_S
        count = int(np.count_nonzero(is_old))
        if count < 4:
            return 0.0
        # A few points of the picture rule out most of the past.
        hint = np.add.reduce(np.abs(self._hints - scene.grey[:: self._STRIDE]), axis=1)
        near = np.flatnonzero(is_old & (hint < self.EQUAL * 3 * self._hints.shape[1]))
        if not near.size:
            return 0.0
        most = self._DISTINCT * count + 2
        if near.size > 4 * self._SAMPLE:
            # In a scene without motion nearly all are equal, which a few of them show.
            some = near[:: near.size // self._SAMPLE]
            if self._equal(some, scene)[0] * near.size / some.size > 4 * most:
                return 0.0
        equal, best = self._equal(near, scene)
        if not equal or equal > most:
            return 0.0
        return at_s - float(self._times[best])

    def _equal(self, rows: NDArray[np.intp], scene: Scene) -> tuple[int, int]:
        """How many of these rows hold the scene's very picture, and the row most like it."""
        distances = np.add.reduce(np.abs(self._greys[rows] - scene.grey), axis=1)
        equal = int(np.count_nonzero(distances < self.EQUAL * scene.grey.size))
        return equal, int(rows[int(np.argmin(distances))])


def load_camera(_config: WorkerConfig) -> CameraDetector:
    return CameraDetector()
