"""Sounds to listen to: made ones, and clips of the labelled media."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.base import Costs, Hearing, SoundStream
from detectors.messages import Sound
from scoring.model import Observation

RATE = 16_000
Samples = NDArray[np.int16]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seconds: float, level: float = 0.05, seed: int = 0) -> Samples:
    """White noise; `level` is its standard deviation, full scale being 1."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, level, round(seconds * RATE)) * 32767).clip(-32768, 32767).astype("<i2")


def tones(seconds: float, *hertz: float) -> Samples:
    """A chord."""
    t = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in hertz) / max(1, len(hertz))
    return np.asarray(chord * 8000, "<i2")


def typing(seconds: float, seed: int = 0) -> Samples:
    """Key strokes: short decaying bursts of noise, some five a second."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    burst = rng.normal(0, 1, 800) * np.exp(-np.arange(800) / 120)
    for start in rng.integers(0, sound.size - 800, round(5 * seconds)):
        sound[start : start + 800] += burst * 6000
    return sound.clip(-32768, 32767).astype("<i2")


def clip(path: Path) -> Samples:
    """A 16 kHz mono WAV file."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").copy()


def pieces(samples: Samples, piece_s: float = 1.0, start_s: float = 0.0) -> list[Sound]:
    """Cut as a stream delivers it."""
    size = round(piece_s * RATE)
    return [
        Sound(start_s + i / RATE, samples[i : i + size].tobytes())
        for i in range(0, samples.size, size)
    ]


def hear(streams: Iterable[SoundStream], sounds: Iterable[Sound]) -> list[list[Observation]]:
    """Let the streams listen one after the other; the observations of each."""
    listening = list(streams)
    found: list[list[Observation]] = [[] for _ in listening]
    for sound in sounds:
        hearing = Hearing(sound, Costs())
        for observations, stream in zip(found, listening, strict=True):
            observations += stream.hear(hearing)
    return found


def seconds(observations: Iterable[Observation], *labels: str) -> float:
    """For how long one of the labels was said."""
    return sum(o.span_s for o in observations if set(o.labels) & set(labels))
