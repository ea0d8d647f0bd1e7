"""Notices that a picture changed somewhere, so that costly models look only when it is worth it."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.arrays import Pixels

_GRID = (20, 15)
_CHANGE = 14.0
# Two of the grid's 300 blocks.
_SHARE = 2 / 300


class MotionGate:
    """Compares small grey pictures, uint8 (120, 160), with the one last settled on."""

    def __init__(self) -> None:
        self._settled: Pixels | None = None

    def changed_share(
        self, small: Pixels, ignore: tuple[float, float, float, float] | None = None
    ) -> float:
        """The share of the picture, 0 to 1, that looks different outside `ignore`; 1 at first.

        `ignore` is left, top, right, bottom in shares of the picture. A change of the light over
        the whole picture is no change.
        """
        if self._settled is None:
            return 1.0
        change = small.astype(np.float32) - self._settled
        means = np.asarray(cv2.resize(change, _GRID, interpolation=cv2.INTER_AREA), np.float32)
        blocks = np.abs(means - np.median(means)) > _CHANGE
        if ignore is not None:
            columns, rows = _GRID
            blocks[
                int(max(0.0, ignore[1]) * rows) : int(np.ceil(ignore[3] * rows)),
                int(max(0.0, ignore[0]) * columns) : int(np.ceil(ignore[2] * columns)),
            ] = False
        return int(np.count_nonzero(blocks)) / blocks.size

    def is_open(
        self, small: Pixels, ignore: tuple[float, float, float, float] | None = None
    ) -> bool:
        """Whether a part of the picture outside `ignore` looks different now."""
        return self.changed_share(small, ignore) >= _SHARE

    def settle(self, small: Pixels) -> None:
        """What is seen now is known."""
        self._settled = small
