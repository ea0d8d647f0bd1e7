"""Pictures and sound that tell the scripted detectors what to say.

The pictures are real JPEGs with a number drawn into them as black and white blocks that
survives re-encoding; `read_number` reads it back from a decoded picture.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from detectors.scripted import PICTURE_PREFIX, SOUND_MAGIC

_BITS = 16
_PCM_BYTES_PER_S = 32_000


def scripted_jpeg(
    script: Mapping[str, Any] | None = None,
    size: tuple[int, int] = (640, 480),
    number: int = 0,
    text: str = "",
    quality: int = 80,
) -> bytes:
    """A JPEG of `size` (width, height) with `number` (0 to 65535) and `text` drawn into it."""
    jpeg = _drawn(size, number, text, quality)
    if script is None:
        return jpeg
    comment = PICTURE_PREFIX + json.dumps(script).encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def scripted_pcm(script: Mapping[str, Any] | None = None, seconds: float = 1.0) -> bytes:
    """16-bit mono PCM at 16 kHz: a script (needs room for its text) and then silence."""
    size = int(seconds * 16_000) * 2
    if script is None:
        return bytes(size)
    text = json.dumps(script).encode()
    marked = SOUND_MAGIC + struct.pack("<I", len(text)) + text
    if len(marked) > size:
        raise ValueError("The sound is too short for its script.")
    return marked.ljust(size, b"\0")


def read_number(picture: npt.NDArray[np.uint8]) -> int | None:
    """The number drawn into a decoded picture, uint8 (H, W, 3); None when there is none."""
    height, width = picture.shape[:2]
    cell, top = width / (_BITS + 4), height * 0.8
    middle_y = int(top + height * 0.05)
    bits = []
    for index in range(_BITS + 2):
        middle_x = int((index + 1.5) * cell)
        patch = picture[middle_y - 2 : middle_y + 3, middle_x - 2 : middle_x + 3]
        bits.append(float(patch.mean()) > 127)
    if bits[0] is not True or bits[-1] is not False:
        return None
    return sum(1 << index for index, bit in enumerate(bits[1:-1]) if bit)


@lru_cache(maxsize=256)
def _drawn(size: tuple[int, int], number: int, text: str, quality: int) -> bytes:
    width, height = size
    picture = np.full((height, width, 3), (150, 140, 120), np.uint8)
    centre = (width // 2, int(height * 0.4))
    cv2.ellipse(picture, centre, (width // 8, height // 5), 0, 0, 360, (130, 170, 220), -1)
    bits = [True, *(bool(number >> index & 1) for index in range(_BITS)), False]
    cell, top, bottom = width / (_BITS + 4), int(height * 0.8), int(height * 0.9)
    for index, bit in enumerate(bits):
        left, right = int((index + 1) * cell), int((index + 2) * cell)
        cv2.rectangle(picture, (left, top), (right, bottom), (255,) * 3 if bit else (0,) * 3, -1)
    label = text or f"{number}"
    cv2.putText(picture, label, (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("The picture could not be encoded.")
    return coded.tobytes()
