"""Tells voices apart by what is known of them: pure arithmetic on voice vectors.

A vector is float32 (256,) of unit length for 1.6 s of speech, less the average voice. Vectors of
one person have a cosine around .5, of two people around 0, and both scatter so much that one alone
proves little. So the recent ones are split into two groups, and what counts is how far the groups'
means are apart. With nobody enrolled, no single speaker of 220 raised an alarm under these limits,
in noise or not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats

# Means of two groups: the same person's are above, two people's below.
APART_COSINE = 0.49
APART_COSINE_OF_TWO = 0.37
# The mean of that many vectors in a row against the student's own: below is another voice.
STRANGE_COSINES = ((2, 0.28), (3, 0.33))
STRANGE_COSINES_UNSURE = ((2, 0.30), (3, 0.36))
OWN_COSINE = 0.45

_RECENT = 40
_ANCHORS = 8
_ENOUGH_ANCHORS = 5
_HITS = 2
_MEMORY_S = 15.0
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one vector says in the light of the others; labels are those of `Detector.VOICE`."""

    label: str
    confidence: float
    cosine: float
    apart: float


def mean_voice(vectors: Floats) -> Floats:
    """The mean of float32 (n, 256), at unit length."""
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def split_in_two(vectors: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], float]:
    """Two groups of float32 (n, 256) rows: a mask (n,) and the cosine of the groups' means.

    Spherical k-means with k = 2, started at the main axis of the scatter, so it has no chance in
    it. The cosine is 1 when there is only one group.
    """
    spread = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(spread, full_matrices=False)
    side = spread @ axes[0] > 0
    cosine = 1.0
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            return np.zeros(len(vectors), np.bool_), 1.0
        first, second = mean_voice(vectors[~side]), mean_voice(vectors[side])
        cosine = float(first @ second)
        moved = vectors @ (second - first) > 0
        if (moved == side).all():
            break
        side = moved
    return side, cosine


class VoiceBook:
    """The voices of one session. Not thread-safe.

    With enrolled vectors the student's voice is known, and another one is "foreign". Without, the
    first vectors that hang together are kept as the student's, and a later one that is clearly
    another makes "several"; they never make "own". Where another voice was heard twice, what the
    student says within the next seconds is part of a conversation: "several".
    """

    def __init__(self, enrolled: Floats | None = None) -> None:
        self._is_enrolled = enrolled is not None and len(enrolled) > 0
        self._anchors: list[Floats] = [] if enrolled is None else list(enrolled)
        self._recent: deque[Floats] = deque(maxlen=_RECENT)
        self._others_s: deque[float] = deque(maxlen=_HITS)
        self._conversation_until_s = -1.0

    @property
    def is_enrolled(self) -> bool:
        return self._is_enrolled

    def add(self, vector: Floats, end_s: float) -> Verdict:
        """Judge the vector of a window that ended at `end_s`."""
        self._recent.append(vector)
        own = mean_voice(np.stack(self._anchors)) if self._anchors else None
        cosine = 1.0 if own is None else float(vector @ own)
        is_apart, apart = _newest_is_apart(np.stack(self._recent), own)
        is_other = is_apart or self._is_strange(own)
        if is_other:
            self._others_s.append(end_s)
            if len(self._others_s) == _HITS and end_s - self._others_s[0] <= _MEMORY_S:
                self._conversation_until_s = end_s + _MEMORY_S
        label = self._label(is_other, end_s <= self._conversation_until_s, cosine)
        if not self._is_enrolled and label == "one" and len(self._anchors) < _ANCHORS:
            self._anchors.append(vector)
        return Verdict(label, _confidence(apart, cosine, label), cosine, apart)

    def _label(self, is_other: bool, is_conversation: bool, cosine: float) -> str:
        if is_other:
            return "foreign" if self._is_enrolled else "several"
        if is_conversation:
            return "several"
        return "own" if self._is_enrolled and cosine >= OWN_COSINE else "one"

    def _is_strange(self, own: Floats | None) -> bool:
        """Whether the last two or three vectors together are too far from the student's."""
        if own is None or (not self._is_enrolled and len(self._anchors) < _ENOUGH_ANCHORS):
            return False
        limits = STRANGE_COSINES if self._is_enrolled else STRANGE_COSINES_UNSURE
        last = list(self._recent)[-3:]
        return any(
            len(last) >= count and float(mean_voice(np.stack(last[-count:])) @ own) < limit
            for count, limit in limits
        )


def _newest_is_apart(vectors: Floats, own: Floats | None) -> tuple[bool, float]:
    """Whether the last row is in another group than the student's voice, and how far apart.

    Where nothing is known of that voice, the first row is the student.
    """
    if len(vectors) < 4:
        return False, 1.0
    side, apart = split_in_two(vectors)
    smaller = min(int(side.sum()), int((~side).sum()))
    limit = APART_COSINE if smaller >= 3 else APART_COSINE_OF_TWO
    if smaller < 2 or apart > limit:
        return False, apart
    first = vectors[0] if own is None else own
    own_side = mean_voice(vectors[side]) @ first > mean_voice(vectors[~side]) @ first
    return bool(side[-1] != own_side), apart


def _confidence(apart: float, cosine: float, label: str) -> float:
    """0.5 at the threshold, towards 1 away from it."""
    if label in ("foreign", "several"):
        distance = max(APART_COSINE - apart, OWN_COSINE - cosine, 0.0)
    else:
        distance = cosine - 0.25
    return round(float(np.clip(0.5 + 1.5 * distance, 0.0, 1.0)), 3)
