"""A student's sound, for those of the staff who listen. Thread-safe; nothing is kept."""

from __future__ import annotations

import math
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable

from app.evidence.ring import EvidenceRing
from detectors.messages import Heard, Sound

SILENCE_DB = -90.0
LEVEL_S = 2.0
# Pieces of a second that wait to be sent, to each session.
MOST_DECODED = 10
_EVERY = 7
_LOUDEST = 32768.0


class Listeners:
    """Which connections listen to which session, and what each was sent."""

    def __init__(self, want: Callable[[frozenset[str]], object] = len) -> None:
        """`want` is told whose coded sound is to be brought as PCM, whenever that is news."""
        self._want = want
        self._lock = threading.Lock()
        self._wishing = threading.Lock()
        self._listening: dict[str, dict[str, float]] = {}
        self._decoded: dict[str, deque[Heard]] = {}
        self._levels: dict[str, tuple[float, float]] = {}

    def listen(self, sid: str, session_id: str, from_s: float) -> None:
        """Send this connection what is heard from second `from_s` on."""
        with self._wishing:
            with self._lock:
                self._listening.setdefault(session_id, {})[sid] = from_s
                self._decoded.setdefault(session_id, deque(maxlen=MOST_DECODED))
                wanted = frozenset(self._listening)
            self._want(wanted)

    def leave(self, sid: str, session_id: str = "") -> None:
        """Listen no longer to one session, or to any."""
        with self._wishing:
            with self._lock:
                before = len(self._listening)
                for each in [session_id] if session_id else list(self._listening):
                    there = self._listening.get(each, {})
                    there.pop(sid, None)
                    if not there:
                        self._listening.pop(each, None)
                        self._decoded.pop(each, None)
                wanted = frozenset(self._listening)
            if len(wanted) != before:
                self._want(wanted)

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._levels.pop(session_id, None)

    def hear(self, session_id: str, heard: Iterable[Heard]) -> None:
        """What the workers made of coded sound."""
        with self._lock:
            for each in heard:
                self._levels[session_id] = (each.at_s + each.span_s, each.level_db)
                if each.pcm and session_id in self._decoded:
                    self._decoded[session_id].append(each)

    def level_db(self, session_id: str, at_s: float) -> float | None:
        """How loud coded sound was last, in dB of full scale; None without any of late."""
        with self._lock:
            until_s, level_db = self._levels.get(session_id, (-math.inf, SILENCE_DB))
        return level_db if until_s > at_s - LEVEL_S else None

    def sessions(self, but: str) -> tuple[str, ...]:
        """The sessions that somebody listens to, but one."""
        with self._lock:
            return tuple(each for each, sids in self._listening.items() if sids.keys() - {but})

    def due(self, evidence: Callable[[str], EvidenceRing | None]) -> list[tuple[str, object, str]]:
        """What is to be sent now: event, payload, connection."""
        due: list[tuple[str, object, str]] = []
        with self._lock:
            for session_id, sids in self._listening.items():
                ring = evidence(session_id)
                if ring is None:
                    continue
                for sid, after_s in sids.items():
                    sounds = self._after(session_id, ring, after_s)
                    if sounds:
                        sids[sid] = sounds[-1].at_s
                        pcm = b"".join(sound.pcm for sound in sounds)
                        payload = {"session_id": session_id, "at_s": sounds[0].at_s, "pcm": pcm}
                        due.append(("sound", payload, sid))
        return due

    def _after(self, session_id: str, ring: EvidenceRing, after_s: float) -> list[Sound | Heard]:
        sounds = ring.cut(after_s, math.inf).sounds
        plain: list[Sound | Heard] = [s for s in sounds if not s.is_coded]
        decoded = self._decoded.get(session_id, ())
        return sorted((s for s in (*plain, *decoded) if s.at_s > after_s), key=lambda s: s.at_s)


def level_of(ring: EvidenceRing | None, at_s: float) -> float | None:
    """How loud the last sound was, in dB below the loudest there is; None without sound,
    or when it is coded."""
    sounds = ring.cut(at_s - LEVEL_S, math.inf).sounds if ring is not None else ()
    return level_db(sounds[-1].pcm) if sounds and not sounds[-1].is_coded else None


def level_db(pcm: bytes) -> float:
    """The loudness of 16-bit little-endian mono PCM: -90 to 0 dB of full scale."""
    samples = array("h")
    samples.frombytes(pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    few = samples[::_EVERY]
    if not few:
        return SILENCE_DB
    mean = sum(value * value for value in few) / len(few)
    if mean <= 0:
        return SILENCE_DB
    return round(max(SILENCE_DB, 20 * math.log10(math.sqrt(mean) / _LOUDEST)), 1)
