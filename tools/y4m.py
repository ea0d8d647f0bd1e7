"""Writes YUV4MPEG2 files, which Chromium plays as a camera."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def write_y4m(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: int) -> Path:
    """Pictures are uint8 (H, W, 3), BGR, all of one even size. Format: y4m(5) of mjpegtools.

    Raises ValueError when there is no picture.
    """
    with path.open("wb") as file:
        is_empty = True
        for picture in pictures:
            if is_empty:
                height, width = picture.shape[:2]
                header = f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n"
                file.write(header.encode("ascii"))
                is_empty = False
            file.write(b"FRAME\n")
            file.write(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())
    if is_empty:
        raise ValueError("a video needs at least one picture")
    return path
