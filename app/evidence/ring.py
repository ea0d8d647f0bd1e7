"""The last seconds of one session's pictures and sound, in memory only.

Any thread may add or cut: one lock guards the lists. Nothing here touches a disk, and a cut
shares the stored bytes instead of copying them.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from detectors.messages import Frame, Sound

_Part = TypeVar("_Part", Frame, Sound)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was kept of a span of time, each kind in time order."""

    frames: tuple[Frame, ...] = ()
    sounds: tuple[Sound, ...] = ()
    screens: tuple[Frame, ...] = ()

    @property
    def is_some(self) -> bool:
        """Whether anything was kept."""
        return bool(self.frames or self.sounds or self.screens)


def _frame_time(frame: Frame) -> float:
    return frame.at_s


def _sound_time(sound: Sound) -> float:
    return sound.at_s


# The same bytes within this time are one part that was sent again.
_SAME_S = 0.05


def _has(
    parts: list[_Part],
    at_s: float,
    data: bytes,
    when: Callable[[_Part], float],
    content: Callable[[_Part], bytes],
) -> bool:
    """Whether a part that was sent again is here already."""
    index = bisect_left(parts, at_s - _SAME_S, key=when)
    while index < len(parts) and when(parts[index]) <= at_s + _SAME_S:
        if content(parts[index]) == data:
            return True
        index += 1
    return False


class EvidenceRing:
    """Keeps at most `max_s` seconds before the newest part and at most `max_bytes` in all.

    When the bytes run out the oldest part of any kind goes first; `dropped` counts those.
    """

    def __init__(self, max_s: float, max_bytes: int) -> None:
        self._max_s = max_s
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._frames: list[Frame] = []
        self._sounds: list[Sound] = []
        self._screens: list[Frame] = []
        self._newest_s = float("-inf")
        self._bytes = 0
        self._dropped = 0
        self._held_from_s = float("inf")
        self._awaited_s: float | None = None

    def hold(self, from_s: float) -> None:
        """Keep what was captured from `from_s` on, however much comes after it."""
        with self._lock:
            self._held_from_s = from_s
            self._grown(0, self._newest_s)

    def await_from(self, at_s: float | None) -> None:
        """The client keeps what is missing from second `at_s` on, and will send it; None when
        it keeps nothing."""
        with self._lock:
            self._awaited_s = at_s

    @property
    def is_awaited(self) -> bool:
        """Whether the client keeps what is missing."""
        with self._lock:
            return self._awaited_s is not None

    @property
    def arrived_s(self) -> float:
        """Everything captured before this second is here, as far as it will ever come."""
        with self._lock:
            if self._awaited_s is not None:
                return self._awaited_s
            return self._frames[-1].at_s if self._frames else float("-inf")

    def add_frame(self, at_s: float, jpeg: bytes) -> None:
        """Keep one camera picture captured at `at_s`."""
        with self._lock:
            self._insert_frame(self._frames, Frame(at_s, jpeg))

    def add_screen(self, at_s: float, jpeg: bytes) -> None:
        """Keep one still of the screen taken at `at_s`."""
        with self._lock:
            self._insert_frame(self._screens, Frame(at_s, jpeg))

    def add_sound(self, sound: Sound) -> None:
        """Keep one piece of sound."""
        with self._lock:
            if _has(self._sounds, sound.at_s, sound.data, _sound_time, lambda known: known.data):
                return
            insort(self._sounds, sound, key=_sound_time)
            self._grown(sound.size_bytes, sound.at_s + sound.span_s)

    def cut(self, from_s: float, to_s: float) -> Evidence:
        """What is kept of [from_s, to_s]; sound that overlaps the span comes whole."""
        with self._lock:
            return Evidence(
                frames=tuple(f for f in self._frames if from_s <= f.at_s <= to_s),
                sounds=tuple(
                    s for s in self._sounds if s.at_s <= to_s and s.at_s + s.span_s >= from_s
                ),
                screens=tuple(f for f in self._screens if from_s <= f.at_s <= to_s),
            )

    def latest_frame(self) -> Frame | None:
        """The newest camera picture."""
        with self._lock:
            return self._frames[-1] if self._frames else None

    def latest_screen(self) -> Frame | None:
        """The newest still of the screen."""
        with self._lock:
            return self._screens[-1] if self._screens else None

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return self._bytes

    @property
    def dropped(self) -> int:
        """Parts that went early because the bytes ran out."""
        with self._lock:
            return self._dropped

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._frames.clear()
            self._sounds.clear()
            self._screens.clear()
            self._bytes = 0

    def _insert_frame(self, frames: list[Frame], frame: Frame) -> None:
        if _has(frames, frame.at_s, frame.jpeg, _frame_time, lambda known: known.jpeg):
            return
        insort(frames, frame, key=_frame_time)
        self._grown(len(frame.jpeg), frame.at_s)

    def _grown(self, size: int, newest_s: float) -> None:
        self._bytes += size
        self._newest_s = max(self._newest_s, newest_s)
        oldest_s = min(self._newest_s - self._max_s, self._held_from_s)
        self._forget(self._frames, lambda f: f.at_s < oldest_s, lambda f: len(f.jpeg))
        self._forget(self._screens, lambda f: f.at_s < oldest_s, lambda f: len(f.jpeg))
        self._forget(self._sounds, lambda s: s.at_s + s.span_s < oldest_s, lambda s: s.size_bytes)
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def _forget(
        self, parts: list[_Part], is_old: Callable[[_Part], bool], size: Callable[[_Part], int]
    ) -> None:
        count = 0
        while count < len(parts) and is_old(parts[count]):
            self._bytes -= size(parts[count])
            count += 1
        if count:
            del parts[:count]

    def _drop_oldest(self) -> None:
        heads = [
            (frames[0].at_s, index)
            for index, frames in enumerate((self._frames, self._screens))
            if frames
        ]
        if self._sounds:
            heads.append((self._sounds[0].at_s, 2))
        _, kind = min(heads)
        if kind == 2:
            self._bytes -= self._sounds.pop(0).size_bytes
        else:
            self._bytes -= len((self._frames, self._screens)[kind].pop(0).jpeg)
        self._dropped += 1
