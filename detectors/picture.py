"""One camera picture, decoded no further than its users ask for.

Decoding takes about as long as a small model. At half size it takes a third less, and everything
after it that touches each pixel a quarter; a face that fills much of the picture loses nothing.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.arrays import Pixels

_TABLES, _START_OF_SCAN = 0xDB, 0xDA
# Both flags at once give half the size in RGB.
_HALF = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_COLOR_RGB


class UndecodableError(Exception):
    """The bytes are not a picture."""


class Picture:
    """A JPEG and what was decoded of it. Coordinates everywhere are those of the full picture."""

    def __init__(self, jpeg: bytes) -> None:
        self._jpeg = jpeg
        self._full: Pixels | None = None
        self._half: Pixels | None = None

    @staticmethod
    def of(rgb: Pixels) -> Picture:
        """A picture that is there already, uint8 (H, W, 3)."""
        picture = Picture(b"")
        picture._full = rgb
        return picture

    @property
    def is_decoded(self) -> bool:
        """Whether `half` is there without further work."""
        return self._full is not None or self._half is not None

    @property
    def full(self) -> Pixels:
        """uint8 (H, W, 3), RGB. Raises UndecodableError."""
        if self._full is None:
            self._full = self._decode(cv2.IMREAD_COLOR_RGB)
        return self._full

    @property
    def half(self) -> Pixels:
        """Half the size, or all of it where that is decoded already. Raises UndecodableError."""
        if self._full is not None:
            return self._full
        if self._half is None:
            self._half = self._decode(_HALF)
        return self._half

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the full picture (even numbers while only half is decoded)."""
        if self._full is not None or self._half is None:
            return int(self.full.shape[1]), int(self.full.shape[0])
        return 2 * int(self._half.shape[1]), 2 * int(self._half.shape[0])

    @property
    def coarseness(self) -> float:
        """In how coarse steps the JPEG holds brightness: the mean of its table; 0 when unknown."""
        table = _brightness_table(self._jpeg)
        return sum(table) / len(table) if table else 0.0

    def _decode(self, flags: int) -> Pixels:
        try:
            rgb = cv2.imdecode(np.frombuffer(self._jpeg, np.uint8), flags)
        except cv2.error as error:
            raise UndecodableError from error
        if rgb is None:
            raise UndecodableError
        return np.asarray(rgb, np.uint8)


def _brightness_table(jpeg: bytes) -> list[int]:
    """Quantisation table 0 (ITU-T T.81, B.2.4.1); empty where there is none."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _START_OF_SCAN:
        marker, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        at += 4
        while marker == _TABLES and at < min(end, len(jpeg)):
            wide, number = jpeg[at] >> 4, jpeg[at] & 15
            size = 1 + (wide > 0)
            entries = jpeg[at + 1 : at + 1 + 64 * size]
            if number == 0 and len(entries) == 64 * size:
                steps = range(0, len(entries), size)
                return [int.from_bytes(entries[i : i + size], "big") for i in steps]
            at += 1 + 64 * size
        at = max(end, at)
    return []
