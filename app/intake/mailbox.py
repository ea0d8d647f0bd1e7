"""What waits to be analysed for one session.

Ingest puts, one worker's thread takes; one lock guards it. Frames are newest-wins, sound is
first-in-first-out; both are bounded and count what they drop. Events never come here: they
are not analysed and must not wait.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from detectors.messages import Frame, Sound

_KEEP_FRAMES_S = 3.0
_KEEP_SOUND_S = 20.0
_TAKE_SOUND_S = 5.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Frames and sound taken for one request, each in time order."""

    frames: tuple[Frame, ...] = ()
    sounds: tuple[Sound, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.frames and not self.sounds


class Mailbox:
    """Samples frames at `analysis_fps`, evenly in capture time, and keeps the newest.

    Capture time is cut into slots of 1 / `analysis_fps` seconds; the first frame of a slot is
    analysed, so the rate of capture and the size of batches do not change what is looked at.
    """

    def __init__(self, analysis_fps: float) -> None:
        self._fps = analysis_fps
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._max_frames = max(2, math.ceil(_KEEP_FRAMES_S * analysis_fps))
        self._sounds: deque[Sound] = deque()
        self._sound_s = 0.0
        self._last_slot: int | None = None
        self._dropped_frames = 0
        self._dropped_sound_s = 0.0

    def put(self, frames: Iterable[Frame] = (), sounds: Iterable[Sound] = ()) -> bool:
        """Add what was captured, in time order; True when there is something to analyse."""
        with self._lock:
            for frame in frames:
                self._put_frame(frame)
            for sound in sounds:
                self._sounds.append(sound)
                self._sound_s += sound.span_s
            while self._sound_s > _KEEP_SOUND_S and len(self._sounds) > 1:
                oldest = self._sounds.popleft()
                self._sound_s -= oldest.span_s
                self._dropped_sound_s += oldest.span_s
            return bool(self._frames or self._sounds)

    def take(self) -> Waiting:
        """All waiting frames and the oldest few seconds of sound; they leave the mailbox."""
        with self._lock:
            frames = tuple(self._frames)
            self._frames.clear()
            sounds: list[Sound] = []
            taken_s = 0.0
            while self._sounds and (not sounds or taken_s < _TAKE_SOUND_S):
                sound = self._sounds.popleft()
                sounds.append(sound)
                taken_s += sound.span_s
            self._sound_s = self._sound_s - taken_s if self._sounds else 0.0
            return Waiting(frames, tuple(sounds))

    @property
    def has_work(self) -> bool:
        with self._lock:
            return bool(self._frames or self._sounds)

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

    def _put_frame(self, frame: Frame) -> None:
        slot = math.floor(frame.at_s * self._fps)
        if self._last_slot is not None and slot <= self._last_slot:
            return
        self._last_slot = slot
        if len(self._frames) == self._max_frames:
            self._frames.popleft()
            self._dropped_frames += 1
        self._frames.append(frame)
