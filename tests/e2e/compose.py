"""Composes what the fake camera and microphone play, with a number burnt into every picture.

The number is the picture's place in the file, so that a picture found in a clip can be dated.
"""

from __future__ import annotations

import shutil
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tools.drawn import Camera
from tools.y4m import write_y4m

FPS = 10
HEIGHT = 480
RATE = 48_000
BITS = 12
_CELL, _TOP = 20, 462

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """Some seconds of one source: a video file (looped) or a drawing (with a camera's grain)."""

    seconds: float
    source: Path | Picture


@dataclass(frozen=True)
class Heard:
    """Sound from `at_s` on; `seconds` of the file, from its beginning."""

    at_s: float
    path: Path
    seconds: float


def need_ffmpeg() -> None:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        pytest.skip("ffmpeg and ffprobe are needed to compose and read media")


def write_camera(path: Path, shots: Sequence[Shot]) -> Path:
    """A y4m file of numbered pictures at `FPS`."""
    numbered = (_numbered(picture, number) for number, picture in enumerate(_pictures(shots)))
    return write_y4m(path, numbered, FPS)


def write_microphone(path: Path, seconds: float, heard: Sequence[Heard] = ()) -> Path:
    """A wav file: a quiet room, and what is heard in it."""
    samples = np.random.default_rng(7).normal(0, 12, round(seconds * RATE))
    for piece in heard:
        begin = round(piece.at_s * RATE)
        sound = _samples(piece)
        samples[begin : begin + len(sound)] += sound[: len(samples) - begin]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(samples, -32_768, 32_767).astype("<i2").tobytes())
    return path


def read_number(picture: Picture) -> int | None:
    """The number burnt into a picture, None when there is none to read."""
    row = picture[_TOP + 4 : HEIGHT - 4].mean(axis=(0, 2))
    cells = [float(row[i * _CELL + 5 : (i + 1) * _CELL - 5].mean()) for i in range(BITS + 2)]
    # Two cells at the end, one bright and one dark, tell a strip from a picture.
    if cells[BITS] < 160 or cells[BITS + 1] > 90:
        return None
    return sum(1 << i for i in range(BITS) if cells[i] > 128)


def _numbered(picture: Picture, number: int) -> Picture:
    marked = picture.copy()
    for i in range(BITS + 2):
        bright = (number >> i) & 1 if i < BITS else i == BITS
        marked[_TOP:, i * _CELL : (i + 1) * _CELL] = 235 if bright else 20
    return marked


def _pictures(shots: Sequence[Shot]) -> Iterator[Picture]:
    for seed, shot in enumerate(shots):
        source = shot.source
        count = round(shot.seconds * FPS)
        if isinstance(source, Path):
            yield from _from_video(source, count)
        else:
            camera = Camera(seed)
            yield from (camera.take(source, number / FPS) for number in range(count))


def _from_video(path: Path, count: int) -> Iterator[Picture]:
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS)
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(np.asarray(frame, np.uint8))
    capture.release()
    # There and back again: a jump at the end of a loop is not what a person does.
    there_and_back = [*frames, *frames[-2:0:-1]]
    for number in range(count):
        yield there_and_back[int(number * fps / FPS) % len(there_and_back)]


def _samples(piece: Heard) -> NDArray[np.float64]:
    need_ffmpeg()
    command = ["ffmpeg", "-v", "error", "-i", str(piece.path), "-t", str(piece.seconds)]
    command += ["-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, "<i2").astype(np.float64)
