"""What waits to be analysed for one session.

Ingest puts, one worker's thread takes; one lock guards it. Frames are newest-wins, sound is
first-in-first-out; both are bounded and count what they drop. What is taken is in hand until it
is `done`, or `put_back` because the worker was lost with it. Events never come here: they
are not analysed and must not wait.
"""

from __future__ import annotations

import math
import threading
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.intake.spans import NumberSpans
from detectors.messages import Frame, Mark, Sound

_KEEP_FRAMES_S = 3.0
_KEEP_SOUND_S = 20.0
_TAKE_SOUND_S = 5.0
_TAKE_FRAMES_S = 3.0
_MOST_MARKS = 50

LATE_FRAMES_S = 90.0
LATE_SOUND_S = 90.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Frames and sound taken for one request, each in time order. What is optional
    is to wait `patience` times longer than on a machine that can do all."""

    frames: tuple[Frame, ...] = ()
    sounds: tuple[Sound, ...] = ()
    marks: tuple[Mark, ...] = ()
    patience: float = 1.0

    @property
    def is_empty(self) -> bool:
        return not (self.frames or self.sounds or self.marks)


class Mailbox:
    """Samples frames at `analysis_fps`, evenly in capture time, and keeps the newest.

    Capture time is cut into slots of 1 / `analysis_fps` seconds; the first frame of a slot is
    analysed, so the rate of capture and the size of batches do not change what is looked at.
    What there is no room for is handed to `overflow`, or dropped and counted without one.
    `pace` makes the slots longer while there is more to do than the machine can.
    """

    def __init__(
        self,
        analysis_fps: float,
        keep_frames_s: float = _KEEP_FRAMES_S,
        keep_sound_s: float = _KEEP_SOUND_S,
        overflow: Callable[[Waiting], object] | None = None,
    ) -> None:
        self._whole_fps = self._fps = analysis_fps
        self._patience = 1.0
        self._thinned_frames = 0
        self._lock = threading.Lock()
        self._frames: list[Frame] = []
        self._keep_frames_s = keep_frames_s
        self._max_frames = max(2, math.ceil(keep_frames_s * analysis_fps))
        self._most_taken = max(2, math.ceil(_TAKE_FRAMES_S * analysis_fps))
        self._sounds: list[Sound] = []
        self._keep_sound_s = keep_sound_s
        self._sound_s = 0.0
        self._overflow = overflow
        self._slots = NumberSpans()
        self._in_hand = Waiting()
        self._marks: deque[Mark] = deque(maxlen=_MOST_MARKS)
        self._dropped_frames = 0
        self._dropped_sound_s = 0.0

    def put(self, frames: Iterable[Frame] = (), sounds: Iterable[Sound] = ()) -> bool:
        """Add what was captured; True when there is something to analyse."""
        with self._lock:
            for frame in frames:
                self._sample(frame)
            for sound in sounds:
                insort(self._sounds, sound, key=_at_s)
                self._sound_s += sound.span_s
            over = self._shed()
            has_work = bool(self._frames or self._sounds)
        if self._overflow is not None and not over.is_empty:
            self._overflow(over)
        return has_work

    def put_sampled(self, waiting: Waiting) -> None:
        """Add what another mailbox had no room for: its frames are sampled already."""
        with self._lock:
            self._add(waiting)

    def pace(self, rate: float, patience: float) -> None:
        """Analyse this share of the whole rate from now on, what waits included."""
        with self._lock:
            self._fps = self._whole_fps * rate
            self._patience = patience
            self._max_frames = max(2, math.ceil(self._keep_frames_s * self._fps))
            self._slots.clear()
            waiting, self._frames = self._frames, []
            for frame in waiting:
                self._sample(frame)
            self._thinned_frames += len(waiting) - len(self._frames)

    def put_mark(self, mark: Mark) -> None:
        """What the student was just asked to do; the next request carries it."""
        with self._lock:
            self._marks.append(mark)

    def take(self) -> Waiting:
        """The oldest few seconds of frames and of sound; they are in hand until `done`."""
        with self._lock:
            frames = tuple(self._frames[: self._most_taken])
            del self._frames[: len(frames)]
            sounds: list[Sound] = []
            taken_s = 0.0
            while self._sounds and (not sounds or taken_s < _TAKE_SOUND_S):
                sound = self._sounds.pop(0)
                sounds.append(sound)
                taken_s += sound.span_s
            self._sound_s = self._sound_s - taken_s if self._sounds else 0.0
            marks = tuple(self._marks)
            self._marks.clear()
            self._in_hand = Waiting(frames, tuple(sounds), marks, self._patience)
            return self._in_hand

    def done(self) -> None:
        """What was in hand has been judged, or is given up."""
        with self._lock:
            self._in_hand = Waiting()

    def put_back(self) -> None:
        """What was in hand was not judged: it waits again."""
        with self._lock:
            taken, self._in_hand = self._in_hand, Waiting()
            self._add(taken)

    @property
    def has_work(self) -> bool:
        with self._lock:
            return bool(self._frames or self._sounds or self._marks)

    @property
    def pending_from_s(self) -> float:
        """The oldest instant that waits or is in hand; infinite without any."""
        with self._lock:
            frames = (*self._frames[:1], *self._in_hand.frames)
            sounds = (*self._sounds[:1], *self._in_hand.sounds)
            instants = [*(frame.at_s for frame in frames), *(sound.at_s for sound in sounds)]
            return min(instants, default=math.inf)

    @property
    def waiting_s(self) -> float:
        """Seconds of frames or of sound that wait, whichever is more."""
        with self._lock:
            return max(len(self._frames) / self._fps, self._sound_s)

    @property
    def thinned_frames(self) -> int:
        """Frames that had been sampled when the rate fell, and are not analysed."""
        with self._lock:
            return self._thinned_frames

    @property
    def dropped_frames(self) -> int:
        """Sampled frames that newer ones pushed out before a worker took them."""
        with self._lock:
            return self._dropped_frames

    @property
    def dropped_sound_s(self) -> float:
        """Seconds of sound that were never analysed because a worker was too late."""
        with self._lock:
            return self._dropped_sound_s

    def _sample(self, frame: Frame) -> None:
        slot = math.floor(frame.at_s * self._fps)
        if slot in self._slots:
            return
        self._slots.add(slot)
        insort(self._frames, frame, key=_at_s)

    def _add(self, waiting: Waiting) -> None:
        for frame in waiting.frames:
            insort(self._frames, frame, key=_at_s)
        for sound in waiting.sounds:
            insort(self._sounds, sound, key=_at_s)
            self._sound_s += sound.span_s
        self._marks.extendleft(reversed(waiting.marks))
        over = self._shed()
        if self._overflow is not None:
            self._drop(over)

    def _shed(self) -> Waiting:
        """Take out what there is no room for; it is counted unless somebody else takes it."""
        excess = max(0, len(self._frames) - self._max_frames)
        frames = tuple(self._frames[:excess])
        del self._frames[:excess]
        sounds = []
        while self._sound_s > self._keep_sound_s and len(self._sounds) > 1:
            sounds.append(self._sounds.pop(0))
            self._sound_s -= sounds[-1].span_s
        over = Waiting(frames, tuple(sounds))
        if self._overflow is None:
            self._drop(over)
        return over

    def _drop(self, over: Waiting) -> None:
        self._dropped_frames += len(over.frames)
        self._dropped_sound_s += sum(sound.span_s for sound in over.sounds)


def _at_s(part: Frame | Sound) -> float:
    return part.at_s
