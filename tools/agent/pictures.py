"""Where the agent's pictures come from: a camera, a video file, or a still picture.

Pictures are uint8 (H, W, 3), BGR as OpenCV gives them. A source belongs to one thread.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_STILLS = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_CLOSE_WAIT_S = 2.0


class SourceError(Exception):
    """A camera, microphone or file cannot be used; the text says which and why."""


class Pictures(Protocol):
    """Something that has a picture for every second of a session."""

    def at(self, at_s: float, /) -> Picture | None:
        """The picture to send for second `at_s`, which never falls; None when there is none."""
        ...

    def close(self) -> None: ...


class StillPictures:
    """The same picture for ever."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def at(self, _at_s: float, /) -> Picture | None:
        return self._picture

    def close(self) -> None:
        """Nothing is held."""


class FilePictures:
    """A video file at its own speed, from the start again when it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = self._open()
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self._fps = fps if 1 <= fps <= 240 else 25.0
        self._frame = -1
        self._begin_s = 0.0
        self._picture: Picture | None = None

    def at(self, at_s: float, /) -> Picture | None:
        while self._begin_s + (self._frame + 1) / self._fps <= at_s:
            ok, picture = self._capture.read()
            if ok:
                self._frame += 1
                self._picture = np.asarray(picture, np.uint8)
            else:
                self._rewind()
        return self._picture

    def close(self) -> None:
        self._capture.release()

    def _rewind(self) -> None:
        if self._frame < 0:
            raise SourceError(f"{self._path} holds no picture that can be read.")
        self._begin_s += (self._frame + 1) / self._fps
        self._frame = -1
        self._capture.release()
        self._capture = self._open()

    def _open(self) -> Any:
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise SourceError(f"{self._path} cannot be read as a video.")
        return capture


class CameraPictures:
    """A camera of this machine. A thread of its own keeps only the newest picture."""

    def __init__(self, index: int) -> None:
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"Camera {index} cannot be opened. Is it plugged in, and does nothing else use it?"
            )
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, 640)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, 480)
        self._newest: Picture | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="agent-camera", daemon=True)
        self._thread.start()

    def at(self, _at_s: float, /) -> Picture | None:
        # Each picture is handed out once: a camera that hangs sends nothing rather than the past.
        picture, self._newest = self._newest, None
        return picture

    def close(self) -> None:
        self._stop.set()
        self._thread.join(_CLOSE_WAIT_S)
        self._capture.release()

    def _read(self) -> None:
        while not self._stop.is_set():
            ok, picture = self._capture.read()
            if ok:
                self._newest = np.asarray(picture, np.uint8)
            elif self._stop.wait(0.2):
                return


def open_pictures(camera: int | None, video: Path | None) -> Pictures | None:
    """The source the command line asks for; None when it asks for none. Raises SourceError."""
    if video is not None:
        if not video.is_file():
            raise SourceError(f"There is no file {video}.")
        if video.suffix.lower() in _STILLS:
            picture = cv2.imread(str(video), cv2.IMREAD_COLOR)
            if picture is None:
                raise SourceError(f"{video} cannot be read as a picture.")
            return StillPictures(np.asarray(picture, np.uint8))
        return FilePictures(video)
    return None if camera is None else CameraPictures(camera)


def encode_jpeg(picture: Picture, width: int, height: int, quality: float) -> bytes:
    """The middle of the picture, cut to the shape of width x height and scaled to it, as JPEG.

    `quality` is 1 to 100, or 0 to 1 as a browser's `toBlob` takes it.
    """
    rows, columns = picture.shape[:2]
    keep_columns = min(columns, round(rows * width / height))
    keep_rows = min(rows, round(columns * height / width))
    left, top = (columns - keep_columns) // 2, (rows - keep_rows) // 2
    cut = picture[top : top + keep_rows, left : left + keep_columns]
    if cut.shape[:2] != (height, width):
        cut = np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    percent = round(quality if quality > 1 else quality * 100)
    ok, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, percent])
    if not ok:
        raise SourceError("OpenCV could not write a JPEG.")
    return bytes(jpeg.tobytes())
