"""Weighs what an object model says about a phone in one picture.

One pass over the picture misses phones that are tilted, in a case or small. Several views of the
same picture (mirrored, smaller, slightly turned) agree on phones and seldom on anything else. A
remote control is what the models call a phone seen from its edge, so it counts in part. The mean of
the square roots rewards views that agree over one view that is sure of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np

from detectors.arrays import Pixels
from detectors.base import Costs
from detectors.yolo import PHONE, REMOTE, Found, ObjectFinder

# (is mirrored, scale, turned by degrees): the first two need no warp.
_QUICK_VIEWS = ((True, 1.0, 0.0),)
_MORE_VIEWS = ((False, 0.75, 0.0), (True, 0.75, 0.0), (False, 0.95, 15.0), (True, 0.95, -15.0))
_GREY = (114, 114, 114)
# A first pass under this is not worth a second one while nothing else raises a doubt.
_HOPELESS = 0.03


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a kind of model needs: the weight of a remote control, the score from which a picture
    shows a phone (about one in a hundred without one is mistaken), and how many of the further
    views tell more (docs/detectors.md).
    """

    remote: float
    limit: float
    views: int


YOLOV8 = Weighing(remote=0.5, limit=0.318, views=4)
YOLOX = Weighing(remote=0.25, limit=0.321, views=2)


@dataclass(frozen=True, slots=True)
class PhoneLook:
    """What was found: `score` 0 to 1, the best box (None when there is none), all objects.

    `is_doubtful` says that more views could change the verdict.
    """

    score: float
    box: Found | None
    found: tuple[Found, ...]
    is_doubtful: bool = False


class PhoneFinder:
    """Looks for phones, and for other objects on the way. Shared; holds no history."""

    def __init__(self, finder: ObjectFinder) -> None:
        self._finder = finder
        self._weighing = YOLOX if finder.is_yolox else YOLOV8
        self.threshold = self._weighing.limit

    def look(
        self, rgb: Pixels, kinds: tuple[int, ...], costs: Costs, is_thorough: bool
    ) -> PhoneLook:
        """One pass over uint8 (H, W, 3), a second where there is doubt, all when thorough."""
        with costs.step("objects"):
            found = self._finder.find(rgb, (PHONE, REMOTE, *kinds))
        box = next((item for item in found if item.kind == PHONE), None)
        weights = [self._weigh(found)]
        if weights[0] < _HOPELESS and not is_thorough:
            return PhoneLook(0.0, None, found)
        views = _QUICK_VIEWS + (_MORE_VIEWS[: self._weighing.views] if is_thorough else ())
        for is_mirrored, scale, degrees in views:
            with costs.step("objects: further views"):
                seen = self._finder.find(_view(rgb, is_mirrored, scale, degrees), (PHONE, REMOTE))
            weights.append(self._weigh(seen))
            if box is None and (is_mirrored, scale) == (True, 1.0):
                box = next((_mirrored(f, rgb.shape[1]) for f in seen if f.kind == PHONE), None)
        score = min(1.0, sum(sqrt(weight) for weight in weights) / len(weights))
        return PhoneLook(score, box, found, is_doubtful=not is_thorough)

    def _weigh(self, found: tuple[Found, ...]) -> float:
        phone = max((item.score for item in found if item.kind == PHONE), default=0.0)
        remote = max((item.score for item in found if item.kind == REMOTE), default=0.0)
        return phone + self._weighing.remote * remote


def _view(rgb: Pixels, is_mirrored: bool, scale: float, degrees: float) -> Pixels:
    image = np.ascontiguousarray(rgb[:, ::-1]) if is_mirrored else rgb
    if scale == 1.0 and not degrees:
        return image
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderValue=_GREY), np.uint8)


def _mirrored(item: Found, width: int) -> Found:
    return Found(
        item.kind, item.score, width - item.right, item.top, width - item.left, item.bottom
    )
