"""A student's sound, for those of the staff who listen. Thread-safe; nothing is kept."""

from __future__ import annotations

import math
import sys
import threading
from array import array
from collections.abc import Callable

from app.evidence.ring import EvidenceRing

SILENCE_DB = -90.0
LEVEL_S = 2.0
_EVERY = 7
_LOUDEST = 32768.0


class Listeners:
    """Which connections listen to which session, and what each was sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listening: dict[str, dict[str, float]] = {}

    def listen(self, sid: str, session_id: str, from_s: float) -> None:
        """Send this connection what is heard from second `from_s` on."""
        with self._lock:
            self._listening.setdefault(session_id, {})[sid] = from_s

    def leave(self, sid: str, session_id: str = "") -> None:
        """Listen no longer to one session, or to any."""
        with self._lock:
            for each in [session_id] if session_id else list(self._listening):
                there = self._listening.get(each, {})
                there.pop(sid, None)
                if not there:
                    self._listening.pop(each, None)

    def due(self, evidence: Callable[[str], EvidenceRing | None]) -> list[tuple[str, object, str]]:
        """What is to be sent now: event, payload, connection."""
        due: list[tuple[str, object, str]] = []
        with self._lock:
            for session_id, sids in self._listening.items():
                ring = evidence(session_id)
                if ring is None:
                    continue
                for sid, after_s in sids.items():
                    sounds = [s for s in ring.cut(after_s, math.inf).sounds if s.at_s > after_s]
                    if sounds:
                        sids[sid] = sounds[-1].at_s
                        pcm = b"".join(sound.pcm for sound in sounds)
                        payload = {"session_id": session_id, "at_s": sounds[0].at_s, "pcm": pcm}
                        due.append(("sound", payload, sid))
        return due


def level_of(ring: EvidenceRing | None, at_s: float) -> float | None:
    """How loud the last sound was, in dB below the loudest there is; None without sound."""
    sounds = ring.cut(at_s - LEVEL_S, math.inf).sounds if ring is not None else ()
    return level_db(sounds[-1].pcm) if sounds else None


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
