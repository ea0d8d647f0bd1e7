"""Notices that a picture changed somewhere, so that costly models look only when it is worth it."""

from __future__ import annotations

import numpy as np

from detectors.arrays import Floats
from detectors.quality import BLOCKS

_CHANGE = 14.0
# Two of the grid's 300 blocks.
_SHARE = 2 / 300

Area = tuple[float, float, float, float]


class MotionGate:
    """Compares the grey blocks of pictures, float32 (15, 20), with those last settled on.

    Areas are left, top, right, bottom in shares of the picture. A change of the light over the
    whole picture is no change.
    """

    def __init__(self) -> None:
        self._settled: Floats | None = None

    def changed_share(self, blocks: Floats, ignore: Area | None = None) -> float:
        """The share of the picture, 0 to 1, that looks different outside `ignore`; 1 at first."""
        changed = self._changed(blocks)
        if changed is None:
            return 1.0
        if ignore is not None:
            rows, columns = _cells(ignore)
            changed[rows, columns] = False
        return int(np.count_nonzero(changed)) / changed.size

    def is_open(self, blocks: Floats, ignore: Area | None = None) -> bool:
        """Whether a part of the picture outside `ignore` looks different now."""
        return self.changed_share(blocks, ignore) >= _SHARE

    def settle(self, blocks: Floats) -> None:
        """What is seen now is known."""
        self._settled = blocks

    def _changed(self, blocks: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        if self._settled is None:
            return None
        change = blocks - self._settled
        middle = np.partition(change, change.size // 2, axis=None)[change.size // 2]
        return np.asarray(np.abs(change - middle) > _CHANGE, np.bool_)


def _cells(area: Area) -> tuple[slice, slice]:
    columns, rows = BLOCKS
    return (
        slice(int(max(0.0, area[1]) * rows), max(0, int(np.ceil(area[3] * rows)))),
        slice(int(max(0.0, area[0]) * columns), max(0, int(np.ceil(area[2] * columns)))),
    )
