"""What the detectors learn of one student during check-in, step by step.

Pure but for the marks it asks for: results go in, progress and marks come out. Seconds are of the
session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.checkin.guidance import Guidance, guide
from app.checkin.records import THINGS
from detectors.messages import AnalysisResult, Mark, Overlay
from scoring.model import Detector, Observation

# The face has to stay well placed this long before it is registered.
PLACED_S = 0.8
# Without a detector for identity, a face that stays well placed this long is enough.
PLACED_ALONE_S = 3.0
# A sentence read aloud: this much speech makes a voice known.
READ_S = 4.0
# Pictures taken this long after the last point tell that nothing was learnt; a machine that is
# late may not have looked at them yet.
LOOKED_S, LATE_S = 2.5, 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running step is: `share` 0 to 1. `trouble` is a word the page explains."""

    share: float = 0.0
    guidance: Guidance | None = None
    seen: tuple[str, ...] = ()
    trouble: str = ""
    is_done: bool = False


class Learning:
    """One student's check-in steps. Not thread-safe."""

    def __init__(self, detectors: frozenset[str], mark: Callable[[Mark], object]) -> None:
        """`detectors` are those the session's policy has on and this machine can run."""
        self._detectors = detectors
        self._mark = mark
        self._step = ""
        self._last: Overlay | None = None
        self._good_since_s: float | None = None
        self._registered_from_s: float | None = None
        self._looked_s: float | None = None
        self._seen: dict[str, None] = {}
        self.progress = Progress()

    def begin(self, step: str, now_s: float) -> None:
        """The student is at this step now; beginning it again starts it anew."""
        if self._step == "voice" and not self.progress.is_done:
            self._mark(Mark("read_end", now_s))
        self._step = step
        self._good_since_s = self._registered_from_s = self._looked_s = None
        self._seen = {}
        self.progress = Progress()
        if step == "voice":
            self._mark(Mark("read", now_s))

    def look(self, now_s: float, x: float, y: float) -> None:
        """A point is shown."""
        self._looked_s = None
        self._mark(Mark("look", now_s, x, y))

    def looked(self, now_s: float) -> None:
        """The last point is gone."""
        self._looked_s = now_s
        self._mark(Mark("looked", now_s))

    def point_out(self, things: Iterable[str]) -> None:
        """Things that another camera of the room scan shows."""
        for thing in things:
            self._seen.setdefault(thing)
        self.progress = Progress(seen=tuple(self._seen))

    def observe(self, result: AnalysisResult, now_s: float) -> bool:
        """Learn from a result; whether there is something new to show."""
        before = self.progress
        if self._step == "face":
            self._place(result, now_s)
        elif self._step == "gaze":
            self._point(result, now_s)
        elif self._step == "voice":
            self._read(result, now_s)
        elif self._step == "room":
            self._look_round(result)
        if result.overlay is not None:
            self._last = result.overlay
        return self.progress != before

    def _place(self, result: AnalysisResult, now_s: float) -> None:
        if self.progress.is_done:
            return
        overlay = result.overlay
        share = self.progress.share
        if overlay is not None:
            guidance = guide(overlay, self._last)
            is_begun = self._registered_from_s is not None
            if (
                guidance.is_good
                or guidance.word == "still"
                or (is_begun and not _is_other(overlay))
            ):
                self._good_since_s = (
                    overlay.at_s if self._good_since_s is None else self._good_since_s
                )
            else:
                # Whoever is in the picture now must not become the student's face.
                self._good_since_s = self._registered_from_s = None
                share = 0.0
            self.progress = Progress(share, guidance)
            self._register(overlay.at_s, now_s)
        for seen in result.observations:
            self._count_registered(seen)

    def _register(self, at_s: float, now_s: float) -> None:
        if self._good_since_s is None:
            return
        good_s = at_s - self._good_since_s
        if "identity" not in self._detectors:
            share = min(1.0, good_s / PLACED_ALONE_S)
            self.progress = Progress(share, self.progress.guidance, is_done=share >= 1.0)
        elif good_s >= PLACED_S and self._registered_from_s is None:
            self._registered_from_s = now_s
            self._mark(Mark("register", now_s))

    def _count_registered(self, seen: Observation) -> None:
        if seen.detector is not Detector.IDENTITY or self._registered_from_s is None:
            return
        share = dict(seen.measures).get("registered")
        if share is None or seen.at_s < self._registered_from_s:
            return
        is_done = share >= 1.0
        self.progress = Progress(share, self.progress.guidance, is_done=is_done)

    def _point(self, result: AnalysisResult, now_s: float) -> None:
        if self._looked_s is None or self.progress.is_done:
            return
        for seen in result.observations:
            is_learnt = bool(dict(seen.measures).get("points"))
            if seen.detector is Detector.GAZE and is_learnt and seen.at_s >= self._looked_s:
                self.progress = Progress(1.0, is_done=True)
                return
        seen_s = result.overlay.at_s if result.overlay is not None else 0.0
        if seen_s - self._looked_s > LOOKED_S or now_s - self._looked_s > LATE_S:
            self.progress = Progress(trouble="eyes")

    def _read(self, result: AnalysisResult, now_s: float) -> None:
        for seen in result.observations:
            read_s = dict(seen.measures).get("read_s")
            if seen.detector is Detector.VOICE and read_s is not None:
                share = min(1.0, read_s / READ_S)
                if share >= 1.0 and not self.progress.is_done:
                    self._mark(Mark("read_end", now_s))
                self.progress = Progress(share, is_done=share >= 1.0)

    def _look_round(self, result: AnalysisResult) -> None:
        if result.overlay is None:
            return
        for box in result.overlay.boxes:
            if box.label in THINGS:
                self._seen.setdefault(box.label)
        self.progress = Progress(seen=tuple(self._seen))


def _is_other(overlay: Overlay) -> bool:
    """Whether it is not the student alone who is in the picture."""
    return overlay.faces != 1
