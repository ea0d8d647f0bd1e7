"""Tells voices apart by what is known of them: pure arithmetic on voice vectors.

A vector is float32 (256,) of unit length for 1.6 s of speech. Vectors of one person have a cosine
around .8, of two people around .5, and both scatter so much that one alone proves little. So the
recent ones are split into two groups, and what counts is how far the groups' means are apart.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats

# Means of two groups: the same person's are above, two people's below.
APART_COSINE = 0.74
APART_COSINE_OF_TWO = 0.64
# A single vector against the enrolled voice.
OWN_COSINE = 0.70
STRANGE_COSINE = 0.64

_RECENT = 40
_ANCHORS = 8
_MEMORY_S = 15.0
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one vector says in the light of the others; labels are those of `Detector.VOICE`."""

    label: str
    confidence: float
    cosine: float
    apart: float


@dataclass(frozen=True, slots=True)
class _Heard:
    vector: Floats
    end_s: float


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
    another makes "several"; they never make "own".
    """

    def __init__(self, enrolled: Floats | None = None) -> None:
        self._is_enrolled = enrolled is not None and len(enrolled) > 0
        self._anchors: list[Floats] = [] if enrolled is None else list(enrolled)
        self._recent: deque[_Heard] = deque(maxlen=_RECENT)
        self._other_until_s = -1.0

    @property
    def is_enrolled(self) -> bool:
        return self._is_enrolled

    def add(self, vector: Floats, end_s: float) -> Verdict:
        """Judge the vector of a window that ended at `end_s`."""
        self._recent.append(_Heard(vector, end_s))
        own_cosine = float(vector @ mean_voice(np.stack(self._anchors))) if self._anchors else 1.0
        is_other, apart = self._is_other()
        if is_other:
            self._other_until_s = end_s + _MEMORY_S
            label = "foreign" if self._is_enrolled else "several"
        elif end_s <= self._other_until_s:
            label = "several"
        elif self._is_enrolled and own_cosine >= OWN_COSINE:
            label = "own"
        else:
            label = "one"
        if not self._is_enrolled and label == "one" and len(self._anchors) < _ANCHORS:
            self._anchors.append(vector)
        confidence = _confidence(apart if label in ("foreign", "several") else own_cosine, label)
        return Verdict(label, confidence, own_cosine, apart)

    def _is_other(self) -> tuple[bool, float]:
        """Whether the newest vector is another person's than the student's."""
        anchors = self._anchors if self._is_enrolled else []
        vectors = np.stack([*anchors, *(heard.vector for heard in self._recent)])
        if len(vectors) < 4:
            return False, 1.0
        side, apart = split_in_two(vectors)
        groups = int(side.sum()), int((~side).sum())
        limit = APART_COSINE if min(groups) >= 3 else APART_COSINE_OF_TWO
        if min(groups) < 2 or apart > limit:
            return False, apart
        own_side = self._side_of_student(side, len(anchors))
        return bool(side[-1] != own_side), apart

    def _side_of_student(
        self, side: np.ndarray[tuple[int], np.dtype[np.bool_]], anchors: int
    ) -> bool:
        if anchors:
            return bool(side[:anchors].mean() > 0.5)
        return bool(side[0])


def _confidence(cosine: float, label: str) -> float:
    """0.5 at the threshold, towards 1 away from it."""
    distance = (APART_COSINE - cosine) if label in ("foreign", "several") else cosine - 0.5
    return round(float(np.clip(0.5 + 1.5 * distance, 0.0, 1.0)), 3)
