"""Opens media as the product would receive them: JPEG frames at 640x480, mono PCM at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats, Pixels

SAMPLE_RATE = 16_000
WIDTH, HEIGHT = 640, 480
QUALITY = 80


class UnreadableMediaError(Exception):
    """A file cannot be decoded; the text says why, and whoever opened it knows which."""


def read_still(path: Path) -> bytes:
    """A picture as a webcam's JPEG; a JPEG that fits already is passed on as it is.

    Raises UnreadableMediaError.
    """
    try:
        data = path.read_bytes()
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UnreadableMediaError("cannot be decoded") from error
    if bgr is None:
        raise UnreadableMediaError("cannot be decoded")
    is_jpeg = data[:3] == b"\xff\xd8\xff"
    if is_jpeg and bgr.shape[0] <= HEIGHT and bgr.shape[1] <= WIDTH:
        return data
    return encode(_fit(np.asarray(bgr, np.uint8)))


def decode(jpeg: bytes) -> Pixels:
    """BGR, uint8 (H, W, 3)."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def encode(bgr: Pixels, quality: int = QUALITY) -> bytes:
    """BGR, uint8 (H, W, 3), as JPEG."""
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)


def _fit(bgr: Pixels) -> Pixels:
    scale = min(WIDTH / bgr.shape[1], HEIGHT / bgr.shape[0], 1.0)
    if scale == 1.0:
        return bgr
    size = (max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale)))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame of a video: its number and time, and the JPEG."""

    index: int
    at_s: float
    jpeg: bytes


def read_video(path: Path, fps: float | None = None) -> Iterator[Picture]:
    """The frames in order, all of them or `fps` of each second."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 25)
            next_s = 0.0
            for index, frame in enumerate(container.decode(stream)):
                at_s = index / rate
                if fps is not None:
                    if at_s < next_s - 0.5 / rate:
                        continue
                    next_s += 1 / fps
                bgr = frame.to_ndarray(format="bgr24")
                yield Picture(index, at_s, encode(_fit(np.asarray(bgr, np.uint8))))
    except (av.error.FFmpegError, IndexError) as error:
        raise UnreadableMediaError(f"cannot be decoded ({_why(error)})") from error


def read_sound(path: Path) -> Floats:
    """Mono samples at 16 kHz, float32 (n,), -1 to 1."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            blocks = [
                block.to_ndarray().reshape(-1)
                for frame in container.decode(stream)
                for block in resampler.resample(frame)
            ]
            blocks += [block.to_ndarray().reshape(-1) for block in resampler.resample(None)]
    except (av.error.FFmpegError, IndexError) as error:
        raise UnreadableMediaError(f"cannot be decoded ({_why(error)})") from error
    pcm: NDArray[np.int16] = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    return pcm.astype(np.float32) / 32768


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or "there is no such stream"


def to_pcm(samples: Floats) -> bytes:
    """Float samples as 16-bit little-endian PCM."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()
