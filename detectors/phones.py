"""Weighs what an object model says about a phone in one picture.

One pass over the whole picture misses phones that are tilted, in a case or small. A second pass
over the mirror image agrees with the first on phones and seldom on anything else, and a remote
control is what the models call a phone seen from its edge: the weighed sum of both passes tells
phones from hands better than either.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.arrays import Pixels
from detectors.base import Costs
from detectors.yolo import PHONE, REMOTE, Found, ObjectFinder

_REMOTE_WEIGHT = 0.5
# From here on the first pass needs no second one; under the other it is not worth one.
_SURE, _HOPELESS = 0.6, 0.03


@dataclass(frozen=True, slots=True)
class PhoneLook:
    """What was found: `score` 0 to 1, the best box (None when there is none), all objects."""

    score: float
    box: Found | None
    found: tuple[Found, ...]


class PhoneFinder:
    """Looks for phones, and for other objects on the way. Shared; holds no history."""

    def __init__(self, finder: ObjectFinder) -> None:
        self._finder = finder
        # Sums of two passes beyond which one picture of a hundred without a phone is mistaken.
        self.threshold = 0.185 if finder.is_yolox else 0.155

    def look(self, rgb: Pixels, kinds: tuple[int, ...], costs: Costs) -> PhoneLook:
        """One pass over uint8 (H, W, 3), a second over its mirror image where there is doubt."""
        wanted = (PHONE, REMOTE, *kinds)
        with costs.step("objects"):
            found = self._finder.find(rgb, wanted)
        first = _weigh(found)
        box = next((item for item in found if item.kind == PHONE), None)
        if first >= _SURE or first < _HOPELESS:
            return PhoneLook(min(1.0, first), box, found)
        with costs.step("objects: second look"):
            mirrored = self._finder.find(rgb[:, ::-1], (PHONE, REMOTE))
        score = (first + _weigh(mirrored)) / 2
        if box is None:
            box = next((_flipped(item, rgb.shape[1]) for item in mirrored), None)
        return PhoneLook(min(1.0, score), box, found)


def _weigh(found: tuple[Found, ...]) -> float:
    phone = max((item.score for item in found if item.kind == PHONE), default=0.0)
    remote = max((item.score for item in found if item.kind == REMOTE), default=0.0)
    return phone + _REMOTE_WEIGHT * remote


def _flipped(item: Found, width: int) -> Found:
    return Found(
        item.kind, item.score, width - item.right, item.top, width - item.left, item.bottom
    )
