"""The focus score, 0 to 100: how well the student faces the exam, smoothed.

From face presence, head pose and gaze by an exponential moving average with alpha 0.3, as in the
proctor it was taken from, with two of its faults repaired: the three weights sum to 1, so full
attention is 100 and not 90; and the average steps every half second of session time over the mean
of what was observed in it, so that the frame rate does not change it. What was not observed
changes nothing.
"""

from __future__ import annotations

from scoring.findings import Findings
from scoring.model import Alert
from scoring.policy_shape import Policy
from scoring.stream import HEAD_UNKNOWN, Look

ALPHA = 0.3
CELL_MS = 500
WEIGHTS_PERCENT = {"face": 30, "head": 30, "gaze": 40}
LOW_FOCUS = "low_focus"

FocusState = tuple[float, int, int, int, int]


def focus_of(face: Look | None, gaze: Look | None) -> int | None:
    """The unsmoothed focus of what holds now, in hundredths (0 to 10,000); None: not judged.

    No face is 0. A turned or covered face has presence only. Closed eyes are a blink and count as
    attentive. Parts that could not be judged leave their weight to the others.
    """
    face_labels = face.labels if face is not None and face.is_judgeable else ()
    gaze_labels = gaze.labels if gaze is not None and gaze.is_judgeable else ()
    if "none" in face_labels:
        return 0
    if "turned" in face_labels:
        return 100 * WEIGHTS_PERCENT["face"]
    if not face_labels and not gaze_labels:
        return None
    points = weights = WEIGHTS_PERCENT["face"] * 4
    if gaze is not None and gaze_labels:
        is_on_screen = "center" in gaze_labels or "closed" in gaze_labels
        points += WEIGHTS_PERCENT["gaze"] * 4 * is_on_screen
        weights += WEIGHTS_PERCENT["gaze"] * 4
        if gaze.head != HEAD_UNKNOWN:
            points += WEIGHTS_PERCENT["head"] * gaze.head
            weights += WEIGHTS_PERCENT["head"] * 4
    return 10_000 * points // weights


class FocusAverage:
    """The moving average, fed with pieces of session time in order. It starts at 100."""

    def __init__(self, policy: Policy) -> None:
        self._alert_below = policy.focus_alert_below
        self._alert_gap_ms = round(policy.alert_cooldown_s * 1000)
        self.score = 100.0
        self._cell = 0
        self._sum = 0
        self._observed_ms = 0
        self._last_alert_ms = -(10**12)

    def feed(self, from_ms: int, to_ms: int, value: int, found: Findings) -> None:
        """[from_ms, to_ms) was observed with this unsmoothed focus."""
        first, last = -(-from_ms // CELL_MS), to_ms // CELL_MS - 1
        if last > first:
            self._feed_parts(from_ms, first * CELL_MS, value, found)
            self._feed_whole(first, last, value, found)
            from_ms = last * CELL_MS
        self._feed_parts(from_ms, to_ms, value, found)

    def _feed_whole(self, first: int, last: int, value: int, found: Findings) -> None:
        """The whole cells from `first` up to `last` saw nothing but `value`."""
        self.reach(first * CELL_MS, found)
        mean = value / 100
        score = self.score
        for cell in range(first + 1, last + 1):
            moved = score + ALPHA * (mean - score)
            if moved == score >= self._alert_below:
                break
            score = moved
            if score < self._alert_below:
                self._alert(cell * CELL_MS, found)
        self.score = score
        self._cell = last

    def _feed_parts(self, from_ms: int, to_ms: int, value: int, found: Findings) -> None:
        while from_ms < to_ms:
            cell = from_ms // CELL_MS
            if cell != self._cell:
                self._complete(found)
                self._cell = cell
            end_ms = min(to_ms, (cell + 1) * CELL_MS)
            self._sum += value * (end_ms - from_ms)
            self._observed_ms += end_ms - from_ms
            from_ms = end_ms

    def reach(self, at_ms: int, found: Findings) -> None:
        """Time has come to `at_ms`: a cell that is over takes effect."""
        if at_ms // CELL_MS != self._cell:
            self._complete(found)
            self._cell = at_ms // CELL_MS

    def _complete(self, found: Findings) -> None:
        if not self._observed_ms:
            return
        mean = self._sum / self._observed_ms / 100
        self.score += ALPHA * (mean - self.score)
        self._sum = self._observed_ms = 0
        if self.score < self._alert_below:
            self._alert((self._cell + 1) * CELL_MS, found)

    def _alert(self, at_ms: int, found: Findings) -> None:
        if at_ms >= self._last_alert_ms + self._alert_gap_ms:
            self._last_alert_ms = at_ms
            found.alerts.append(Alert(LOW_FOCUS, at_ms / 1000))
            found.is_changed = True

    def save(self) -> FocusState:
        return (self.score, self._cell, self._sum, self._observed_ms, self._last_alert_ms)

    def load(self, state: FocusState) -> None:
        self.score, self._cell, self._sum, self._observed_ms, self._last_alert_ms = state
